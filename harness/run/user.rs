//! One user request: when it is made, what the client is told, and how it ends.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, rc::Rc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{Identity, heard};
use crate::{
    client::{AnyClient, Call, Deltas, Effects, Failure, Message, Outcome, Provider, Records, ResultKind},
    policy::Policy,
    scenario::{Cancel, Capability, Case, Host, Point, User},
    wire::Mark,
};

/// A user request about to be made.
pub struct UserCall {
    /// Which user.
    pub number: usize,
    /// The client object it shares.
    pub client: Rc<dyn AnyClient>,
    /// What the client is told.
    pub call: Call,
    /// When it arrives.
    pub arrives: Instant,
    /// When it leaves.
    pub cancel: Option<Cancel>,
    /// How far the replies to each user have come.
    pub progress: watch::Receiver<Vec<Mark>>,
    /// After this long it is not waited for any more.
    pub limit: Duration,
}

/// A user request that is over.
pub struct Ended {
    /// Which user.
    pub number: usize,
    /// When it arrived.
    pub arrived: Instant,
    /// When it left, if it did.
    pub left: Option<Instant>,
    /// When the outcome came.
    pub ended: Option<Instant>,
    /// What the client made of it.
    pub outcome: Option<Outcome>,
    /// What was delivered piece by piece.
    pub deltas: Vec<(Instant, String)>,
    /// What the application did with a side effect: what comes after the end counts too.
    pub effects: Effects,
    /// Structured records that did not come through a log.
    pub records: Records,
}

/// What the client is told.
pub fn call(case: &Case, user: &User, number: usize, identity: &Identity, urls: &BTreeMap<Host, String>) -> Call {
    let provider = |host: Host| Provider {
        name: host,
        base_url: base_url(case, host, urls),
        api_key: key(case, host, identity),
        model: identity.models[&host].clone(),
    };
    Call {
        scenario: case.id.clone(),
        providers: Host::PROVIDERS.into_iter().map(provider).collect(),
        messages: messages(user, number, identity),
        request: user.request.clone(),
        user: identity.names[number].clone(),
        policy: case.policy.clone(),
        deltas: Deltas::default(),
        effects: Effects::default(),
        records: Records::default(),
    }
}

/// What the client is told for the request after the scenario: the plain truth, whatever the scenario told it.
pub fn probe(case: &Case, identity: &Identity, urls: &BTreeMap<Host, String>) -> Call {
    let truth = Case { client: crate::scenario::Told::default(), ..case.clone() };
    let user = User {
        at: Duration::ZERO,
        cancel: None,
        request: crate::scenario::Request::default(),
        scripts: BTreeMap::new(),
        expect: Vec::new(),
    };
    call(&truth, &user, case.users.len(), identity, urls)
}

pub(super) fn base_url(case: &Case, host: Host, urls: &BTreeMap<Host, String>) -> String {
    let told = case.client.base_url.as_ref().filter(|_| host == Host::Primary);
    let path = case.policy.endpoint.path.trim_end_matches("/chat/completions");
    let usual = format!("{}{path}", urls[&host]);
    told.map_or(usual, |told| {
        urls.iter().fold(told.clone(), |text, (host, url)| text.replace(&format!("$url.{host}"), url))
    })
}

pub(super) fn key(case: &Case, host: Host, identity: &Identity) -> String {
    let told = case.client.key.as_ref().filter(|_| host == Host::Primary);
    told.map_or_else(|| identity.keys[&host].clone(), |told| told.replace("$key", &identity.keys[&host]))
}

/// A conversation of the size asked for, after any instructions; its last message carries the user's marker.
fn messages(user: &User, number: usize, identity: &Identity) -> Vec<Message> {
    // About four characters make a token of English text.
    let filler = "lorem ipsum dolor sit amet ".repeat((user.request.size as usize * 4).div_ceil(27));
    let earlier = (1..user.request.messages.max(1)).map(|nth| {
        let role = if nth % 2 == 1 { "user" } else { "assistant" };
        Message { role: role.to_owned(), content: format!("message {nth}") }
    });
    let instructions = user
        .request
        .instructions
        .map(|role| Message { role: role.to_string(), content: "Answer in one sentence.".to_owned() });
    let last = format!("{filler}Say how long a fortnight is. {}", identity.markers[number]);
    instructions.into_iter().chain(earlier).chain([Message { role: "user".to_owned(), content: last }]).collect()
}

/// Makes the request, and lets go of it when the user leaves or nobody waits any more.
pub async fn run(user: UserCall) -> Ended {
    sleep_until(user.arrives).await;
    let arrived = Instant::now();
    let deltas = user.call.deltas.clone();
    let mut ended = Ended {
        number: user.number,
        arrived,
        left: None,
        ended: None,
        outcome: None,
        deltas: Vec::new(),
        effects: user.call.effects.clone(),
        records: user.call.records.clone(),
    };
    let call = AssertUnwindSafe(heard::of_user(user.number, user.client.call(user.call))).catch_unwind();
    let leaves = leaves(user.cancel, arrived, user.number, user.progress);
    tokio::select! {
        biased;
        outcome = call => {
            ended.ended = Some(Instant::now());
            ended.outcome = Some(outcome.unwrap_or_else(|_| panicked()));
        }
        () = leaves => ended.left = Some(Instant::now()),
        () = sleep(user.limit) => {}
    }
    ended.deltas = deltas.all();
    ended
}

fn panicked() -> Outcome {
    let error = Failure { native: "panic".to_owned(), message: "the client panicked".to_owned(), ..Failure::default() };
    Outcome { error: Some(error), ..Outcome::new(ResultKind::Unusable) }
}

async fn leaves(cancel: Option<Cancel>, arrived: Instant, user: usize, mut progress: watch::Receiver<Vec<Mark>>) {
    let Some(Cancel { point, after }) = cancel else { return std::future::pending().await };
    match point {
        None => sleep_until(arrived + after).await,
        Some(point) => {
            let there =
                progress.wait_for(|marks| marks.get(user).is_some_and(|mark| reached(point, mark))).await.is_ok();
            if !there {
                std::future::pending::<()>().await;
            }
            sleep(after).await;
        }
    }
}

/// Whether the reply has come as far as the point.
fn reached(point: Point, mark: &Mark) -> bool {
    match point {
        Point::Accept | Point::Request => mark.request,
        Point::Head => mark.head,
        Point::Bytes(n) => mark.body >= n,
        Point::Events(n, rest) => mark.events > n || (mark.events == n && rest == 0),
        Point::End => mark.end,
    }
}

/// The longest legal time of one user request, and a little: past it the request has not ended.
impl Policy {
    /// After this long a user request is given up as one that never ends, by what the client claims. One that keeps no deadline may
    /// use up all its attempts, at the fallback too if it has one, and wait after each.
    pub fn case_limit(&self, claims: impl Fn(Capability) -> bool) -> Duration {
        let primary = *self.attempt_timeout + (*self.backoff.cap).max(*self.retry_after.ceiling);
        let fallback =
            if claims(Capability::Fallback) { *self.fallback.timeout + *self.backoff.cap } else { Duration::ZERO };
        let attempts = (primary + fallback) * self.attempts;
        let limit = if claims(Capability::Deadline) { *self.deadline } else { attempts.max(*self.deadline) };
        limit + Duration::from_secs(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duration::Span;

    #[test]
    fn a_request_is_given_up_two_seconds_after_the_longest_legal_time() {
        let mut policy =
            Policy { attempts: 3, attempt_timeout: Span::ms(2000), deadline: Span::ms(8000), ..Policy::default() };
        (policy.backoff.cap, policy.retry_after.ceiling) = (Span::ms(1000), Span::ms(4000));
        policy.fallback.timeout = Span::ms(1500);
        let limit = |claims: &[Capability]| policy.case_limit(|claim| claims.contains(&claim)).as_millis();
        assert_eq!(limit(&[Capability::Deadline]), 10_000);
        // Three times two seconds and a wait of four.
        assert_eq!(limit(&[]), 20_000);
        // Three times at the fallback too, with a wait of one after each.
        assert_eq!(limit(&[Capability::Fallback]), 27_500);
        assert_eq!(limit(&[Capability::Fallback, Capability::Deadline]), 10_000);
    }
}
