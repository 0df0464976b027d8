//! The end of a user request, and what must not go on after it.

use super::{ALLOWANCE, Breach, Capability, Findings, Level, Load, Rule, View, view};
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
        check(view, &mut findings, user, ended, "the outcome");
    }
    findings
}

pub fn cancel_propagates(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        let Some(left) = request.left else { continue };
        check(view, &mut findings, user, left, "the user had left");
    }
    findings
}

/// Nothing begins after the end, and nothing that was begun goes on.
fn check(view: &View, findings: &mut Findings, user: usize, end: Micros, what: &str) {
    if view.of_user(user).next().is_none() {
        return;
    }
    let began = view.of_user(user).find(|(_, attempt)| view.after_the_end(attempt));
    let goes_on = |attempt: &Attempt| works_until(view, attempt).is_some_and(|until| until > end + ALLOWANCE);
    let wrong = began.or_else(|| view.of_user(user).find(|(_, attempt)| goes_on(attempt)));
    findings.check(wrong.is_some(), || {
        let (index, attempt) = wrong.expect("checked in the condition");
        let until = works_until(view, attempt).unwrap_or(end);
        let did = match (began, attempt.ended) {
            (Some(_), _) => format!("came {} after {what}", view::seconds(attempt.arrived - end)),
            (None, None) => format!("was not closed within {} after {what}", view::seconds(until - end)),
            (None, Some(_)) => format!("was left open until {} after {what}", view::seconds(until - end)),
        };
        let actual = format!("attempt {} at the {} {did}", attempt.number, attempt.host);
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
