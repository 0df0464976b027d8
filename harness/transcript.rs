//! What happened: user requests, attempts and outcomes, as facts and nothing else.
//!
//! A transcript holds no prompt, key or user text. It carries the policy and what was expected, so that it can be judged alone.
//! All times are microseconds since the first user's arrival.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    causes::{Body, Class, End, Location, Wire},
    client::{About, ResultKind},
    policy::Policy,
    scenario::{Capability, Count, Expect, Family, Host, Request},
};

/// Microseconds since the first user's arrival.
pub type Micros = u64;

/// One run of one case against one client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// Version of this format: 1.
    pub version: u32,
    /// `family/slug[labels]`.
    pub scenario: String,
    /// The scenario's folder.
    pub family: Family,
    /// What the scenario shows.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// The client.
    pub client: About,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// What the scenario asks of a client.
    pub needs: Vec<Capability>,
    /// Which clock ran.
    pub clock: ClockKind,
    /// Seed of the run.
    pub seed: u64,
    /// What the client is held to.
    pub policy: Policy,
    /// Client objects that shared the users.
    pub copies: u32,
    /// One user request each.
    pub users: Vec<UserRequest>,
    /// In the order in which their requests were complete.
    pub attempts: Vec<Attempt>,
    /// Connections that a step ended before any request, where several users might have made them: only sums are judged.
    pub contacts: Vec<Contact>,
    /// Requests that belong to no user.
    pub strays: Vec<Stray>,
    /// Hosts that refuse connections for part of the time or all of it: nobody sees those attempts.
    pub refusing: Vec<Host>,
    /// Attempts of all users together, as expected.
    pub total: BTreeMap<Host, Count>,
    /// Canaries found where they must not be.
    pub leaks: Vec<Leak>,
    /// Faults that the scenario is about and that were not served.
    pub not_exercised: Vec<String>,
    /// What went wrong on our side.
    pub errors: Vec<String>,
    /// The harness's own lateness: the longest delay of a heartbeat.
    pub lateness: Micros,
    /// When the watch ended.
    pub watched: Micros,
}

/// Which clock ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClockKind {
    /// A paused clock that leaps.
    Virtual,
    /// True time.
    Real,
}

/// One user request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserRequest {
    /// When it arrived.
    pub arrived: Micros,
    /// What was asked.
    pub request: Request,
    /// When the user left, if it did.
    pub left: Option<Micros>,
    /// When the outcome reached it; `None`: never.
    pub ended: Option<Micros>,
    /// What the client made of it; `None`: nothing.
    pub outcome: Option<OutcomeFacts>,
    /// When the first text reached it.
    pub first_text: Option<Micros>,
    /// All of the outer list must hold, any of each inner one.
    pub expect: Vec<Vec<Expect>>,
}

/// What the client claims, without its words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomeFacts {
    /// How it ended.
    pub result: ResultKind,
    /// The class of its error.
    pub class: Option<Class>,
    /// The client's own name of the error.
    pub native: Option<String>,
    /// The status it reports.
    pub status: Option<u16>,
    /// Whether it says that trying again helps.
    pub retryable: Option<bool>,
    /// Length of the error's message, in characters.
    pub message_length: usize,
    /// The finish reason it reports.
    pub finish_reason: Option<String>,
    /// Where the answer's text came from; `None`: no text was handed over.
    pub text: Option<Delivered>,
    /// Where the text delivered piece by piece came from.
    pub streamed: Option<Delivered>,
    /// The text handed over, as far as it was served: attempt names as `$mark`, what nobody served as its length, canaries
    /// and long texts cut out.
    pub shown: Option<String>,
    /// Tool calls handed over, as `name(arguments)`, likewise.
    pub tool_calls: Vec<String>,
    /// The counts of the usage that was reported.
    pub usage: Option<BTreeMap<String, u64>>,
    /// Attempts it says it made.
    pub attempts: Option<u32>,
    /// Where answer or error differ from what an alternative expects, as JSON pointers that begin with `/answer` or `/error`;
    /// by the alternative's place in `expect`: group, a dot, alternative.
    pub mismatches: BTreeMap<String, Vec<String>>,
}

/// Delivered text as spans of served text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// In the order of delivery.
    pub spans: Vec<TextSpan>,
    /// Characters that no attempt served.
    pub foreign: usize,
    /// Characters in all.
    pub length: usize,
}

/// A piece of one attempt's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSpan {
    /// Place of the attempt in the transcript.
    pub attempt: usize,
    /// First character.
    pub from: usize,
    /// One past the last.
    pub to: usize,
}

/// One request that reached a provider and carries a canary, with the redirect hops that belong to it; or, for a lone user, a
/// connection that ended before its request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Whose; `None`: unattributed.
    pub user: Option<usize>,
    /// Where.
    pub host: Host,
    /// From 1, per user and host.
    pub number: u32,
    /// Which connection.
    pub connection: u64,
    /// The connection carried a request before.
    pub reused: bool,
    /// The connection was accepted.
    pub accepted: Micros,
    /// The request was whole; a contact: the connection was accepted.
    pub arrived: Micros,
    /// The head was about to be sent.
    pub first_byte: Option<Micros>,
    /// The last byte was sent.
    pub last_byte: Option<Micros>,
    /// It was over; `None`: still open when the watch ended.
    pub ended: Option<Micros>,
    /// What was asked; `None` for a contact.
    pub request: Option<RequestFacts>,
    /// What was served.
    pub step: StepFacts,
    /// How the wire ended.
    pub wire: Wire,
    /// Bytes sent, head and framing included.
    pub sent: u64,
    /// What the reply said, as far as it was sent.
    pub reply: ReplyFacts,
    /// Redirect hops that followed it.
    pub hops: Vec<Hop>,
}

/// What was asked, without its words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestFacts {
    /// The method.
    pub method: String,
    /// The target without its query (canaries redacted).
    pub path: String,
    /// The key came as the policy says, and is this host's.
    pub auth: AuthFact,
    /// The content type.
    pub content_type: Option<String>,
    /// Events were asked for.
    pub stream: bool,
    /// The model asked for is this host's.
    pub model_is_hosts: bool,
    /// Digest of the parsed body.
    pub digest: String,
    /// Digest of the idempotency key, if one came.
    pub idempotency: Option<String>,
}

/// How the credential came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthFact {
    /// As the policy says.
    #[default]
    Right,
    /// Not at all.
    Missing,
    /// In the wrong header or form.
    Malformed,
    /// Another host's key.
    OtherHosts,
    /// No key of ours.
    Unknown,
}

/// Which step was served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFacts {
    /// Its label.
    pub label: String,
    /// Its place in the script.
    pub index: usize,
    /// It is what the scenario is about.
    pub faulty: bool,
}

/// What a reply said, as far as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReplyFacts {
    /// The status on the wire, if the head was whole.
    pub status: Option<u16>,
    /// The status that counts: that of an error object on a 2xx, where it names one.
    pub effective_status: Option<u16>,
    /// The error came as an object on a 2xx.
    pub in_band: bool,
    /// Words of the error object, in lower case.
    pub codes: Vec<String>,
    /// Phrases of the table of causes that its message holds.
    pub says: Vec<String>,
    /// What it carried.
    pub body: Vec<Body>,
    /// The finish reasons, raw; `unlisted` stands beside any that is none of the five known.
    pub finish: Vec<String>,
    /// The reply is an event stream.
    pub stream: bool,
    /// Which terminal signals it gave; `None`: both, or no stream.
    pub end: Option<End>,
    /// Where a redirect points.
    pub location: Option<Location>,
    /// The header `x-should-retry`.
    pub should_retry: Option<String>,
    /// The wait that it asked for, as scripted.
    pub wait: Option<Micros>,
    /// Characters of text that it carried in its first choice.
    pub text: usize,
    /// Characters of that text without white space around it.
    pub trimmed: usize,
    /// It carried usage.
    pub usage: bool,
    /// Tool calls that it carried.
    pub tool_calls: usize,
}

/// A redirect hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Where it led.
    pub host: Host,
    /// When.
    pub arrived: Micros,
    /// With which method.
    pub method: String,
    /// It carried a key of ours.
    pub carried_key: bool,
}

/// A connection that a step ended before any request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Where.
    pub host: Host,
    /// When.
    pub accepted: Micros,
}

/// A request that belongs to no user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// Where.
    pub host: Host,
    /// When.
    pub arrived: Micros,
    /// How.
    pub method: String,
    /// The target without its query (canaries redacted).
    pub path: String,
}

/// A canary found where it must not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// Whose user request, if known.
    pub user: Option<usize>,
    /// Of what: `key of primary`, `prompt`, `user`.
    pub what: Secret,
    /// Where: `error message`, `request to fallback: header authorization`.
    pub place: String,
}

/// What a canary stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Secret {
    /// A host's key.
    Key(Host),
    /// The prompt.
    Prompt,
    /// The user's identifier.
    User,
}
