//! An outage must not be made worse by those who suffer it.

use super::{Breach, Findings, Level, Load, Rule, View};
use crate::{scenario::Capability, scenario::Host, transcript::Attempt};

/// The rows of this family.
pub static RULES: &[Rule] = &[Rule {
    slug: "no-storm",
    level: Level::Must,
    needs: None,
    per_user: false,
    load: Load::Immune,
    sentence: "In an outage, attempts over user requests stay within the amplification bound, and attempts in flight are bounded.",
    source: "mission, step 3: no retry storm; backoff-no-jitter-10s-cap, herd-50-concurrent-collapse",
    remedy: "Share a retry budget between the users of one client, and bound what is in flight.",
    judge: no_storm,
}];

pub fn no_storm(view: &View) -> Findings {
    let mut findings = Findings::default();
    let (storm, users) = (&view.policy().storm, view.t.users.len());
    if users < storm.from_users as usize {
        return findings;
    }
    let limit = storm.in_flight as usize * view.t.copies.max(1) as usize;
    for host in Host::PROVIDERS {
        let attempts: Vec<&Attempt> = view.t.attempts.iter().filter(|a| a.host == host).collect();
        let all = attempts.len() + view.t.contacts.iter().filter(|contact| contact.host == host).count();
        if all == 0 {
            continue;
        }
        let (ratio, bound) = (all as f64 / users as f64, amplification(view, &attempts));
        findings.check(ratio > bound, || {
            let actual = format!("{all} attempts at the {host} for {users} user requests: {ratio:.2} each");
            Breach::of_all(actual, format_args!("at most {bound:.2} each"))
        });
        let at_once = most_at_once(&attempts);
        findings.check(at_once > limit, || {
            Breach::of_all(
                format_args!("{at_once} attempts open at once at the {host}"),
                format_args!("at most {limit}"),
            )
        });
    }
    findings
}

/// The most attempts a user request, all together: the policy's bound, or what its own budget gives away in so long an outage.
fn amplification(view: &View, attempts: &[&Attempt]) -> f64 {
    let policy = view.policy();
    let most = f64::from(policy.attempts);
    let Some(budget) = policy.retry_budget.as_ref().filter(|_| view.can(Capability::RetryBudget)) else { return most };
    let moments = || attempts.iter().map(|attempt| attempt.arrived);
    let lasted = moments().max().unwrap_or(0) - moments().min().unwrap_or(0);
    let users = view.t.users.len() as f64;
    // The bucket starts with one second's worth.
    let copies = f64::from(view.t.copies.max(1));
    let given = budget.ratio * users + copies * budget.min_per_second * (1.0 + lasted as f64 / 1e6);
    (1.0 + given / users).max(policy.storm.amplification).min(most)
}

/// The largest number of attempts open at one moment; one that ends as another begins does not overlap it.
fn most_at_once(attempts: &[&Attempt]) -> usize {
    // One that was over at once, as the virtual clock has it, was open at no moment.
    let open = || attempts.iter().filter(|a| a.ended != Some(a.arrived));
    let ends = open().map(|a| (a.ended.unwrap_or(u64::MAX), 0));
    let mut moments: Vec<_> = open().map(|a| (a.arrived, 1)).chain(ends).collect();
    moments.sort_unstable();
    let mut open = 0_usize;
    let counts = moments.into_iter().map(|(_, begins)| {
        open = if begins == 1 { open + 1 } else { open.saturating_sub(1) };
        open
    });
    counts.max().unwrap_or(0)
}
