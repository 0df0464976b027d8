//! The end of a user request, and what must not go on after it.

use super::{ALLOWANCE, Breach, Capability, Findings, GRAIN, Level, Load, Rule, View, view};
use crate::{
    causes::Wire,
    transcript::{Attempt, Micros},
};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "nothing-after-the-end",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Sensitive,
        sentence: "After the outcome no attempt starts, and no connection keeps a generation running.",
        source: "mission, step 3: bounded retry count; quota-error-as-background-failure-restarts, cancel-wait-not-call-holds-lock",
        remedy: "Let nothing outlive the call: no task that is not awaited, no reply that is neither read nor closed.",
        judge: nothing_after_the_end,
    },
    Rule {
        slug: "cancel-propagates",
        level: Level::Must,
        needs: Some(Capability::Cancel),
        per_user: true,
        load: Load::Sensitive,
        sentence: "When the user leaves, the provider sees the connection close soon, and no further attempt.",
        source: "cancel-not-propagated-nonstream, cancel-lost-after-headers, js-caller-abort-does-not-cancel, ra-multi-day-sleep-unabortable",
        remedy: "Carry the caller's cancellation into requests, readers and waits.",
        judge: cancel_propagates,
    },
];

pub fn nothing_after_the_end(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        let (Some(ended), None) = (request.ended, request.left) else { continue };
        check(view, &mut findings, user, (ended, "the outcome"), GRAIN);
    }
    findings
}

pub fn cancel_propagates(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        let Some(left) = request.left else { continue };
        // A request that is on its way when the user leaves cannot be called back.
        check(view, &mut findings, user, (left, "the user had left"), ALLOWANCE);
    }
    findings
}

/// Nothing begins after the end, and nothing that was begun goes on.
fn check(view: &View, findings: &mut Findings, user: usize, (end, what): (Micros, &str), on_its_way: Micros) {
    if view.of_user(user).next().is_none() {
        return;
    }
    let began = view.of_user(user).find(|(_, attempt)| attempt.arrived > end + on_its_way);
    let goes_on = |attempt: &Attempt| works_until(view, attempt).is_some_and(|until| until > end + ALLOWANCE);
    let wrong = began.or_else(|| view.of_user(user).find(|(_, attempt)| goes_on(attempt)));
    findings.check(wrong.is_some(), || {
        let (index, attempt) = wrong.expect("checked in the condition");
        let name = format!("attempt {} at the {}", attempt.number, attempt.host);
        let actual = match (began, attempt.ended) {
            (Some(_), _) => format!("{name} came {} after {what}", view::seconds(attempt.arrived - end)),
            (None, None) => format!("{name} was never left, {what} or not"),
            (None, Some(_)) => {
                let until = works_until(view, attempt).unwrap_or(end);
                format!("{name} was left open until {} after {what}", view::seconds(until - end))
            }
        };
        Breach::of_user(user, actual, "nothing begins and nothing goes on").at(index)
    });
}

/// Until when the provider worked for an attempt; `None`: it did not, or nobody can tell.
fn works_until(view: &View, attempt: &Attempt) -> Option<Micros> {
    let refused = attempt.reply.status.is_some_and(|status| !(200..300).contains(&status));
    if refused || attempt.request.is_none() {
        return None;
    }
    // Draining what is complete is no work.
    match attempt.pace {
        Some(pace) if pace.complete.is_some() => pace.complete.map(|complete| attempt.arrived + complete),
        None if attempt.wire == Wire::Whole => None,
        _ => Some(view.over(attempt)),
    }
}
