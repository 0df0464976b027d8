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
    Mutant {
        name: "logs-the-request",
        home: "parser/ordinary-answer[plain]",
        rule: "no-prompt-leak",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                tracing::debug!(messages = ?call.messages, "asking");
                ask(client, &call).await
            })
        },
    },
    Mutant {
        name: "logs-who-asks",
        home: "parser/ordinary-answer[plain]",
        rule: "no-prompt-leak",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                log::info!("asking for {}", call.user);
                ask(client, &call).await
            })
        },
    },
    Mutant {
        name: "quotes-the-prompt-in-errors",
        home: "request-contract/refused-field",
        rule: "no-prompt-leak",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                let prompt = call.messages.last().map(|message| message.content.clone()).unwrap_or_default();
                saying(ask(client, &call).await, &prompt)
            })
        },
    },
    Mutant {
        name: "logs-its-headers",
        home: "parser/ordinary-answer[plain]",
        rule: "no-secret-leak",
        may_also: &[],
        make: |policy, seed| {
            acting(policy, seed, async |client: &Reference, call: Call| {
                log::debug!("> authorization: Bearer {}", call.providers[0].api_key);
                ask(client, &call).await
            })
        },
    },
];
