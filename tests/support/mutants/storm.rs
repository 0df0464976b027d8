//! Clients who make an outage worse.

use brownout::duration::OrNone;

use super::{Mutant, told};

pub static MUTANTS: &[Mutant] = &[Mutant {
    name: "knows-no-budget",
    home: "provider-transient/outage-of-50[errors]",
    rule: "no-storm",
    may_also: &[],
    make: |policy, seed| told(policy, seed, |policy| policy.retry_budget = OrNone::None),
}];
