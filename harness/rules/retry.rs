//! Retries: how many, after what, and when.

use super::{Breach, Capability, Findings, GRAIN, Level, Load, Rule, View, view};
use crate::{
    causes::{Part, Waits},
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
        load: Load::Sensitive,
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
            // What was delivered, charged or must be waited for has rules of its own.
            if view.ended(index).committed || changed_as_allowed(view, index, attempt, next) {
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
fn changed_as_allowed(view: &View, index: usize, attempt: &Attempt, next: &Attempt) -> bool {
    let (Some(before), Some(after)) = (&attempt.request, &next.request) else { return false };
    match view.ended(index).cause.and_then(|cause| cause.changed) {
        Some(Part::Body) => before.digest != after.digest,
        Some(Part::Credential) => before.auth != AuthFact::Right && after.auth == AuthFact::Right,
        None => false,
    }
}

pub fn retry_after_honoured(view: &View) -> Findings {
    let mut findings = Findings::default();
    if !view.policy().retry_after.honour {
        return findings;
    }
    for (user, _) in view.users() {
        for ((index, attempt), (_, next)) in view.retries(user) {
            let waits = view.cells(index).is_some_and(|cells| cells.waits == Waits::RetryAfter);
            let (Some(wait), Some(head), true) = (attempt.reply.wait, attempt.first_byte, waits) else { continue };
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
