//! Clients who make an outage worse.

use brownout::duration::OrNone;

use super::{Mutant, told};

pub static MUTANTS: &[Mutant] = &[Mutant {
    name: "knows-no-budget",
    // Limits open no breaker, which would else keep the storm within bounds.
    home: "provider-transient/outage-of-50[throttled]",
    rule: "no-storm",
    may_also: &[],
    make: |policy, seed| told(policy, seed, |policy| policy.retry_budget = OrNone::None),
}];
