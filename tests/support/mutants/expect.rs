//! Clients that only a scenario knows to be wrong.

use std::time::Duration;

use brownout::{client::Call, reference::Reference};

use super::{Mutant, acting, ask};

pub static MUTANTS: &[Mutant] = &[Mutant {
    name: "thinks-before-it-answers",
    home: "streaming/done-then-open",
    rule: "as-expected",
    // Two seconds more are beyond some deadlines, and look like sleep where a wait is too long for it.
    may_also: &["deadline-kept", "retry-after-ceiling"],
    make: |policy, seed| {
        acting(policy, seed, async |client: &Reference, call: Call| {
            let outcome = ask(client, &call).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            outcome
        })
    },
}];
