//! Clients who mishandle what stands in an answer besides its text.

use brownout::{
    client::{Call, Outcome, ResultKind},
    policy::Refusal,
    reference::Reference,
};
use serde_json::json;

use super::{Mutant, acting, ask, told};

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "takes-a-refusal-for-an-answer",
        home: "parser/refusal-and-filter[refusal,plain]",
        rule: "refusal-handled",
        may_also: &["as-expected"],
        make: |policy, seed| told(policy, seed, |policy| policy.parser.refusal = Refusal::Text),
    },
    Mutant {
        name: "hides-the-filter",
        home: "parser/refusal-and-filter[filter,plain]",
        rule: "refusal-handled",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                if outcome.finish_reason.as_deref() != Some("content_filter") {
                    return outcome;
                }
                let stop = Some("stop".to_owned());
                Outcome { result: ResultKind::Completed, finish_reason: stop, error: None, ..outcome }
            })
        },
    },
    Mutant {
        name: "invents-usage",
        home: "parser/legal-shapes[null-usage]",
        rule: "usage-true",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                let none = json!({ "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0 });
                Outcome { usage: outcome.usage.clone().or(Some(none)), ..outcome }
            })
        },
    },
    Mutant {
        name: "drops-usage",
        home: "parser/ordinary-answer[plain]",
        rule: "usage-true",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| Outcome {
                usage: None,
                ..ask(client, &call).await
            })
        },
    },
    Mutant {
        name: "counts-the-wrong-tokens",
        home: "parser/ordinary-answer[plain]",
        rule: "usage-true",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let mut outcome = ask(client, &call).await;
                if let Some(total) = outcome.usage.as_mut().and_then(|usage| usage.get_mut("total_tokens")) {
                    *total = json!(total.as_u64().unwrap_or(0) + 1);
                }
                outcome
            })
        },
    },
    Mutant {
        name: "repairs-arguments-in-silence",
        home: "parser/tool-call[plain]",
        rule: "tool-calls-whole",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let mut outcome = ask(client, &call).await;
                outcome.tool_calls.iter_mut().for_each(|call| call["function"]["arguments"] = json!("{}"));
                outcome
            })
        },
    },
    Mutant {
        name: "drops-tool-calls",
        home: "parser/tool-call[stream]",
        rule: "tool-calls-whole",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| Outcome {
                tool_calls: Vec::new(),
                ..ask(client, &call).await
            })
        },
    },
];
