//! Clients who decide badly about the other provider.

use brownout::{
    causes::{Class, Demand},
    client::{Call, Outcome, ResultKind},
    duration::{OrNone, Span},
    policy::Feature,
    reference::Reference,
    scenario::Host,
};
use tokio::time::{Instant, sleep_until};

use super::{Mutant, acting, ask, class, elsewhere, once, sending, told};

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "asks-everybody-again",
        home: "fallback/both-fail[error]",
        rule: "one-fallback",
        // A second round is also one more of everything: attempts, charges, text and time. It waits for nobody's wait.
        may_also: &[
            "answer-belongs",
            "as-expected",
            "backoff-spaced",
            "bounded-attempts",
            "committed-answer",
            "deadline-kept",
            "error-classified",
            "no-double-charge",
            "retry-after-ceiling",
            "retry-after-honoured",
            "retry-only-retryable",
            "terminates",
        ],
        make: |policy, seed| {
            let mut once = policy.clone();
            once.attempts = 1;
            acting(&once, seed, async |client: &Reference, call: Call| {
                let first = ask(client, &call).await;
                if first.result == ResultKind::Failed { ask(client, &call).await } else { first }
            })
        },
    },
    Mutant {
        name: "falls-back-on-bad-requests",
        home: "request-contract/refused-field",
        rule: "fallback-allowed",
        // A 400 in mid-stream is a bad request too, and by then text was shown.
        may_also: &["as-expected", "committed-answer", "honest-success"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let first = ask(client, &call).await;
                if class(&first) == Some(Class::InvalidRequest) { ask(client, &elsewhere(&call)).await } else { first }
            })
        },
    },
    Mutant {
        name: "thinks-every-fallback-safe",
        home: "provider-transient/injected-500[unsafe]",
        rule: "fallback-allowed",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, mut call: Call| {
                call.request.fallback_safe = true;
                ask(client, &call).await
            })
        },
    },
    Mutant {
        name: "never-falls-back",
        home: "provider-transient/server-error[server-error]",
        rule: "fallback-used",
        // The time kept for the fallback goes to the primary.
        may_also: &["as-expected", "fallback-in-time", "retry-after-ceiling"],
        make: |policy, seed| told(policy, seed, |policy| policy.fallback.targets.clear()),
    },
    Mutant {
        name: "falls-back-on-a-status-only",
        home: "client-timeout/injected-silence[safe]",
        rule: "fallback-used",
        may_also: &["as-expected"],
        make: |policy, seed| {
            told(policy, seed, |policy| {
                policy.fallback.on.insert("timeout-before-head".to_owned(), Demand::Never);
            })
        },
    },
    Mutant {
        name: "uses-one-key-everywhere",
        home: "fallback/own-key-and-model",
        rule: "fallback-isolated",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, mut call: Call| {
                let key = call.providers[0].api_key.clone();
                call.providers[1].api_key = key;
                ask(client, &call).await
            })
        },
    },
    Mutant {
        name: "asks-the-fallback-for-the-primarys-model",
        home: "fallback/own-key-and-model",
        rule: "fallback-isolated",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, mut call: Call| {
                let model = call.providers[0].model.clone();
                call.providers[1].model = model;
                ask(client, &call).await
            })
        },
    },
    Mutant {
        name: "leaves-the-tools-behind",
        home: "fallback/what-it-takes[tools,taken]",
        rule: "fallback-isolated",
        may_also: &[],
        make: |policy, seed| {
            sending(policy, seed, |outgoing| {
                if outgoing.provider == Host::Fallback {
                    outgoing.body.as_object_mut().map(|body| body.remove("tools"));
                }
            })
        },
    },
    Mutant {
        name: "asks-for-what-is-refused",
        home: "fallback/what-it-takes[tools,refused]",
        rule: "fallback-request-valid",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| policy.fallback.refuses.clear()),
    },
    Mutant {
        name: "knows-no-window",
        home: "fallback/window[narrow]",
        rule: "fallback-request-valid",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| policy.fallback.context = OrNone::None),
    },
    Mutant {
        name: "thinks-no-fallback-takes-tools",
        home: "fallback/what-it-takes[tools,taken]",
        rule: "fallback-used",
        may_also: &["as-expected"],
        make: |policy, seed| told(policy, seed, |policy| policy.fallback.refuses.push(Feature::Tools)),
    },
    Mutant {
        name: "lets-the-primary-use-all-the-time",
        home: "fallback/reserve-is-kept[plain]",
        rule: "fallback-in-time",
        // A named wait that would leave the fallback nothing is slept.
        may_also: &["as-expected", "retry-after-ceiling"],
        make: |policy, seed| told(policy, seed, |policy| policy.fallback.reserve = Span::ms(0)),
    },
    Mutant {
        name: "waits-before-it-falls-back",
        home: "fallback/no-wait-in-the-reserve",
        rule: "fallback-in-time",
        // It knows no retry, and no fallback but after a 5xx.
        may_also: &[
            "as-expected",
            "attempt-timeout-kept",
            "deadline-kept",
            "error-classified",
            "fallback-request-valid",
            "fallback-used",
            "no-double-charge",
            "retry-transient",
        ],
        make: |policy, seed| {
            acting(&once(policy), seed, async |client: &Reference, call: Call| {
                let late = Instant::now() + (*call.policy.deadline - *call.policy.fallback.reserve / 2);
                let first = ask(client, &call).await;
                if class(&first) == Some(Class::Server) && call.request.fallback_safe && call.deltas.all().is_empty() {
                    sleep_until(late).await;
                    return Outcome { attempts: None, ..ask(client, &elsewhere(&call)).await };
                }
                first
            })
        },
    },
];
