//! Clients who send wrong requests.

use std::rc::Rc;

use brownout::{
    client::AnyClient,
    policy::{Auth, Policy},
    reference::{Hooks, Reference},
    scenario::Host,
};
use reqwest::redirect;
use serde_json::json;

use super::{Mutant, sending, set_header, told};

/// The reference client on an HTTP client that follows some redirects.
fn following(policy: &Policy, seed: u64, whether: fn(&redirect::Attempt) -> bool) -> Rc<dyn AnyClient> {
    // Like any HTTP client it follows ten times and no more.
    let follows = move |attempt: redirect::Attempt| {
        if attempt.previous().len() < 10 && whether(&attempt) { attempt.follow() } else { attempt.stop() }
    };
    let http = move |http: reqwest::ClientBuilder| http.redirect(redirect::Policy::custom(follows));
    Rc::new(Reference::with_hooks(policy, seed, Hooks { http: Rc::new(http), ..Hooks::default() }))
}

fn within_the_origin(attempt: &redirect::Attempt) -> bool {
    attempt.previous().iter().all(|url| url.origin() == attempt.url().origin())
}

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
    Mutant {
        name: "sends-a-form",
        home: "request-contract/documented-fields[plain]",
        rule: "content-type",
        may_also: &[],
        make: |policy, seed| {
            sending(policy, seed, |outgoing| set_header(outgoing, "content-type", "application/x-www-form-urlencoded"))
        },
    },
    Mutant {
        name: "misspells-temperature",
        home: "request-contract/documented-fields[plain]",
        rule: "request-schema",
        may_also: &[],
        make: |policy, seed| sending(policy, seed, |outgoing| outgoing.body["temprature"] = json!(0.2)),
    },
    Mutant {
        name: "sends-null-for-nothing",
        home: "request-contract/documented-fields[plain]",
        rule: "request-schema",
        may_also: &[],
        make: |policy, seed| sending(policy, seed, |outgoing| outgoing.body["tool_choice"] = json!(null)),
    },
    Mutant {
        name: "knows-one-dialect",
        home: "request-contract/a-dialect-with-refusals[plain]",
        rule: "request-schema",
        may_also: &[],
        make: |policy, seed| sending(policy, seed, |outgoing| outgoing.body["logprobs"] = json!(true)),
    },
    Mutant {
        name: "warms-up-with-each-retry",
        home: "provider-transient/one-bad-moment[error]",
        rule: "request-stable",
        may_also: &[],
        make: |policy, seed| {
            sending(policy, seed, |outgoing| {
                let again = outgoing.provider == Host::Primary && outgoing.attempt > 1;
                if again {
                    outgoing.body["temperature"] = json!(0.1 * f64::from(outgoing.attempt));
                }
            })
        },
    },
    Mutant {
        name: "replays-a-post-elsewhere",
        home: "auth/redirect-carries-no-key[307,authorization]",
        rule: "redirect-guarded",
        may_also: &[],
        make: |policy, seed| following(policy, seed, |attempt| !within_the_origin(attempt) && attempt.status() != 302),
    },
    Mutant {
        name: "takes-its-key-along",
        home: "auth/redirect-carries-no-key[302,api-key]",
        rule: "redirect-guarded",
        may_also: &[],
        make: |policy, seed| following(policy, seed, |attempt| !within_the_origin(attempt) && attempt.status() == 302),
    },
    Mutant {
        name: "turns-a-post-into-a-get",
        home: "request-contract/redirected-post-stays-a-post[301]",
        rule: "redirect-guarded",
        may_also: &["as-expected"],
        make: |policy, seed| following(policy, seed, within_the_origin),
    },
];
