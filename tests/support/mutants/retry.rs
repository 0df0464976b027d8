//! Clients who try again too often, too early or in vain.

use brownout::{
    causes::Class,
    client::{Call, Outcome},
    duration::OrNone,
    reference::Reference,
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Mutant, acting, ask, class, once, told};

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "tries-five-times",
        home: "provider-transient/server-error[server-error]",
        rule: "bounded-attempts",
        // Without a budget, an outage is met in full; and five failures of one user open the breaker to others.
        may_also: &["as-expected", "no-storm"],
        make: |policy, seed| {
            told(policy, seed, |policy| {
                policy.attempts = 5;
                policy.retry_budget = OrNone::None;
            })
        },
    },
    Mutant {
        name: "retries-a-spent-quota",
        home: "rate-quota/quota-exhausted[ok]",
        rule: "retry-only-retryable",
        // Its first round has no fallback, so what fails there for other reasons gets none, and the primary gets all the time.
        may_also: &["as-expected", "fallback-in-time", "fallback-used", "retry-after-ceiling"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let mut alone = call.clone();
                alone.request.fallback_safe = false;
                let first = ask(client, &alone).await;
                if class(&first) == Some(Class::Quota) { ask(client, &call).await } else { first }
            })
        },
    },
    Mutant {
        name: "retries-bad-requests",
        home: "request-contract/refused-field",
        rule: "retry-only-retryable",
        // A 400 in mid-stream is a bad request too, and by then text was shown.
        may_also: &["answer-belongs", "as-expected", "bounded-attempts", "committed-answer"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let first = ask(client, &call).await;
                if class(&first) == Some(Class::InvalidRequest) { ask(client, &call).await } else { first }
            })
        },
    },
    Mutant {
        name: "does-not-wait",
        home: "rate-quota/retry-after[secs]",
        rule: "retry-after-honoured",
        // It comes back early from waits of any length.
        may_also: &["as-expected", "retry-after-ceiling"],
        make: |policy, seed| told(policy, seed, |policy| policy.retry_after.honour = false),
    },
    Mutant {
        name: "sleeps-through-any-wait",
        home: "rate-quota/retry-after-beyond-the-ceiling[secs,unsafe]",
        rule: "retry-after-ceiling",
        // It makes one attempt, and knows no fallback.
        may_also: &["as-expected", "fallback-in-time", "fallback-used", "retry-transient"],
        make: |policy, seed| {
            acting(&once(policy), seed, async |client: &Reference, call: Call| {
                let deadline = Instant::now() + *call.policy.deadline;
                let outcome = ask(client, &call).await;
                if class(&outcome) == Some(Class::RateLimited) {
                    sleep_until(deadline).await;
                }
                outcome
            })
        },
    },
    Mutant {
        name: "waits-the-ceiling-instead",
        home: "rate-quota/retry-after-beyond-the-ceiling[ms,unsafe]",
        rule: "retry-after-ceiling",
        // It makes one attempt, knows no fallback, and waits for all limits alike: long, and as long as everybody.
        may_also: &[
            "as-expected",
            "backoff-jittered",
            "backoff-spaced",
            "error-classified",
            "fallback-in-time",
            "fallback-used",
            "no-storm",
            "retry-transient",
        ],
        make: |policy, seed| {
            acting(&once(policy), seed, async |client: &Reference, call: Call| {
                let first = ask(client, &call).await;
                if class(&first) == Some(Class::RateLimited) {
                    sleep(*call.policy.retry_after.ceiling).await;
                    return Outcome { attempts: None, ..ask(client, &call).await };
                }
                first
            })
        },
    },
    Mutant {
        name: "gives-up-at-the-first-503",
        home: "provider-transient/one-bad-moment-and-no-other[unavailable]",
        rule: "retry-transient",
        may_also: &["as-expected"],
        make: |policy, seed| told(policy, seed, |policy| policy.attempts = 1),
    },
];
