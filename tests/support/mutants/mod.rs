//! Broken clients: the reference client told another policy than it is judged by, or wrapped. Each names the scenario and the
//! rule that must catch it, and the rules that may catch it elsewhere as well.

mod answer;
mod backoff;
mod breaker;
mod charge;
mod deadline;
mod ending;
mod error;
mod expect;
mod fallback;
mod leak;
mod outcome;
mod request;
mod retry;
mod silence;
mod storm;
mod telemetry;

use std::rc::Rc;

use brownout::{
    causes::Class,
    client::{About, AnyClient, Call, Client, Deltas, Failure, Outcome, ResultKind},
    policy::Policy,
    reference::{Hooks, Outgoing, Reference},
    scenario::{Capability, Host},
    transcript::digest,
};

#[allow(dead_code, reason = "not every test file asks for all of it")]
pub struct Mutant {
    pub name: &'static str,
    /// There exactly this rule fails, and without it nothing does.
    pub home: &'static str,
    pub rule: &'static str,
    /// Rules that may fail elsewhere.
    pub may_also: &'static [&'static str],
    pub make: fn(&Policy, u64) -> Rc<dyn AnyClient>,
}

/// The reference client obeying a changed policy.
fn told(policy: &Policy, seed: u64, change: impl FnOnce(&mut Policy)) -> Rc<dyn AnyClient> {
    let mut policy = policy.clone();
    change(&mut policy);
    Rc::new(Reference::new(&policy, seed))
}

/// The reference client with something done to each request before it is sent.
fn sending(policy: &Policy, seed: u64, change: impl Fn(&mut Outgoing) + 'static) -> Rc<dyn AnyClient> {
    let send = move |mut outgoing: Outgoing| {
        change(&mut outgoing);
        outgoing
    };
    Rc::new(Reference::with_hooks(policy, seed, Hooks { send: Rc::new(send), ..Hooks::default() }))
}

/// Gives a header another value.
fn set_header(outgoing: &mut Outgoing, name: &str, value: &str) {
    let named = outgoing.headers.iter_mut().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    named.for_each(|(_, old)| *old = value.to_owned());
}

/// The reference client with something done around each call.
struct Acting<F>(Reference, F);

impl<F: AsyncFn(&Reference, Call) -> Outcome> Client for Acting<F> {
    fn about(&self) -> About {
        Client::about(&self.0)
    }

    fn capabilities(&self) -> Vec<Capability> {
        without_telemetry(&self.0)
    }

    async fn call(&self, call: Call) -> Outcome {
        (self.1)(&self.0, call).await
    }
}

/// The reference client with one idempotency key for each user request, however often a layer around it asks.
fn one_key_a_user(policy: &Policy, seed: u64) -> Reference {
    let send = |mut outgoing: Outgoing| {
        let key = digest(outgoing.body["user"].as_str().unwrap_or_default());
        set_header(&mut outgoing, "Idempotency-Key", &key);
        outgoing
    };
    Reference::with_hooks(policy, seed, Hooks { send: Rc::new(send), ..Hooks::default() })
}

/// A layer around a client cannot vouch for its records, which know nothing of what it does around them.
fn without_telemetry(client: &Reference) -> Vec<Capability> {
    let inner = Client::capabilities(client).into_iter();
    inner.filter(|capability| *capability != Capability::Telemetry).collect()
}

fn acting(policy: &Policy, seed: u64, act: impl AsyncFn(&Reference, Call) -> Outcome + 'static) -> Rc<dyn AnyClient> {
    Rc::new(Acting(one_key_a_user(policy, seed), act))
}

/// The same with a client that may be kept beyond the call: what it does in a task of its own does not end with the call.
struct Outliving<F>(Rc<Reference>, F);

impl<F: AsyncFn(Rc<Reference>, Call) -> Outcome> Client for Outliving<F> {
    fn about(&self) -> About {
        Client::about(&*self.0)
    }

    fn capabilities(&self) -> Vec<Capability> {
        without_telemetry(&self.0)
    }

    async fn call(&self, call: Call) -> Outcome {
        (self.1)(self.0.clone(), call).await
    }
}

fn outliving(
    policy: &Policy,
    seed: u64,
    act: impl AsyncFn(Rc<Reference>, Call) -> Outcome + 'static,
) -> Rc<dyn AnyClient> {
    Rc::new(Outliving(Rc::new(one_key_a_user(policy, seed)), act))
}

/// A policy with one attempt and no fallback.
fn once(policy: &Policy) -> Policy {
    let mut once = policy.clone();
    once.attempts = 1;
    once.fallback.targets.clear();
    once
}

/// A layer around a client does not know how often the client tried.
async fn ask(client: &Reference, call: &Call) -> Outcome {
    Outcome { attempts: None, ..Client::call(client, call.clone()).await }
}

fn class(outcome: &Outcome) -> Option<Class> {
    outcome.error.as_ref().and_then(|error| error.class)
}

/// The same call, sent to the fallback as if it were the primary, heard by nobody.
fn elsewhere(call: &Call) -> Call {
    let mut other = Call { deltas: Deltas::default(), ..call.clone() };
    let there = call.provider(Host::Fallback).cloned();
    other.providers =
        there.into_iter().map(|provider| brownout::client::Provider { name: Host::Primary, ..provider }).collect();
    other
}

/// A failure of this class.
fn failed(class: Class) -> Outcome {
    let error = Failure { retryable: Some(true), ..failure(class, "it failed") };
    Outcome { error: Some(error), ..Outcome::new(ResultKind::Failed) }
}

fn failure(class: Class, message: &str) -> Failure {
    Failure {
        class: Some(class),
        native: "Error".to_owned(),
        message: message.to_owned(),
        retryable: Some(false),
        ..Failure::default()
    }
}

fn malformed(outcome: Outcome) -> Outcome {
    let error = failure(Class::MalformedResponse, "a key is missing");
    Outcome { result: ResultKind::Failed, text: None, error: Some(error), ..outcome }
}

/// Every mutant, by the family of the rule that must catch it.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    [
        fallback::MUTANTS,
        retry::MUTANTS,
        backoff::MUTANTS,
        storm::MUTANTS,
        breaker::MUTANTS,
        deadline::MUTANTS,
        silence::MUTANTS,
        ending::MUTANTS,
        outcome::MUTANTS,
        request::MUTANTS,
        answer::MUTANTS,
        error::MUTANTS,
        telemetry::MUTANTS,
        charge::MUTANTS,
        leak::MUTANTS,
        expect::MUTANTS,
    ]
    .into_iter()
    .flatten()
}

/// The outcome with a secret in its error, if it has one.
fn saying(mut outcome: Outcome, secret: &str) -> Outcome {
    outcome.error.iter_mut().for_each(|error| error.message.push_str(secret));
    outcome
}
