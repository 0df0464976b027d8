//! Which row of the table an attempt ended in.

use super::{Body, Cause, Causes, End, Location, Match, Status, Wire};
use crate::{policy::Policy, transcript::Attempt};

/// What a row may ask about an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts<'a> {
    /// How the wire ended.
    pub wire: Wire,
    /// The status that counts.
    pub status: Option<u16>,
    /// Words of the error object, in lower case.
    pub codes: &'a [String],
    /// Phrases that the message holds.
    pub says: &'a [String],
    /// What the reply carried.
    pub body: &'a [Body],
    /// Its finish reasons.
    pub finish: &'a [String],
    /// It is an event stream.
    pub stream: bool,
    /// Its terminal signals, if not both.
    pub end: Option<End>,
    /// Where it redirects to.
    pub location: Option<Location>,
    /// The connection was used before.
    pub reused: bool,
    /// Text of it reached the user.
    pub content: bool,
}

impl<'a> Facts<'a> {
    /// The facts of an attempt; whether its text reached the user is known from the outcome only.
    pub fn of(attempt: &'a Attempt, content: bool) -> Self {
        let reply = &attempt.reply;
        Facts {
            wire: attempt.wire,
            status: reply.effective_status,
            codes: &reply.codes,
            says: &reply.says,
            body: &reply.body,
            finish: &reply.finish,
            stream: reply.stream,
            end: reply.end,
            location: reply.location,
            reused: attempt.reused,
            content,
        }
    }

    /// Whether everything holds that the row asks for. A row that names no wire asks for a whole one.
    fn meet(&self, row: &Match) -> bool {
        let any = |wanted: bool, empty: bool| empty || wanted;
        row.wire.unwrap_or(Wire::Whole) == self.wire
            && any(row.status.iter().any(|status| self.has_status(*status)), row.status.is_empty())
            && any(row.code.iter().any(|code| self.has_code(code)), row.code.is_empty())
            && any(row.says.iter().any(|phrase| self.says.contains(phrase)), row.says.is_empty())
            && any(row.body.iter().any(|body| self.body.contains(body)), row.body.is_empty())
            && any(row.finish.iter().any(|word| self.finish.contains(word)), row.finish.is_empty())
            && row.location.is_none_or(|location| self.location == Some(location))
            && row.end.is_none_or(|end| self.end == Some(end))
            && row.stream.is_none_or(|stream| self.stream == stream)
            && row.reused.is_none_or(|reused| self.reused == reused)
            && row.content.is_none_or(|content| self.content == content)
    }

    fn has_status(&self, wanted: Status) -> bool {
        self.status.is_some_and(|status| wanted.covers(status))
    }

    fn has_code(&self, wanted: &str) -> bool {
        let wanted = wanted.to_ascii_lowercase();
        match wanted.strip_suffix('*') {
            Some(prefix) => self.codes.iter().any(|code| code.starts_with(prefix)),
            None => self.codes.contains(&wanted),
        }
    }
}

impl Causes {
    /// The first row that fits, the policy's own before the table's. `None`: a good answer. An unknown 4xx or 5xx has a row.
    /// A row that the policy takes as a good answer comes last: what else is the matter with that answer still counts.
    pub fn find<'a>(&'a self, policy: &'a Policy, facts: &Facts) -> Option<&'a Cause> {
        let rows = policy.causes.iter().chain(&self.causes);
        let mut met = rows.filter(|cause| cause.matches.iter().any(|row| facts.meet(row))).peekable();
        let first = met.peek().copied();
        met.find(|cause| !cause.is_good(policy)).or(first)
    }
}
