//! A client object of a gateway: one case's use of the process that all cases share.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{TAIL, process::Gateway};
use crate::{
    client::{About, Admission, AnyClient, Aside, Call, Failure, Outcome, Refused, program::Program},
    policy::Policy,
    run::Identity,
    scenario::{Capability, Case},
    wire::Front,
};

/// One case's use of a gateway.
pub struct Session {
    gateway: Arc<Gateway>,
    policy: Policy,
    seed: u64,
    visit: RefCell<Option<Visit>>,
    errors: RefCell<Vec<String>>,
}

/// A case under way.
struct Visit {
    program: Arc<Program>,
    since: Instant,
    said: [usize; 2],
    /// Its number among all that began.
    number: usize,
    /// Others were under way as it began.
    company: Cell<bool>,
}

impl Session {
    /// It begins when it is admitted.
    pub(super) fn new(gateway: Arc<Gateway>, policy: Policy, seed: u64) -> Self {
        Session { gateway, policy, seed, visit: RefCell::default(), errors: RefCell::default() }
    }

    async fn enter(&self, users: u32) -> Result<Admission, Refused> {
        let permit = self.gateway.room(users).await;
        let program = self.gateway.life(self.seed, &self.policy)?;
        let ((number, company), said) = (self.gateway.enter(), program.so_far());
        let visit = Visit { program, since: Instant::now(), said, number, company: Cell::new(company) };
        *self.visit.borrow_mut() = Some(visit);
        Ok(Admission::holding(permit))
    }

    async fn ask(&self, call: Call) -> Outcome {
        match self.gateway.asker(&call.providers, &call.policy, call.request.fallback_safe) {
            Ok(asker) => asker.ask(&call).await,
            Err(why) => {
                self.errors.borrow_mut().push(format!("gateway: {why}"));
                Outcome::failed(Failure { native: "not asked".to_owned(), ..Failure::default() })
            }
        }
    }

    fn leave(&self) -> Aside {
        let errors = self.errors.take();
        let Some(visit) = self.visit.take() else { return Aside { errors, ..Aside::default() } };
        let later = self.gateway.exit(visit.number);
        let company = visit.company.get() || later;
        let crash = visit.program.how(Duration::ZERO).map(|how| how.to_string());
        let tail = if crash.is_some() { visit.program.last_words(TAIL) } else { Vec::new() };
        if crash.is_some() {
            self.gateway.suspect(self.seed);
        }
        let said = self.attributable(visit.program.since(visit.said), company);
        let company = company && crash.is_some();
        Aside { said, errors, crash, company, tail, delay: visit.program.delay(visit.since), ..Aside::default() }
    }

    /// The keys of fixed doors are the same in all cases: of several at once, nobody knows which made it say them.
    fn attributable(&self, said: Vec<String>, company: bool) -> Vec<String> {
        let Some(front) = self.gateway.front().filter(|_| company) else { return said };
        let secrets: Vec<&str> = front.keys().values().map(|key| Identity::secret(key)).collect();
        let (keys, rest): (Vec<_>, Vec<_>) =
            said.into_iter().partition(|line| secrets.iter().any(|secret| line.contains(secret)));
        self.gateway.note_keys(keys.len());
        rest
    }
}

impl AnyClient for Session {
    fn about(&self) -> About {
        self.gateway.about().clone()
    }

    fn capabilities(&self) -> Vec<Capability> {
        self.gateway.spec().capabilities.clone()
    }

    fn call(&self, call: Call) -> Pin<Box<dyn Future<Output = Outcome> + '_>> {
        Box::pin(self.ask(call))
    }

    fn at_once(&self) -> Option<u32> {
        Some(self.gateway.spec().concurrency)
    }

    fn admit(&self, users: u32) -> Pin<Box<dyn Future<Output = Result<Admission, Refused>> + '_>> {
        Box::pin(self.enter(users))
    }

    fn front(&self) -> Option<Arc<Front>> {
        self.gateway.front()
    }

    fn cannot_be_told(&self, case: &Case) -> Option<String> {
        let (told, request) = (&case.client, &self.gateway.spec().request);
        if told.copies > 1 {
            return Some("several client objects, and all users of a gateway share its one process".to_owned());
        }
        if case.users.iter().any(|user| !user.request.fallback_safe) && request.only_here.is_none() {
            return Some("the gateway cannot be told that no other provider may answer a request".to_owned());
        }
        let fixed = self.gateway.front().is_some() && (told.base_url.is_some() || told.key.is_some());
        fixed.then(|| "the gateway was told at its start where its providers are, for all scenarios alike".to_owned())
    }

    fn speaks_in_statuses(&self) -> bool {
        true
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = Aside> + '_>> {
        Box::pin(std::future::ready(self.leave()))
    }
}
