//! Clients who misname failures, break over them, or do not get over them.

use std::cell::Cell;

use brownout::{
    causes::Class,
    client::{Call, Channel, Outcome, ResultKind},
    reference::Reference,
};

use super::{Mutant, acting, ask, saying};

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "calls-every-failure-a-server-error",
        home: "auth/forbidden[plain]",
        rule: "error-classified",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let mut outcome = ask(client, &call).await;
                outcome.error.iter_mut().for_each(|error| error.class = Some(Class::Server));
                outcome
            })
        },
    },
    Mutant {
        name: "misnames-errors",
        home: "request-contract/bad-request[plain]",
        rule: "error-classified",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let mut outcome = ask(client, &call).await;
                outcome.error.iter_mut().for_each(|error| error.class = Some(Class::Other));
                outcome
            })
        },
    },
    Mutant {
        name: "passes-the-page-on",
        home: "fallback/unsafe-means-no[bad-gateway]",
        rule: "error-fit-for-users",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                saying(ask(client, &call).await, "<html><head><title>502 Bad Gateway</title></head></html>")
            })
        },
    },
    Mutant {
        name: "shows-its-stack",
        home: "fallback/unsafe-means-no[server-error]",
        rule: "error-fit-for-users",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                saying(ask(client, &call).await, "\nTraceback (most recent call last):\n  File \"app.py\", line 3")
            })
        },
    },
    Mutant {
        name: "fails-without-a-word",
        home: "fallback/unsafe-means-no[server-error]",
        rule: "error-fit-for-users",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let mut outcome = ask(client, &call).await;
                outcome.error.iter_mut().for_each(|error| error.message = " ".to_owned());
                outcome
            })
        },
    },
    Mutant {
        name: "tells-only-a-callback",
        home: "streaming/cut-between-events[close]",
        rule: "partial-labelled",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let mut outcome = ask(client, &call).await;
                outcome.error.iter_mut().for_each(|error| error.channel = Channel::OutOfBand);
                outcome
            })
        },
    },
    Mutant {
        name: "reads-what-is-not-there",
        home: "parser/broken-shapes[no-choices]",
        rule: "no-crash",
        // What it hands over is neither the right class nor the right kind of outcome.
        may_also: &["as-expected", "error-classified"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                let malformed =
                    outcome.error.as_ref().is_some_and(|error| error.class == Some(Class::MalformedResponse));
                if malformed { Outcome { result: ResultKind::Unusable, ..outcome } } else { outcome }
            })
        },
    },
    Mutant {
        name: "panics-beside-the-call",
        home: "parser/ordinary-answer[plain]",
        rule: "no-crash",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                // A task that nobody awaits.
                tokio::task::spawn_local(async { panic!("in a spawned task") });
                outcome
            })
        },
    },
    Mutant {
        name: "panics-in-the-call",
        home: "request-contract/refused-field",
        rule: "no-crash",
        // Who panics has not the outcome that was expected.
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                assert!(outcome.result != ResultKind::Failed, "no failure was foreseen");
                outcome
            })
        },
    },
    Mutant {
        name: "never-gets-over-a-failure",
        home: "fallback/unsafe-means-no[server-error]",
        rule: "recovers",
        // Users who come after the first failure are not served either.
        may_also: &["as-expected", "breaker-closes", "fallback-used", "retry-transient", "valid-reply-accepted"],
        make: |policy, seed| {
            let wedged: Cell<bool> = Cell::new(false);
            acting(policy, seed, async move |client: &Reference, call: Call| {
                if wedged.get() {
                    let mut outcome = Outcome::new(ResultKind::Failed);
                    outcome.error = Some(super::failure(Class::Exhausted, "no permit is left"));
                    return outcome;
                }
                let outcome = ask(client, &call).await;
                wedged.set(outcome.result == ResultKind::Failed);
                outcome
            })
        },
    },
    Mutant {
        name: "counts-its-last-attempt-only",
        home: "provider-transient/server-error[server-error]",
        rule: "attempts-true",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| Outcome {
                attempts: Some(1),
                ..ask(client, &call).await
            })
        },
    },
];
