//! Fates that fall before anybody is known cannot belong to a user.

use std::collections::BTreeMap;

use super::context::at_key;
use crate::{
    scenario::{Content, Count, Host, Point, Script, Step, User},
    yaml::{Node, Problem},
};

/// `refuse` and what happens at accept need one user, or a phase, or must be the only step; nobody counts refused connections.
pub(super) fn fates(
    hosts: &BTreeMap<Host, Script>,
    users: &[User],
    total: &BTreeMap<Host, Count>,
    node: &Node,
) -> Result<(), Problem> {
    for (host, script) in hosts {
        let place = node.get(&host.to_string()).unwrap_or(node);
        if let Script::Steps(steps) = script {
            early(steps, users.len(), place)?;
        }
        if refuses(script) {
            uncounted(*host, users, total, node)?;
        }
    }
    Ok(())
}

/// A user's own scripts refuse nobody.
pub(super) fn refuse_nobody(scripts: &BTreeMap<Host, Script>, node: &Node) -> Result<(), Problem> {
    match scripts.iter().find(|(_, script)| refuses(script)) {
        Some((host, _)) => Err(at_key(node, &host.to_string(), "a refused connection belongs to no user")
            .help("refuse in the scenario's own script, for all users")),
        None => Ok(()),
    }
}

fn early(steps: &[Step], users: usize, node: &Node) -> Result<(), Problem> {
    for (n, step) in steps.iter().enumerate() {
        let place = node.items().get(n).unwrap_or(node).head();
        let at_accept = step.content == Content::Nothing && step.cut.is_some_and(|cut| cut.after == Point::Accept);
        if step.content == Content::Refuse && steps.len() > 1 {
            let problem = Problem::new(place, "nobody can count connections that are refused");
            return Err(problem.help("back from `refuse` goes by time: give it `for`, or let it be the only step"));
        }
        if at_accept && users > 1 && steps.len() > 1 {
            let problem = Problem::new(place, "nobody is known yet when a connection is accepted");
            return Err(problem.help("with several users, give it `for`, or let it be the only step"));
        }
    }
    Ok(())
}

fn refuses(script: &Script) -> bool {
    match script {
        Script::Steps(steps) => steps.iter().any(|step| step.content == Content::Refuse),
        Script::Phases(phases) => phases.iter().any(|phase| phase.step.content == Content::Refuse),
    }
}

fn uncounted(host: Host, users: &[User], total: &BTreeMap<Host, Count>, node: &Node) -> Result<(), Problem> {
    let counted =
        users.iter().flat_map(|user| user.expect.iter().flatten()).any(|expect| expect.attempts.contains_key(&host));
    if counted || total.contains_key(&host) {
        let message = format!("attempts at the {host} cannot be counted: refused connections are never seen");
        return Err(Problem::new(node.at("expect").head(), message)
            .help("expect the outcome, or the attempts at the other provider"));
    }
    Ok(())
}
