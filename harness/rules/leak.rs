//! Secrets stay where they belong.

use super::{Breach, Findings, View};
use crate::transcript::Secret;

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
