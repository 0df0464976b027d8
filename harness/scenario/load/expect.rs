//! What is expected: all of the outer list, any of each inner one.

use std::collections::BTreeMap;

use super::context::{Context, at_key};
use crate::{
    scenario::{Count, Expect, Host, file},
    yaml::{Node, Problem},
};

/// One group of alternatives.
pub(super) fn group(expects: &file::Expects, node: &Node, context: &Context<'_>) -> Result<Vec<Expect>, Problem> {
    let alternatives = expects.alternatives();
    if alternatives.is_empty() {
        return Err(Problem::new(node.span, "no alternative can be met").help("leave `expect` out, or write one"));
    }
    let place = |n: usize| node.items().get(n).unwrap_or(node);
    alternatives.iter().enumerate().map(|(n, expect)| one(expect, place(n), context)).collect()
}

fn one(expect: &file::Expect, node: &Node, context: &Context<'_>) -> Result<Expect, Problem> {
    let counts = |map: &Option<BTreeMap<Host, file::Count>>| {
        map.iter().flatten().map(|(host, count)| (*host, count.0)).collect()
    };
    Ok(Expect {
        outcome: expect.outcome.iter().flat_map(file::AnyOf::alternatives).map(|outcome| outcome.0).collect(),
        attempts: counts(&expect.attempts),
        within: context.duration(expect.within, node, "within")?,
        answer: expect.answer.clone(),
        error: expect.error.clone(),
        telemetry: expect.telemetry.iter().flat_map(|fields| fields.0.clone()).collect(),
        sent: expect.sent.iter().flatten().map(|(host, most)| (*host, most.0)).collect(),
    })
}

/// Attempts of all users together: of the scenario's own expectation only, and of no alternative.
pub(super) fn total(expects: Option<&file::Expects>, node: &Node) -> Result<BTreeMap<Host, Count>, Problem> {
    let Some(expects) = expects else { return Ok(BTreeMap::new()) };
    let alternatives = expects.alternatives();
    if let Some(n) = alternatives.iter().position(|expect| expect.total.is_some())
        && alternatives.len() > 1
    {
        let place = node.get("expect").and_then(|list| list.items().get(n)).unwrap_or(node);
        return Err(at_key(place, "total", "`total` speaks of all users, and cannot be an alternative")
            .help("write one map, not a list"));
    }
    let total = alternatives.first().and_then(|expect| expect.total.as_ref());
    Ok(total.into_iter().flatten().map(|(host, count)| (*host, count.0)).collect())
}
