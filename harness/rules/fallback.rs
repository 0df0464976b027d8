//! The fallback: one decision, only where it is allowed, and there for sure.

use super::{ALLOWANCE, Breach, Capability, Findings, Level, Load, Rule, View, view, view::Placed};
use crate::{
    causes::{Demand, ResultWord, Wire},
    scenario::Host,
    transcript::Attempt,
};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "one-fallback",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: true,
        load: Load::Immune,
        sentence: "At most one fallback decision per user request: no ping-pong, no cascade, no race of two answers.",
        source: "mission, step 3: one fallback decision per user request; fallback-infinite-loop-sdk, fallback-resets-retry-cycle",
        remedy: "Decide once per user request, outside every retry loop, and remember that it was decided.",
        judge: one_fallback,
    },
    Rule {
        slug: "fallback-allowed",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: true,
        load: Load::Sensitive,
        sentence: "No fallback after a cause whose cell is `never`, nor when the request says that it is unsafe.",
        source: "mission: avoid making fallback decisions from HTTP status alone; causes.yaml, column fallback",
        remedy: "Decide from the cause (status, error code, body), and ask the request class whether another provider may answer.",
        judge: fallback_allowed,
    },
    Rule {
        slug: "fallback-used",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: true,
        load: Load::Sensitive,
        sentence: "After a cause whose cell is `must`, with a safe target and more than the reserve left, the fallback is tried.",
        source: "mission, FAQ on fallback; causes.yaml, column fallback; fallback-not-on-connection-error, fallback-not-on-429-capacity",
        remedy: "Count this cause among those that lose the primary.",
        judge: fallback_used,
    },
];

pub fn one_fallback(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, _) in view.users() {
        let attempts: Vec<_> = view.of_user(user).filter(|(_, a)| Host::PROVIDERS.contains(&a.host)).collect();
        let Some(decided) = attempts.iter().position(|(_, a)| a.host == Host::Fallback) else { continue };
        let back = attempts[decided..].iter().find(|(_, a)| a.host == Host::Primary);
        findings.check(back.is_some(), || {
            let hosts: Vec<_> = attempts.iter().map(|(_, a)| a.host.to_string()).collect();
            Breach::of_user(
                user,
                format_args!("asked {}", hosts.join(", ")),
                "the primary is not asked again after the fallback",
            )
            .at(back.map_or(0, |(i, _)| *i))
        });
        let fallback = attempts[decided];
        let race = attempts[..decided].iter().find(|(_, primary)| races(view, primary, fallback.1));
        findings.check(race.is_some(), || {
            Breach::of_user(
                user,
                "the fallback was asked while the primary was still answering",
                "one answer at a time",
            )
            .at(fallback.0)
        });
    }
    findings
}

/// The primary's answer came after the fallback was asked, and the primary had not been given up by any timeout.
fn races(view: &View, primary: &Attempt, fallback: &Attempt) -> bool {
    let asked = fallback.arrived;
    let young = asked < primary.arrived + view::micros(*view.policy().attempt_timeout).saturating_sub(ALLOWANCE);
    // A status that is none of success is all there is to wait for.
    let lost = primary.reply.status.is_some_and(|status| status >= 300);
    if lost && primary.first_byte.is_some_and(|head| head <= asked) {
        return false;
    }
    let answered_later = primary.last_byte.is_some_and(|last| last > asked + ALLOWANCE);
    young && answered_later && primary.ended.is_none_or(|ended| ended > asked + ALLOWANCE)
}

pub fn fallback_allowed(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        let Some((index, fallback)) = view.at(user, Host::Fallback).next() else { continue };
        if !request.request.fallback_safe {
            findings.check(true, || {
                Breach::of_user(user, "the fallback was asked", "no fallback: the request says that it is unsafe")
                    .at(index)
            });
            continue;
        }
        let before = view.at(user, Host::Primary).filter(|(_, a)| a.arrived <= fallback.arrived).last();
        let Some((lost, _)) = before else { continue };
        // Committed and charged work have rules of their own.
        let cells = view.cells_with(lost, |c| {
            c.charge_sensitive = false;
            c.content = false;
        });
        if view.ended(lost).committed {
            continue;
        }
        findings.check(cells.is_none_or(|cells| view::forbids(cells.fallback)), || {
            let actual = format!("the fallback was asked after {}", view.ended(lost).name());
            Breach::of_user(user, actual, "no fallback after this cause").at(lost)
        });
    }
    findings
}

pub fn fallback_used(view: &View) -> Findings {
    let mut findings = Findings::default();
    let policy = view.policy();
    // A connection that ends before its request may have been anybody's.
    let unseen = view.t.refusing.contains(&Host::Fallback)
        || view.t.contacts.iter().any(|contact| contact.host == Host::Fallback);
    if policy.fallback.targets.is_empty() || unseen {
        return findings;
    }
    for (user, request) in view.users() {
        let Some((lost, _)) = view.at(user, Host::Primary).last() else { continue };
        let demanded = view.cells(lost).is_some_and(|cells| cells.fallback == Demand::Must);
        // That a connection was lost before its request was read is known to the provider only.
        let perhaps = |(i, a): Placed| view.charged(i) || a.wire == Wire::ClosedBeforeRequest;
        let charged = request.request.charge_sensitive && view.at(user, Host::Primary).any(perhaps);
        // A grain more than the reserve, since the client reads its own clock a moment later.
        let in_time = view.left_after(lost) > view::micros(*policy.fallback.reserve) + ALLOWANCE;
        if !demanded || charged || !in_time || request.left.is_some() || request.ended.is_none() {
            continue;
        }
        let failed = request.outcome.as_ref().is_some_and(|outcome| outcome.result.word() == ResultWord::Failed);
        let asked = view.at(user, Host::Fallback).next().is_some();
        findings.check(failed && !asked, || {
            let actual =
                format!("gave up after {} with {} left", view.ended(lost).name(), view::seconds(view.left_after(lost)));
            Breach::of_user(user, actual, "the fallback is tried").at(lost)
        });
    }
    findings
}
