//! What is scripted, as data: a [`Case`] is one scenario file with one choice of its axes, everything resolved.
//!
//! [`mod@file`] is the grammar as people write it; [`load`] turns files into cases, or says exactly what to mend.

pub mod file;
pub mod load;
pub mod schema;
pub mod step;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use step::{
    Body, By, Bytes, Chunk, Content, Cut, Delivery, Eol, Event, Framing, HeaderValue, Point, Step, WaitForm,
};

use crate::{
    causes::{Class, Mode, ResultWord},
    policy::Policy,
};

/// A host that a client may talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    /// The provider asked first.
    Primary,
    /// The provider asked when the primary is lost.
    Fallback,
    /// Nobody's host: where redirects lead.
    Elsewhere,
}

impl Host {
    /// All of them, in order.
    pub const ALL: [Host; 3] = [Host::Primary, Host::Fallback, Host::Elsewhere];
    /// The two that a client is told about.
    pub const PROVIDERS: [Host; 2] = [Host::Primary, Host::Fallback];
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The folder a scenario stands in: the failure modes of the mission's table, and two areas that cut across them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Credentials.
    Auth,
    /// The request.
    RequestContract,
    /// Limits and money.
    RateQuota,
    /// The provider, for a while.
    ProviderTransient,
    /// The client's own patience.
    ClientTimeout,
    /// What the client made of a reply.
    Parser,
    /// The fallback itself.
    Fallback,
    /// Chunks, termination, interruption.
    Streaming,
    /// Work that must not be done twice.
    SideEffect,
}

impl Family {
    /// All of them, in the order of the summary.
    pub const ALL: [Family; 9] = [
        Family::Auth,
        Family::RequestContract,
        Family::RateQuota,
        Family::ProviderTransient,
        Family::ClientTimeout,
        Family::Parser,
        Family::Fallback,
        Family::Streaming,
        Family::SideEffect,
    ];

    /// The failure mode whose owner and action a breach is filed under when no cause speaks.
    pub fn mode(self) -> Mode {
        match self {
            Family::Auth => Mode::Auth,
            Family::RequestContract => Mode::RequestContract,
            Family::RateQuota => Mode::RateQuota,
            Family::ProviderTransient | Family::SideEffect => Mode::ProviderTransient,
            Family::ClientTimeout => Mode::ClientTimeout,
            Family::Parser | Family::Streaming => Mode::Parser,
            Family::Fallback => Mode::Fallback,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What a client can do, or be told. Absent means no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// It reads event streams.
    Stream,
    /// It can be told that the user left.
    Cancel,
    /// It tries again.
    Retry,
    /// It waits as long as it is asked to.
    RetryAfter,
    /// It has a second provider.
    Fallback,
    /// It keeps a total deadline.
    Deadline,
    /// It hands over tool calls.
    Tools,
    /// It writes one record an attempt.
    Telemetry,
    /// It reports usage.
    Usage,
    /// It sends an idempotency key.
    Idempotency,
    /// It leaves a dead provider alone.
    Breaker,
    /// Its users share a budget of retries.
    RetryBudget,
    /// It can be told how often to try.
    ConfigurableAttempts,
    /// It can be told how long to wait.
    ConfigurableTimeouts,
    /// It can be told how long to back off, and which named waits to honour.
    ConfigurableBackoff,
    /// It can be told how to parse.
    ConfigurableParser,
    /// It can be told the path, the header and the dialect of its requests.
    ConfigurableEndpoint,
    /// It bounds what is in flight.
    InFlightLimit,
    /// It can fetch a fresh credential when one expires.
    RefreshCredential,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One scenario with one choice of its axes: all that a run needs, nothing left to resolve but ports, keys and names.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// `family/slug`, or `family/slug[a,b]` with the labels of its axes.
    pub id: String,
    /// Path of the file, for people.
    pub path: String,
    /// The folder.
    pub family: Family,
    /// What it shows, in a sentence.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// Where it comes from.
    pub sources: Vec<String>,
    /// Incidents of the catalogue whose stimulus it serves.
    pub incidents: Vec<String>,
    /// Without these a client is not applicable.
    pub needs: Vec<Capability>,
    /// The scenario that punishes the opposite mistake.
    pub pair: Option<String>,
    /// What the client is told instead of what the harness would tell it.
    pub client: Told,
    /// The policy judged by, this scenario's own changes included.
    pub policy: Policy,
    /// Who asks, in order of arrival; never empty.
    pub users: Vec<User>,
    /// What each host does; a host that is left out answers `ok`.
    pub hosts: BTreeMap<Host, Script>,
    /// Requests a host takes at once; one more is answered `rate-limited`.
    pub capacity: BTreeMap<Host, u32>,
    /// Attempts of all users together.
    pub total: BTreeMap<Host, Count>,
    /// What is served where no script says what.
    pub stock: Arc<Stock>,
}

impl Case {
    /// After so long in true time all its users have ended, or are waited for no more.
    pub fn lasts(&self) -> Duration {
        self.users.iter().map(|user| user.at).max().unwrap_or_default() + *self.policy.deadline
    }
}

/// Replies that the harness itself needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Stock {
    /// The good answer, as a plain reply.
    pub ok_plain: Step,
    /// The good answer, as a stream.
    pub ok_stream: Step,
    /// What a host beyond its capacity answers.
    pub busy: Step,
    /// What an expired key is answered.
    pub refused_key: Step,
    /// What a wrong path or method is answered.
    pub not_found: Step,
}

/// What the client is told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// The primary's base URL, with `$url.primary` and its kin still to be filled in.
    pub base_url: Option<String>,
    /// The primary's key, with `$key` still to be filled in.
    pub key: Option<String>,
    /// Keys are refused (401) this long after the first user arrived.
    pub token_ttl: Option<Duration>,
    /// Client objects that share the users, turn by turn; 0 and 1 mean one.
    pub copies: u32,
}

/// One user request.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// When it arrives, after the first user.
    pub at: Duration,
    /// When it leaves, if it does.
    pub cancel: Option<Cancel>,
    /// What is asked.
    pub request: Request,
    /// Scripts of its own, before those of the case.
    pub scripts: BTreeMap<Host, Script>,
    /// What must hold: all of the outer list, any of each inner one.
    pub expect: Vec<Vec<Expect>>,
}

/// When a user leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cancel {
    /// A point of the first reply; `None`: its arrival.
    pub point: Option<Point>,
    /// How long after.
    pub after: Duration,
}

/// The request class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Events are asked for.
    pub stream: bool,
    /// A tool is offered.
    pub tools: bool,
    /// Doing it twice costs twice.
    pub charge_sensitive: bool,
    /// Another provider may answer.
    pub fallback_safe: bool,
    /// About so many tokens of prompt; 0: a short one.
    pub size: u64,
    /// Messages in the conversation.
    pub messages: u32,
    /// Choices asked for.
    pub n: u32,
    /// Whose instructions stand before the conversation.
    #[serde(default)]
    pub instructions: Option<Role>,
}

/// Who instructs a model before the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The role that every provider knows.
    System,
    /// Its successor, which not every provider takes.
    Developer,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl Default for Request {
    fn default() -> Self {
        Request {
            stream: false,
            tools: false,
            charge_sensitive: false,
            fallback_safe: true,
            size: 0,
            messages: 1,
            n: 1,
            instructions: None,
        }
    }
}

/// What a host does.
#[derive(Debug, Clone, PartialEq)]
pub enum Script {
    /// One step an attempt; the last repeats.
    Steps(Vec<Step>),
    /// By time since the first arrival, for all users alike; the last has no end.
    Phases(Vec<Phase>),
}

/// A stretch of time in which a host does one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// What it does.
    pub step: Step,
    /// How long; `None` for the last.
    pub lasts: Option<Duration>,
}

/// What no rule can derive.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expect {
    /// Any of these; empty: any at all.
    pub outcome: Vec<ExpectedOutcome>,
    /// Attempts of this user request, by host.
    pub attempts: BTreeMap<Host, Count>,
    /// The outcome comes this soon after the arrival.
    pub within: Option<Duration>,
    /// A part of the answer, in the shape of OpenAI's message with `text`, `finish_reason`, `tool_calls`, `usage`.
    pub answer: Option<serde_json::Value>,
    /// A part of the error as the client reports it.
    pub error: Option<serde_json::Value>,
    /// Fields of the last telemetry record.
    pub telemetry: BTreeMap<String, serde_json::Value>,
    /// At most so many bytes of reply were taken from a host.
    pub sent: BTreeMap<Host, u64>,
}

/// An outcome, or a class of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedOutcome {
    /// How it ended.
    pub result: ResultWord,
    /// For a failure: its class; `None`: any.
    pub class: Option<Class>,
}

/// A number, or a range of them, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// At least.
    pub from: u32,
    /// At most.
    pub to: Option<u32>,
}

impl Count {
    /// Whether this many are within.
    pub fn covers(self, n: u32) -> bool {
        self.from <= n && self.to.is_none_or(|to| n <= to)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (from, Some(to)) if from == to => write!(f, "{from}"),
            (from, Some(to)) => write!(f, "{from}..{to}"),
            (from, None) => write!(f, "{from}.."),
        }
    }
}
