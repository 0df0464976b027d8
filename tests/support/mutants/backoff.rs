//! Clients who come again too soon, too late, or all at once.

use brownout::{duration::Span, policy::Jitter};

use super::{Mutant, told};

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "never-waits",
        home: "provider-transient/waits-grow[none]",
        rule: "backoff-spaced",
        may_also: &["as-expected"],
        make: |policy, seed| told(policy, seed, |policy| policy.backoff.first = Span::ms(0)),
    },
    Mutant {
        name: "waits-the-same-each-time",
        home: "provider-transient/waits-grow[proportional]",
        rule: "backoff-spaced",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| policy.backoff.factor = 1.0),
    },
    Mutant {
        name: "hardly-waits-on-the-average",
        home: "rate-quota/herd[fifty]",
        rule: "backoff-spaced",
        may_also: &["as-expected"],
        make: |policy, seed| {
            told(policy, seed, |policy| {
                policy.backoff.first = Span(*policy.backoff.first / 10);
                policy.backoff.cap = policy.backoff.first;
            })
        },
    },
    Mutant {
        name: "knows-no-cap",
        home: "provider-transient/waits-are-capped",
        rule: "backoff-spaced",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| policy.backoff.cap = Span::ms(60_000)),
    },
    Mutant {
        name: "comes-back-on-the-beat",
        home: "rate-quota/herd[two-hundred]",
        rule: "backoff-jittered",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| policy.backoff.jitter = Jitter::None),
    },
    Mutant {
        name: "comes-back-the-moment-it-may",
        home: "rate-quota/told-the-same-wait[secs]",
        rule: "backoff-jittered",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| policy.retry_after.spread = 0.0),
    },
];
