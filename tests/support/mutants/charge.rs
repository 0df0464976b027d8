//! Clients who do work twice.

use std::cell::Cell;

use brownout::{client::Call, duration::OrNone, reference::Reference};

use super::{Mutant, acting, ask, sending, set_header};

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "charges-twice-without-a-key",
        home: "side-effect/silent-then-well",
        rule: "no-double-charge",
        may_also: &["as-expected"],
        make: |policy, seed| {
            let mut keyless = policy.clone();
            keyless.charge.idempotency_header = OrNone::None;
            acting(&keyless, seed, async |client: &Reference, mut call: Call| {
                call.request.charge_sensitive = false;
                ask(client, &call).await
            })
        },
    },
    Mutant {
        name: "knows-no-charge",
        home: "provider-transient/injected-500[charge-sensitive]",
        rule: "no-double-charge",
        may_also: &["as-expected"],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, mut call: Call| {
                call.request.charge_sensitive = false;
                ask(client, &call).await
            })
        },
    },
    Mutant {
        name: "runs-tools-twice",
        home: "parser/tool-call[plain]",
        rule: "effects-once",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let outcome = ask(client, &call).await;
                // The application runs what it was handed, which the client has run already.
                call.effects.all().iter().for_each(|effect| call.effects.push(&effect.name, &effect.call));
                outcome
            })
        },
    },
    Mutant {
        name: "makes-a-key-for-each-attempt",
        home: "side-effect/one-key-a-request",
        rule: "idempotency-stable",
        // Nor does the provider know charged work again.
        may_also: &["no-double-charge", "retry-only-retryable"],
        make: |policy, seed| {
            let made = Cell::new(0);
            sending(policy, seed, move |outgoing| {
                made.set(made.get() + 1);
                set_header(outgoing, "Idempotency-Key", &format!("key-{}", made.get()));
            })
        },
    },
    Mutant {
        name: "has-one-key-for-everybody",
        home: "side-effect/one-key-a-request",
        rule: "idempotency-stable",
        may_also: &[],
        make: |policy, seed| sending(policy, seed, |outgoing| set_header(outgoing, "Idempotency-Key", "the-key")),
    },
];
