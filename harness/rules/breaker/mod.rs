//! A dead provider is left alone, probed within the limit, and used again once it recovers.
//!
//! No two correct breakers are alike: one counts a late failure that another ignores. So each rule follows all states that a
//! correct breaker may be in ([`may`]), and speaks only where none of them explains what the client did.

mod ends;
mod may;
mod walk;

use super::{ALLOWANCE, Findings, Level, Load, Rule, View};
use crate::{
    scenario::{Capability, Host},
    transcript::Micros,
};
use walk::Walk;

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "breaker-opens",
        level: Level::Must,
        needs: Some(Capability::Breaker),
        per_user: true,
        load: Load::Sensitive,
        sentence: "After the failure that fills the count, nothing is sent to that provider for the policy's hold; attempts under way may finish.",
        source: "policy.yaml, breaker; cooldown-only-enforced-part-time, cooldown-never-for-500, cooldown-retries-stay-on-cooled",
        remedy: "Ask the breaker before each attempt, retries included, and let it stay open for the whole hold.",
        judge: breaker_opens,
    },
    Rule {
        slug: "breaker-probes",
        level: Level::Must,
        needs: Some(Capability::Breaker),
        per_user: true,
        load: Load::Sensitive,
        sentence: "After the hold, at most the policy's number of probes is under way at once, until one succeeds or fails.",
        source: "policy.yaml, breaker.probes; breaker-half-open-hanging-upstream, breaker-probe-amplification-none",
        remedy: "Give out a fixed number of places while half-open; send everybody else to the fallback at once.",
        judge: breaker_probes,
    },
    Rule {
        slug: "breaker-closes",
        level: Level::Must,
        needs: Some(Capability::Breaker),
        per_user: true,
        load: Load::Sensitive,
        sentence: "A provider is used again once it recovers, and is not left alone for failures that are too few, too old or the request's own.",
        source: "policy.yaml, breaker; breaker-never-recovers, breaker-never-closes-shared-session, context-length-cools-healthy-route",
        remedy: "Close the breaker at the first success, give the place of a probe back however it ends, and count only what the policy counts.",
        judge: breaker_closes,
    },
];

pub fn breaker_opens(view: &View) -> Findings {
    all(view, |walk| walk.opens)
}

pub fn breaker_probes(view: &View) -> Findings {
    all(view, |walk| walk.probes)
}

pub fn breaker_closes(view: &View) -> Findings {
    all(view, |walk| walk.closes)
}

/// Whether a correct breaker of this user's client may keep it from a provider at some moment of a stretch of time.
pub fn may_refuse(view: &View, user: usize, host: Host, from: Micros, to: Micros) -> bool {
    if !view.can(Capability::Breaker) {
        return false;
    }
    let Some(mut walk) = Walk::new(view, user % copies(view), host) else {
        // Failures that nobody saw may have opened it.
        return view.policy().breaker.as_ref().is_some();
    };
    walk.run(to.saturating_add(ALLOWANCE));
    !walk.closed_throughout(from)
}

/// What the walks over each client object's breakers found.
fn all(view: &View, part: fn(Walk) -> Findings) -> Findings {
    let breakers = (0..copies(view)).flat_map(|copy| Host::PROVIDERS.map(|host| (copy, host)));
    let walks = breakers.filter_map(|(copy, host)| Walk::new(view, copy, host));
    let mut findings = Findings::default();
    for mut walk in walks {
        walk.run(Micros::MAX);
        let Findings { judged, breaches, .. } = part(walk);
        findings.judged += judged;
        findings.breaches.extend(breaches);
    }
    findings
}

/// Client objects share the users turn by turn.
fn copies(view: &View) -> usize {
    view.t.copies.max(1) as usize
}
