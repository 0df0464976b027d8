//! Work that costs money or has effects is not done twice.

use super::{Breach, Capability, Findings, Level, Load, Rule, View};
use crate::transcript::Attempt;

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "no-double-charge",
        level: Level::Must,
        needs: Some(Capability::Idempotency),
        per_user: true,
        load: Load::Sensitive,
        sentence: "Charge-sensitive work is not sent again once it may have been charged, unless to the same provider under the \
                   same idempotency key where the policy says that keys deduplicate.",
        source: "mission, step 3: no duplicate charge-sensitive workflow; timeout-retry-billed-again, idem-no-key-on-nonidempotent-post",
        remedy: "Ask before each further attempt whether the last one may have been charged.",
        judge: no_double_charge,
    },
    Rule {
        slug: "effects-once",
        level: Level::Must,
        needs: Some(Capability::Tools),
        per_user: false,
        load: Load::Immune,
        sentence: "One call of a side effect happens at most once per user request.",
        source: "mission, step 3: no duplicate charge-sensitive workflow; tool-effect-unknown-outcome-retry, stream-retry-phantom-tool-call",
        remedy: "Run a tool when the answer is complete, and remember by its id that it ran.",
        judge: effects_once,
    },
];

pub fn no_double_charge(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, _) in view.users().filter(|(_, request)| request.request.charge_sensitive) {
        let attempts: Vec<_> = view.of_user(user).collect();
        for (place, (index, attempt)) in attempts.iter().enumerate() {
            // What was never read cannot have been charged.
            if attempt.request.is_none() || !view.charged(*index) {
                continue;
            }
            let mut read = attempts[place + 1..].iter().filter(|(_, next)| next.request.is_some());
            let again = read.find(|(_, next)| !deduplicated(view, attempt, next));
            findings.check(again.is_some(), || {
                let (_, next) = again.expect("checked in the condition");
                let actual = format!("sent again to the {} after {}", next.host, view.ended(*index).name());
                Breach::of_user(user, actual, "not sent again: it may have been charged").at(*index)
            });
        }
    }
    findings
}

/// Whether the provider can tell that both are one piece of work.
fn deduplicated(view: &View, attempt: &Attempt, next: &Attempt) -> bool {
    let key = |a: &Attempt| a.request.as_ref().and_then(|request| request.idempotency.clone());
    view.policy().charge.key_deduplicates
        && attempt.host == next.host
        && key(attempt).is_some()
        && key(attempt) == key(next)
}

pub fn effects_once(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        for (place, effect) in request.effects.iter().enumerate() {
            findings.check(request.effects[..place].contains(effect), || {
                Breach::of_user(user, format_args!("`{}` was done again for the same call", effect.name), "once")
            });
        }
    }
    findings
}
