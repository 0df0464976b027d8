//! Secrets stay where they belong.

use super::{Breach, Findings, Level, Load, Rule, View};
use crate::{
    scenario::{Capability, Host},
    transcript::{Leak, Place, Secret},
};

/// The rows of this family.
pub static RULES: &[Rule] = &[Rule {
    slug: "no-secret-leak",
    level: Level::Must,
    needs: None,
    per_user: false,
    load: Load::Immune,
    sentence: "No API key in logs, errors, telemetry, URLs or at another host.",
    source: "mission, step 5: nothing private in logs; log-key-in-exception-url, log-key-echoed-in-401, fallback-reuses-injected-key",
    remedy: "Build messages from status and code, never from headers, URLs or bodies; give each provider its own key.",
    judge: no_secret_leak,
}];

pub fn no_secret_leak(view: &View) -> Findings {
    let mut findings = Findings { judged: view.t.attempts.len().max(1), breaches: Vec::new() };
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
