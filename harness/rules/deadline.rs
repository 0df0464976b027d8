//! Time limits: of a user request, of an attempt, of everything.

use super::{ALLOWANCE, Breach, Capability, Findings, GRAIN, Level, Load, Rule, View, silence, view};
use crate::transcript::{Attempt, ClockKind};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "deadline-kept",
        level: Level::Must,
        needs: Some(Capability::Deadline),
        per_user: false,
        load: Load::Sensitive,
        sentence: "The outcome reaches the user within the total deadline: attempts, waits and fallback included.",
        source: "mission, step 4: retries and timeouts fit inside the user experience budget",
        remedy: "Carry one deadline through attempts, waits and fallback; give each attempt only what is left.",
        judge: deadline_kept,
    },
    Rule {
        slug: "attempt-timeout-kept",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Sensitive,
        sentence: "A silent provider is given up within the timeout of one attempt.",
        source: "mission, step 4: per-attempt timeout; hang-no-attempt-timeout",
        remedy: "Set a timeout for each attempt: to the head of a stream, to the last byte of a plain reply.",
        judge: attempt_timeout_kept,
    },
    Rule {
        slug: "terminates",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Sensitive,
        sentence: "Every user request ends.",
        source: "mission, step 4: total deadline; stream-idle-no-timeout",
        remedy: "Put every wait under the total deadline.",
        judge: terminates,
    },
];

/// What one of a crowd may take of a client's thread before the next has its turn: more than an SDK was seen to need (13 ms).
const TURN: u64 = 20_000;

/// No client takes so long to follow a redirect, unless it waits.
const PAUSE: u64 = 100_000;

pub fn deadline_kept(view: &View) -> Findings {
    let mut findings = Findings::default();
    let deadline = view::micros(*view.policy().deadline);
    for (user, request) in view.users() {
        // A request that never ends is for `terminates`.
        let Some(ended) = request.ended else { continue };
        let took = ended.saturating_sub(request.arrived);
        findings.check(took > deadline + ALLOWANCE, || {
            let actual = format!("the outcome came after {}", view::seconds(took));
            Breach::of_user(user, actual, format_args!("within {}", view::seconds(deadline)))
        });
    }
    findings
}

pub fn attempt_timeout_kept(view: &View) -> Findings {
    let mut findings = Findings::default();
    let allowance = turns(view);
    for (index, attempt) in view.t.attempts.iter().enumerate() {
        let limit = silence::attempt_limit(view, attempt);
        let silent = silent_for(view, attempt);
        // A reply that stalls is for `idle-timeout-kept` where that limit comes first.
        findings.check(silent > limit + allowance && !silence::went_on(view, attempt), || {
            let actual =
                format!("attempt {} at the {} was waited for {}", attempt.number, attempt.host, view::seconds(silent));
            let expected = format!("given up within {}", view::seconds(limit));
            Breach { user: attempt.user, ..Breach::of_all(actual, expected) }.at(index)
        });
    }
    findings
}

/// What the timeout allows. In true time a client serves a crowd in turn: where it was in time for one whose timer ran out, it was
/// busy with the others before it was late.
fn turns(view: &View) -> u64 {
    let in_time = |attempt: &Attempt| {
        let (limit, silent) = (silence::attempt_limit(view, attempt), silent_for(view, attempt));
        (limit.saturating_sub(GRAIN)..=limit + ALLOWANCE).contains(&silent)
    };
    let in_turn = view.t.clock == ClockKind::Real && view.t.attempts.iter().any(in_time);
    let others = if in_turn { view.t.users.len().saturating_sub(1) } else { 0 };
    ALLOWANCE + TURN * others as u64
}

/// How long the user waited for what the attempt's timeout bounds: the head of a stream, all of a plain reply. What is left
/// open after the outcome is for `nothing-after-the-end`.
fn silent_for(view: &View, attempt: &Attempt) -> u64 {
    let over = view.waited_until(attempt);
    let asked_for_stream = attempt.request.as_ref().is_some_and(|request| request.stream);
    let head = attempt.first_byte.filter(|_| asked_for_stream && attempt.reply.status.is_some());
    head.unwrap_or(over).min(over).saturating_sub(last_begun(attempt))
}

/// In a circle of redirects a retry looks like one more hop: one that comes after a pause may have begun an attempt.
fn last_begun(attempt: &Attempt) -> u64 {
    let mut begun = attempt.arrived;
    let mut before = attempt.arrived;
    for hop in &attempt.hops {
        if hop.host == attempt.host && hop.arrived.saturating_sub(before) >= PAUSE {
            begun = hop.arrived;
        }
        before = hop.arrived;
    }
    begun
}

pub fn terminates(view: &View) -> Findings {
    let mut findings = Findings::default();
    if let Some(command) = &view.t.command {
        // Its users' outcomes are not seen; that it went on for ever is.
        findings.judged = usize::from(command.took > 0);
        findings.breaches.extend(command.overran().then(|| {
            let actual = format!("the command had not ended after {}", view::seconds(command.took));
            // No machine is so late.
            Breach {
                load: Some(Load::Immune),
                ..Breach::of_all(actual, "every user request ends, and the command with them")
            }
        }));
        return findings;
    }
    for (user, request) in view.users() {
        findings.check(request.ended.is_none() && request.left.is_none(), || {
            // Longer than this nobody waited for it.
            let limit = view::micros(view.policy().case_limit(|claim| view.can(claim)));
            let waited = view::seconds(view.t.watched.saturating_sub(request.arrived).min(limit));
            Breach::of_user(user, format_args!("no outcome after {waited}"), "every user request ends")
        });
    }
    findings
}
