//! Scripts: lists of steps, or phases by time.

use std::collections::BTreeMap;

use super::{
    context::{Context, at_key},
    step,
};
use crate::{
    scenario::{Host, Phase, Script, file},
    yaml::{Node, Problem},
};

/// The scripts that are given, by host.
pub(super) fn scripts(
    given: &[(Host, Option<&file::Script>)],
    node: &Node,
    context: &Context<'_>,
    stream: bool,
) -> Result<BTreeMap<Host, Script>, Problem> {
    let mut scripts = BTreeMap::new();
    for (host, written) in given {
        if let Some(written) = written {
            let place = node.get(&host.to_string()).unwrap_or(node);
            scripts.insert(*host, script(written, place, context, stream)?);
        }
    }
    Ok(scripts)
}

fn script(written: &file::Script, node: &Node, context: &Context<'_>, stream: bool) -> Result<Script, Problem> {
    if written.is_empty() {
        return Err(Problem::new(node.span, "a script without a step")
            .help("leave it out: a host without a script answers `ok`"));
    }
    let place = |n: usize| node.items().get(n).unwrap_or(node);
    let steps = written.iter().enumerate().map(|(n, one)| step::resolve(one, place(n), context, stream));
    let steps = steps.collect::<Result<Vec<_>, _>>()?;
    let lasts: Vec<_> = written.iter().map(lasts).collect();
    if lasts.iter().all(Option::is_none) {
        return Ok(Script::Steps(steps));
    }
    let last = lasts.len() - 1;
    if lasts[last].is_some() {
        return Err(
            at_key(place(last), "for", "the last phase has no end").help("leave `for` out, or add what comes after")
        );
    }
    if let Some(n) = lasts[..last].iter().position(Option::is_none) {
        return Err(Problem::new(place(n).head(), "steps and phases do not mix")
            .help("give each but the last its `for`, or none"));
    }
    let phase = |(n, step): (usize, _)| Ok(Phase { step, lasts: context.duration(lasts[n], place(n), "for")? });
    Ok(Script::Phases(steps.into_iter().enumerate().map(phase).collect::<Result<_, Problem>>()?))
}

fn lasts(step: &file::Step) -> Option<file::D> {
    match step {
        file::Step::Named(_) => None,
        file::Step::Full(step) => step.lasts,
    }
}
