//! A transcript with the cause of every attempt looked up: what all rules read.

use std::time::Duration;

use crate::{
    causes::{Cause, Causes, Cells, Charged, Circumstances, Demand, Facts, Retry, TooLong, Wire},
    policy::Policy,
    rules::GRAIN,
    scenario::{Capability, Host},
    transcript::{Attempt, Micros, Transcript, UserRequest},
};

/// A transcript with the cause of every attempt.
pub struct View<'a> {
    /// The facts.
    pub t: &'a Transcript,
    /// The table of causes.
    pub table: &'a Causes,
    ends: Vec<Ended<'a>>,
}

/// An attempt and its place in the transcript.
pub type Placed<'a> = (usize, &'a Attempt);

/// Why an attempt ended.
pub struct Ended<'a> {
    /// `None`: a good answer.
    pub cause: Option<&'a Cause>,
    /// Text of this attempt reached the user before its end.
    pub committed: bool,
}

impl<'a> View<'a> {
    /// Looks up the cause of every attempt.
    pub fn new(t: &'a Transcript, table: &'a Causes) -> Self {
        let ends = t.attempts.iter().enumerate().map(|(i, attempt)| {
            let committed = streamed_from(t, attempt.user, i);
            Ended { cause: table.find(&t.policy, &Facts::of(attempt, committed)), committed }
        });
        View { t, table, ends: ends.collect() }
    }

    /// What the client is held to.
    pub fn policy(&self) -> &'a Policy {
        &self.t.policy
    }

    /// Whether the client claims this.
    pub fn can(&self, capability: Capability) -> bool {
        self.t.capabilities.contains(&capability)
    }

    /// Why the attempt ended.
    pub fn ended(&self, attempt: usize) -> &Ended<'a> {
        &self.ends[attempt]
    }

    /// User requests, by number.
    pub fn users(&self) -> impl Iterator<Item = (usize, &'a UserRequest)> {
        self.t.users.iter().enumerate()
    }

    /// A user's attempts in order of arrival, by their place in the transcript.
    pub fn of_user(&self, user: usize) -> impl Iterator<Item = (usize, &'a Attempt)> {
        self.t.attempts.iter().enumerate().filter(move |(_, attempt)| attempt.user == Some(user))
    }

    /// A user's attempts at one host.
    pub fn at(&self, user: usize, host: Host) -> impl Iterator<Item = (usize, &'a Attempt)> {
        self.of_user(user).filter(move |(_, attempt)| attempt.host == host)
    }

    /// Each attempt of a user with the next one at the same host; what comes after the end has rules of its own.
    pub fn retries(&self, user: usize) -> Vec<(Placed<'a>, Placed<'a>)> {
        let pairs = |host| {
            let attempts: Vec<_> = self.at(user, host).filter(|(_, next)| !self.after_the_end(next)).collect();
            attempts.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>()
        };
        Host::PROVIDERS.into_iter().flat_map(pairs).collect()
    }

    /// The cells of an attempt's cause in its circumstances; `None`: a good answer.
    pub fn cells(&self, attempt: usize) -> Option<Cells> {
        self.cells_with(attempt, |_| ())
    }

    /// The cells of an attempt's cause, with some circumstances left to another rule.
    pub fn cells_with(&self, attempt: usize, change: impl FnOnce(&mut Circumstances)) -> Option<Cells> {
        let cause = self.ends[attempt].cause?;
        let mut circumstances = self.circumstances(attempt);
        change(&mut circumstances);
        Some(self.table.cells(cause, self.policy(), &circumstances))
    }

    /// Whether the attempt brought an answer that only a completion fits.
    pub fn good(&self, attempt: usize) -> bool {
        use crate::causes::ResultWord::Completed;
        self.cells(attempt).is_none_or(|cells| cells.results == [Completed])
    }

    /// Whether work of the attempt may have been charged.
    pub fn charged(&self, attempt: usize) -> bool {
        self.cells(attempt).is_none_or(|cells| cells.charged != Charged::No)
    }

    /// What is left of the user's deadline when the attempt ends.
    pub fn left_after(&self, attempt: usize) -> Micros {
        let attempt = &self.t.attempts[attempt];
        let arrived = attempt.user.map_or(0, |user| self.t.users[user].arrived);
        let ended = attempt.ended.unwrap_or(self.t.watched);
        micros(*self.policy().deadline).saturating_sub(ended.saturating_sub(arrived))
    }

    fn circumstances(&self, index: usize) -> Circumstances {
        let attempt = &self.t.attempts[index];
        let request = attempt.user.map(|user| &self.t.users[user].request);
        let left = self.left_after(index);
        Circumstances {
            host: attempt.host,
            in_band: attempt.reply.in_band,
            stream: attempt.reply.stream,
            should_retry: attempt.reply.should_retry.clone(),
            wait: attempt.reply.wait.and_then(|wait| self.too_long(attempt.user, wait, left)),
            under_reserve: left + GRAIN < micros(*self.policy().fallback.reserve),
            fallback_safe: request.is_none_or(|request| request.fallback_safe),
            charge_sensitive: request.is_some_and(|request| request.charge_sensitive),
            same_idempotency_key: self.same_key_next(index),
            content: self.ends[index].committed,
        }
    }

    fn too_long(&self, user: Option<usize>, wait: Micros, left: Micros) -> Option<TooLong> {
        let policy = self.policy();
        // What was charged is found by the cells that this decides.
        let elsewhere = |user| self.may_go_elsewhere(user) && !self.t.users[user].request.charge_sensitive;
        let reserve = if user.is_some_and(elsewhere) { *policy.fallback.reserve } else { Duration::ZERO };
        let kept = micros(reserve) + micros(*policy.attempt_timeout);
        if wait > micros(*policy.retry_after.ceiling) {
            Some(TooLong::BeyondCeiling)
        } else if wait > left.saturating_sub(kept) {
            Some(TooLong::BeyondDeadline)
        } else {
            None
        }
    }

    /// Whether the next attempt at the same host carries the same key (or would: there is none yet), and keys deduplicate.
    fn same_key_next(&self, index: usize) -> bool {
        let attempt = &self.t.attempts[index];
        let key = |a: &Attempt| a.request.as_ref().and_then(|request| request.idempotency.clone());
        let mut later =
            self.t.attempts[index + 1..].iter().filter(|a| a.user == attempt.user && a.host == attempt.host);
        let same = later.next().is_none_or(|next| key(next) == key(attempt));
        self.policy().charge.key_deduplicates && key(attempt).is_some() && same
    }
}

impl Ended<'_> {
    /// The cause's name, or `a good answer`.
    pub fn name(&self) -> &str {
        self.cause.map_or("a good answer", |cause| cause.id.as_str())
    }

    /// Whether the user or the deadline ended it.
    pub fn by_time(&self) -> bool {
        let wires = [Some(Wire::UserLeft), Some(Wire::Deadline)];
        self.cause.is_some_and(|cause| cause.matches.iter().any(|facts| wires.contains(&facts.wire)))
    }
}

/// Microseconds of a duration.
pub fn micros(duration: Duration) -> Micros {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Seconds with two decimals, for people.
pub fn seconds(micros: Micros) -> String {
    format!("{:.2} s", micros as f64 / 1e6)
}

/// How many more attempts a retry cell allows.
pub fn more_allowed(retry: Retry) -> Option<usize> {
    match retry {
        Retry::Never => Some(0),
        Retry::Once => Some(1),
        Retry::Must | Retry::May => None,
    }
}

/// Whether a fallback cell forbids.
pub fn forbids(cell: Demand) -> bool {
    cell == Demand::Never
}

fn streamed_from(t: &Transcript, user: Option<usize>, attempt: usize) -> bool {
    let outcome = user.and_then(|user| t.users[user].outcome.as_ref());
    let streamed = outcome.and_then(|outcome| outcome.streamed.as_ref());
    streamed.is_some_and(|text| text.spans.iter().any(|span| span.attempt == attempt))
}
