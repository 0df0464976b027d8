//! Clients who try again too often, too early or in vain.

use brownout::{causes::Class, client::Call, duration::OrNone, reference::Reference};

use super::{Mutant, acting, ask, class, told};

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
        // Its first round has no fallback, so what fails there for other reasons gets none.
        may_also: &["as-expected", "fallback-used"],
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
        may_also: &["as-expected"],
        make: |policy, seed| told(policy, seed, |policy| policy.retry_after.honour = false),
    },
];
