//! Work that costs money or has effects is not done twice.

use std::collections::BTreeMap;

use super::{Breach, Capability, Findings, Level, Load, Rule, View};
use crate::{scenario::Host, transcript::Attempt};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "no-double-charge",
        level: Level::Must,
        needs: Some(Capability::Idempotency),
        per_user: true,
        load: Load::Choice,
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
    Rule {
        slug: "idempotency-stable",
        level: Level::Must,
        needs: Some(Capability::Idempotency),
        per_user: true,
        load: Load::Immune,
        sentence: "An idempotency key is kept across the attempts of one user request at a provider, and is no other user request's.",
        source: "mission, step 3: idempotency risk; idem-no-key-on-nonidempotent-post, sdk-idempotency-key-built-not-sent",
        remedy: "Make one key per user request, before the first attempt, and hand it to every attempt.",
        judge: idempotency_stable,
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

pub fn idempotency_stable(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, host) in view.users().flat_map(|(user, _)| Host::PROVIDERS.map(|host| (user, host))) {
        kept(view, user, host, &mut findings);
    }
    Host::PROVIDERS.into_iter().for_each(|host| own(view, host, &mut findings));
    findings
}

/// A retry carries the key of the attempt before it. One without any key has none to keep; charge-sensitive work that may have
/// been charged is `no-double-charge`'s.
fn kept(view: &View, user: usize, host: Host, findings: &mut Findings) {
    let sent: Vec<_> = view.at(user, host).filter_map(|(i, a)| Some((i, &a.request.as_ref()?.idempotency))).collect();
    let sensitive = view.t.users[user].request.charge_sensitive;
    for pair in sent.windows(2) {
        let ((lost, before), (again, after)) = (pair[0], pair[1]);
        if (before.is_none() && after.is_none()) || (sensitive && view.charged(lost)) {
            continue;
        }
        findings.check(before != after, || {
            let how = if after.is_none() { "without its key" } else { "under another key" };
            Breach::of_user(user, format_args!("sent to the {host} again {how}"), "the same idempotency key").at(again)
        });
    }
}

/// No two user requests share a key at a provider: it would take them for one.
fn own(view: &View, host: Host, findings: &mut Findings) {
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, attempt) in view.t.attempts.iter().enumerate().filter(|(_, attempt)| attempt.host == host) {
        let key = attempt.request.as_ref().and_then(|request| request.idempotency.as_deref());
        let (Some(user), Some(key)) = (attempt.user, key) else { continue };
        let owner = *owners.entry(key).or_insert(user);
        if view.t.users.len() > 1 {
            findings.check(owner != user, || {
                let actual = format!("the {host} got the idempotency key of user {owner}");
                Breach::of_user(user, actual, "a key of its own").at(index)
            });
        }
    }
}
