//! Secrets stay where they belong.

use super::{Breach, Findings, Level, Load, Rule, View};
use crate::transcript::Secret;

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
        if let Secret::Key(host) = leak.what {
            let breach = Breach::of_all(format_args!("the key of the {host} stands in {}", leak.place), "no key there");
            findings.breaches.push(Breach { user: leak.user, ..breach });
        }
    }
    findings
}
