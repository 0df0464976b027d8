//! The real wire request against the pinned contract.

use super::{Breach, Findings, Level, Load, Rule, View};
use crate::{
    causes::{Mode, Part},
    scenario::Host,
    transcript::{Attempt, AuthFact, Finding, Hop, RequestFacts},
};

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
    Rule {
        slug: "content-type",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "The real wire request says that its body is JSON.",
        source: "mission, contract table: required request fields; CometAPI, OpenAI-compatible API: Content-Type: application/json",
        remedy: "Send `content-type: application/json`, from the one place that writes the body.",
        judge: content_type,
    },
    Rule {
        slug: "request-schema",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "The body fits the strict request schema and the provider's profile: nothing misspelled, unsupported, or null \
                   where null is not allowed.",
        source: "mission, failure modes: unsupported field, add schema validation before sending; null-tool-choice, \
                 param-max-tokens-reasoning, fallback-params-not-customised-streaming",
        remedy: "Leave unset options out, build each provider's body for its own profile, and check it before it is sent.",
        judge: request_schema,
    },
    Rule {
        slug: "request-stable",
        level: Level::Should,
        needs: None,
        per_user: true,
        load: Load::Immune,
        sentence: "A retry sends the same body to the same provider, unless the failure named a part of it.",
        source: "idem-no-key-on-nonidempotent-post, retry-sends-empty-body; causes.yaml, column changed",
        remedy: "Build the body once per provider and user request, and send that.",
        judge: request_stable,
    },
    Rule {
        slug: "redirect-guarded",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "A POST is not replayed to another origin, does not become another method, and the key does not travel.",
        source: "redirect-custom-auth-header-leak, redirect-post-becomes-get; CometAPI, error codes: turn off redirect following",
        remedy: "Follow no redirect of a POST; report it with the address it names.",
        judge: redirect_guarded,
    },
];

/// Requests that were read, with the attempts they belong to.
fn requests<'a>(view: &View<'a>) -> impl Iterator<Item = (usize, &'a Attempt, &'a RequestFacts)> {
    let attempts = view.t.attempts.iter().enumerate();
    attempts.filter_map(|(index, attempt)| Some((index, attempt, attempt.request.as_ref()?)))
}

/// What the client sent is not the provider's doing, so its cause names neither owner nor action.
fn sent(index: usize, attempt: &Attempt, actual: impl std::fmt::Display, expected: impl std::fmt::Display) -> Breach {
    Breach { user: attempt.user, ..Breach::of_all(actual, expected) }.at(index).filed(Mode::RequestContract)
}

pub fn endpoint_path(view: &View) -> Findings {
    let mut findings = Findings::default();
    let pinned = &view.policy().endpoint.path;
    for (index, attempt, request) in requests(view) {
        findings.check(request.path != *pinned || request.method != "POST", || {
            let actual = format!("{} {}", request.method, request.path);
            sent(index, attempt, actual, format_args!("POST {pinned}"))
        });
    }
    for stray in view.t.strays.iter().filter(|stray| Host::PROVIDERS.contains(&stray.host) && stray.method == "POST") {
        findings.check(stray.path != *pinned, || {
            let actual = format!("{} {} at the {}", stray.method, stray.path, stray.host);
            Breach::of_all(actual, format_args!("POST {pinned}")).filed(Mode::RequestContract)
        });
    }
    findings
}

pub fn auth_header(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (index, attempt, request) in requests(view) {
        // Another host's key is a leak, or the fallback's isolation, and judged as such.
        let problem = match request.auth {
            AuthFact::Right | AuthFact::OtherHosts => None,
            AuthFact::Missing => Some("no key came"),
            AuthFact::Malformed => Some("the key came in another header or form"),
            AuthFact::Unknown => Some("an unknown key came"),
        };
        findings.check(problem.is_some(), || {
            let actual = problem.unwrap_or_default();
            sent(index, attempt, actual, "the provider's key, as `endpoint.auth` says").filed(Mode::Auth)
        });
    }
    findings
}

pub fn content_type(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (index, attempt, request) in requests(view) {
        let kind = request.content_type.as_deref();
        let plain = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
        findings.check(!plain.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")), || {
            let actual = kind.map_or_else(|| "no content type".to_owned(), |kind| format!("content type {kind:?}"));
            sent(index, attempt, actual, "application/json")
        });
    }
    findings
}

pub fn request_schema(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (index, attempt, request) in requests(view) {
        let wrong: Vec<&Finding> = request.findings.iter().filter(|finding| !allowed(view, finding)).collect();
        findings.check(!wrong.is_empty(), || {
            let first = wrong[0];
            let place = if first.pointer.is_empty() { String::new() } else { format!("{}: ", first.pointer) };
            let more = if wrong.len() > 1 { format!(", and {} more", wrong.len() - 1) } else { String::new() };
            let profile = view.policy().profile(attempt.host);
            let actual = format!("{place}{} ({}){more}", first.what, first.keyword);
            sent(index, attempt, actual, format_args!("a body that fits the contract of {profile}"))
        });
    }
    findings
}

/// Whether the policy lets this place of the body alone; `*` stands for any one part.
fn allowed(view: &View, finding: &Finding) -> bool {
    let same = |(wanted, part): (&str, &str)| wanted == "*" || wanted == part;
    view.policy().request.allows.iter().any(|pointer| {
        let (wanted, found) = (pointer.split('/'), finding.pointer.split('/'));
        wanted.clone().count() <= found.clone().count() && wanted.zip(found).all(same)
    })
}

pub fn request_stable(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, host) in view.users().flat_map(|(user, _)| Host::PROVIDERS.map(|host| (user, host))) {
        let sent: Vec<_> = view.at(user, host).filter_map(|(i, a)| Some((i, a.request.as_ref()?))).collect();
        for pair in sent.windows(2) {
            let ((lost, first), (again, second)) = (pair[0], pair[1]);
            let mended = view.cells(lost).is_some_and(|cells| cells.changed == Some(Part::Body));
            findings.check(first.digest != second.digest && !mended, || {
                let actual = format!("another body was sent to the {host} after {}", view.ended(lost).name());
                Breach::of_user(user, actual, "the same body").at(again).filed(Mode::RequestContract)
            });
        }
    }
    findings
}

pub fn redirect_guarded(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (index, attempt, _) in requests(view) {
        if attempt.hops.is_empty() && attempt.reply.location.is_none() {
            continue;
        }
        let wrong = attempt.hops.iter().find_map(|hop| misled(attempt, hop));
        findings.check(wrong.is_some(), || {
            let (mode, actual) = wrong.expect("checked in the condition");
            sent(index, attempt, actual, "no redirect is followed, or within the origin as the same POST").filed(mode)
        });
    }
    findings
}

/// What went wrong at a hop.
fn misled(attempt: &Attempt, hop: &Hop) -> Option<(Mode, String)> {
    let away = hop.host != attempt.host;
    if away && hop.carried_key {
        Some((Mode::Auth, format!("the key went along to the {}", hop.host)))
    } else if away && hop.method == "POST" {
        Some((Mode::RequestContract, format!("the POST was replayed to the {}", hop.host)))
    } else if hop.method != "POST" && hop.status != Some(303) {
        // A 303 asks for a GET.
        Some((Mode::RequestContract, format!("the POST became a {} at the {}", hop.method, hop.host)))
    } else {
        None
    }
}
