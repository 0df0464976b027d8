//! What a client is known to break, with the reason of each: a failure that is listed is green, one that is not is red, and so is an
//! entry that nothing breaks any more.
//!
//! ```yaml
//! - rules: [retry-after-honoured]
//!   scenarios:
//!     - rate-quota/retry-after[ms]
//!     - rate-quota/retry-after[date]
//!   reason: Of Retry-After only whole seconds are read.
//!   link: https://github.com/64bit/async-openai/blob/main/async-openai/src/middleware/retry/openai.rs
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{
    rules::{self, Level},
    scenario::Case,
    select,
    verdict::{Judgement, Status},
    yaml::{self, Node, Problem, Source, SourceError, Span, Value},
};

/// The known violations of one client.
#[derive(Debug, Clone)]
pub struct Baseline {
    source: Source,
    entries: Vec<Entry>,
}

/// One entry: each of its rules may be broken in each of its scenarios.
#[derive(Debug, Clone)]
struct Entry {
    rules: Vec<(String, Span)>,
    patterns: Vec<(Vec<String>, Span)>,
    reason: String,
}

/// An entry as people write it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rules: Vec<String>,
    scenarios: Vec<String>,
    reason: String,
    #[serde(default)]
    link: Option<String>,
}

/// The reason of an entry that nobody has looked at yet.
const TODO: &str = "TODO";

impl Baseline {
    /// Reads a baseline. Each pattern must mean some of the cases, each rule must exist, and each reason must be written.
    pub fn read(source: &Source, cases: &[Case]) -> Result<Baseline, SourceError> {
        Baseline::parse(source, |node| reasoned(node).and_then(|()| entry(node, cases)))
    }

    /// Reads a baseline whose reasons may still be `TODO`.
    pub fn read_draft(source: &Source, cases: &[Case]) -> Result<Baseline, SourceError> {
        Baseline::parse(source, |node| entry(node, cases))
    }

    fn parse(source: &Source, entry: impl Fn(&Node) -> Result<Entry, Problem>) -> Result<Baseline, SourceError> {
        let root = yaml::parse(source)?.root;
        let items = match &root.value {
            Value::List(items) => items.iter().map(entry).collect::<Result<_, _>>(),
            _ => Err(Problem::new(root.head(), "a baseline is a list of entries")
                .help("write `- rules: [...]` with `scenarios` and a `reason`, or `[]` for none")),
        };
        Ok(Baseline { entries: items.map_err(|problem| source.error(problem))?, source: source.clone() })
    }

    /// The judgement with its known breaches turned into warnings that say why, and what is wrong with the entries about it.
    pub fn weigh(&self, judgement: &Judgement) -> (Judgement, Vec<SourceError>) {
        let (mut weighed, mut stale) = (judgement.clone(), Vec::new());
        for entry in self.entries.iter().filter(|entry| entry.covers(&judgement.scenario)) {
            for verdict in &mut weighed.verdicts {
                let Some((rule, place)) = entry.rules.iter().find(|(rule, _)| *rule == verdict.rule) else { continue };
                if !verdict.breaches.is_empty() {
                    verdict.status = Status::Warn;
                    verdict.reason = Some(format!("known: {}", entry.reason));
                } else if verdict.status == Status::Pass {
                    stale.push(self.stale(*place, &format!("`{rule}` is kept in {}", judgement.scenario)));
                }
            }
        }
        if weighed.verdicts != judgement.verdicts {
            let statuses = weighed.verdicts.iter().map(|verdict| verdict.status);
            weighed.status = statuses.filter(|status| *status != Status::NotApplicable).max().unwrap_or(Status::Pass);
            weighed.reason = None;
        }
        (weighed, stale)
    }

    /// Patterns and rules that excuse nothing although all that they mean was judged; what `weigh` tells of is left out.
    pub fn idle(&self, judgements: &[Judgement]) -> Vec<SourceError> {
        let by_id: BTreeMap<&str, &Judgement> = judgements.iter().map(|j| (j.scenario.as_str(), j)).collect();
        let silent =
            |id: &String, rule: &str| by_id.get(id.as_str()).is_some_and(|judgement| is_silent(judgement, rule));
        let mut idle = Vec::new();
        for entry in &self.entries {
            let patterns = entry
                .patterns
                .iter()
                .filter(|(ids, _)| ids.iter().all(|id| entry.rules.iter().all(|(rule, _)| silent(id, rule))));
            idle.extend(
                patterns.map(|(_, place)| self.stale(*place, "none of these rules has anything to judge here")),
            );
            let rules = entry.rules.iter().filter(|(rule, _)| entry.ids().all(|id| silent(id, rule)));
            idle.extend(
                rules.map(|(_, place)| self.stale(*place, "this rule has nothing to judge in these scenarios")),
            );
        }
        idle
    }

    fn stale(&self, place: Span, message: &str) -> SourceError {
        let help = "take it out, or name only what is broken";
        self.source.error(Problem::new(place, format!("stale: {message}")).help(help))
    }
}

impl Entry {
    fn ids(&self) -> impl Iterator<Item = &String> {
        self.patterns.iter().flat_map(|(ids, _)| ids)
    }

    fn covers(&self, id: &str) -> bool {
        self.ids().any(|covered| covered == id)
    }
}

/// Whether a rule said nothing, for good: where no verdict could be had, nobody knows.
fn is_silent(judgement: &Judgement, rule: &str) -> bool {
    let judged = judgement.status.judged() || judgement.status == Status::NotApplicable;
    let of_rule = judgement.verdicts.iter().find(|verdict| verdict.rule == rule);
    judged && of_rule.is_none_or(|verdict| verdict.status == Status::NotApplicable)
}

fn reasoned(node: &Node) -> Result<(), Problem> {
    let unwritten = |node: &&Node| node.as_text().is_some_and(|text| matches!(text.trim(), "" | TODO));
    let place = ["reason", "link"].into_iter().filter_map(|key| node.get(key)).find(unwritten);
    place.map_or(Ok(()), |place| {
        let problem = Problem::new(place.span, "this is not written yet");
        Err(problem.help("say why this violation stands, once you have seen that it is one"))
    })
}

fn entry(node: &Node, cases: &[Case]) -> Result<Entry, Problem> {
    let written: Written = yaml::from_node(node)?;
    if let Some(key) = ["rules", "scenarios"].into_iter().find(|key| node.at(key).items().is_empty()) {
        return Err(
            Problem::new(node.at(key).span, format!("no {key} are named")).help("an entry has at least one of each")
        );
    }
    let places = |key| node.at(key).items().iter().map(|item| item.span);
    let rules = written.rules.into_iter().zip(places("rules")).map(|(rule, place)| Ok((must(rule, place)?, place)));
    let patterns = written
        .scenarios
        .iter()
        .zip(places("scenarios"))
        .map(|(pattern, place)| Ok((meant(pattern, place, cases)?, place)));
    let link = written.link.map(|link| format!(" ({link})")).unwrap_or_default();
    let reason = format!("{}{link}", written.reason.trim());
    Ok(Entry { rules: rules.collect::<Result<_, _>>()?, patterns: patterns.collect::<Result<_, _>>()?, reason })
}

/// Only what fails can be excused.
fn must(rule: String, place: Span) -> Result<String, Problem> {
    match rules::find(&rule) {
        None => {
            let names = rules::all().map(|rule| rule.slug);
            Err(Problem::new(place, format!("there is no rule `{rule}`")).did_you_mean(&rule, names))
        }
        Some(found) if found.level == Level::Should => {
            Err(Problem::new(place, format!("`{rule}` only warns")).help("take it out: there is nothing to excuse"))
        }
        Some(_) => Ok(rule),
    }
}

/// The ids that a pattern means.
fn meant(pattern: &str, place: Span, cases: &[Case]) -> Result<Vec<String>, Problem> {
    let pattern = [pattern.to_owned()];
    let cases = select::select(cases, &pattern).map_err(|error| {
        let (message, help) = error.split_once('\n').unwrap_or((&error, ""));
        Problem::new(place, message).help(help.trim())
    })?;
    Ok(cases.into_iter().map(|case| case.id.clone()).collect())
}

/// Entries for all failures, with the reasons still to be written; empty if nothing fails. Scenarios that break the same rules stand
/// together.
pub fn draft(judgements: &[Judgement]) -> String {
    let mut entries: BTreeMap<Vec<&str>, BTreeSet<&str>> = BTreeMap::new();
    for judgement in judgements {
        let failed = judgement.verdicts.iter().filter(|verdict| verdict.status == Status::Fail);
        entries.entry(failed.map(|verdict| verdict.rule.as_str()).collect()).or_default().insert(&judgement.scenario);
    }
    let entry = |(rules, ids): (&Vec<&str>, &BTreeSet<&str>)| {
        let ids: String = ids.iter().map(|id| format!("    - {id}\n")).collect();
        format!("- rules: [{}]\n  scenarios:\n{ids}  reason: {TODO}\n", rules.join(", "))
    };
    entries.iter().filter(|(rules, _)| !rules.is_empty()).map(entry).collect()
}
