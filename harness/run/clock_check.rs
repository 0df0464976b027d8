//! Whether a client keeps the virtual clock: the same three cases on both clocks must give the same attempts at the same times.
//!
//! A client that sleeps on std time, or works on threads of its own, does not live on the paused clock: verdicts about its waits and
//! timeouts would be about the harness.

use std::{
    ops::RangeInclusive,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Options, Suite, run_suite};
use crate::{
    client::Factory,
    policy::Policy,
    scenario::{
        Case,
        load::{self, SourceFile},
    },
    transcript::{ClockKind, Micros, Transcript},
};

/// One timeout, one backoff, one wait that the provider asks for. Durations are short, so that a check takes about a second.
const CASES: [(&str, &str, &str); 3] = [
    ("client-timeout/one-timeout.yaml", "one timeout", "silent, ok"),
    ("rate-quota/one-backoff.yaml", "one backoff", "rate-limited, rate-limited, ok"),
    (
        "rate-quota/one-retry-after.yaml",
        "one Retry-After",
        "{ reply: rate-limited, headers: { retry-after: { secs: 1s } } }, ok",
    ),
];
const POLICY: &str = "{ attempt_timeout: 300ms, deadline: 4s, fallback: { reserve: 500ms, timeout: 400ms }, \
                      backoff: { first: 200ms, factor: 1, cap: 200ms, jitter: none } }";

/// How far apart the same gap may be on both clocks.
const APART: Micros = 50_000;
/// More runs on the virtual clock, each with another seed: a client may be free to choose its waits within a range.
const SEEDS: usize = 15;
/// A client that needs more true time than this on the virtual clock seems to sleep there: it is not asked again and again.
const QUICK: Duration = Duration::from_millis(300);
/// Runs in true time: a machine under load may be late, but not each time.
const ROUNDS: usize = 3;
/// True time after which a client that blocks the virtual clock is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Checks the client. An error says how it differs, in one line.
pub fn clock_check(factory: &Arc<Factory>, policy: &Policy) -> Result<(), String> {
    let cases = cases(policy);
    let leaping = leaping(factory, &cases)?;
    let round = || {
        let options = Options { solo: false, ..Options::new(ClockKind::Real, 1) };
        let real = transcripts(factory, cases.clone(), options)?;
        real.iter().try_for_each(|real| {
            let same = leaping.iter().filter(|transcript| transcript.scenario == real.scenario);
            alike(real, &same.collect::<Vec<_>>())
        })
    };
    (1..ROUNDS).fold(round(), |result, _| result.or_else(|_| round()))
}

fn leaping(factory: &Arc<Factory>, cases: &[Case]) -> Result<Vec<Transcript>, String> {
    let options = |seed| Options { patience: PATIENCE, ..Options::new(ClockKind::Virtual, seed) };
    let started = Instant::now();
    let mut leaping = transcripts(factory, cases.to_vec(), options(1))?;
    if started.elapsed() < QUICK {
        leaping.extend(transcripts(factory, vec![cases; SEEDS].concat(), options(2))?);
    }
    Ok(leaping)
}

fn cases(policy: &Policy) -> Vec<Case> {
    let file = |(path, title, steps): (&str, &str, &str)| {
        let text = format!("title: {title}\nwhy: {title}\nsources: [check]\npolicy: {POLICY}\nprimary: [ {steps} ]\n");
        SourceFile::new("clock-check", path, text)
    };
    let library = load::load(&CASES.map(file), policy).expect("the check's own cases load under every policy");
    // Whatever a client claims, it is asked: what it does then shows which clock it lives on.
    library.cases.into_iter().map(|case| Case { needs: Vec::new(), ..case }).collect()
}

fn transcripts(factory: &Arc<Factory>, cases: Vec<Case>, options: Options) -> Result<Vec<Transcript>, String> {
    let factory = factory.clone();
    let suite = Suite { cases, factory: Box::new(move |policy, seed| factory(policy, seed)) };
    let results = run_suite(Arc::new(suite), options, &mut |_, _| ())?;
    Ok(results.into_iter().map(|(transcript, _)| transcript).collect())
}

/// What happened, and when.
fn moments(transcript: &Transcript) -> (Vec<String>, Vec<Micros>) {
    let mut moments: Vec<(Micros, String)> =
        transcript.attempts.iter().map(|a| (a.arrived, format!("attempt {} at the {}", a.number, a.host))).collect();
    for user in &transcript.users {
        let result = user.outcome.as_ref().map(|outcome| outcome.result.word());
        let outcome = user.ended.zip(result);
        moments.extend(outcome.map(|(at, result)| (at, format!("the outcome ({result})"))));
    }
    moments.sort_unstable();
    moments.into_iter().map(|(at, what)| (what, at)).unzip()
}

fn alike(real: &Transcript, leaping: &[&Transcript]) -> Result<(), String> {
    let name = &real.title;
    if let Some(error) = leaping.iter().chain([&real]).find_map(|transcript| transcript.errors.first()) {
        return Err(format!("{name}: {error}"));
    }
    let (what, times) = moments(real);
    let leaps: Vec<_> = leaping.iter().map(|transcript| moments(transcript)).collect();
    if let Some((other, _)) = leaps.iter().find(|(other, _)| *other != what) {
        return Err(format!("{name}: {} in true time, {} on the virtual clock", list(&what), list(other)));
    }
    let gaps = |times: &[Micros]| [0].iter().chain(times).zip(times).map(|(a, b)| b - a).collect::<Vec<_>>();
    let leaps: Vec<_> = leaps.iter().map(|(_, times)| gaps(times)).collect();
    for (n, gap) in gaps(&times).into_iter().enumerate() {
        let range = range(leaps.iter().map(|gaps| gaps[n]));
        if gap + APART < *range.start() || gap > range.end() + APART {
            let (real, leap) = (seconds(gap), seconds(*range.start()));
            return Err(format!(
                "{name}: {} after {real} s in true time, after {leap} s on the virtual clock",
                what[n]
            ));
        }
    }
    Ok(())
}

fn list(what: &[String]) -> String {
    if what.is_empty() { "nothing".to_owned() } else { what.join(", ") }
}

fn range(values: impl Iterator<Item = Micros> + Clone) -> RangeInclusive<Micros> {
    values.clone().min().unwrap_or_default()..=values.max().unwrap_or_default()
}

fn seconds(micros: Micros) -> String {
    format!("{:.2}", micros as f64 / 1e6)
}
