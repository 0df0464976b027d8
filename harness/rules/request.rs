//! The real wire request against the pinned contract.

use super::{Breach, Findings, Level, Load, Rule, View};
use crate::{scenario::Host, transcript::AuthFact};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "endpoint-path",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "The real wire request uses the pinned path.",
        source: "mission, contract table: endpoint paths; url-double-v1, url-relative-resolution-drops-v1",
        remedy: "Pin the base URL and the path, and join them in one place.",
        judge: endpoint_path,
    },
    Rule {
        slug: "auth-header",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "The real wire request carries the key in the pinned header and form.",
        source: "mission, contract table: auth headers; auth-empty-key-connection-error, auth-key-with-whitespace",
        remedy: "Trim the key, refuse an empty one, and send it in the one documented form.",
        judge: auth_header,
    },
];

pub fn endpoint_path(view: &View) -> Findings {
    let mut findings = Findings::default();
    let pinned = &view.policy().endpoint.path;
    for (index, attempt) in view.t.attempts.iter().enumerate() {
        let Some(request) = &attempt.request else { continue };
        findings.check(request.path != *pinned || request.method != "POST", || {
            let actual = format!("{} {}", request.method, request.path);
            Breach { user: attempt.user, ..Breach::of_all(actual, format_args!("POST {pinned}")) }.at(index)
        });
    }
    for stray in view.t.strays.iter().filter(|stray| Host::PROVIDERS.contains(&stray.host) && stray.method == "POST") {
        findings.check(stray.path != *pinned, || {
            let actual = format!("{} {} at the {}", stray.method, stray.path, stray.host);
            Breach::of_all(actual, format_args!("POST {pinned}"))
        });
    }
    findings
}

pub fn auth_header(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (index, attempt) in view.t.attempts.iter().enumerate() {
        let Some(request) = &attempt.request else { continue };
        // Another host's key is a leak, and judged as one.
        let problem = match request.auth {
            AuthFact::Right | AuthFact::OtherHosts => None,
            AuthFact::Missing => Some("no key came"),
            AuthFact::Malformed => Some("the key came in another header or form"),
            AuthFact::Unknown => Some("an unknown key came"),
        };
        findings.check(problem.is_some(), || {
            let actual = problem.unwrap_or_default();
            Breach { user: attempt.user, ..Breach::of_all(actual, "the provider's key, as `endpoint.auth` says") }
                .at(index)
        });
    }
    findings
}
