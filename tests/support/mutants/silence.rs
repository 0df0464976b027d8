//! Clients who wait too long for a reply that has begun, or not long enough.

use brownout::{causes::Class, client::Call, duration::Span, reference::Reference};
use tokio::time::timeout;

use super::{Mutant, acting, ask, failed, told};

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "knows-no-idle-timeout",
        home: "client-timeout/plain-stall[head]",
        rule: "idle-timeout-kept",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| policy.idle_timeout = Span::ms(60_000)),
    },
    Mutant {
        name: "never-gives-a-stream-up",
        home: "streaming/stall-after-text",
        rule: "idle-timeout-kept",
        may_also: &[],
        make: |policy, seed| {
            told(policy, seed, |policy| {
                policy.idle_timeout = Span::ms(60_000);
                policy.semantic_idle_timeout = Span::ms(60_000);
            })
        },
    },
    Mutant {
        name: "takes-keep-alives-for-content",
        home: "client-timeout/keepalives-are-no-content",
        rule: "idle-timeout-kept",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| policy.parser.keepalive_is_progress = true),
    },
    Mutant {
        name: "is-held-by-keep-alives-for-ever",
        home: "client-timeout/queueing-provider[for-ever,comment]",
        rule: "idle-timeout-kept",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| policy.parser.keepalive_bound = Span::ms(60_000)),
    },
    Mutant {
        name: "hears-no-keep-alives",
        home: "client-timeout/queueing-provider[in-time,blank]",
        rule: "healthy-stream-kept",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| policy.parser.keepalive_is_progress = false),
    },
    Mutant {
        name: "cannot-bear-a-pause",
        home: "streaming/slow-to-the-end[reasoning]",
        rule: "healthy-stream-kept",
        may_also: &["as-expected"],
        make: |policy, seed| {
            told(policy, seed, |policy| {
                policy.idle_timeout = Span::ms(300);
                policy.semantic_idle_timeout = Span::ms(300);
            })
        },
    },
    Mutant {
        name: "times-a-stream-as-a-whole",
        home: "streaming/slow-to-the-end[text]",
        rule: "healthy-stream-kept",
        // It times retries and the fallback as well, and so often has no time for them; what it gives up in a wait it calls a timeout.
        may_also: &["as-expected", "error-classified", "fallback-used"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                if !call.request.stream {
                    return ask(client, &call).await;
                }
                let limit = *call.policy.attempt_timeout;
                let outcome = timeout(limit, ask(client, &call)).await;
                outcome.unwrap_or_else(|_| failed(Class::Timeout))
            })
        },
    },
];
