//! Clients whose records are not all there, or not true.

use std::rc::Rc;

use brownout::{
    client::AnyClient,
    policy::Policy,
    reference::{self, Hooks, Record, Reference},
    scenario::Host,
};

use super::Mutant;

/// The reference client whose records are changed before they are written; `None`: not written.
fn writing(policy: &Policy, seed: u64, change: impl Fn(Record) -> Option<Record> + 'static) -> Rc<dyn AnyClient> {
    let record = move |record: &Record| {
        change(record.clone()).iter().for_each(reference::emit);
    };
    Rc::new(Reference::with_hooks(policy, seed, Hooks { record: Rc::new(record), ..Hooks::default() }))
}

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "writes-failures-only",
        home: "parser/ordinary-answer[plain]",
        rule: "telemetry-complete",
        // What is not written cannot say that the fallback was used.
        may_also: &["telemetry-true"],
        make: |policy, seed| writing(policy, seed, |record| (record.status_code != Some(200)).then_some(record)),
    },
    Mutant {
        name: "writes-half-a-record",
        home: "parser/ordinary-answer[plain]",
        rule: "telemetry-complete",
        // A field that is not there agrees with nothing.
        may_also: &["telemetry-true"],
        make: |policy, seed| {
            let record = |record: &Record| {
                tracing::info!(
                    provider = %record.provider,
                    mode = record.mode,
                    status_code = record.status_code,
                    error_code = record.error_code.as_deref(),
                    retry_attempt = record.retry_attempt,
                    fallback_decision = record.fallback_decision,
                    timeout_source = record.timeout_source,
                    usage_present = record.usage_present,
                    correlation_id = record.correlation_id.as_str(),
                );
            };
            Rc::new(Reference::with_hooks(policy, seed, Hooks { record: Rc::new(record), ..Hooks::default() }))
        },
    },
    Mutant {
        name: "takes-throttling-for-an-outage",
        home: "rate-quota/limited-once",
        rule: "telemetry-true",
        may_also: &[],
        make: |policy, seed| {
            writing(policy, seed, |record| {
                let throttled = record.status_code == Some(429);
                let code = record.error_code.clone().filter(|_| !throttled);
                Some(Record {
                    status_code: if throttled { Some(503) } else { record.status_code },
                    error_code: code,
                    ..record
                })
            })
        },
    },
    Mutant {
        name: "forgets-which-timeout-it-was",
        home: "client-timeout/silent-provider[plain]",
        rule: "telemetry-true",
        may_also: &[],
        make: |policy, seed| writing(policy, seed, |record| Some(Record { timeout_source: None, ..record })),
    },
    Mutant {
        name: "hides-its-fallback",
        home: "provider-transient/server-error[server-error]",
        rule: "telemetry-true",
        may_also: &[],
        make: |policy, seed| writing(policy, seed, |record| Some(Record { fallback_decision: "none", ..record })),
    },
    Mutant {
        name: "numbers-every-attempt-alike",
        home: "rate-quota/limited-once",
        rule: "telemetry-true",
        may_also: &[],
        make: |policy, seed| writing(policy, seed, |record| Some(Record { retry_attempt: 0, ..record })),
    },
    Mutant {
        name: "correlates-nothing",
        home: "provider-transient/server-error[server-error]",
        rule: "telemetry-true",
        may_also: &[],
        make: |policy, seed| {
            writing(policy, seed, |record| {
                let there = record.provider == Host::Fallback;
                let id = if there { "another".to_owned() } else { record.correlation_id.clone() };
                Some(Record { correlation_id: id, ..record })
            })
        },
    },
];
