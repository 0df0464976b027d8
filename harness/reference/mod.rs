//! The reference client: what a careful engineer would write on reqwest.
//!
//! It is a witness for the rules, so it shares neither the table of causes nor the reply reader with them: `decide` and the
//! parsers were written from the documents. The parts: `attempts` is the loop, `decide` says what a failure means, `wait`
//! how long to wait, `budget` whether a retry may be paid for, `breaker` whether a provider is left alone, `send` makes one
//! attempt, `body` and `stream` read replies.

mod attempts;
mod body;
mod breaker;
mod budget;
mod calls;
mod chunk;
mod decide;
mod failure;
mod hooks;
mod send;
mod sse;
mod stream;
mod telemetry;
mod wait;

use std::{cell::RefCell, collections::BTreeMap};

pub use hooks::{Hooks, Outgoing};
pub use telemetry::{Record, emit};

use breaker::Breaker;
use tokio::sync::Semaphore;

use crate::{
    client::{About, Call, Client, Outcome},
    policy::Policy,
    scenario::{Capability, Host},
};

/// A client that keeps every rule. Its budget, its breakers and its bound on what is in flight are shared by all calls of one
/// object.
#[derive(Debug)]
pub struct Reference {
    policy: Policy,
    hooks: Hooks,
    http: reqwest::Client,
    budget: RefCell<budget::Budget>,
    breakers: BTreeMap<Host, Breaker>,
    random: RefCell<fastrand::Rng>,
    in_flight: Semaphore,
}

impl Reference {
    /// A client that obeys this policy; the seed decides its jitter.
    pub fn new(policy: &Policy, seed: u64) -> Self {
        Reference::with_hooks(policy, seed, Hooks::default())
    }

    /// The same, with something hung in.
    pub fn with_hooks(policy: &Policy, seed: u64, hooks: Hooks) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(*policy.connect_timeout);
        let http = (hooks.http)(http).build().expect("a client without TLS and proxy has nothing that can fail");
        Reference {
            hooks,
            http,
            budget: RefCell::new(budget::Budget::new(policy.retry_budget.as_ref().cloned())),
            breakers: Host::ALL.map(|host| (host, Breaker::new(policy.breaker.as_ref().cloned()))).into(),
            random: RefCell::new(fastrand::Rng::with_seed(seed)),
            in_flight: Semaphore::new(policy.storm.in_flight as usize),
            policy: policy.clone(),
        }
    }

    /// Each provider has one of its own.
    fn breaker(&self, host: Host) -> &Breaker {
        &self.breakers[&host]
    }
}

impl Client for Reference {
    fn about(&self) -> About {
        About { name: "reference".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    fn capabilities(&self) -> Vec<Capability> {
        use Capability::*;
        // The names of its records are its own: where a policy wants others, it has no such records.
        let telemetry = Some(Telemetry).filter(|_| self.policy.telemetry == Policy::default().telemetry);
        let others = [
            Stream,
            Cancel,
            Retry,
            RetryAfter,
            Fallback,
            Deadline,
            Tools,
            Usage,
            Idempotency,
            Breaker,
            RetryBudget,
            ConfigurableAttempts,
            ConfigurableTimeouts,
            ConfigurableBackoff,
            ConfigurableParser,
            ConfigurableEndpoint,
            InFlightLimit,
        ];
        others.into_iter().chain(telemetry).collect()
    }

    async fn call(&self, call: Call) -> Outcome {
        attempts::run(self, call).await
    }
}
