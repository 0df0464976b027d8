//! Plans made for requests, and the latest one kept: most loads ask for the same thing again and again.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use crate::{
    scenario::{HeaderValue, Step, WaitForm},
    wire::{
        Fill,
        plan::{self, Plan},
    },
};

/// The latest plan that holds for other requests too.
#[derive(Debug, Default)]
pub struct Plans(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    /// Where its step stands in memory.
    step: usize,
    /// Heads hold the date.
    second: u64,
    plan: Arc<Plan>,
}

impl Plans {
    /// The plan of a step that stays where it is as long as these plans live.
    pub fn of(&self, step: &Step, fill: &Fill, now: SystemTime) -> Arc<Plan> {
        let second = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let place = std::ptr::from_ref(step).addr();
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = latest.as_ref().filter(|kept| (kept.step, kept.second) == (place, second)) {
            return kept.plan.clone();
        }
        let plan = Arc::new(plan::plan(step, fill, now));
        if !fill.is_used() && !names_a_moment(step) {
            *latest = Some(Kept { step: place, second, plan: plan.clone() });
        }
        plan
    }
}

/// Whether a header counts from the very moment of the request.
fn names_a_moment(step: &Step) -> bool {
    step.headers.iter().any(|(_, value)| matches!(value, HeaderValue::Wait { form: WaitForm::Date, .. }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        policy::Policy,
        scenario::{
            Host, Script,
            load::{SourceFile, load},
        },
    };

    fn steps(text: &str) -> Vec<Step> {
        let text = format!("title: T\nwhy: W\nsources: [s]\nprimary: [ {text} ]\n");
        let library = load(&[SourceFile::new("scenarios", "parser/x.yaml", text)], &Policy::default());
        match library.expect("the scenario is right").cases.remove(0).hosts.remove(&Host::Primary) {
            Some(Script::Steps(steps)) => steps,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plan_that_is_kept_is_the_one_that_would_be_made() {
        let steps = steps(
            "{ status: 200, json: { a: $$5 } }, { status: 200, json: { a: $mark } }, { status: 200, headers: { x: $user } }, \
             { status: 429, headers: { retry-after: { date: 2s } } }, { status: 429, headers: { retry-after: { secs: 2s } } }",
        );
        assert_eq!(steps.len(), 5);
        let (plans, start) = (Plans::default(), SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500));
        for millis in [0, 100, 450, 500, 1000, 1400] {
            for step in steps.iter().flat_map(|step| [step, step]) {
                let now = start + Duration::from_millis(millis.into());
                let user = (millis > 450).then(|| ("user".to_owned(), format!("user-{millis}")));
                let fill = Fill::new(Arc::new(user.into_iter().collect()), ("u0.p".into(), millis));
                let (kept, made) = (plans.of(step, &fill, now), plan::plan(step, &fill, now));
                assert_eq!(*kept, made, "{} after {millis} ms", step.label);
            }
        }
    }

    #[test]
    fn what_is_the_same_is_made_once() {
        let (steps, plans) =
            (steps("{ status: 200, json: { a: 1 } }, { status: 200, json: { a: $mark } }"), Plans::default());
        let of = |step: &Step| plans.of(step, &Fill::default(), SystemTime::UNIX_EPOCH);
        assert!(Arc::ptr_eq(&of(&steps[0]), &of(&steps[0])));
        assert!(!Arc::ptr_eq(&of(&steps[1]), &of(&steps[1])));
    }
}
