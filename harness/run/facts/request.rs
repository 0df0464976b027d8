//! What was asked, without its words.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Joiner;
use crate::{
    contract::{self, Contract},
    policy::Auth,
    scenario::Host,
    transcript::{AuthFact, Finding, RequestFacts, Secret, digest},
    wire::Asked,
};

impl Joiner<'_> {
    pub(super) fn request(&self, host: Host, asked: &Asked) -> RequestFacts {
        let parsed: Option<Json> = serde_json::from_slice(&asked.body).ok();
        let body = parsed.clone().unwrap_or_default();
        let idempotency = self.case.policy.charge.idempotency_header.as_ref().map(|name| name.to_ascii_lowercase());
        RequestFacts {
            method: asked.method.clone(),
            path: self.redacted_path(&asked.target),
            auth: self.auth(host, asked),
            content_type: asked.header("content-type").map(|kind| self.unless_secret(kind)),
            stream: body["stream"] == Json::Bool(true),
            model_is_hosts: body["model"].as_str() == self.record.identity.models.get(&host).map(String::as_str),
            digest: parsed.as_ref().map_or_else(|| digest(&asked.text()), |body| digest(&canonical(body).to_string())),
            idempotency: idempotency.and_then(|name| asked.header(&name).map(digest)),
            findings: self.findings(host, parsed.as_ref()),
            uses: contract::features(&body),
            tokens: contract::tokens(&body),
            foreign_keys: self.foreign_keys(host, asked),
        }
    }

    /// Where the body breaks its provider's contract. A name that holds a canary is not shown.
    fn findings(&self, host: Host, body: Option<&Json>) -> Vec<Finding> {
        let Some(body) = body else { return vec![contract::no_json()] };
        let findings = Contract::of(self.case.policy.profile(host)).findings(body);
        let safe = |finding: Finding| Finding { pointer: self.unless_secret(&finding.pointer), ..finding };
        findings.into_iter().map(safe).collect()
    }

    /// Hosts whose keys a request to this host carries, beside its own; those in its URL are leaks wherever they go.
    pub(super) fn foreign_keys(&self, host: Host, asked: &Asked) -> Vec<Host> {
        let headers = asked.headers.iter().map(|(_, value)| value);
        let text = headers.chain([&*asked.text()]).collect::<Vec<_>>().join("\n");
        let owner = |secret| if let Secret::Key(owner) = secret { Some(owner) } else { None };
        self.canaries.in_text(&text).into_iter().filter_map(owner).filter(|owner| *owner != host).collect()
    }

    pub(super) fn redacted_path(&self, target: &str) -> String {
        self.unless_secret(target.split('?').next().unwrap_or(target))
    }

    fn unless_secret(&self, text: &str) -> String {
        if self.canaries.in_text(text).is_empty() { text.to_owned() } else { "(holds a canary)".to_owned() }
    }

    fn auth(&self, host: Host, asked: &Asked) -> AuthFact {
        let keys = &self.record.identity.keys;
        let (header, form) = match &self.case.policy.endpoint.auth {
            Auth::Bearer => ("authorization".to_owned(), format!("Bearer {}", keys[&host])),
            Auth::Header(name) => (name.to_ascii_lowercase(), keys[&host].clone()),
        };
        let holds = |key: &str| asked.headers.hold(key);
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

/// The same JSON with its keys in order: in which order they were written says nothing.
fn canonical(value: &Json) -> Json {
    match value {
        Json::Object(keys) => {
            let sorted: BTreeMap<&String, Json> = keys.iter().map(|(key, value)| (key, canonical(value))).collect();
            sorted.into_iter().map(|(key, value)| (key.clone(), value)).collect()
        }
        Json::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
    }
}
