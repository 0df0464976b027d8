//! `run`, and the bare program: scenarios against the reference client, or a client behind an adapter.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    sync::Arc,
    time::Duration,
};

use brownout::{
    gate::Exit,
    report::text,
    run::{Suite, run_suite},
    scenario::Case,
    select::select,
    transcript::Transcript,
    verdict::{Judgement, Status},
};

use crate::{
    Done, Failed,
    cli::{Run, RunCommand},
    clients::Tested,
    day::today,
    library,
    registry::Registry,
    results::{Again, Results},
    snapshots::Snapshots,
    style, usage,
};

/// In true time, scenarios whose users may wait so long are left out unless they are asked for.
pub const SLOW: Duration = Duration::from_secs(30);

/// Runs everything against the reference client.
pub fn bare(run: &Run) -> Done {
    let (_, library) = library(&run.files)?;
    against(&Tested::reference(run.clock), library.cases.clone(), &library.cases, run)
}

/// Runs what the patterns mean against the client that is asked for.
pub fn run(mut command: RunCommand) -> Done {
    if let Some(name) =
        command.client.clone().filter(|name| !["reference", "stdio", "gateway"].contains(&name.as_str()))
    {
        Registry::read(command.clients.as_deref())?.find(&name)?.fill(&mut command)?;
    }
    let (policy, library) = library(&command.run.files)?;
    let cases: Vec<Case> = select(&library.cases, &command.patterns).map_err(usage)?.into_iter().cloned().collect();
    let tested = Tested::of(&command, &policy)?;
    let all = command.slow || tested.arguments().is_none();
    let (quick, slow): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| all || case.lasts() < SLOW);
    if !slow.is_empty() {
        style::note(&format!("{} slow scenarios are left out: `--slow` runs them too", slow.len()));
    }
    let done = against(&tested, quick, &library.cases, &command.run);
    // However it went, what was started is let go, and what it did wrong meanwhile is told.
    let complaints = tested.finish();
    complaints.iter().for_each(|why| style::error(&format!("error: {why}")));
    tested.notes().iter().for_each(|note| style::note(note));
    done.map(|exit| if complaints.is_empty() || exit != Exit::Fine { exit } else { Exit::Unjudged })
}

fn against(tested: &Tested, mut cases: Vec<Case>, known: &[Case], run: &Run) -> Done {
    cases.retain(|case| run.shard.is_none_or(|shard| shard.holds(&case.id)));
    let mut results = Results::new(&run.output, known, again(tested))?;
    if let Some(shard) = run.shard.filter(|_| cases.is_empty()) {
        style::note(&format!("shard {shard} holds none of these scenarios"));
        return Ok(Exit::Fine);
    }
    let mut snapshots = run.snapshots.as_ref().map(|folder| Snapshots::new(folder, run.accept));
    let rounds = rounds(tested, cases, &mut results, snapshots.as_mut(), run)?;
    let mut out = style::out();
    if run.repeat > 1 && results.for_people() {
        write!(out, "{}", rounds.report(run.repeat))?;
    }
    let differing = !rounds.differing().is_empty();
    let exit = results.finish(&mut out, &rounds.worst())?;
    let exit = exit.with_stale(snapshots.is_some_and(|snapshots| snapshots.finish()));
    // A verdict that comes and goes is none.
    Ok(if differing && exit == Exit::Fine { Exit::Unjudged } else { exit })
}

/// Runs the cases as often as is asked for; the first round is told as it comes.
fn rounds(
    tested: &Tested,
    cases: Vec<Case>,
    results: &mut Results,
    mut snapshots: Option<&mut Snapshots>,
    run: &Run,
) -> Result<Repeats, Failed> {
    let suite = Arc::new(Suite { cases, factory: tested.factory() });
    let mut transcripts = run.transcripts.as_ref().map(|file| Saved::create(file)).transpose()?;
    let mut out = style::out();
    let mut rounds = Repeats::default();
    for round in 0..run.repeat {
        let mut printed = Ok(());
        let mut progress = |transcript: &Transcript, judgement: &Judgement| {
            if round == 0 && printed.is_ok() {
                printed = results.tell(&mut out, transcript, judgement);
            }
        };
        let options = tested.options(run.seed.wrapping_add(u64::from(round)));
        let done = run_suite(suite.clone(), options, &mut progress).map_err(Failed::Broken)?;
        printed?;
        if let Some(saved) = &mut transcripts {
            saved.write(&done)?;
        }
        // One round is enough: what differs between rounds is told of anyhow.
        if let Some(snapshots) = snapshots.take() {
            done.iter().try_for_each(|(transcript, judgement)| snapshots.check(transcript, judgement))?;
        }
        rounds.add(done);
    }
    Ok(rounds)
}

/// How a scenario is run again with this client.
fn again(tested: &Tested) -> Box<Again> {
    match tested.arguments().map(str::to_owned) {
        None => Box::new(text::again),
        Some(arguments) => Box::new(move |transcript| format!("brownout run '{}' {arguments}", transcript.scenario)),
    }
}

/// A file of transcripts, one a line.
pub struct Saved {
    name: String,
    file: BufWriter<File>,
}

impl Saved {
    /// A new file.
    pub fn create(file: &std::path::Path) -> Result<Self, Failed> {
        let name = file.display().to_string();
        let opened = File::create(file).map_err(|error| usage(format_args!("{name} cannot be written: {error}")))?;
        Ok(Saved { name, file: BufWriter::new(opened) })
    }

    /// Adds these.
    pub fn write(&mut self, results: &[(Transcript, Judgement)]) -> Result<(), Failed> {
        let failed = |error: std::io::Error| Failed::Broken(format!("error: {} cannot be written: {error}", self.name));
        for (transcript, _) in results {
            let dated = Transcript { day: Some(today()), ..transcript.clone() };
            let line = serde_json::to_string(&dated).expect("plain values have a JSON form");
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
