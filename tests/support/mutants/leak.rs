//! Clients who tell secrets.

use base64::prelude::{BASE64_STANDARD, Engine};
use brownout::{client::Call, reference::Reference};

use super::{Mutant, acting, ask, saying};

pub static MUTANTS: &[Mutant] = &[
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
];
