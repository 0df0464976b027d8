//! How long clients wait before they come again, and whether they come all at once.
//!
//! Two rules hold a statistic (`chance.rs`), each over the first retry of every user, so that its samples are independent.

use std::collections::BTreeMap;

use super::{
    ALLOWANCE, Breach, Capability, Findings, Fits, GRAIN, Level, Load, Rule, View, chance, retry, silence, view,
};
use crate::{
    causes::{Retry, Waits, Wire},
    policy::{Backoff, Jitter},
    scenario::Host,
    transcript::Micros,
};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "backoff-spaced",
        level: Level::Must,
        needs: Some(Capability::Retry),
        per_user: true,
        load: Load::Sensitive,
        sentence: "The wait before attempt n+1 is the policy's: no shorter than its jitter allows, no longer than its cap, and with full \
                   jitter half of it on the average of many users.",
        source: "mission, step 3: no retry storm; slope-limit-synchronised-backoff, backoff-no-jitter-10s-cap",
        remedy: "Wait first x factor^(n-1) before attempt n+1, at most the cap, then apply the jitter.",
        judge: backoff_spaced,
    },
    Rule {
        slug: "backoff-jittered",
        level: Level::Should,
        needs: Some(Capability::Retry),
        per_user: true,
        load: Load::Sensitive,
        sentence: "Clients that fail together do not come back together, after a backoff or after the same named wait.",
        source: "vercel-backoff-no-jitter, backoff-no-jitter-10s-cap, ra-herd-same-instant",
        remedy: "Draw each wait at random, and add a little to a wait that the provider names.",
        judge: backoff_jittered,
    },
];

/// Fewer users say nothing.
const USERS: usize = 50;
/// Those who come back within this share of the time that they should be spread over come together.
const TOGETHER: f64 = 0.1;

/// One wait before one more attempt.
struct Wait {
    user: usize,
    /// The attempt that failed.
    index: usize,
    /// Which of the user's own waits there it is, from 1; those that replies named are not counted.
    nth: u32,
    /// From the head of the failed reply (or its end, where no head came) to the next attempt.
    gap: Micros,
    /// When the next attempt came.
    back: Micros,
    /// The wait that the reply named.
    named: Option<(Micros, Fits)>,
}

/// Every wait of one user at one host, in order.
fn waits(view: &View, user: usize, host: Host) -> Vec<Wait> {
    let mut nth = 0;
    let pairs = view.retries(user).into_iter().filter(|((_, attempt), _)| attempt.host == host);
    let wait = pairs.filter_map(|((index, attempt), (_, next))| {
        let cells = view.cells_with(index, |c| c.wait = None)?;
        // Other rules speak of what must not follow at all.
        let forbidden = cells.retry == Retry::Never || view.ended(index).committed;
        // A stale connection is replaced at once, whenever it broke.
        let stale = attempt.reused && attempt.wire == Wire::ClosedBeforeRequest;
        let at_once = cells.waits == Waits::None || stale || retry::changed_as_allowed(view, index, attempt, next);
        if forbidden || at_once || !attempt.hops.is_empty() {
            return None;
        }
        let named = attempt.reply.wait.map(|wait| view.named_wait(index).unwrap_or((wait, Fits::Unsure)));
        nth += u32::from(named.is_none());
        let given_up = view.over(attempt).min(silence::due(view, attempt));
        let gap = next.arrived.saturating_sub(attempt.first_byte.unwrap_or(given_up));
        Some(Wait { user, index, nth, gap, back: next.arrived, named })
    });
    wait.collect()
}

/// The wait before attempt n+1, before its jitter.
fn nominal(backoff: &Backoff, nth: u32) -> Micros {
    let grown = view::micros(*backoff.first) as f64 * backoff.factor.powi(i32::try_from(nth).unwrap_or(i32::MAX) - 1);
    grown.min(view::micros(*backoff.cap) as f64) as Micros
}

pub fn backoff_spaced(view: &View) -> Findings {
    let mut findings = Findings::default();
    let backoff = &view.policy().backoff;
    for (user, _) in view.users() {
        let waits = Host::PROVIDERS.into_iter().flat_map(|host| waits(view, user, host));
        // Beside a wait that the reply names, the client's own may be left out.
        for wait in waits.filter(|wait| wait.named.is_none()) {
            let least = least(backoff, wait.nth);
            findings.check(wait.gap + GRAIN < least, || {
                breach(view, &wait, wait.gap, format_args!("at least {}", view::seconds(least)))
                    .under(load(view, &wait))
            });
            let Some((gap, most)) = longest(view, &wait) else { continue };
            findings.check(gap > most + ALLOWANCE, || {
                breach(view, &wait, gap, format_args!("at most {}", view::seconds(most)))
            });
        }
    }
    let first: Vec<Wait> = first_waits(view).into_iter().filter(|wait| wait.named.is_none()).collect();
    if backoff.jitter == Jitter::Full && first.len() >= USERS {
        let (mean, least) = (mean_share(backoff, &first), chance::least_mean(first.len()));
        findings.check(mean < least, || {
            let actual = format!("{} users waited {:.0} % of their backoff on the average", first.len(), mean * 100.0);
            Breach::of_all(actual, format_args!("half of it, and never below {:.0} %", least * 100.0))
        });
    }
    findings
}

/// The least wait that the jitter allows.
fn least(backoff: &Backoff, nth: u32) -> Micros {
    (nominal(backoff, nth) as f64 * backoff.jitter.least()) as Micros
}

/// Load makes no wait shorter that began with a head of ours; the end of an attempt without one may have been seen late.
fn load(view: &View, wait: &Wait) -> Load {
    if view.t.attempts[wait.index].first_byte.is_some() { Load::Immune } else { Load::Sensitive }
}

fn breach(view: &View, wait: &Wait, gap: Micros, expected: std::fmt::Arguments) -> Breach {
    let (attempt, cause) = (&view.t.attempts[wait.index], view.ended(wait.index).name());
    let actual =
        format!("attempt {} at the {} came {} after {cause}", attempt.number + 1, attempt.host, view::seconds(gap));
    Breach::of_user(wait.user, actual, expected).at(wait.index)
}

/// How long a wait was from the very end of the failed attempt, and how long it may be; `None`: something else may explain a
/// longer one. Only a lone user is held up by no budget, breaker or crowd.
fn longest(view: &View, wait: &Wait) -> Option<(Micros, Micros)> {
    let attempt = &view.t.attempts[wait.index];
    let elsewhere = view.of_user(wait.user).any(|(_, a)| a.host != attempt.host && a.arrived <= wait.back);
    let alone = view.t.users.len() == 1 && !elsewhere && view.unhindered(attempt.number);
    let gap = wait.back.saturating_sub(attempt.ended?);
    alone.then(|| (gap, nominal(&view.policy().backoff, attempt.number)))
}

/// The first wait of each user at the primary. None where a user left, or may have had too little time for a long wait: there only
/// the short ones were seen to their end.
fn first_waits(view: &View) -> Vec<Wait> {
    if view.t.users.iter().any(|user| user.left.is_some()) || view.crowded() {
        return Vec::new();
    }
    let policy = view.policy();
    let needed = view::micros(*policy.fallback.reserve) + view::micros(*policy.backoff.cap) + ALLOWANCE;
    let users = view.users().filter_map(|(user, _)| waits(view, user, Host::Primary).into_iter().next());
    users.filter(|wait| view.left_after(wait.index) > needed).collect()
}

/// How much of the whole wait was waited, on the average.
fn mean_share(backoff: &Backoff, waits: &[Wait]) -> f64 {
    let share = |wait: &Wait| wait.gap as f64 / (nominal(backoff, wait.nth) as f64).max(1.0);
    waits.iter().map(share).sum::<f64>() / waits.len().max(1) as f64
}

pub fn backoff_jittered(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (waits, spread) in herds(view) {
        let window = (spread as f64 * TOGETHER) as Micros;
        // Timers go by whole milliseconds, so a window may hold a little more than its share.
        let share = (window + GRAIN) as f64 / (spread as f64).max(1.0);
        let Some(most) = chance::largest_crowd(waits.len(), share) else { continue };
        let crowd = chance::most_together(waits.iter().map(|wait| wait.back).collect(), window);
        findings.check(crowd > most, || {
            let (users, window) = (waits.len(), window as f64 / 1e6);
            let actual = format!("{crowd} of {users} users came back within {window:.3} s");
            Breach::of_all(actual, format_args!("at most {most}, spread over {}", view::seconds(spread)))
        });
    }
    findings
}

/// Users who wait for the same, and the time that they should be spread over: those with a backoff, and those told one wait.
/// Those who do not wait long enough are for other rules.
fn herds(view: &View) -> Vec<(Vec<Wait>, Micros)> {
    let (backoff, spread) = (&view.policy().backoff, view.policy().retry_after.spread);
    let (named, first): (Vec<Wait>, Vec<Wait>) = first_waits(view).into_iter().partition(|wait| wait.named.is_some());
    let mut told: BTreeMap<Micros, Vec<Wait>> = BTreeMap::new();
    for wait in named {
        if let Some((named, Fits::Yes)) = wait.named {
            told.entry(named).or_default().push(wait);
        }
    }
    let told = told.into_iter().filter(|(named, waits)| waits.iter().all(|wait| wait.gap + GRAIN >= *named));
    let told = told.map(|(named, waits)| (waits, (named as f64 * spread) as Micros));
    let (nominal, floor) = (nominal(backoff, 1), least(backoff, 1));
    let short = first.iter().any(|wait| wait.gap + GRAIN < floor)
        || (backoff.jitter == Jitter::Full && mean_share(backoff, &first) < chance::least_mean(first.len()));
    let first = if short { Vec::new() } else { first };
    told.chain([(first, nominal - floor)]).filter(|(waits, _)| waits.len() >= USERS).collect()
}
