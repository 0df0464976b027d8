//! Secrets stay where they belong.

use super::{Breach, Findings, Level, Load, Rule, View};
use crate::{
    policy::Permission,
    scenario::{Capability, Host},
    transcript::{Leak, Place, Secret},
};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "no-secret-leak",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "No API key in logs, errors, telemetry, URLs or at another host.",
        source: "mission, step 5: nothing private in logs; log-key-in-exception-url, log-key-echoed-in-401, fallback-reuses-injected-key",
        remedy: "Build messages from status and code, never from headers, URLs or bodies; give each provider its own key.",
        judge: no_secret_leak,
    },
    Rule {
        slug: "no-prompt-leak",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "No prompt and no user identifier in logs, errors, telemetry or URLs, unless the policy permits it.",
        source: "mission, step 5: keep prompt text, user identifiers, and secrets out of logs; prompt-logged-at-info, sdk-debug-logs-bodies",
        remedy: "Log counts and classes instead; never format a request or a reply into a message.",
        judge: no_prompt_leak,
    },
];

/// Where logs are not heard, silence means nothing.
fn heard(view: &View) -> Findings {
    let unseen =
        (!view.t.logs_heard).then_some("the client's logs are not heard: another listener was installed first");
    Findings { judged: view.t.attempts.len().max(1), breaches: Vec::new(), unseen }
}

pub fn no_prompt_leak(view: &View) -> Findings {
    let mut findings = heard(view);
    let logs = &view.policy().logs;
    for leak in &view.t.leaks {
        let (permission, name) = match leak.what {
            Secret::Prompt => (logs.prompts, "prompt text"),
            Secret::User => (logs.user_ids, "the user's identifier"),
            Secret::Key(_) => continue,
        };
        if permission == Permission::Never {
            let breach = Breach::of_all(format_args!("{name} stands in {}", leak.place), "none there");
            findings.breaches.push(Breach { user: leak.user, ..breach });
        }
    }
    findings
}

pub fn no_secret_leak(view: &View) -> Findings {
    let mut findings = heard(view);
    for leak in &view.t.leaks {
        if let Secret::Key(host) = leak.what
            && !spoken_for(view, host, leak)
        {
            let breach = Breach::of_all(format_args!("the key of the {host} stands in {}", leak.place), "no key there");
            findings.breaches.push(Breach { user: leak.user, ..breach });
        }
    }
    findings
}

/// A key that came to another host by a redirect is `redirect-guarded`'s; one that came to another provider is
/// `fallback-isolated`'s, where the client claims a fallback.
fn spoken_for(view: &View, owner: Host, leak: &Leak) -> bool {
    let Place::Request(host) = leak.place else { return false };
    let led = |hop: &crate::transcript::Hop| hop.host == host && hop.carried_key;
    let providers = [owner, host].iter().all(|host| Host::PROVIDERS.contains(host));
    let isolated = view.can(Capability::Fallback) && providers;
    view.t.attempts.iter().filter(|attempt| attempt.user.is_some() && attempt.user == leak.user).any(|attempt| {
        let sent = attempt.request.as_ref().is_some_and(|request| request.foreign_keys.contains(&owner));
        (attempt.host != host && attempt.hops.iter().any(led)) || (isolated && attempt.host == host && sent)
    })
}
