//! What the end of an attempt tells a breaker, as far as all correct breakers agree about it.

use crate::{
    causes::{Class, Mode, Wire},
    rules::{ALLOWANCE, View, view::micros},
    scenario::Host,
    transcript::{Attempt, Micros, UserRequest},
};

/// What an end tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The provider is well.
    Well,
    /// One more failure, by the policy.
    Counts,
    /// No failure that counts. A breaker may take it as a sign of life, or give the place of a probe back.
    Ignored,
    /// Some breakers count it, others do not, or never learned of it.
    Unclear,
}

/// An attempt ended, or may have ended for its client.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// When the provider saw it.
    pub at: Micros,
    /// When the client may have known at the earliest.
    pub known: Micros,
    /// When its attempt arrived.
    pub arrived: Micros,
    /// What it tells.
    pub sign: Sign,
    /// Nothing that tells otherwise came so close that a client may have seen it in the other order.
    pub lone: bool,
}

/// The ends of these attempts in order of time, each with its attempt. One that drags on, such as an error whose body is slow, may have been taken for
/// an end at once or at last: it stands twice, and tells less.
pub fn ends(view: &View, attempts: &[usize]) -> Vec<(usize, End)> {
    let of = |index: usize| ends_of(view, index).into_iter().map(move |end| (index, end));
    let mut ends: Vec<(usize, End)> = attempts.iter().flat_map(|index| of(*index)).collect();
    ends.sort_by_key(|(_, end)| end.at);
    let signs: Vec<(Micros, Sign)> = ends.iter().map(|(_, end)| (end.at, end.sign)).collect();
    for (place, (_, end)) in ends.iter_mut().enumerate() {
        let near = |(at, _): &&(Micros, Sign)| at.abs_diff(end.at) <= ALLOWANCE;
        let around = signs[..place].iter().rev().take_while(near).chain(signs[place..].iter().take_while(near));
        end.lone = around.into_iter().all(|(_, sign)| *sign == end.sign);
    }
    ends
}

fn ends_of(view: &View, index: usize) -> Vec<End> {
    let attempt = &view.t.attempts[index];
    let Some(at) = attempt.ended else { return Vec::new() };
    let end = End { at, known: known(attempt, at), arrived: attempt.arrived, sign: sign(view, index), lone: true };
    if end.known + ALLOWANCE >= at {
        return vec![end];
    }
    let sign = if matches!(end.sign, Sign::Well | Sign::Ignored) { Sign::Ignored } else { Sign::Unclear };
    vec![End { at: end.known, sign, ..end }, End { known: at, sign, ..end }]
}

/// An error is known by its head, an answer by its completing signal, all else by its end.
fn known(attempt: &Attempt, ended: Micros) -> Micros {
    let refused = attempt.reply.status.is_some_and(|status| status >= 300);
    let complete = attempt.pace.and_then(|pace| pace.complete).map(|after| attempt.arrived + after);
    let known = if refused { attempt.first_byte } else { complete };
    known.map_or(ended, |known| known.min(ended))
}

/// What the end of an attempt tells.
pub fn sign(view: &View, index: usize) -> Sign {
    let attempt = &view.t.attempts[index];
    let Some(breaker) = view.policy().breaker.as_ref() else { return Sign::Unclear };
    if view.ended(index).by_time() || untold(view, attempt) || hasty(view, attempt) {
        return Sign::Unclear;
    }
    let (Some(cause), Some(cells)) = (view.ended(index).cause, view.cells(index)) else { return Sign::Well };
    if view.good(index) {
        return Sign::Well;
    }
    let counted = |mode: &Mode| breaker.counts.contains(mode);
    let modes: Vec<Mode> = cells.classes.iter().flat_map(|class| modes(*class)).copied().chain([cause.mode]).collect();
    // What is wrong with a request counts nowhere, even where a policy lists it.
    let of_the_request = matches!(cause.mode, Mode::RequestContract | Mode::Auth);
    if modes.iter().all(counted) && !of_the_request {
        Sign::Counts
    } else if modes.iter().any(counted) {
        Sign::Unclear
    } else {
        Sign::Ignored
    }
}

/// The failure modes that a client may mean by a class.
fn modes(class: Class) -> &'static [Mode] {
    match class {
        Class::Timeout | Class::Deadline => &[Mode::ClientTimeout, Mode::ProviderTransient],
        Class::RateLimited | Class::Quota => &[Mode::RateQuota],
        Class::Auth => &[Mode::Auth],
        Class::InvalidRequest | Class::ContentPolicy => &[Mode::RequestContract],
        Class::Server | Class::Connection | Class::StreamInterrupted => &[Mode::ProviderTransient],
        Class::MalformedResponse => &[Mode::Parser],
        Class::Cancelled | Class::Exhausted | Class::Other => &[Mode::ProviderTransient, Mode::RequestContract],
    }
}

/// Whether the client may not have learned of this end: its user had left or had an outcome, or its time was up.
fn untold(view: &View, attempt: &Attempt) -> bool {
    let (Some(user), Some(ended)) = (attempt.user, attempt.ended) else { return true };
    let user: &UserRequest = &view.t.users[user];
    let up = user.arrived + micros(*view.policy().deadline);
    let limit = attempt.arrived + limit(view, attempt);
    let bounded = if attempt.reply.stream { attempt.first_byte } else { Some(known(attempt, ended)) };
    let late = attempt.wire == Wire::Whole && bounded.is_none_or(|moment| moment + ALLOWANCE >= limit);
    user.left.is_some_and(|left| ended + ALLOWANCE >= left)
        || user.ended.is_some_and(|outcome| ended > outcome + ALLOWANCE)
        || ended + ALLOWANCE >= up
        || late
}

/// Whether the client gave up before any limit of the policy, or its connection was an old one that may have died of age.
fn hasty(view: &View, attempt: &Attempt) -> bool {
    let policy = view.policy();
    let ended = attempt.ended.unwrap_or(Micros::MAX).saturating_add(ALLOWANCE);
    let since = |stall: fn(&crate::transcript::Pace) -> Micros, limit: Micros| {
        attempt.pace.as_ref().is_some_and(|pace| stall(pace) + ALLOWANCE >= limit)
    };
    let idle = since(|pace| pace.since_byte, micros(*policy.idle_timeout));
    let out_of_time = ended >= attempt.arrived + limit(view, attempt);
    // Given up for the fallback's sake, it says little of the provider.
    let reserved = attempt.user.is_some_and(|user| attempt.host == Host::Primary && ended >= view.reserve_begins(user));
    match attempt.wire {
        Wire::GaveUpBeforeHead | Wire::GaveUpInBody | Wire::GaveUpInStream if reserved => true,
        Wire::GaveUpBeforeHead => !out_of_time,
        Wire::GaveUpInBody => !out_of_time && !idle,
        Wire::GaveUpInStream => !idle && !since(|pace| pace.since_content, micros(*policy.semantic_idle_timeout)),
        Wire::Whole => false,
        _ => attempt.reused,
    }
}

/// The timeout of one attempt at this host.
fn limit(view: &View, attempt: &Attempt) -> Micros {
    let policy = view.policy();
    micros(*if attempt.host == Host::Fallback { policy.fallback.timeout } else { policy.attempt_timeout })
}
