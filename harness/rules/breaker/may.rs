//! The states that a correct breaker may be in. What the provider saw adds states and takes some away; an attempt that none of
//! them allows is a breach.

use super::ends::{End, Sign};
use crate::{
    policy::Breaker,
    rules::{ALLOWANCE, GRAIN, view::micros},
    transcript::Micros,
};

/// States that are possible; at least one is.
#[derive(Debug, Clone)]
pub struct May {
    limits: Limits,
    closed: Option<Closed>,
    /// Half-open, with the moment from which attempts are probes.
    half_open: Option<Micros>,
    /// Open, with the earliest moment at which the hold may be over.
    open: Option<Micros>,
    /// When it may last have opened: attempts already on their way come a little later.
    opened: Option<Micros>,
    /// When a state that allowed more was last ruled out: attempts already on their way come a little later.
    tightened: Option<Micros>,
    /// Since when it can only be closed.
    surely_closed: Option<Micros>,
    /// When the client did what no state allows. Until its next success nothing can be told from what it does.
    lost: Option<Micros>,
}

/// The policy's numbers.
#[derive(Debug, Clone, Copy)]
struct Limits {
    failures: usize,
    window: Micros,
    open_for: Micros,
    probes: usize,
}

/// Closed, with failures that count for every breaker, and with all that may count for some.
#[derive(Debug, Clone, Default)]
struct Closed {
    /// What arrived before may count or not.
    since: Micros,
    sure: Vec<Micros>,
    possible: Vec<Micros>,
    /// A success that clears all that was possible before it, once no failure can have been seen first.
    well: Option<Micros>,
}

/// What an attempt's arrival means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Some state allows it.
    Allowed,
    /// It is a probe, and there was room for it.
    Probe,
    /// It can only be a probe, and there was no room.
    OneTooMany,
    /// The provider was to be left alone.
    Held,
}

impl May {
    /// A new client's breaker is closed.
    pub fn new(policy: &Breaker) -> Self {
        let limits = Limits {
            failures: policy.failures.max(1) as usize,
            window: micros(*policy.window),
            open_for: micros(*policy.open_for),
            probes: policy.probes as usize,
        };
        May { closed: Some(Closed::default()), surely_closed: Some(0), ..May::nowhere(limits, None) }
    }

    fn nowhere(limits: Limits, tightened: Option<Micros>) -> Self {
        May {
            limits,
            closed: None,
            half_open: None,
            open: None,
            opened: None,
            tightened,
            surely_closed: None,
            lost: None,
        }
    }

    /// Since when it can only be closed.
    pub fn surely_closed(&self) -> Option<Micros> {
        self.surely_closed
    }

    /// An attempt arrives; so many that arrived from a moment on are still open.
    pub fn arrives(&mut self, at: Micros, open_since: impl Fn(Micros) -> usize) -> Arrival {
        if self.lost.is_some() || self.tightened.is_some_and(|moment| at <= moment + ALLOWANCE) {
            return Arrival::Allowed;
        }
        let room = self.half_open.is_some_and(|since| open_since(since) < self.limits.probes);
        let over = self.open.is_some_and(|until| at + GRAIN >= until);
        let allowed = match (self.closed.is_some(), room || over) {
            (true, _) => Arrival::Allowed,
            (false, true) => Arrival::Probe,
            (false, false) if self.half_open.is_some() => Arrival::OneTooMany,
            (false, false) => Arrival::Held,
        };
        if matches!(allowed, Arrival::OneTooMany | Arrival::Held) {
            self.lose(at);
        } else {
            // It was sent, so the states that forbid it are ruled out.
            self.half_open = if over { Some(at) } else { self.half_open.filter(|_| room) };
            self.open = self.open.filter(|_| self.opened.is_some_and(|moment| at <= moment + ALLOWANCE));
        }
        self.settle(at);
        allowed
    }

    /// The client did what no state allows.
    pub fn lose(&mut self, at: Micros) {
        *self = May { lost: Some(at), ..May::nowhere(self.limits, None) };
        self.anything(at);
    }

    /// An attempt ends; whether every correct breaker opens by it.
    pub fn ends(&mut self, end: &End) -> bool {
        if let Some(moment) = self.lost {
            if end.sign == Sign::Well && end.lone && end.arrived > moment {
                *self = May { closed: Some(self.new_count(end)), ..May::nowhere(self.limits, None) };
                self.settle(end.at);
            }
            return false;
        }
        let next = May { opened: self.opened, ..May::nowhere(self.limits, self.tightened) };
        let before = std::mem::replace(self, next);
        let (was_closed, was_half_open) = (before.closed.is_some(), before.half_open.is_some());
        before.closed.into_iter().for_each(|closed| self.while_closed(closed, end));
        before.half_open.into_iter().for_each(|since| self.while_half_open(since, end));
        before.open.into_iter().for_each(|until| self.while_open(until, end));
        let only_open = self.closed.is_none() && self.half_open.is_none();
        if (was_closed && self.closed.is_none()) || (was_half_open && only_open) {
            self.tightened = Some(end.at);
        }
        self.surely_closed = before.surely_closed;
        self.settle(end.at);
        only_open && (was_closed || was_half_open)
    }

    fn while_closed(&mut self, mut closed: Closed, end: &End) {
        closed.cleared(end.at);
        match end.sign {
            Sign::Well => {
                closed.sure.clear();
                closed.well = Some(end.at);
            }
            Sign::Ignored => closed.sure.clear(),
            Sign::Counts | Sign::Unclear => closed.failed(end, self.limits.window),
        }
        let failed = matches!(end.sign, Sign::Counts | Sign::Unclear) || !end.lone;
        let (surely, perhaps) = (closed.surely_full(&self.limits), failed && closed.perhaps_full(&self.limits));
        if surely || perhaps {
            self.may_be_open(end.known + self.limits.open_for);
        }
        if !surely {
            self.may_be_closed(closed);
        }
    }

    /// One success of a probe closes it, one failure opens it again; what came before it was half-open may do so too.
    fn while_half_open(&mut self, since: Micros, end: &End) {
        let (probe, reopened) = (end.arrived >= since, end.known + self.limits.open_for);
        match end.sign {
            Sign::Well if probe && end.lone => self.may_be_closed(self.new_count(end)),
            Sign::Counts if probe && end.lone => self.may_be_open(reopened),
            _ if probe => self.anything(end.at),
            Sign::Well | Sign::Ignored => {
                self.may_be_half_open(since);
                self.may_be_closed(self.new_count(end));
            }
            Sign::Counts | Sign::Unclear => {
                self.may_be_half_open(since);
                self.may_be_open(reopened);
            }
        }
    }

    /// Attempts from before end: a failure lengthens the hold for some, and a sign of life ends it for some.
    fn while_open(&mut self, until: Micros, end: &End) {
        self.may_be_open(until);
        if matches!(end.sign, Sign::Well | Sign::Ignored) {
            self.may_be_closed(self.new_count(end));
        }
    }

    /// It closed just now. A failure that came close may have been seen after that.
    fn new_count(&self, end: &End) -> Closed {
        if end.lone { Closed { since: end.at, ..Closed::default() } } else { self.any_count(end.at) }
    }

    fn any_count(&self, at: Micros) -> Closed {
        Closed { since: at, possible: vec![at; self.limits.failures - 1], ..Closed::default() }
    }

    /// Nothing is known any more.
    fn anything(&mut self, at: Micros) {
        self.may_be_closed(self.any_count(at));
        self.may_be_half_open(at);
        self.may_be_open(at);
    }

    fn may_be_closed(&mut self, closed: Closed) {
        self.closed = Some(match self.closed.take() {
            Some(known) => known.or(closed),
            None => closed,
        });
    }

    fn may_be_half_open(&mut self, since: Micros) {
        self.half_open = self.half_open.max(Some(since));
    }

    fn may_be_open(&mut self, until: Micros) {
        self.open = Some(self.open.map_or(until, |known| known.min(until)));
        self.opened = self.opened.max(until.checked_sub(self.limits.open_for));
    }

    fn settle(&mut self, at: Micros) {
        let surely = self.closed.is_some() && self.half_open.is_none() && self.open.is_none();
        self.surely_closed = surely.then(|| self.surely_closed.unwrap_or(at));
    }
}

impl Closed {
    /// What a success cleared by this moment. A failure just before it may have been seen just after.
    fn cleared(&mut self, now: Micros) {
        if let Some(well) = self.well.take_if(|well| now > *well + ALLOWANCE) {
            self.possible.retain(|failure| failure + ALLOWANCE >= well);
        }
    }

    fn failed(&mut self, end: &End, window: Micros) {
        self.possible.push(end.at);
        if end.sign == Sign::Unclear {
            self.sure.clear();
        } else if end.lone && end.arrived >= self.since {
            // Some windows slide and others begin anew, so a run of failures that outlasts one is counted from its end.
            if self.sure.first().is_some_and(|first| first + window <= end.at + ALLOWANCE) {
                self.sure.clear();
            }
            self.sure.push(end.at);
        }
    }

    fn surely_full(&self, limits: &Limits) -> bool {
        self.sure.len() >= limits.failures
    }

    fn perhaps_full(&self, limits: &Limits) -> bool {
        let last = self.possible.last().copied().unwrap_or(0);
        let within = self.possible.iter().filter(|failure| *failure + limits.window + ALLOWANCE >= last);
        within.count() >= limits.failures
    }

    /// One or the other: what is sure must be sure in both.
    fn or(mut self, mut other: Closed) -> Self {
        self.possible.append(&mut other.possible);
        self.possible.sort_unstable();
        let sure = if self.sure.len() < other.sure.len() { self.sure } else { other.sure };
        let well = self.well.zip(other.well).map(|(one, other)| one.min(other));
        Closed { since: self.since.max(other.since), sure, possible: self.possible, well }
    }
}
