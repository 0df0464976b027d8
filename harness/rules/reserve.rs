//! Time that is kept for the fallback.

use super::{ALLOWANCE, Breach, Capability, Findings, Fits, Level, Load, Rule, View, silence, view};
use crate::{
    causes::{Demand, ResultWord},
    scenario::Host,
    transcript::{Attempt, Micros, OutcomeFacts},
};

/// The rows of this family.
pub static RULES: &[Rule] = &[Rule {
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
}];

pub fn fallback_in_time(view: &View) -> Findings {
    let mut findings = Findings::default();
    // The reserve is the end of the deadline: who keeps none has none to keep free.
    if !view.can(Capability::Deadline) {
        return findings;
    }
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
