//! The fallback: one decision, only where it is allowed, and there for sure.

use super::{ALLOWANCE, Breach, Capability, Findings, Fits, Level, Load, Rule, View, silence, view};
use crate::{
    causes::{Demand, ResultWord},
    scenario::Host,
    transcript::{Attempt, Micros, OutcomeFacts},
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
    Rule {
        slug: "fallback-in-time",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: true,
        load: Load::Sensitive,
        sentence: "The primary does not eat the fallback's reserve: no attempt and no wait there goes on into it, unless the answer \
                   has begun or comes from there.",
        source: "mission, step 4: retries and timeouts fit inside the user experience budget; fallback-starved-by-primary, fallback-starved-by-max-time",
        remedy: "End every attempt and every wait at the primary by the deadline less the reserve, and go on at once.",
        judge: fallback_in_time,
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
        // What follows the deadline, the outcome or the user's leaving has rules of its own.
        if view.ended(lost).by_time() || view.after_the_end(fallback) {
            continue;
        }
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
    for (user, request) in view.users() {
        // In a crowd, its turn may never have come.
        let Some(lost) = demanded(view, user).filter(|_| !view.crowded()) else { continue };
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

/// The attempt after which the fallback must be tried.
pub(super) fn demanded(view: &View, user: usize) -> Option<usize> {
    let (policy, request) = (view.policy(), &view.t.users[user]);
    if policy.fallback.targets.is_empty() || view.t.refusing.contains(&Host::Fallback) {
        return None;
    }
    let (lost, attempt) = view.at(user, Host::Primary).last()?;
    // A tool call that had begun has reached the application; only text is seen to do so.
    let begun = attempt.reply.stream && !attempt.reply.calls.is_empty();
    let demanded = !begun && view.cells(lost).is_some_and(|cells| cells.fallback == Demand::Must);
    let charged = request.request.charge_sensitive && view.at(user, Host::Primary).any(|(i, _)| view.seems_charged(i));
    // A grain more than the reserve, since the client reads its own clock a moment later.
    let in_time = view.left_after(lost) > view::micros(*policy.fallback.reserve) + ALLOWANCE;
    (demanded && !charged && in_time && request.left.is_none() && request.ended.is_some()).then_some(lost)
}

pub fn fallback_in_time(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        let asked = view.at(user, Host::Fallback).next().map(|(_, attempt)| attempt.arrived);
        let (Some(moved_on), true) = (asked.or(request.ended), is_for_the_reserve(view, user)) else { continue };
        let begins = view.reserve_begins(user);
        let eater = if moved_on > begins + ALLOWANCE { eater(view, user, moved_on, asked.is_some()) } else { None };
        findings.check(eater.is_some(), || {
            let (index, what) = eater.unwrap_or_default();
            let (moved_on, begins) = (moved_on - request.arrived, begins - request.arrived);
            let next = if asked.is_some() { "the fallback was asked" } else { "the outcome came" };
            let actual = format!("{next} after {}, held up by {what} at the primary", view::seconds(moved_on));
            Breach::of_user(user, actual, format_args!("the primary is lost by {}", view::seconds(begins))).at(index)
        });
    }
    findings
}

/// The primary did not answer, nothing of it reached the user, and another provider may still answer.
fn is_for_the_reserve(view: &View, user: usize) -> bool {
    let request = &view.t.users[user];
    let begun = |(index, attempt): (usize, &Attempt)| {
        let carried = attempt.reply.text > 0 || !attempt.reply.calls.is_empty();
        view.ended(index).committed || (attempt.reply.stream && carried)
    };
    let from_primary = |outcome: &OutcomeFacts| {
        let spans = outcome.text.iter().flat_map(|text| &text.spans);
        let own = spans.map(|span| view.t.attempts[span.attempt].host).any(|host| host == Host::Primary);
        outcome.result.word() != ResultWord::Failed && (own || view.at(user, Host::Fallback).next().is_none())
    };
    let hidden = view.t.contacts.iter().any(|contact| contact.host == Host::Fallback);
    view.fallback_possible(user)
        && *view.policy().fallback.reserve > std::time::Duration::ZERO
        && !view.at(user, Host::Primary).any(begun)
        && !request.outcome.as_ref().is_some_and(from_primary)
        && request.left.is_none()
        && !hidden
}

/// What went on at the primary when the reserve began: an attempt, or a wait after one.
fn eater(view: &View, user: usize, moved_on: Micros, asked: bool) -> Option<(usize, &'static str)> {
    let attempts: Vec<_> = view.at(user, Host::Primary).filter(|(_, attempt)| attempt.arrived <= moved_on).collect();
    // A wait that is too long has a rule of its own.
    let named = |index: usize| view.named_wait(index).is_some_and(|(_, fits)| fits != Fits::Yes);
    let (index, attempt) = attempts.last().copied().filter(|_| !attempts.iter().any(|(index, _)| named(*index)))?;
    let (over, due) = (view.over(attempt), silence::due(view, attempt));
    if over.min(due) > view.reserve_begins(user) + ALLOWANCE {
        return Some((index, "an attempt"));
    }
    // So have an attempt that outlives its own timers, and a fallback that is never asked. Users may wait for each other.
    let waited = asked && over <= due.saturating_add(ALLOWANCE) && !view.crowded();
    let lost = view.cells(index).is_some_and(|cells| cells.fallback == Demand::Must);
    (waited && lost).then_some((index, "a wait"))
}
