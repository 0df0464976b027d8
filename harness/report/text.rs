//! The report for people: a block a failure with its timeline, a line a failure mode, one line for all.

use std::{collections::BTreeMap, fmt::Write};

use super::clock;
use crate::{
    gate::Tally,
    rules::Breach,
    scenario::Family,
    transcript::{Attempt, ClockKind, Micros, Transcript},
    verdict::{Judgement, Status, Verdict},
};

/// Breaches shown of one rule, and lines of a timeline; what is left out is counted.
const SHOWN: usize = 5;
const LINES: usize = 24;

/// The block of one scenario that is not fine; empty for one that is.
pub fn block(transcript: &Transcript, judgement: &Judgement) -> String {
    block_with(transcript, judgement, &again(transcript))
}

/// The same, where another command runs the scenario again.
pub fn block_with(transcript: &Transcript, judgement: &Judgement, again: &str) -> String {
    let mut out = String::new();
    match judgement.status {
        Status::Pass | Status::NotApplicable => return out,
        status => writeln!(out, "{} {}", label(status), judgement.scenario).expect("a String takes all"),
    }
    for verdict in judgement
        .verdicts
        .iter()
        .filter(|verdict| !verdict.breaches.is_empty() || verdict.status == Status::Inconclusive)
    {
        out.push_str(&breaches(verdict));
    }
    if let Some(reason) = &judgement.reason {
        row(&mut out, "reason", reason);
    }
    if judgement.status >= Status::Inconclusive && !transcript.users.is_empty() {
        timeline(transcript)
            .into_iter()
            .enumerate()
            .for_each(|(n, line)| row(&mut out, if n == 0 { "timeline" } else { "" }, &line));
    }
    for (n, line) in transcript.process.iter().flat_map(|process| &process.last_words).enumerate() {
        row(&mut out, if n == 0 { "said last" } else { "" }, line);
    }
    if judgement.status == Status::Fail {
        row(&mut out, "why", &transcript.why);
        if let Some(verdict) = judgement.verdicts.iter().find(|verdict| verdict.status == Status::Fail) {
            row(&mut out, "mode", &verdict.mode.to_string());
            row(&mut out, "owner", &verdict.owner);
            row(&mut out, "action", &verdict.action);
        }
    }
    row(&mut out, "again", again);
    out
}

fn row(out: &mut String, name: &str, text: &str) {
    writeln!(out, "  {name:<10} {text}").expect("a String takes all");
}

fn breaches(verdict: &Verdict) -> String {
    let mut out = String::new();
    for Breach { user, actual, expected, .. } in verdict.breaches.iter().take(SHOWN) {
        let user = user.map_or_else(String::new, |user| format!("user {user}: "));
        writeln!(out, "  {:<22} {user}{actual}  ({expected})", verdict.rule).expect("a String takes all");
    }
    if verdict.breaches.len() > SHOWN {
        writeln!(out, "  {:<22} and {} more like these", "", verdict.breaches.len() - SHOWN)
            .expect("a String takes all");
    }
    if let Some(reason) = &verdict.reason {
        writeln!(out, "  {:<22} {}: {reason}", verdict.rule, verdict.status).expect("a String takes all");
    }
    out
}

/// The command that runs it again against the reference client.
pub fn again(transcript: &Transcript) -> String {
    let clock = if transcript.clock == ClockKind::Real { " --clock real" } else { "" };
    format!("brownout run '{}'{clock}", transcript.scenario)
}

/// The word that a line begins with.
pub fn label(status: Status) -> &'static str {
    match status {
        Status::Pass => "PASS",
        Status::Warn => "WARN",
        Status::NotApplicable => "N/A ",
        Status::NotExercised => "NOT EXERCISED",
        Status::NotRun => "NOT RUN",
        Status::Inconclusive => "INCONCLUSIVE",
        Status::Error => "ERROR",
        Status::Fail => "FAIL",
    }
}

fn timeline(transcript: &Transcript) -> Vec<String> {
    let mut moments: Vec<(Micros, String)> = Vec::new();
    let many = transcript.users.len() > 1;
    for attempt in &transcript.attempts {
        moments.push((attempt.arrived, attempt_line(attempt, many)));
    }
    for stray in &transcript.strays {
        moments.push((stray.arrived, format!("{:<9} {} {} (not asked for)", stray.host, stray.method, stray.path)));
    }
    for (number, user) in transcript.users.iter().enumerate() {
        let name = if many { format!(" of user {number}") } else { String::new() };
        let end = user.ended.or(user.left).unwrap_or(transcript.watched);
        let said = if transcript.command.is_some() { "not seen".to_owned() } else { outcome(user) };
        moments.push((end, format!("outcome{name}   {said}")));
    }
    if let Some(command) = transcript.command.as_ref().filter(|command| command.took > 0) {
        let ended = command.ended.as_deref().unwrap_or("had to be ended");
        moments.push((transcript.watched, format!("command   {ended}")));
    }
    moments.sort_by_key(|(at, _)| *at);
    let left_out = moments.len().saturating_sub(LINES);
    let lines = moments.into_iter().take(LINES).map(|(at, line)| format!("{:<9} {line}", clock(at)));
    lines.chain((left_out > 0).then(|| format!("and {left_out} more"))).collect()
}

fn attempt_line(attempt: &Attempt, many: bool) -> String {
    let user = attempt.user.filter(|_| many).map_or_else(String::new, |user| format!(" of user {user}"));
    let status = attempt.reply.status.map_or_else(|| "no status".to_owned(), |status| status.to_string());
    let wait = attempt.reply.wait.map_or_else(String::new, |wait| format!(", asks for {:.2} s", wait as f64 / 1e6));
    let led: String = attempt.hops.iter().map(|hop| format!(", led to the {}", hop.host)).collect();
    let took = attempt
        .ended
        .map_or_else(|| "still open".to_owned(), |end| format!("{} ms", end.saturating_sub(attempt.arrived) / 1000));
    format!(
        "{} #{}{user}  {status}{led}{wait} ({}; {})  {took}",
        attempt.host, attempt.number, attempt.step.label, attempt.wire
    )
}

fn outcome(user: &crate::transcript::UserRequest) -> String {
    let Some(outcome) = &user.outcome else { return "none".to_owned() };
    let class = outcome.class.map_or_else(String::new, |class| format!(": {class}"));
    let claim = outcome.attempts.map_or_else(String::new, |n| format!(" (the client says: {n} attempts)"));
    format!("{}{class}{claim}", outcome.result.word())
}

/// The last lines: how many were judged, then a line a failure mode.
pub fn summary(judgements: &[Judgement]) -> String {
    let tally = Tally::of(judgements);
    let mut out = format!("{} judged of {}", tally.judged, tally.of);
    let counts = [
        (tally.failed, "failed"),
        (tally.known, "known to fail"),
        (tally.warned - tally.known, "warned"),
        (tally.unjudged, "without a verdict"),
        (tally.not_applicable, "not applicable"),
    ];
    counts
        .iter()
        .filter(|(n, _)| *n > 0)
        .for_each(|(n, word)| write!(out, ", {n} {word}").expect("a String takes all"));
    out.push('\n');
    for family in Family::ALL {
        let of_family = |judgement: &&Judgement| judgement.scenario.split('/').next() == Some(&family.to_string());
        let tally = Tally::of(judgements.iter().filter(of_family));
        if tally.of > 0 {
            let worst =
                judgements.iter().filter(of_family).map(|judgement| judgement.status).max().unwrap_or(Status::Pass);
            let word = if worst <= Status::NotApplicable { "PASS" } else { label(worst) };
            writeln!(out, "  {word:<5} {:<20} {:>3} judged of {:>3}", family.to_string(), tally.judged, tally.of)
                .expect("a String takes all");
        }
    }
    out
}

/// What the baseline excuses, a line a rule and reason: what was seen of it, and why it stands.
pub fn known(judgements: &[Judgement]) -> String {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for verdict in judgements.iter().flat_map(|judgement| &judgement.verdicts).filter(|verdict| verdict.is_known()) {
        *counts.entry((&verdict.rule, verdict.reason.as_deref().unwrap_or_default())).or_default() += 1;
    }
    let line = |((rule, reason), n): (&(&str, &str), &usize)| format!("  {rule:<22} {n:>3} x {reason}\n");
    counts.iter().map(line).collect()
}
