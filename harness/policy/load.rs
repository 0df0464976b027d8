//! A policy read from a file: what it states is laid over the defaults, and must fit together.

use std::{sync::OnceLock, time::Duration};

use super::Policy;
use crate::{
    causes::{Causes, Cell},
    scenario::Host,
    yaml::{self, Node, Problem, Source, SourceError, Value},
};

/// The defaults, with the reason of every number.
const DEFAULTS: &str = include_str!("../policy.yaml");

impl Default for Policy {
    fn default() -> Self {
        static PARSED: OnceLock<Policy> = OnceLock::new();
        let parse = || {
            let source = Source { path: "harness/policy.yaml".to_owned(), text: DEFAULTS.to_owned() };
            let document = yaml::parse(&source).expect("a test reads the embedded policy");
            yaml::from_node(&document.root).expect("a test reads the embedded policy")
        };
        PARSED.get_or_init(parse).clone()
    }
}

impl Policy {
    /// Reads a policy that states what differs from the defaults.
    pub fn parse(source: &Source) -> Result<Policy, SourceError> {
        let document = yaml::parse(source)?;
        Policy::default().with(&document.root).map_err(|problem| source.error(problem))
    }

    /// This policy with what a node states laid over it: maps key by key, all else as a whole.
    pub fn with(&self, stated: &Node) -> Result<Policy, Problem> {
        if !matches!(stated.value, Value::Map(_)) {
            return Err(Problem::new(stated.span, "a policy is a map of keys").help("write `attempts: 3` and so on"));
        }
        let json = |policy: &Policy| serde_json::to_value(policy).expect("a policy has a JSON form");
        let (mut base, defaults) = (json(self), json(&Policy::default()));
        // Part of what is `none` here (a breaker's `open_for`) is laid over the default one.
        for (key, _) in stated.entries().iter().filter(|(_, node)| matches!(node.value, Value::Map(_))) {
            if base[&key.text] == "none" {
                base[&key.text] = defaults[&key.text].clone();
            }
        }
        let policy: Policy = yaml::from_node(&laid_over(&base, stated))?;
        check(&policy, stated)?;
        Ok(policy)
    }
}

/// The base, which has no place in the file, under what is stated there.
fn laid_over(base: &serde_json::Value, stated: &Node) -> Node {
    let (serde_json::Value::Object(base), Value::Map(entries)) = (base, &stated.value) else { return stated.clone() };
    // `auth` and its kin are one word or one key: another key is another choice, not an addition.
    let choice = base.len() == 1 && entries.len() == 1 && !base.contains_key(&entries[0].0.text);
    let kept = base.iter().filter(|(key, _)| !choice && stated.get(key).is_none());
    let kept =
        kept.map(|(key, value)| (yaml::Key { text: key.clone(), span: stated.head() }, placeless(value, stated)));
    let own = entries.iter().map(|(key, node)| {
        let node = base.get(&key.text).map_or_else(|| node.clone(), |value| laid_over(value, node));
        (key.clone(), node)
    });
    Node { value: Value::Map(own.chain(kept).collect()), span: stated.span }
}

fn placeless(value: &serde_json::Value, place: &Node) -> Node {
    let value = match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => {
            n.as_i64().map_or_else(|| Value::Float(n.as_f64().unwrap_or_default()), Value::Int)
        }
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(|item| placeless(item, place)).collect()),
        serde_json::Value::Object(entries) => {
            let entry = |(key, value): (&String, &serde_json::Value)| {
                (yaml::Key { text: key.clone(), span: place.head() }, placeless(value, place))
            };
            Value::Map(entries.iter().map(entry).collect())
        }
    };
    Node { value, span: place.head() }
}

/// What each key must be for the whole to make sense.
fn check(policy: &Policy, stated: &Node) -> Result<(), Problem> {
    let wrong = |path: &str, message: String, help: &str| Err(Problem::new(place(stated, path), message).help(help));
    if policy.version != 1 {
        return wrong("version", format!("version {} is not known here", policy.version), "write `version: 1`");
    }
    if policy.attempts == 0 {
        return wrong("attempts", "no attempt at all".to_owned(), "write 1 for a client that never retries");
    }
    if *policy.deadline == Duration::ZERO {
        return wrong("deadline", "no time at all".to_owned(), "write the time a user waits, such as 8s");
    }
    if !policy.fallback.targets.is_empty() && policy.fallback.reserve >= policy.deadline {
        let message = format!(
            "the reserve of {} leaves the primary nothing of the deadline of {}",
            policy.fallback.reserve, policy.deadline
        );
        return wrong("fallback.reserve", message, "keep it below `deadline`");
    }
    if let Some(n) = policy.fallback.targets.iter().position(|host| *host != Host::Fallback) {
        return wrong(
            &format!("fallback.targets[{n}]"),
            "only `fallback` can be a target".to_owned(),
            "write `targets: [fallback]`, or `[]` for none",
        );
    }
    if let Some(n) = policy.request.allows.iter().position(|pointer| !pointer.starts_with('/')) {
        return wrong(
            &format!("request.allows[{n}]"),
            format!("`{}` is no JSON pointer", policy.request.allows[n]),
            "write `/top_k` for a field of the body, or `/messages/*/weight` for one of every message",
        );
    }
    if policy.backoff.factor < 1.0 {
        return wrong("backoff.factor", "waits would shrink".to_owned(), "write 1 or more");
    }
    if policy.storm.amplification < 1.0 {
        return wrong("storm.amplification", "less than one attempt a user request".to_owned(), "write 1 or more");
    }
    if policy.storm.in_flight == 0 {
        return wrong("storm.in_flight", "nothing could be sent".to_owned(), "write 1 or more");
    }
    check_shares(policy, stated)?;
    check_cells(policy, stated)
}

/// Numbers that are neither below nothing nor beyond every use.
fn check_shares(policy: &Policy, stated: &Node) -> Result<(), Problem> {
    let budget = policy.retry_budget.as_ref();
    let shares = [
        ("backoff.factor", Some(policy.backoff.factor)),
        ("retry_after.spread", Some(policy.retry_after.spread)),
        ("storm.amplification", Some(policy.storm.amplification)),
        ("retry_budget.ratio", budget.map(|budget| budget.ratio)),
        ("retry_budget.min_per_second", budget.map(|budget| budget.min_per_second)),
        ("retry_budget.cap", budget.map(|budget| budget.cap)),
    ];
    match shares.iter().find(|(_, number)| number.is_some_and(|number| !(0.0..=1e6).contains(&number))) {
        Some((path, number)) => {
            let message = format!("{} makes no sense here", number.unwrap_or_default());
            Err(Problem::new(place(stated, path), message).help("write a number from 0 to 1000000"))
        }
        None => Ok(()),
    }
}

fn check_cells(policy: &Policy, stated: &Node) -> Result<(), Problem> {
    let table = Causes::embedded();
    let rows = policy.causes.iter().chain(&table.causes);
    let overrides = policy.cells.iter().map(|(id, given)| {
        let cells = [
            (Cell::Retry, given.retry.is_some()),
            (Cell::Fallback, given.fallback.is_some()),
            (Cell::Charged, given.charged.is_some()),
        ];
        ("cells", id, cells.into_iter().filter(|(_, stated)| *stated).map(|(cell, _)| cell).collect::<Vec<_>>())
    });
    let fallbacks = policy.fallback.on.keys().map(|id| ("fallback.on", id, vec![Cell::Fallback]));
    for (path, id, cells) in overrides.chain(fallbacks) {
        let span = stated.at(path).key_span(id);
        let Some(cause) = rows.clone().find(|cause| cause.id == *id) else {
            let known = rows.clone().map(|cause| cause.id.as_str());
            return Err(Problem::new(span, format!("there is no cause `{id}`")).did_you_mean(id, known));
        };
        if let Some(fixed) = cells.iter().find(|cell| cause.fixed.contains(cell)) {
            let message = format!("the cell {fixed:?} of `{id}` is fixed",).to_lowercase();
            return Err(Problem::new(span, message)
                .help(format!("no policy may override it: `brownout explain {id}` says why")));
        }
    }
    Ok(())
}

/// The value at a path, or the last place on the way there.
fn place(stated: &Node, path: &str) -> yaml::Span {
    stated.at(path).head()
}
