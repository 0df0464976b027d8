//! What was asked, without its words.

use serde_json::Value as Json;

use super::Joiner;
use crate::{
    policy::Auth,
    scenario::Host,
    transcript::{AuthFact, RequestFacts, digest},
    wire::Asked,
};

impl Joiner<'_> {
    pub(super) fn request(&self, host: Host, asked: &Asked) -> RequestFacts {
        let body: Json = serde_json::from_slice(&asked.body).unwrap_or(Json::Null);
        let idempotency = self.case.policy.charge.idempotency_header.as_ref().map(|name| name.to_ascii_lowercase());
        RequestFacts {
            method: asked.method.clone(),
            path: self.redacted_path(&asked.target),
            auth: self.auth(host, asked),
            content_type: asked.header("content-type").map(str::to_owned),
            stream: body["stream"] == Json::Bool(true),
            model_is_hosts: body["model"].as_str() == self.record.identity.models.get(&host).map(String::as_str),
            digest: digest(&body.to_string()),
            idempotency: idempotency.and_then(|name| asked.header(&name).map(digest)),
            findings: Vec::new(),
            uses: Vec::new(),
            tokens: 0,
            parameters: parameters(&body),
        }
    }

    pub(super) fn redacted_path(&self, target: &str) -> String {
        let path = target.split('?').next().unwrap_or(target);
        if self.canaries.in_text(path).is_empty() { path.to_owned() } else { "(holds a canary)".to_owned() }
    }

    fn auth(&self, host: Host, asked: &Asked) -> AuthFact {
        let keys = &self.record.identity.keys;
        let (header, form) = match &self.case.policy.endpoint.auth {
            Auth::Bearer => ("authorization".to_owned(), format!("Bearer {}", keys[&host])),
            Auth::Header(name) => (name.to_ascii_lowercase(), keys[&host].clone()),
        };
        let holds = |key: &str| asked.headers.iter().any(|(_, value)| value.contains(key));
        match asked.header(&header) {
            Some(value) if same_credential(value, &form) => AuthFact::Right,
            _ if holds(&keys[&host]) => AuthFact::Malformed,
            _ if keys.values().any(|key| holds(key)) => AuthFact::OtherHosts,
            None => AuthFact::Missing,
            Some(value) if value.trim().is_empty() || value.trim().eq_ignore_ascii_case("bearer") => AuthFact::Missing,
            Some(_) => AuthFact::Unknown,
        }
    }
}

/// `Bearer` in any case; the key to the letter.
fn same_credential(value: &str, form: &str) -> bool {
    match (value.split_once(' '), form.split_once(' ')) {
        (Some((scheme, key)), Some((wanted, pinned))) => scheme.eq_ignore_ascii_case(wanted) && key == pinned,
        _ => value == form,
    }
}

/// What is left of a body without model, messages and user: what the fallback must be told as the primary was.
fn parameters(body: &Json) -> String {
    let named = ["model", "messages", "user"];
    let rest = body.as_object().into_iter().flatten().filter(|(key, _)| !named.contains(&key.as_str()));
    digest(&rest.map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(","))
}
