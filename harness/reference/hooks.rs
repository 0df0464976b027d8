//! What an application may hang into the client: a last look at each request, where records of attempts go, and how the HTTP
//! client is built.

use std::{fmt, rc::Rc};

use serde_json::Value as Json;

use super::telemetry::{self, Record};
use crate::scenario::Host;

/// A request about to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// To whom.
    pub provider: Host,
    /// The attempt there, from 1.
    pub attempt: u32,
    /// Where.
    pub url: String,
    /// With which headers.
    pub headers: Vec<(String, String)>,
    /// What is asked.
    pub body: Json,
}

/// What is hung in. The default changes nothing, and writes records as `tracing` events.
#[derive(Clone)]
pub struct Hooks {
    /// Looks at each request before it is sent, and may change it.
    pub send: Rc<dyn Fn(Outgoing) -> Outgoing>,
    /// Takes the record of each attempt.
    pub record: Rc<dyn Fn(&Record)>,
    /// Has the last word on how the HTTP client below is built.
    pub http: Rc<dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder>,
}

impl Default for Hooks {
    fn default() -> Self {
        Hooks { send: Rc::new(|request| request), record: Rc::new(telemetry::emit), http: Rc::new(|http| http) }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
