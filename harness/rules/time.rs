//! What a user's time is spent on, and what is left of it.

use super::{ALLOWANCE, Capability, GRAIN, View, fallback, view};
use crate::{
    causes::{Class, Waits, Wire},
    policy::RetryBudget,
    scenario::Host,
    transcript::{Attempt, Micros},
};

/// A date may ask for this much more than was meant: whole seconds, with a tenth to spare.
const ROUNDED_UP: Micros = 1_100_000;

/// How a wait that a reply names compares with the ceiling and with the time left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fits {
    /// It is slept.
    Yes,
    /// Two correct clients may differ.
    Unsure,
    /// It ends the retries at once.
    No,
}

/// When an attempt began. Its own connection is part of it; one that was there already is not.
pub fn began(attempt: &Attempt) -> Micros {
    if attempt.reused { attempt.arrived } else { attempt.accepted.min(attempt.arrived) }
}

impl View<'_> {
    /// When an attempt was over, or nobody watched any more.
    pub fn over(&self, attempt: &Attempt) -> Micros {
        attempt.ended.unwrap_or(self.t.watched)
    }

    /// Until when an attempt kept its user waiting: its end, or the outcome or the user's leaving if that came first.
    pub fn waited_until(&self, attempt: &Attempt) -> Micros {
        let user = attempt.user.map(|user| &self.t.users[user]);
        let gone = user.into_iter().flat_map(|user| [user.ended, user.left]).flatten();
        gone.chain([self.over(attempt)]).min().unwrap_or_default()
    }

    /// Whether an attempt came when its user had the outcome already, or had left.
    pub fn after_the_end(&self, attempt: &Attempt) -> bool {
        let user = attempt.user.map(|user| &self.t.users[user]);
        // A request that is on its way when the user leaves cannot be called back.
        let left = user.and_then(|user| user.left).map(|left| left + ALLOWANCE);
        let ended = user.and_then(|user| user.ended).map(|ended| ended + GRAIN);
        left.or(ended).is_some_and(|end| attempt.arrived > end)
    }

    /// Whether the host may have been asked without anybody seeing whose request it was.
    pub fn hides_attempts(&self, host: Host) -> bool {
        self.t.refusing.contains(&host) || self.t.contacts.iter().any(|contact| contact.host == host)
    }

    /// Whether time had no part in what a lone user got: no attempt was old enough for any timer of the client to fire, and at the end
    /// there was still time for all that the policy may ask for. Who knows no deadline decides nothing by what is left of it.
    pub fn unhurried(&self) -> bool {
        let [user] = &self.t.users[..] else { return false };
        let bounded = user.expect.iter().flatten().any(|expect| expect.within.is_some());
        let class = user.outcome.as_ref().and_then(|outcome| outcome.class);
        let by_time = matches!(class, Some(Class::Timeout | Class::Deadline | Class::Connection | Class::Cancelled));
        let unseen = !(self.t.contacts.is_empty() && self.t.refusing.is_empty());
        let early = user.ended.is_some_and(|end| !self.can(Capability::Deadline) || self.is_early(end));
        early && !(bounded || by_time || unseen || self.t.attempts.iter().any(|attempt| self.is_old(attempt)))
    }

    /// Whether an attempt lasted as long as the shortest timer that a client has for it, or never became a request. It may have begun
    /// before we were in time to see it.
    fn is_old(&self, attempt: &Attempt) -> bool {
        let policy = self.policy();
        let mut timers = vec![policy.attempt_timeout, policy.idle_timeout, policy.fallback.timeout];
        let Some(request) = &attempt.request else { return true };
        if request.stream {
            timers.extend([policy.semantic_idle_timeout, policy.parser.finish_grace]);
        }
        let shortest = timers.into_iter().map(|timer| view::micros(*timer)).min().unwrap_or_default();
        self.over(attempt).saturating_sub(began(attempt)) + self.t.lateness + GRAIN >= shortest
    }

    /// Whether a wait, an attempt and the reserve still fit into what is left of a lone user's time.
    fn is_early(&self, moment: Micros) -> bool {
        let policy = self.policy();
        let needed =
            [policy.backoff.cap, policy.attempt_timeout, policy.fallback.reserve].map(|span| view::micros(*span));
        moment - self.t.users[0].arrived + needed.iter().sum::<Micros>() + ALLOWANCE <= view::micros(*policy.deadline)
    }

    /// Whether users may have had to wait for each other, since only so many attempts are open at once.
    pub fn crowded(&self) -> bool {
        self.t.users.len() > self.policy().storm.in_flight as usize
    }

    /// Whether nothing stands in the way of a retry after so many failures of a lone user: no breaker that is open, no budget that is
    /// spent, no other users to wait for, and nothing that nobody sees.
    pub fn unhindered(&self, failures: u32) -> bool {
        let policy = self.policy();
        let closed = policy.breaker.as_ref().is_none_or(|breaker| breaker.failures > failures);
        let tokens = |budget: &RetryBudget| (budget.min_per_second + budget.ratio).min(budget.cap);
        let paid = policy.retry_budget.as_ref().is_none_or(|budget| tokens(budget) >= f64::from(failures));
        let hidden = Host::PROVIDERS.into_iter().any(|host| self.hides_attempts(host));
        closed && paid && !hidden && !self.crowded()
    }

    /// Whether a fallback may follow the primary beyond doubt: the request may go there, and nothing was charged that must not be
    /// twice.
    pub fn fallback_possible(&self, user: usize) -> bool {
        let sensitive = self.t.users[user].request.charge_sensitive;
        self.may_go_elsewhere(user) && !(sensitive && self.primary_seems_charged(user))
    }

    /// Whether the primary may have charged for work of this user, as far as the client can tell.
    pub fn primary_seems_charged(&self, user: usize) -> bool {
        let unseen = self.t.contacts.iter().any(|contact| contact.host == Host::Primary);
        unseen || self.at(user, Host::Primary).any(|(index, _)| self.seems_charged(index))
    }

    /// Whether a request may go to the fallback: there is one that takes it, and it is safe.
    pub fn may_go_elsewhere(&self, user: usize) -> bool {
        let target = self.can(Capability::Fallback) && !self.policy().fallback.targets.is_empty();
        target && self.t.users[user].request.fallback_safe && fallback::surely_fits(self, user)
    }

    /// Whether work may have been charged, as far as a client can tell: to it, all connections that break before the head are alike.
    pub fn seems_charged(&self, index: usize) -> bool {
        self.charged(index) || self.t.attempts[index].wire == Wire::ClosedBeforeRequest
    }

    /// When the primary must be lost, so that the fallback has its reserve.
    pub fn reserve_begins(&self, user: usize) -> Micros {
        let policy = self.policy();
        let before = view::micros(*policy.deadline).saturating_sub(view::micros(*policy.fallback.reserve));
        self.t.users[user].arrived + before
    }

    /// The wait that a reply names, if its cause waits for it and the policy honours it, and whether it fits.
    pub fn named_wait(&self, index: usize) -> Option<(Micros, Fits)> {
        let waits = self.cells(index).is_some_and(|cells| cells.waits == Waits::RetryAfter);
        let wait = self.t.attempts[index].reply.wait.filter(|_| waits && self.policy().retry_after.honour)?;
        Some((wait, self.fits(index, wait)))
    }

    fn fits(&self, index: usize, wait: Micros) -> Fits {
        let (policy, user) = (self.policy(), self.t.attempts[index].user);
        let ceiling = view::micros(*policy.retry_after.ceiling);
        if wait > ceiling {
            return Fits::No;
        }
        // A client may count the reserve though no fallback is possible, and the jitter that it adds.
        let reserve = if policy.fallback.targets.is_empty() { 0 } else { view::micros(*policy.fallback.reserve) };
        let kept = if user.is_some_and(|user| self.fallback_possible(user)) { reserve } else { 0 };
        let (left, attempt) = (self.left_after(index), view::micros(*policy.attempt_timeout));
        let longest = wait + (wait as f64 * policy.retry_after.spread) as Micros + ROUNDED_UP;
        if wait + ROUNDED_UP <= ceiling && longest + attempt + reserve + ALLOWANCE <= left {
            Fits::Yes
        } else if wait + attempt + kept > left + ALLOWANCE && self.can(Capability::Deadline) {
            Fits::No
        } else {
            Fits::Unsure
        }
    }
}
