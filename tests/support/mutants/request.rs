//! Clients who send wrong requests.

use brownout::policy::Auth;

use super::{Mutant, told};

pub static MUTANTS: &[Mutant] = &[
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
];
