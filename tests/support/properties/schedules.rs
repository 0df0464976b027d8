//! No schedule makes the reference client break a must.

use std::collections::BTreeSet;

use brownout::{
    causes::Causes,
    policy::Policy,
    report,
    rules::{GRAIN, View},
    run::run_alone,
    scenario::{Case, Host},
    transcript::{Attempt, Transcript},
    verdict::{Judgement, Status, judge},
};
use libtest_mimic::Trial;

use super::{
    cases, regressions,
    schedule::{self, KINDS, Schedule, schedules},
    trial,
};
use crate::support::suite;

/// Schedules that keep `cargo test` quick.
const USUAL: u32 = 256;

pub fn trials() -> Vec<Trial> {
    let each = cases(USUAL) / KINDS.len() as u32;
    let random = KINDS.map(|kind| {
        let name = format!("no schedule breaks a must: {}", kind.name);
        trial(
            &name,
            each,
            move || schedules(kind),
            |schedule: Schedule| keeps_every_must(&schedule.case()?, schedule.seed),
        )
    });
    let known = regressions::SCHEDULES.iter().map(|(name, keys)| {
        let holds = move || Ok(keeps_every_must(&schedule::case(&schedule::headed(keys))?, 1)?);
        Trial::test(format!("no longer breaks a must: {name}"), holds)
    });
    random.into_iter().chain(known).collect()
}

/// Runs a case and demands that nothing was broken, by whatever the outcome.
fn keeps_every_must(case: &Case, seed: u64) -> Result<(), String> {
    let transcript = run_alone(case, &suite::reference, seed);
    let judgement = judge(&transcript);
    if is_kept(&transcript, &judgement) { Ok(()) } else { Err(report::text::block(&transcript, &judgement)) }
}

fn is_kept(transcript: &Transcript, judgement: &Judgement) -> bool {
    if transcript.attempts.iter().any(|attempt| falls_together(&transcript.policy, attempt)) {
        return true;
    }
    let fine = |verdict: &brownout::verdict::Verdict| matches!(verdict.status, Status::Pass | Status::NotApplicable);
    let unserved = judgement.status == Status::NotExercised && !transcript.not_exercised.is_empty();
    judgement.verdicts.iter().all(fine)
        && (unserved || matches!(judgement.status, Status::Pass | Status::NotApplicable))
}

/// A reply, or its head, came at the very moment at which its client was to give it up: nobody can say which was first.
fn falls_together(policy: &Policy, attempt: &Attempt) -> bool {
    let limit = if attempt.host == Host::Fallback { policy.fallback.timeout } else { policy.attempt_timeout };
    let limit = attempt.arrived + limit.as_micros() as u64;
    [attempt.first_byte, attempt.last_byte].into_iter().flatten().any(|moment| moment.abs_diff(limit) <= GRAIN)
}

/// The causes that a transcript's attempts ended in.
pub fn causes(transcript: &Transcript) -> BTreeSet<String> {
    let view = View::new(transcript, Causes::embedded());
    (0..transcript.attempts.len()).map(|attempt| view.ended(attempt).name().to_owned()).collect()
}
