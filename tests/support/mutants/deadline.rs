//! Clients who wait too long.

use std::future::pending;

use brownout::{
    client::{Call, ResultKind},
    duration::Span,
    reference::Reference,
};

use super::{Mutant, acting, ask, told};

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "knows-no-deadline",
        home: "client-timeout/slow-stream-meets-the-deadline",
        rule: "deadline-kept",
        // It has time for waits and attempts that the user has not, who has gone when it is done.
        may_also: &["as-expected", "fallback-in-time", "retry-after-ceiling", "terminates"],
        make: |policy, seed| told(policy, seed, |policy| policy.deadline = Span::ms(30_000)),
    },
    Mutant {
        name: "waits-too-long-for-one-attempt",
        home: "client-timeout/silent-provider[plain]",
        rule: "attempt-timeout-kept",
        may_also: &["as-expected"],
        make: |policy, seed| told(policy, seed, |policy| policy.attempt_timeout = Span::ms(3_000)),
    },
    Mutant {
        name: "never-returns-an-error",
        home: "request-contract/refused-field",
        rule: "terminates",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                if outcome.result == ResultKind::Failed { pending().await } else { outcome }
            })
        },
    },
];
