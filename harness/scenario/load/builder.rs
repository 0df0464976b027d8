//! From one file's tree to its cases.

use std::collections::BTreeMap;

use super::{
    Replies,
    axes::{self, Choice},
    bytes, checks,
    context::{Context, at, typed},
    expect,
    files::Identity,
    head, needs, script,
    substitute::{Scope, bytes_names},
    users,
};
use crate::{
    policy::Policy,
    scenario::{Case, Host, Script, Told, file},
    yaml::{Document, Node, Problem, Source, Value},
};

/// So many client objects are none that anybody runs.
const MOST_COPIES: u32 = 1000;

/// All cases of a scenario: one for each choice of its axes.
pub(super) fn cases(
    document: &Document,
    identity: &Identity,
    source: &Source,
    policy: &Policy,
    replies: &Replies,
) -> Result<Vec<Case>, Problem> {
    let root = &document.root;
    if !matches!(root.value, Value::Map(_)) {
        return Err(Problem::new(root.head(), "a scenario is a map").help("begin with `title:` and `why:`"));
    }
    head::check_comments(document, source)?;
    let axes = axes::read(root)?;
    let names = bytes_names(root)?;
    let builder = Builder { identity, path: &source.path, policy, replies };
    let mut cases = Vec::new();
    for choice in axes::choices(&axes, root)? {
        let scope = Scope::new(&choice, &names);
        let node = scope.scenario(root)?;
        let case = builder.case(&node, &choice)?;
        unused(&scope, root)?;
        cases.push(case);
    }
    Ok(cases)
}

fn unused(scope: &Scope<'_>, root: &Node) -> Result<(), Problem> {
    let Some(name) = scope.unused() else { return Ok(()) };
    let declared = if scope.bytes.contains(&name) { "bytes" } else { "vary" };
    let span = root.get(declared).map_or(root.head(), |node| node.key_span(name));
    Err(Problem::new(span, format!("`${name}` is never used")).help("use it, or leave it out"))
}

struct Builder<'a> {
    identity: &'a Identity,
    path: &'a str,
    policy: &'a Policy,
    replies: &'a Replies,
}

impl Builder<'_> {
    fn case(&self, node: &Node, choice: &Choice<'_>) -> Result<Case, Problem> {
        let scenario: file::Scenario = typed(node)?;
        head::check(&scenario, node)?;
        let policy = node.get("policy").map_or(Ok(self.policy.clone()), |patch| self.policy.with(patch))?;
        let bytes = bytes::named(scenario.bytes.as_ref(), node)?;
        // The check is for those who write scenarios; a suite must run under any policy.
        let usual = *self.policy.deadline >= *Policy::default().deadline;
        let sets_timeouts = needs::sets_timeouts(node.get("policy")) || !usual;
        let context = Context { policy: &policy, replies: Some(self.replies), bytes: &bytes, sets_timeouts };
        let hosts = hosts(&scenario, node, &context)?;
        let users = users::resolve(&scenario, node, &context)?;
        let total = expect::total(scenario.expect.as_ref(), node)?;
        checks::fates(&hosts, &users, &total, node)?;
        let labels: Vec<&str> = choice.iter().map(|(_, label, _)| *label).collect();
        Ok(Case {
            id: self.identity.case(&labels),
            path: self.path.to_owned(),
            family: self.identity.family,
            needs: needs::derive(&scenario, node, &users, &total),
            client: told(&scenario, node, &context)?,
            hosts,
            users,
            total,
            capacity: scenario.capacity.unwrap_or_default(),
            title: scenario.title,
            why: scenario.why,
            sources: scenario.sources,
            incidents: scenario.incidents,
            pair: scenario.pair,
            stock: self.replies.stock(&policy),
            policy,
        })
    }
}

fn hosts(scenario: &file::Scenario, node: &Node, context: &Context<'_>) -> Result<BTreeMap<Host, Script>, Problem> {
    let streams = scenario.request.as_ref().and_then(|request| request.stream).unwrap_or(false);
    script::scripts(&scripts_of(scenario), node, context, streams)
}

/// The scripts that stand at the top of a scenario.
pub(super) fn scripts_of(scenario: &file::Scenario) -> [(Host, Option<&file::Script>); 3] {
    [
        (Host::Primary, scenario.primary.as_ref()),
        (Host::Fallback, scenario.fallback.as_ref()),
        (Host::Elsewhere, scenario.elsewhere.as_ref()),
    ]
}

fn told(scenario: &file::Scenario, node: &Node, context: &Context<'_>) -> Result<Told, Problem> {
    let Some(told) = &scenario.client else { return Ok(Told::default()) };
    let node = node.get("client").unwrap_or(node);
    if let Some(copies @ (0 | MOST_COPIES..)) = told.copies {
        return Err(
            at(node, "copies", format!("{copies} client objects cannot share the users")).help("write 1 or more")
        );
    }
    Ok(Told {
        base_url: told.base_url.clone(),
        key: told.key.clone(),
        token_ttl: context.duration(told.token_ttl, node, "token_ttl")?,
        copies: told.copies.unwrap_or(0),
    })
}
