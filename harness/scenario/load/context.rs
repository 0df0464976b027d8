//! What resolving a scenario needs to know besides its own words.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::Replies;
use crate::{
    policy::Policy,
    scenario::{file::D, step::Bytes},
    yaml::{Node, Problem, from_node},
};

/// What steps, users and expectations are resolved against.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// The scenario's own policy.
    pub policy: &'a Policy,
    /// The named replies; none while they are read themselves.
    pub replies: Option<&'a Replies>,
    /// The scenario's bytes.
    pub bytes: &'a [(String, Bytes)],
    /// The scenario's own `policy` sets the deadline or a timeout, so that a step may outlast it.
    pub sets_timeouts: bool,
}

impl Context<'_> {
    /// How long a duration is, if there is one; `node` is the map it stands in.
    pub fn duration(&self, written: Option<D>, node: &Node, key: &str) -> Result<Option<Duration>, Problem> {
        let Some(duration) = written else { return Ok(None) };
        duration
            .under(self.policy)
            .map(Some)
            .map_err(|message| at(node, key, message).help("write a fixed duration, such as 2s"))
    }
}

/// Types a tree. What follows the first line of a message is help.
pub(super) fn typed<T: DeserializeOwned>(node: &Node) -> Result<T, Problem> {
    from_node(node).map_err(|problem| match problem.message.split_once('\n') {
        Some((message, help)) => Problem::new(problem.span, message).help(help),
        None => problem,
    })
}

/// A problem with the value under a key.
pub(super) fn at(node: &Node, key: &str, message: impl Into<String>) -> Problem {
    Problem::new(node.get(key).unwrap_or(node).head(), message)
}

/// A problem with a key itself.
pub(super) fn at_key(node: &Node, key: &str, message: impl Into<String>) -> Problem {
    Problem::new(node.key_span(key), message)
}
