//! Broken clients: the reference client told another policy than it is judged by, or wrapped. Each names the scenario and the
//! rule that must catch it, and the rules that may catch it elsewhere as well.

use std::{cell::RefCell, future::pending, rc::Rc, time::Duration};

use base64::prelude::{BASE64_STANDARD, Engine};
use brownout::{
    causes::{Class, Demand},
    client::{About, AnyClient, Call, Client, Deltas, Failure, Outcome, ResultKind},
    duration::{OrNone, Span},
    policy::{Auth, Policy, StreamEnd},
    reference::Reference,
    scenario::{Capability, Host},
};

pub struct Mutant {
    pub name: &'static str,
    /// There exactly this rule fails, and without it nothing does.
    pub home: &'static str,
    pub rule: &'static str,
    /// Rules that may fail elsewhere.
    pub may_also: &'static [&'static str],
    pub make: fn(&Policy, u64) -> Rc<dyn AnyClient>,
}

/// The reference client obeying a changed policy.
fn told(policy: &Policy, seed: u64, change: impl FnOnce(&mut Policy)) -> Rc<dyn AnyClient> {
    let mut policy = policy.clone();
    change(&mut policy);
    Rc::new(Reference::new(&policy, seed))
}

/// The reference client with something done around each call.
struct Acting<F>(Reference, F);

impl<F: AsyncFn(&Reference, Call) -> Outcome> Client for Acting<F> {
    fn about(&self) -> About {
        Client::about(&self.0)
    }

    fn capabilities(&self) -> Vec<Capability> {
        Client::capabilities(&self.0)
    }

    async fn call(&self, call: Call) -> Outcome {
        (self.1)(&self.0, call).await
    }
}

fn acting(policy: &Policy, seed: u64, act: impl AsyncFn(&Reference, Call) -> Outcome + 'static) -> Rc<dyn AnyClient> {
    Rc::new(Acting(Reference::new(policy, seed), act))
}

async fn ask(client: &Reference, call: &Call) -> Outcome {
    Client::call(client, call.clone()).await
}

fn class(outcome: &Outcome) -> Option<Class> {
    outcome.error.as_ref().and_then(|error| error.class)
}

/// The same call, sent to the fallback as if it were the primary, heard by nobody.
fn elsewhere(call: &Call) -> Call {
    let mut other = Call { deltas: Deltas::default(), ..call.clone() };
    let there = call.provider(Host::Fallback).cloned();
    other.providers =
        there.into_iter().map(|provider| brownout::client::Provider { name: Host::Primary, ..provider }).collect();
    other
}

fn malformed(outcome: Outcome) -> Outcome {
    let error = Failure {
        class: Some(Class::MalformedResponse),
        native: "KeyError".to_owned(),
        status: None,
        code: None,
        message: "a key is missing".to_owned(),
        retryable: Some(false),
    };
    Outcome { result: ResultKind::Failed, text: None, error: Some(error), ..outcome }
}

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "asks-everybody-again",
        home: "fallback/both-fail[error]",
        rule: "one-fallback",
        // A second round is also one more of everything: attempts, charges, text and time.
        may_also: &[
            "answer-belongs",
            "as-expected",
            "bounded-attempts",
            "committed-answer",
            "deadline-kept",
            "no-double-charge",
            "retry-only-retryable",
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
        may_also: &["as-expected"],
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
        name: "retries-in-silence-after-text",
        home: "streaming/cut-between-events[close]",
        rule: "committed-answer",
        // The second attempt may be charged again, or fail in a way that asks for the fallback.
        may_also: &["as-expected", "fallback-used", "no-double-charge"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let first = ask(client, &call).await;
                if class(&first) == Some(Class::StreamInterrupted) && !call.deltas.all().is_empty() {
                    ask(client, &Call { deltas: Deltas::default(), ..call }).await;
                }
                first
            })
        },
    },
    Mutant {
        name: "falls-back-after-text",
        home: "streaming/cut-between-events[reset]",
        rule: "committed-answer",
        // Another provider may be unsafe, and may charge again.
        may_also: &["as-expected", "fallback-allowed", "no-double-charge"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let first = ask(client, &call).await;
                if class(&first) == Some(Class::StreamInterrupted) && !call.deltas.all().is_empty() {
                    ask(client, &elsewhere(&call)).await;
                }
                first
            })
        },
    },
    Mutant {
        name: "tries-five-times",
        home: "provider-transient/server-error[server-error]",
        rule: "bounded-attempts",
        // Without a budget, an outage is met in full.
        may_also: &["no-storm"],
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
    Mutant {
        name: "knows-no-budget",
        home: "provider-transient/outage-of-50[errors]",
        rule: "no-storm",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| policy.retry_budget = OrNone::None),
    },
    Mutant {
        name: "knows-no-deadline",
        home: "client-timeout/slow-stream-meets-the-deadline",
        rule: "deadline-kept",
        may_also: &[],
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
    Mutant {
        name: "believes-a-bare-end",
        home: "streaming/bare-end[chunked]",
        rule: "honest-success",
        // Where the policy says that nothing else ends a stream, the scenario says so too.
        may_also: &["as-expected"],
        make: |policy, seed| told(policy, seed, |policy| policy.parser.stream_end = StreamEnd::Eof),
    },
    Mutant {
        name: "hands-over-half",
        home: "parser/ordinary-answer[plain]",
        rule: "honest-success",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                let half = |text: String| text.chars().take(text.chars().count() / 2).collect();
                Outcome { text: outcome.text.clone().map(half), ..outcome }
            })
        },
    },
    Mutant {
        name: "embroiders",
        home: "parser/ordinary-answer[plain]",
        rule: "answer-belongs",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                Outcome { text: outcome.text.clone().map(|text| text + "!?"), ..outcome }
            })
        },
    },
    Mutant {
        name: "gives-everyone-the-first-answer",
        home: "rate-quota/busy-host",
        rule: "answer-belongs",
        // Another attempt's answer is rarely the whole of the right one.
        may_also: &["honest-success"],
        make: |policy, seed| {
            let first: RefCell<Option<String>> = RefCell::new(None);
            acting(policy, seed, async move |client: &Reference, call: Call| {
                let mut outcome = ask(client, &call).await;
                if let Some(text) = &mut outcome.text {
                    *text = first.borrow_mut().get_or_insert(text.clone()).clone();
                }
                outcome
            })
        },
    },
    Mutant {
        name: "believes-error-objects",
        home: "parser/error-in-200[whole]",
        rule: "error-not-success",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                let object = outcome.error.as_ref().is_some_and(|error| error.native == "ErrorObject");
                if object { Outcome { result: ResultKind::Completed, error: None, ..outcome } } else { outcome }
            })
        },
    },
    Mutant {
        name: "wants-usage",
        home: "parser/legal-shapes[null-usage]",
        rule: "valid-reply-accepted",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                if outcome.result == ResultKind::Completed && outcome.usage.is_none() {
                    malformed(outcome)
                } else {
                    outcome
                }
            })
        },
    },
    Mutant {
        name: "wants-a-finish-reason",
        home: "streaming/one-signal-is-enough[done]",
        rule: "valid-reply-accepted",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                if outcome.result == ResultKind::Completed && outcome.finish_reason.is_none() {
                    malformed(outcome)
                } else {
                    outcome
                }
            })
        },
    },
    Mutant {
        name: "doubles-v1",
        home: "request-contract/endpoint[usual]",
        rule: "endpoint-path",
        may_also: &["as-expected"],
        make: |policy, seed| told(policy, seed, |policy| policy.endpoint.path = "/v1/v1/chat/completions".to_owned()),
    },
    Mutant {
        name: "sends-another-header",
        home: "auth/key-in-the-pinned-header[bearer]",
        rule: "auth-header",
        may_also: &[],
        make: |policy, seed| {
            told(policy, seed, |policy| policy.endpoint.auth = Auth::Header("x-goog-api-key".to_owned()))
        },
    },
    Mutant {
        name: "sends-the-bare-key",
        home: "auth/key-in-the-pinned-header[bearer]",
        rule: "auth-header",
        may_also: &[],
        make: |policy, seed| {
            told(policy, seed, |policy| policy.endpoint.auth = Auth::Header("authorization".to_owned()))
        },
    },
    Mutant {
        name: "charges-twice-without-a-key",
        home: "side-effect/silent-then-well",
        rule: "no-double-charge",
        may_also: &["as-expected"],
        make: |policy, seed| {
            let mut keyless = policy.clone();
            keyless.charge.idempotency_header = OrNone::None;
            acting(&keyless, seed, async |client: &Reference, mut call: Call| {
                call.request.charge_sensitive = false;
                ask(client, &call).await
            })
        },
    },
    Mutant {
        name: "knows-no-charge",
        home: "provider-transient/injected-500[charge-sensitive]",
        rule: "no-double-charge",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, mut call: Call| {
                call.request.charge_sensitive = false;
                ask(client, &call).await
            })
        },
    },
    Mutant {
        name: "tells-its-key",
        home: "auth/bad-key",
        rule: "no-secret-leak",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                saying(ask(client, &call).await, &call.providers[0].api_key)
            })
        },
    },
    Mutant {
        name: "tells-its-key-in-base64",
        home: "auth/bad-key",
        rule: "no-secret-leak",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let header = BASE64_STANDARD.encode(format!("user:{}", call.providers[0].api_key));
                saying(ask(client, &call).await, &header)
            })
        },
    },
    Mutant {
        name: "uses-one-key-everywhere",
        home: "fallback/own-key-and-model",
        rule: "no-secret-leak",
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
        name: "misnames-errors",
        home: "request-contract/bad-request[plain]",
        rule: "as-expected",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let mut outcome = ask(client, &call).await;
                outcome.error.iter_mut().for_each(|error| error.class = Some(Class::Other));
                outcome
            })
        },
    },
    Mutant {
        name: "thinks-before-it-answers",
        home: "streaming/done-then-open",
        rule: "as-expected",
        // Two seconds more are beyond some deadlines.
        may_also: &["deadline-kept"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                tokio::time::sleep(Duration::from_secs(2)).await;
                outcome
            })
        },
    },
];

/// The outcome with a secret in its error, if it has one.
fn saying(mut outcome: Outcome, secret: &str) -> Outcome {
    outcome.error.iter_mut().for_each(|error| error.message.push_str(secret));
    outcome
}
