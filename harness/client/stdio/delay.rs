//! How long the adapter's process waits for a core: what it does late then is not the client's doing. Linux only.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often is looked.
pub const LOOK: Duration = Duration::from_millis(50);
/// Shorter waits are not kept.
const LEAST: Duration = Duration::from_millis(2);

/// The waits of one process.
#[derive(Debug, Default)]
pub struct Delay {
    /// When it was seen, and for how long some thread had waited since the look before.
    waits: Mutex<Vec<(Instant, Duration)>>,
}

impl Delay {
    /// Looks once, given what was seen before; what is seen now.
    pub fn look(&self, pid: u32, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let now = waited(pid);
        // A thread that was not there before has waited nothing yet that counts.
        let since = |(thread, waited): (&String, &u64)| waited.saturating_sub(*before.get(thread).unwrap_or(waited));
        let worst = Duration::from_nanos(now.iter().map(since).max().unwrap_or(0));
        if worst >= LEAST {
            self.waits.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), worst));
        }
        now
    }

    /// The longest wait seen since then.
    pub fn since(&self, then: Instant) -> Duration {
        let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let late = waits.iter().rev().take_while(|(at, _)| *at >= then);
        late.map(|(_, wait)| *wait).max().unwrap_or_default()
    }
}

/// Nanoseconds that each thread has waited for a core so far.
fn waited(pid: u32) -> BTreeMap<String, u64> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return BTreeMap::new() };
    let of = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let waited = text.split_whitespace().nth(1)?.parse().ok()?;
        Some((thread.file_name().to_string_lossy().into_owned(), waited))
    };
    threads.flatten().filter_map(of).collect()
}
