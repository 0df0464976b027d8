//! `run`, and the bare program: scenarios against the reference client.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    rc::Rc,
    sync::Arc,
};

use brownout::{
    client::AnyClient,
    gate::Exit,
    policy::Policy,
    reference::Reference,
    run::{Options, Suite, run_suite},
    select::select,
    transcript::{ClockKind, Transcript},
    verdict::{Judgement, Status},
};

use crate::{
    Done, Failed,
    cli::{Clock, Run},
    finish, library, show, style, usage,
};

/// Runs what the patterns mean.
pub fn run(patterns: &[String], run: &Run) -> Done {
    let (_, library) = library(&run.files)?;
    let cases = select(&library.cases, patterns).map_err(usage)?.into_iter().cloned().collect();
    let suite = Arc::new(Suite { cases, factory: Box::new(reference) });
    let mut transcripts = run.transcripts.as_ref().map(|file| Saved::create(file)).transpose()?;
    let mut out = style::out();
    let mut tallies = Repeats::default();
    for round in 0..run.repeat {
        let mut printed = Ok(());
        let mut progress = |transcript: &Transcript, judgement: &Judgement| {
            if round == 0 && printed.is_ok() {
                printed = show(&mut out, transcript, judgement, run.output.format);
            }
        };
        let options = Options::new(clock(run.clock), run.seed.wrapping_add(u64::from(round)));
        let results = run_suite(suite.clone(), options, &mut progress).map_err(Failed::Broken)?;
        printed?;
        if let Some(saved) = &mut transcripts {
            saved.write(&results)?;
        }
        tallies.add(results);
    }
    if run.repeat > 1 {
        write!(out, "{}", tallies.report(run.repeat))?;
    }
    let differing = !tallies.differing().is_empty();
    let exit = finish(&mut out, tallies.worst(), &run.output)?;
    // A verdict that comes and goes is none.
    Ok(if differing && exit == Exit::Fine { Exit::Unjudged } else { exit })
}

fn reference(policy: &Policy, seed: u64) -> Rc<dyn AnyClient> {
    Rc::new(Reference::new(policy, seed))
}

fn clock(clock: Clock) -> ClockKind {
    match clock {
        Clock::Virtual => ClockKind::Virtual,
        Clock::Real => ClockKind::Real,
    }
}

/// A file of transcripts, one a line.
struct Saved {
    name: String,
    file: BufWriter<File>,
}

impl Saved {
    fn create(file: &std::path::Path) -> Result<Self, Failed> {
        let name = file.display().to_string();
        let opened = File::create(file).map_err(|error| usage(format_args!("{name} cannot be written: {error}")))?;
        Ok(Saved { name, file: BufWriter::new(opened) })
    }

    fn write(&mut self, results: &[(Transcript, Judgement)]) -> Result<(), Failed> {
        let failed = |error: std::io::Error| Failed::Broken(format!("error: {} cannot be written: {error}", self.name));
        for (transcript, _) in results {
            let line = serde_json::to_string(transcript).expect("plain values have a JSON form");
            writeln!(self.file, "{line}").map_err(failed)?;
        }
        self.file.flush().map_err(failed)
    }
}

/// What became of each scenario over all rounds.
#[derive(Default)]
struct Repeats {
    rounds: Vec<Vec<Judgement>>,
}

impl Repeats {
    fn add(&mut self, results: Vec<(Transcript, Judgement)>) {
        self.rounds.push(results.into_iter().map(|(_, judgement)| judgement).collect());
    }

    /// Scenarios whose verdicts were not the same in every round: how often each status was had.
    fn differing(&self) -> Vec<(String, BTreeMap<Status, usize>)> {
        let Some(first) = self.rounds.first() else { return Vec::new() };
        let differs =
            |place: &usize| self.rounds.iter().any(|round| verdicts(&round[*place]) != verdicts(&first[*place]));
        let count = |place: usize| {
            let mut counts = BTreeMap::new();
            self.rounds.iter().for_each(|round| *counts.entry(round[place].status).or_default() += 1);
            (first[place].scenario.clone(), counts)
        };
        (0..first.len()).filter(differs).map(count).collect()
    }

    fn report(&self, rounds: u32) -> String {
        let differing = self.differing();
        let mut out = format!(
            "{rounds} rounds: {} of {} scenarios differ\n",
            differing.len(),
            self.rounds.first().map_or(0, Vec::len)
        );
        for (scenario, counts) in differing {
            let counts: Vec<_> = counts.iter().map(|(status, n)| format!("{n} x {status}")).collect();
            out.push_str(&format!("  DIFFERS {scenario}: {}\n", counts.join(", ")));
        }
        out
    }

    /// The worst judgement of each scenario.
    fn worst(self) -> Vec<Judgement> {
        let mut rounds = self.rounds.into_iter();
        let first = rounds.next().unwrap_or_default();
        rounds.fold(first, |worst, round| {
            let worse = |(a, b): (Judgement, Judgement)| if b.status > a.status { b } else { a };
            worst.into_iter().zip(round).map(worse).collect()
        })
    }
}

/// What must be equal from round to round: every rule and what it said.
fn verdicts(judgement: &Judgement) -> Vec<(&str, Status)> {
    judgement.verdicts.iter().map(|verdict| (verdict.rule.as_str(), verdict.status)).collect()
}
