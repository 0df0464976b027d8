//! The client under test: what it is asked, and what it answers.
//!
//! An in-process client implements [`Client`]; the harness makes one object per scenario through a factory, shared by the
//! scenario's users, so that budgets and breakers live where they live in production.

mod aside;
#[cfg(all(unix, feature = "stdio"))]
pub mod stdio;

use std::{
    cell::RefCell,
    future::{Future, ready},
    pin::Pin,
    rc::Rc,
};

pub use aside::{Admission, Aside, Field, Records, Refused};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::causes::ResultWord;
// With these, this module is all that an implementation has to import.
pub use crate::{
    causes::Class,
    policy::Policy,
    scenario::{Capability, Host, Request},
};

/// A client of a chat-completions API. One call is one user request. No `Send` is asked for.
pub trait Client {
    /// Name and version, for reports.
    fn about(&self) -> About;

    /// What it can do, or be told. Absent means no.
    fn capabilities(&self) -> Vec<Capability>;

    /// Makes exactly one user request. When the user leaves, the future is dropped.
    fn call(&self, call: Call) -> impl Future<Output = Outcome>;
}

/// Who a client is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its name, also the folder of its snapshots.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A [`Client`] behind a pointer.
pub trait AnyClient {
    /// See [`Client::about`].
    fn about(&self) -> About;
    /// See [`Client::capabilities`].
    fn capabilities(&self) -> Vec<Capability>;
    /// See [`Client::call`].
    fn call(&self, call: Call) -> Pin<Box<dyn Future<Output = Outcome> + '_>>;

    /// User requests that a client outside this process takes at once; `None`: it lives here, and takes any number.
    fn at_once(&self) -> Option<u32> {
        None
    }

    /// Waits until so many user requests may be made, before the clock of their case starts. An error: there will be none.
    fn admit(&self, users: u32) -> Pin<Box<dyn Future<Output = Result<Admission, Refused>> + '_>> {
        let _ = users;
        Box::pin(ready(Ok(Admission::free())))
    }

    /// The case is over: what was seen of the client besides its outcomes.
    fn close(&self) -> Pin<Box<dyn Future<Output = Aside> + '_>> {
        Box::pin(ready(Aside::default()))
    }
}

impl<C: Client> AnyClient for C {
    fn about(&self) -> About {
        Client::about(self)
    }

    fn capabilities(&self) -> Vec<Capability> {
        Client::capabilities(self)
    }

    fn call(&self, call: Call) -> Pin<Box<dyn Future<Output = Outcome> + '_>> {
        Box::pin(Client::call(self, call))
    }
}

/// Makes a client object, on the thread that will use it, from the policy it is told and a seed for its randomness.
pub type Factory = dyn Fn(&Policy, u64) -> Rc<dyn AnyClient> + Send + Sync;

/// One user request, as the client is told it.
#[derive(Debug, Clone)]
pub struct Call {
    /// The id of the scenario, for logs.
    pub scenario: String,
    /// The providers, first is primary.
    pub providers: Vec<Provider>,
    /// The model asked for is the provider's, not this request's.
    pub messages: Vec<Message>,
    /// The request class.
    pub request: Request,
    /// An identifier of the end user: a canary, to be sent as `user`.
    pub user: String,
    /// The policy, whole.
    pub policy: Policy,
    /// Where text goes as it is delivered to the user of a stream.
    pub deltas: Deltas,
    /// Where the application says what it did with a side effect.
    pub effects: Effects,
    /// Where a client that says nothing through `tracing` leaves its structured records, one an attempt.
    pub records: Records,
}

impl Call {
    /// The provider of this name.
    pub fn provider(&self, host: Host) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == host)
    }

    /// The tool to be offered, if one is, in OpenAI's shape.
    pub fn tools(&self) -> Option<Json> {
        self.request.tools.then(|| {
            serde_json::json!([{ "type": "function", "function": {
                "name": "get_weather",
                "parameters": { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] },
            } }])
        })
    }
}

/// Where a provider is, and the key it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name.
    pub name: Host,
    /// Everything before `/chat/completions`, `/v1` included.
    pub base_url: String,
    /// The key: a canary.
    pub api_key: String,
    /// The model to ask for.
    pub model: String,
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// system, developer, user, assistant.
    pub role: String,
    /// Text: holds a canary.
    pub content: String,
}

/// Text as it reaches the user of a stream, with the moment it did.
#[derive(Debug, Clone, Default)]
pub struct Deltas(Rc<RefCell<Vec<(Instant, String)>>>);

impl Deltas {
    /// Hands a piece of text to the user.
    pub fn push(&self, text: &str) {
        self.0.borrow_mut().push((Instant::now(), text.to_owned()));
    }

    /// All that was handed over, in order.
    pub fn all(&self) -> Vec<(Instant, String)> {
        self.0.borrow().clone()
    }
}

/// Something done with a side effect: a tool that ran, a card that was charged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Effect {
    /// What was done.
    pub name: String,
    /// What tells two honest calls of one name apart, such as the id of a tool call.
    pub call: String,
}

/// What the application did with a side effect, in order.
#[derive(Debug, Clone, Default)]
pub struct Effects(Rc<RefCell<Vec<Effect>>>);

impl Effects {
    /// The application did this.
    pub fn push(&self, name: &str, call: &str) {
        self.0.borrow_mut().push(Effect { name: name.to_owned(), call: call.to_owned() });
    }

    /// All that was done, in order.
    pub fn all(&self) -> Vec<Effect> {
        self.0.borrow().clone()
    }
}

/// What the client made of one user request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub result: ResultKind,
    /// Exactly what the application would get.
    #[serde(default)]
    pub text: Option<String>,
    /// As the client reports it.
    #[serde(default)]
    pub finish_reason: Option<String>,
    /// In OpenAI's shape.
    #[serde(default)]
    pub tool_calls: Vec<Json>,
    /// As the client reports it.
    #[serde(default)]
    pub usage: Option<Json>,
    /// Who answered, if the client knows.
    #[serde(default)]
    pub served_by: Option<Host>,
    /// Attempts started, all providers together, if the client knows.
    #[serde(default)]
    pub attempts: Option<u32>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<Failure>,
}

impl Outcome {
    /// An outcome with nothing but its result.
    pub fn new(result: ResultKind) -> Self {
        Outcome {
            result,
            text: None,
            finish_reason: None,
            tool_calls: Vec::new(),
            usage: None,
            served_by: None,
            attempts: None,
            error: None,
        }
    }

    /// A failure.
    pub fn failed(error: Failure) -> Self {
        Outcome { error: Some(error), ..Outcome::new(ResultKind::Failed) }
    }
}

/// How a user request ended, as the client claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultKind {
    /// The application would believe this answer.
    Completed,
    /// The model refused, or a filter did.
    Refused,
    /// A typed error.
    Failed,
    /// The user left.
    Cancelled,
    /// Returned normally, but the value has the wrong shape.
    Unusable,
    /// The client cannot do what was asked.
    Unsupported,
}

impl ResultKind {
    /// The word of the table of causes; an unusable value is a failure.
    pub fn word(self) -> ResultWord {
        match self {
            ResultKind::Completed => ResultWord::Completed,
            ResultKind::Refused => ResultWord::Refused,
            ResultKind::Cancelled => ResultWord::Cancelled,
            ResultKind::Failed | ResultKind::Unusable | ResultKind::Unsupported => ResultWord::Failed,
        }
    }
}

/// An error as the client reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its class, if the client or its adapter can tell.
    #[serde(default)]
    pub class: Option<Class>,
    /// The client's own type name, for people.
    #[serde(default)]
    pub native: String,
    /// The status it reports.
    #[serde(default)]
    pub status: Option<u16>,
    /// The provider's code.
    #[serde(default)]
    pub code: Option<String>,
    /// The text a user or a log would see.
    #[serde(default)]
    pub message: String,
    /// Whether trying again helps.
    #[serde(default)]
    pub retryable: Option<bool>,
    /// How the reader of a stream learns of it.
    #[serde(default)]
    pub channel: Channel,
}

/// How the reader of a stream learns of an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// It is what the reader's own loop ends with.
    #[default]
    Raised,
    /// The loop ends normally; the error is only in a callback or a rejected promise.
    OutOfBand,
}

impl Failure {
    /// What a Rust error says of itself: the name of its variant and its text.
    pub fn new(class: Class, error: &impl std::error::Error) -> Self {
        let variant = format!("{error:?}").split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned();
        Failure { class: Some(class), native: variant, message: error.to_string(), ..Failure::default() }
    }
}

impl Class {
    /// The class that a status alone suggests, for a client that tells no more.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Class::Auth,
            402 => Class::Quota,
            408 | 504 => Class::Timeout,
            429 => Class::RateLimited,
            499 => Class::Cancelled,
            400..=499 => Class::InvalidRequest,
            500..=599 => Class::Server,
            _ => Class::Other,
        }
    }
}
