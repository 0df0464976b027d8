//! One user request: attempts at the primary, waits between them, one fallback, all under one deadline.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, sleep, timeout_at},
};

use super::{
    Reference,
    breaker::{Health, Leave},
    decide::{Again, Decision, counts, decide},
    failure::{Failure, Kind},
    send::{Reply, Target},
    telemetry, wait,
};
use crate::{
    causes::Class,
    client::{Call, Failure as Reported, Outcome, Provider, ResultKind},
    policy::{Feature, Refusal},
    scenario::Host,
};

/// Timers go by the millisecond, and a request needs one to get out.
const LAST_MOMENT: Duration = Duration::from_millis(2);

/// Makes the request.
pub async fn run(client: &Reference, call: Call) -> Outcome {
    let deadline = Instant::now() + *client.policy.deadline;
    let name = || format!("{:032x}", client.random.borrow_mut().u128(..));
    let (idempotency, correlation) = (name(), name());
    let mut request = UserRequest { client, deadline, idempotency, correlation, call, attempts: 0, charged: false };
    let outcome = timeout_at(deadline, request.answer()).await;
    let outcome = outcome.unwrap_or_else(|_| Failure::new(Kind::Deadline).reported(Class::Deadline, true));
    Outcome { attempts: Some(request.attempts), ..outcome }
}

struct UserRequest<'a> {
    client: &'a Reference,
    call: Call,
    deadline: Instant,
    idempotency: String,
    correlation: String,
    attempts: u32,
    /// Work may have been charged, so charge-sensitive work may go nowhere else.
    charged: bool,
}

/// What a call uses that a provider may not take.
fn uses(call: &Call) -> impl Iterator<Item = Feature> {
    let role = |role: &str| call.messages.iter().any(|message| message.role == role);
    let uses = [
        (Feature::Tools, call.request.tools),
        (Feature::DeveloperRole, role("developer")),
        (Feature::SystemRole, role("system")),
        (Feature::Prefill, call.messages.last().is_some_and(|last| last.role == "assistant")),
        (Feature::SeveralChoices, call.request.n > 1),
        (Feature::Stream, call.request.stream),
    ];
    uses.into_iter().filter(|(_, used)| *used).map(|(feature, _)| feature)
}

/// An attempt that failed, with the record that its follow-up is still to be written into; without a record, none was made.
struct Lost {
    failure: Failure,
    record: Option<telemetry::Open>,
}

impl Lost {
    /// No attempt was made.
    fn unasked(kind: Kind) -> Self {
        Lost { failure: Failure::new(kind), record: None }
    }
}

/// Room for one attempt among all that are in flight, and its provider's leave.
struct Place<'a> {
    room: SemaphorePermit<'a>,
    leave: Leave<'a>,
}

impl<'a> UserRequest<'a> {
    async fn answer(&mut self) -> Outcome {
        let mut lost = match self.primary().await {
            Ok(reply) => return self.handed_over(reply, Host::Primary),
            Err(lost) => lost,
        };
        let decision = self.decide(&lost.failure);
        let target = self.fallback(&lost.failure, &decision).await;
        let word = target.as_ref().err().copied().unwrap_or("used");
        lost.record.iter_mut().for_each(|record| record.decided(word));
        let Ok((target, place)) = target else {
            return lost.failure.reported(decision.class, decision.again != Again::No);
        };
        drop(lost);
        let timeout = *self.client.policy.fallback.timeout;
        match self.attempt(place, &target, 1, timeout, self.deadline).await {
            Ok(reply) => self.handed_over(reply, target.name),
            Err(lost) => {
                let decision = self.decide(&lost.failure);
                lost.failure.reported(decision.class, decision.again != Again::No)
            }
        }
    }

    /// The one fallback decision: another provider that may be asked, or why there is none.
    async fn fallback(&self, lost: &Failure, decision: &Decision) -> Result<(Provider, Place<'a>), &'static str> {
        if lost.committed {
            Err("committed")
        } else if !self.call.request.fallback_safe {
            Err("unsafe")
        } else if !decision.fallback || self.charged_twice_there() {
            Err("not-eligible")
        } else {
            let target = self.target().ok_or("unavailable")?;
            let place = self.place(target.name, self.deadline).await.ok_or("unavailable")?;
            Ok((target, place))
        }
    }

    /// Attempts at the primary until one succeeds or none may follow.
    async fn primary(&mut self) -> Result<Reply, Lost> {
        let Some(provider) = self.call.provider(Host::Primary).cloned() else {
            return Err(Lost::unasked(Kind::Connect));
        };
        let mut once = 0;
        let mut last = Lost::unasked(Kind::LeftAlone);
        for n in 1.. {
            let until = self.primary_until();
            let Some(place) = self.place(Host::Primary, until).await else { return Err(last) };
            drop(last);
            if n == 1 {
                self.client.budget.borrow_mut().earn();
            }
            let timeout = *self.client.policy.attempt_timeout;
            let lost = match self.attempt(place, &provider, n, timeout, until).await {
                Ok(reply) => return Ok(reply),
                Err(lost) => lost,
            };
            let decision = self.decide(&lost.failure);
            self.charged |= decision.charged;
            once += u32::from(decision.again == Again::Once);
            match self.wait_before_next(n, once, &lost.failure, &decision) {
                Some(wait) => sleep(wait).await,
                None => return Err(lost),
            }
            last = lost;
        }
        unreachable!("attempts are bounded by the policy")
    }

    /// When the primary must be lost: in time for the fallback, if there can be one.
    fn primary_until(&self) -> Instant {
        let reserve = if self.target().is_some() && !self.charged_twice_there() {
            *self.client.policy.fallback.reserve
        } else {
            Duration::ZERO
        };
        self.deadline - reserve
    }

    /// The fallback, if this request may have one.
    fn target(&self) -> Option<Provider> {
        let targets = self.client.policy.fallback.targets.iter();
        let known = targets.filter_map(|host| self.call.provider(*host)).next();
        known.filter(|_| self.call.request.fallback_safe && self.fits()).cloned()
    }

    /// Whether the fallback can take this request: what it uses, and its length at four characters a token.
    fn fits(&self) -> bool {
        let target = &self.client.policy.fallback;
        let characters: usize = self.call.messages.iter().map(|message| message.content.chars().count()).sum();
        let window = target.context.as_ref().copied().unwrap_or(u64::MAX);
        (characters as u64).div_ceil(4) <= window && !uses(&self.call).any(|feature| target.refuses.contains(&feature))
    }

    /// No two providers share an idempotency key.
    fn charged_twice_there(&self) -> bool {
        self.call.request.charge_sensitive && self.charged
    }

    fn charged_twice_here(&self, decision: &Decision) -> bool {
        let charge = &self.client.policy.charge;
        let deduplicated = charge.key_deduplicates && charge.idempotency_header.as_ref().is_some();
        self.call.request.charge_sensitive && decision.charged && !deduplicated
    }

    fn decide(&self, failure: &Failure) -> Decision {
        decide(failure, &self.client.policy)
    }

    /// How long to wait before attempt `n + 1`; `None`: there is none.
    fn wait_before_next(&self, n: u32, once: u32, failure: &Failure, decision: &Decision) -> Option<Duration> {
        let policy = &self.client.policy;
        let spent = n >= policy.attempts || decision.again == Again::No || once > 1;
        if spent || self.charged_twice_here(decision) {
            return None;
        }
        let left = self.primary_until().saturating_duration_since(Instant::now());
        let random = &mut *self.client.random.borrow_mut();
        let backoff = wait::backoff(&policy.backoff, n, random);
        let named = failure.wait.filter(|_| decision.waits && policy.retry_after.honour);
        let wait = match named {
            Some(named) if named > *policy.retry_after.ceiling || named + *policy.attempt_timeout > left => {
                return None;
            }
            // A wait of nothing must not undo the backoff of later attempts.
            Some(named) => wait::spread(&policy.retry_after, named, random).max(backoff),
            None => backoff,
        };
        // There is no point in waiting for a provider that will be left alone by then.
        let in_vain = wait >= left || self.client.breaker(Host::Primary).is_open_at(Instant::now() + wait);
        (!in_vain && self.client.budget.borrow_mut().spend()).then_some(wait)
    }

    /// Waits for room, inside its own time, and asks the breaker as the last thing before an attempt; `None`: the provider is
    /// left alone.
    async fn place(&self, host: Host, until: Instant) -> Option<Place<'a>> {
        let client = self.client;
        let room = timeout_at(until, client.in_flight.acquire()).await.ok()?.ok()?;
        // Room that comes at the last moment is none: the attempt would end before its request is out.
        if Instant::now() + LAST_MOMENT >= until {
            return None;
        }
        client.breaker(host).enter().map(|leave| Place { room, leave })
    }

    async fn attempt(
        &mut self,
        place: Place<'_>,
        provider: &Provider,
        n: u32,
        timeout: Duration,
        until: Instant,
    ) -> Result<Reply, Lost> {
        self.attempts += 1;
        let target = Target {
            provider,
            timeout,
            until,
            deadline: self.deadline,
            idempotency: &self.idempotency,
            correlation: &self.correlation,
            attempt: n,
        };
        let mut record = telemetry::Open::begin(&target, self.call.request.stream, n, &self.client.hooks);
        let result = self.client.send(&self.call, &target).await;
        drop(place.room);
        match &result {
            Ok(_) => place.leave.ended(Health::Well),
            Err(failure) if counts(failure, &self.client.policy) => place.leave.ended(Health::Ill),
            Err(_) => drop(place.leave),
        }
        record.ended(&result);
        result.map_err(|failure| Lost { failure, record: Some(record) })
    }

    fn handed_over(&self, reply: Reply, by: Host) -> Outcome {
        let refused = reply.refusal.is_some() && self.client.policy.parser.refusal == Refusal::Error;
        let filtered = reply.finish_reason.as_deref() == Some("content_filter");
        let mut outcome = if refused || filtered {
            let error = Reported {
                class: Some(Class::ContentPolicy),
                native: "Refused".to_owned(),
                status: Some(200),
                code: None,
                message: "the model refused, or a filter did".to_owned(),
                retryable: Some(false),
                ..Default::default()
            };
            Outcome { error: Some(error), ..Outcome::new(ResultKind::Refused) }
        } else {
            Outcome::new(ResultKind::Completed)
        };
        outcome.text = if refused { None } else { reply.text.filter(|text| !text.is_empty()).or(reply.refusal) };
        outcome.finish_reason = reply.finish_reason;
        outcome.usage = reply.usage;
        outcome.served_by = Some(by);
        // What a refusal or a filter cut short may be half a call.
        if outcome.result == ResultKind::Completed {
            outcome.tool_calls = reply.tool_calls;
            self.run_tools(&outcome.tool_calls);
        }
        outcome
    }

    /// The application runs each tool call once, by its id.
    fn run_tools(&self, calls: &[Json]) {
        let mut done = Vec::new();
        for (place, call) in calls.iter().enumerate() {
            // Some providers name no id: then the place tells two calls apart.
            let id = call["id"].as_str().filter(|id| !id.is_empty()).map_or_else(|| format!("#{place}"), str::to_owned);
            if !done.contains(&id) {
                self.call.effects.push(call["function"]["name"].as_str().unwrap_or_default(), &id);
                done.push(id);
            }
        }
    }
}
