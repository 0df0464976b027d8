//! Retries: how many, after what, and when.

use super::{ALLOWANCE, Breach, Capability, Findings, Fits, GRAIN, Level, Load, Rule, View, fallback, view};
use crate::{
    causes::{Part, ResultWord, Retry},
    scenario::Host,
    transcript::{Attempt, AuthFact},
};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "bounded-attempts",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Immune,
        sentence: "Attempts per provider stay within the policy, all layers together; redirect hops do not count.",
        source: "mission, step 3: bounded retry count; retry-mult-12-of-4, retry-mult-18-tenacity-sdk",
        remedy: "Let one layer retry; switch the retries of every other layer (SDK, wrapper, gateway) off.",
        judge: bounded_attempts,
    },
    Rule {
        slug: "retry-only-retryable",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Choice,
        sentence: "No second attempt after a cause whose cell is `never`, at most one after `once`.",
        source: "mission: did it retry non-retryable failures; causes.yaml, column retry; quota-429-retried-langchainjs, retry-on-401-402",
        remedy: "Decide from the error code before the status; a stop code beats both the status and every header.",
        judge: retry_only_retryable,
    },
    Rule {
        slug: "retry-after-honoured",
        level: Level::Must,
        needs: Some(Capability::RetryAfter),
        per_user: true,
        load: Load::Immune,
        sentence: "Where the cause waits for it, the next attempt does not come before the wait that the reply asked for.",
        source: "RFC 9110 section 10.2.3; ra-http-date-ignored, ra-ignored-vercel, ra-boundary-exactly-at-cap",
        remedy: "Take retry-after-ms, retry-after in seconds and as a date as a floor, and never shorten it.",
        judge: retry_after_honoured,
    },
    Rule {
        slug: "retry-after-ceiling",
        level: Level::Must,
        needs: Some(Capability::RetryAfter),
        per_user: true,
        load: Load::Sensitive,
        sentence: "A wait beyond the ceiling, or beyond the deadline less the reserve and one attempt, ends the retries at once: it is \
                   neither slept nor shortened.",
        source: "causes.yaml, adjust `wait-too-long`; ra-cap-removed-node, ra-multi-day-sleep-unabortable, ra-cap-exhausts-budget",
        remedy: "Compare the wait with the ceiling and with what is left before sleeping; if it does not fit, go on at once.",
        judge: retry_after_ceiling,
    },
    Rule {
        slug: "retry-transient",
        level: Level::Should,
        needs: Some(Capability::Retry),
        per_user: true,
        load: Load::Choice,
        sentence: "A lone failure whose cell is `must`, early in the budget, is retried or handed to the fallback.",
        source: "causes.yaml, column retry; async-openai-only-429-retried, overload-529-not-retried",
        remedy: "Retry what is transient while the budget lasts; one bad moment of a provider is not the user's.",
        judge: retry_transient,
    },
];

pub fn bounded_attempts(view: &View) -> Findings {
    let mut findings = Findings::default();
    let bound = view.policy().attempts as usize;
    for (user, _) in view.users() {
        for host in Host::PROVIDERS {
            let attempts: Vec<_> = view.at(user, host).collect();
            let Some((last, _)) = attempts.last() else { continue };
            findings.check(attempts.len() > bound, || {
                let actual = format!("{} attempts at the {host}", attempts.len());
                Breach::of_user(user, actual, format_args!("at most {bound}")).at(*last)
            });
        }
    }
    findings
}

pub fn retry_only_retryable(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, _) in view.users() {
        let mut further = 0;
        for ((index, attempt), (_, next)) in view.retries(user) {
            // What was delivered, charged, too late or must be waited for has rules of its own.
            let ended = view.ended(index);
            if ended.committed || ended.by_time() || changed_as_allowed(view, index, attempt, next) {
                continue;
            }
            let cells = view.cells_with(index, |c| {
                c.charge_sensitive = false;
                c.wait = None;
            });
            let allowed = cells.map_or(Some(0), |cells| view::more_allowed(cells.retry));
            further += usize::from(allowed == Some(1));
            let wrong = allowed == Some(0) || further > 1;
            findings.check(wrong, || {
                let actual = format!("attempt {} at the {} after {}", next.number, next.host, view.ended(index).name());
                let expected = if allowed == Some(0) {
                    "no further attempt after this cause"
                } else {
                    "at most one further attempt"
                };
                Breach::of_user(user, actual, expected).at(index)
            });
        }
    }
    findings
}

/// One more attempt with the named part changed is no retry.
pub(super) fn changed_as_allowed(view: &View, index: usize, attempt: &Attempt, next: &Attempt) -> bool {
    let (Some(before), Some(after)) = (&attempt.request, &next.request) else { return false };
    match view.ended(index).cause.and_then(|cause| cause.changed) {
        Some(Part::Body) => before.digest != after.digest,
        Some(Part::Credential) => before.auth != AuthFact::Right && after.auth == AuthFact::Right,
        None => false,
    }
}

pub fn retry_after_honoured(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, _) in view.users() {
        for ((index, attempt), (_, next)) in view.retries(user) {
            // A wait that does not fit is for `retry-after-ceiling`.
            let named = view.named_wait(index).filter(|(_, fits)| *fits != Fits::No);
            let (Some((wait, _)), Some(head)) = (named, attempt.first_byte) else { continue };
            let gap = next.arrived.saturating_sub(head);
            findings.check(gap + GRAIN < wait, || {
                let status = attempt.reply.status.unwrap_or_default();
                let actual = format!(
                    "attempt {} came {} after the {status} that asked for {}",
                    next.number,
                    view::seconds(gap),
                    view::seconds(wait)
                );
                Breach::of_user(user, actual, format_args!("at least {}", view::seconds(wait))).at(index)
            });
        }
    }
    findings
}

pub fn retry_after_ceiling(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, _) in view.users() {
        for (index, attempt) in view.of_user(user) {
            let Some((wait, Fits::No)) = view.named_wait(index) else { continue };
            // After a cause that is never retried, a retry is the breach of another rule.
            if view.cells_with(index, |c| c.wait = None).is_none_or(|cells| cells.retry == Retry::Never) {
                continue;
            }
            let went_on = went_on(view, user, index, attempt);
            findings.check(went_on.is_some(), || {
                let (did, load) = went_on.unwrap_or((String::new(), Load::Sensitive));
                let actual = format!("{did} after a wait of {} was named", view::seconds(wait));
                Breach::of_user(user, actual, "neither slept nor shortened: the fallback or the outcome at once")
                    .at(index)
                    .under(load)
            });
        }
    }
    findings
}

/// What a client did with a wait that is too long, if not the right thing: to go on at once, and not there. To come again is its
/// choice; to do nothing takes time, and so may be the machine's doing.
fn went_on(view: &View, user: usize, index: usize, attempt: &Attempt) -> Option<(String, Load)> {
    let later = || view.of_user(user).filter(|(later, next)| *later > index && !view.after_the_end(next));
    let again = |next: &Attempt| next.host == attempt.host && !changed_as_allowed(view, index, attempt, next);
    if let Some((_, next)) = later().find(|(_, next)| again(next)) {
        let gap = next.arrived.saturating_sub(attempt.first_byte.unwrap_or(attempt.arrived));
        return Some((format!("attempt {} came {}", next.number, view::seconds(gap)), Load::Choice));
    }
    // Where others may hold it up, or its next step is not seen, nobody can say that it slept.
    if view.crowded() || view.hides_attempts(Host::Fallback) {
        return None;
    }
    let request = &view.t.users[user];
    let next = later().map(|(_, next)| next.arrived).chain(request.ended).chain(request.left).min()?;
    let slept = next.saturating_sub(attempt.ended?);
    (slept > ALLOWANCE).then(|| (format!("nothing was done for {}", view::seconds(slept)), Load::Sensitive))
}

pub fn retry_transient(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        let (Some((index, _)), Some(_)) = (view.of_user(user).next(), request.ended) else { continue };
        if !is_lone(view, user, index) || !is_early(view, index) || view.ended(index).committed {
            continue;
        }
        let again = view.of_user(user).any(|(later, next)| later > index && !view.after_the_end(next));
        let failed = request.outcome.as_ref().is_some_and(|outcome| outcome.result.word() == ResultWord::Failed);
        // Where the fallback must be tried, `fallback-used` speaks.
        if failed && !again && view.can(Capability::Fallback) && fallback::demanded(view, user).is_some() {
            continue;
        }
        findings.check(failed && !again, || {
            let left = view::seconds(view.left_after(index));
            let actual = format!("gave up after {} with {left} left", view.ended(index).name());
            Breach::of_user(user, actual, "it is tried again").at(index)
        });
    }
    findings
}

/// The first failure that the primary has shown to anybody, with nothing in the way of a retry.
fn is_lone(view: &View, user: usize, index: usize) -> bool {
    let attempt = &view.t.attempts[index];
    let until = view.t.users[user].ended.unwrap_or(view.t.watched);
    let others = view.t.attempts.iter().enumerate().filter(|(_, other)| other.user != Some(user));
    let mut failed = others.filter(|(other, seen)| seen.host == attempt.host && view.ended(*other).cause.is_some());
    let first = attempt.host == Host::Primary && !failed.any(|(_, seen)| seen.arrived <= until);
    first && view.policy().attempts > 1 && view.unhindered(1)
}

/// Its cell says `must`, and a wait, one more attempt and the reserve are left.
fn is_early(view: &View, index: usize) -> bool {
    let policy = view.policy();
    let must = view.cells(index).is_some_and(|cells| cells.retry == Retry::Must);
    let named = view.t.attempts[index].reply.wait.is_some();
    let named_fits = !named || view.named_wait(index).is_some_and(|(_, fits)| fits == Fits::Yes);
    let needed = view::micros(*policy.backoff.cap)
        + view::micros(*policy.attempt_timeout)
        + view::micros(*policy.fallback.reserve)
        + ALLOWANCE;
    must && named_fits && view.left_after(index) >= needed
}
