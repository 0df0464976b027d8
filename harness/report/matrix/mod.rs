//! Several clients side by side, from their saved transcripts: who was judged by what, who failed, and what each did in numbers.

mod markdown;
mod numbers;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

pub use markdown::markdown;
pub use numbers::{Gaps, Numbers};

use crate::{
    policy::Policy,
    scenario::{Capability, Family},
    transcript::{ClockKind, Transcript},
    verdict::{Judgement, Status},
};

/// A row a client and version.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matrix {
    /// In the order of their names.
    pub clients: Vec<Row>,
}

/// One client at one version.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// As its transcripts name it.
    pub client: String,
    /// As it says.
    pub version: String,
    /// First and last day of the runs, where the transcripts tell.
    pub days: Option<(String, String)>,
    /// Which clock ran.
    pub clock: ClockKind,
    /// What it claims.
    pub capabilities: Vec<Capability>,
    /// Where the policy it was held to differs from the default one, by key.
    pub settings: BTreeMap<String, String>,
    /// Its own defaults, where they are known and the policy says otherwise: key to default and what was set.
    pub own_defaults: BTreeMap<String, (String, String)>,
    /// Scenarios in all.
    pub all: Cell,
    /// Scenarios by failure mode.
    pub modes: BTreeMap<Family, Cell>,
    /// Scenarios by rule.
    pub rules: BTreeMap<String, Cell>,
    /// What it did.
    pub numbers: Numbers,
}

/// How many scenarios ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Judged: pass, warn or fail.
    pub judged: usize,
    /// Of those: failed.
    pub failed: usize,
    /// Of those: only a should was broken.
    pub warned: usize,
    /// Not applicable.
    pub not_applicable: usize,
    /// No verdict could be had.
    pub unjudged: usize,
}

/// One run.
type Run = (Transcript, Judgement);
/// The worst run of each scenario.
type Runs<'a> = BTreeMap<&'a str, &'a Run>;

/// What is known of clients besides their transcripts: by name, their own defaults by key of the policy.
pub type Defaults = BTreeMap<String, BTreeMap<String, String>>;

impl Cell {
    fn count(&mut self, status: Status) {
        self.judged += usize::from(status.judged());
        *match status {
            Status::Fail => &mut self.failed,
            Status::Warn => &mut self.warned,
            Status::NotApplicable => &mut self.not_applicable,
            Status::Pass => return,
            Status::NotExercised | Status::NotRun | Status::Inconclusive | Status::Error => &mut self.unjudged,
        } += 1;
    }
}

/// Puts judged transcripts side by side. Of several runs of a scenario by one client the worst counts.
pub fn matrix(results: &[Run], defaults: &Defaults) -> Matrix {
    let mut clients: BTreeMap<(&str, &str), Runs> = BTreeMap::new();
    for result in results {
        let (transcript, judgement) = result;
        let about = (transcript.client.name.as_str(), transcript.client.version.as_str());
        let worst = clients.entry(about).or_default().entry(&transcript.scenario).or_insert(result);
        if judgement.status > worst.1.status {
            *worst = result;
        }
    }
    let none = BTreeMap::new();
    let rows = clients.iter().map(|((name, _), runs)| {
        let runs: Vec<&Run> = runs.values().copied().collect();
        row(&runs, defaults.get(*name).unwrap_or(&none))
    });
    Matrix { clients: rows.collect() }
}

/// There is at least one run.
fn row(runs: &[&Run], own: &BTreeMap<String, String>) -> Row {
    let (mut all, mut modes, mut rules) = (Cell::default(), BTreeMap::<_, Cell>::new(), BTreeMap::<_, Cell>::new());
    for (transcript, judgement) in runs {
        all.count(judgement.status);
        modes.entry(transcript.family).or_default().count(judgement.status);
        for verdict in &judgement.verdicts {
            rules.entry(verdict.rule.clone()).or_default().count(verdict.status);
        }
    }
    let (first, policy) = (&runs[0].0, usual_policy(runs));
    let days = || runs.iter().filter_map(|(transcript, _)| transcript.day.clone());
    let set = flat(policy);
    let differs = |(key, default): (&String, &String)| {
        let set = set.get(key).filter(|set| *set != default)?;
        Some((key.clone(), (default.clone(), set.clone())))
    };
    Row {
        client: first.client.name.clone(),
        version: first.client.version.clone(),
        days: days().min().zip(days().max()),
        clock: first.clock,
        capabilities: first.capabilities.clone(),
        own_defaults: own.iter().filter_map(differs).collect(),
        settings: settings(set),
        all,
        modes,
        rules,
        numbers: Numbers::of(runs.iter().map(|(transcript, _)| transcript)),
    }
}

/// What most of its scenarios were held to: some have a policy of their own.
fn usual_policy<'a>(runs: &[&'a Run]) -> &'a Policy {
    let times = |policy: &Policy| runs.iter().filter(|(transcript, _)| transcript.policy == *policy).count();
    // The first few tell: a scenario with a policy of its own is rare.
    let candidates = runs.iter().take(20).map(|(transcript, _)| &transcript.policy);
    candidates.max_by_key(|policy| times(policy)).unwrap_or(&runs[0].0.policy)
}

fn settings(set: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let default = flat(&Policy::default());
    set.into_iter().filter(|(key, value)| default.get(key) != Some(value)).collect()
}

/// A policy as keys with dots, and their values as they are written.
fn flat(policy: &Policy) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    flatten("", &serde_json::to_value(policy).expect("plain values have a JSON form"), &mut found);
    found
}

fn flatten(key: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            flatten(&key, value, found);
        }),
        Value::String(text) => drop(found.insert(key.to_owned(), text.clone())),
        other => drop(found.insert(key.to_owned(), other.to_string())),
    }
}
