//! The words of the last error: they stand in no transcript, and tell whoever writes an adapter what went wrong.

use std::{
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    client::{About, Admission, AnyClient, Aside, Call, Factory, Outcome, Refused},
    policy::Policy,
    scenario::Capability,
};

/// So much of a message is worth reading.
const WORDS: usize = 300;

/// What the client said last.
#[derive(Debug, Clone, Default)]
pub struct Words(Arc<Mutex<Option<String>>>);

impl Words {
    /// The words of the last error; they are told once.
    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes clients whose errors are overheard.
    pub fn of(&self, factory: Box<Factory>) -> Box<Factory> {
        let words = self.clone();
        Box::new(move |policy: &Policy, seed| -> Rc<dyn AnyClient> {
            Rc::new(Overheard { client: factory(policy, seed), words: words.clone() })
        })
    }

    fn hear(&self, outcome: &Outcome) {
        let Some(error) = &outcome.error else { return };
        let words = format!("{}: {}", error.native, error.message).chars().take(WORDS).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }
}

struct Overheard {
    client: Rc<dyn AnyClient>,
    words: Words,
}

impl AnyClient for Overheard {
    fn about(&self) -> About {
        self.client.about()
    }

    fn capabilities(&self) -> Vec<Capability> {
        self.client.capabilities()
    }

    fn call(&self, call: Call) -> Pin<Box<dyn Future<Output = Outcome> + '_>> {
        Box::pin(async {
            let outcome = self.client.call(call).await;
            self.words.hear(&outcome);
            outcome
        })
    }

    fn at_once(&self) -> Option<u32> {
        self.client.at_once()
    }

    fn admit(&self, users: u32) -> Pin<Box<dyn Future<Output = Result<Admission, Refused>> + '_>> {
        self.client.admit(users)
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = Aside> + '_>> {
        self.client.close()
    }
}
