//! Clients who misread or misreport replies.

use std::cell::RefCell;

use brownout::{
    causes::Class,
    client::{Call, Deltas, Outcome, ResultKind},
    policy::StreamEnd,
    reference::Reference,
};

use super::{Mutant, acting, ask, class, elsewhere, malformed, told};

pub static MUTANTS: &[Mutant] = &[
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
        may_also: &["as-expected", "breaker-opens", "fallback-allowed", "no-double-charge"],
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
        may_also: &["as-expected", "refusal-handled"],
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
        may_also: &["honest-success", "usage-true"],
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
        may_also: &["as-expected", "error-classified", "refusal-handled", "tool-calls-whole"],
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
        may_also: &["as-expected", "tool-calls-whole"],
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
];
