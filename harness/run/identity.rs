//! Who is who in a run: keys, markers and user names that the harness issues, so that it never has to guess. All are canaries.

use std::collections::BTreeMap;

use crate::scenario::Host;

/// The identity of one run.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The key of each host.
    pub keys: BTreeMap<Host, String>,
    /// The prompt marker of each user.
    pub markers: Vec<String>,
    /// The user name of each user.
    pub names: Vec<String>,
    /// The model of each host.
    pub models: BTreeMap<Host, String>,
}

impl Identity {
    /// Issues an identity; the same seed issues the same one.
    pub fn issue(seed: u64, users: usize) -> Self {
        // A client seeded with the same number must not come upon the same canaries.
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x0063_616e_6172_7921);
        let mut canary = || format!("{:016x}{:016x}", rng.u64(..), rng.u64(..));
        Identity {
            keys: Host::ALL.into_iter().map(|host| (host, format!("sk-brownout-{}", canary()))).collect(),
            markers: (0..users).map(|user| format!("[u{user}:{}]", canary())).collect(),
            names: (0..users).map(|user| format!("user-{user}-{}", canary())).collect(),
            models: Host::ALL.into_iter().map(|host| (host, format!("brownout-{host}"))).collect(),
        }
    }

    /// An identity whose markers and names anybody can write: they tell users apart, and are no canaries.
    pub fn plain(seed: u64, users: usize) -> Self {
        let markers = (0..users).map(|user| format!("[u{user}]")).collect();
        let names = (0..users).map(|user| format!("user-{user}")).collect();
        Identity { markers, names, ..Identity::issue(seed, 0) }
    }

    /// The same with keys that are known outside this run.
    pub fn with_keys(self, keys: &BTreeMap<Host, String>) -> Self {
        Identity { keys: keys.clone(), ..self }
    }

    /// The random part of a canary: what a leak is found by.
    pub fn secret(canary: &str) -> &str {
        canary.rsplit(['-', ':']).next().unwrap_or(canary).trim_end_matches(']')
    }
}
