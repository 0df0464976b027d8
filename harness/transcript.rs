//! What happened: user requests, attempts and outcomes, as facts and nothing else.
//!
//! A transcript holds no prompt, key or user text. It carries the policy and what was expected, so that it can be judged alone.
//! All times are microseconds since the first user's arrival.

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use serde::{Deserialize, Serialize};

use crate::{
    causes::{Body, Class, End, Location, Wire},
    client::{About, Channel, Effect, ResultKind},
    policy::{Feature, Policy},
    scenario::{Capability, Count, Expect, Family, Host, Request},
};

/// Microseconds since the first user's arrival.
pub type Micros = u64;

/// A digest of a text: equal texts have equal ones, and nothing of the text can be read from it.
pub fn digest(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

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
    /// The client's errors are statuses and no more: classes that no status tells apart are one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_status: bool,
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
    /// Whether the client's logs were heard: only then does their silence mean anything.
    pub logs_heard: bool,
    /// Where the client panicked: places in code, no words.
    pub panics: Vec<String>,
    /// A healthy request made after all else; `None`: none was made.
    pub probe: Option<Probe>,
    /// Faults that the scenario is about and that were not served.
    pub not_exercised: Vec<String>,
    /// What went wrong on our side, or the adapter's.
    pub errors: Vec<String>,
    /// Why nothing was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_run: Option<String>,
    /// Where the client takes only so many user requests at once: how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// Why the client cannot be put to the scenario, though it claims all that is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit: Option<String>,
    /// What is known of the command whose requests these were; `None`: the harness made them itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandFacts>,
    /// How the client's process ended, if it has one and it ended while the case was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessEnd>,
    /// The day on which it was saved, as `2026-11-27`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// The harness's own lateness: the longest delay of a heartbeat.
    pub lateness: Micros,
    /// When the watch ended.
    pub watched: Micros,
}

/// No run lasts as long: some 285 years.
const LONGEST: Micros = 1 << 53;

impl Transcript {
    /// Whether one class may stand for the other.
    pub fn same_class(&self, one: Class, other: Class) -> bool {
        one == other || (self.by_status && one.as_status_tells() == other.as_status_tells())
    }

    /// Whether its parts fit together, so that it can be judged: one that was saved may have been changed since.
    pub fn check(&self) -> Result<(), String> {
        let stray =
            |attempt: &Attempt| attempt.user.is_some_and(|user| user >= self.users.len()) || attempt.number == 0;
        if let Some(place) = self.attempts.iter().position(stray) {
            return Err(format!("attempt {place} is of no user"));
        }
        let texts = self.users.iter().filter_map(|user| user.outcome.as_ref());
        let spans = texts.flat_map(|outcome| outcome.text.iter().chain(&outcome.streamed)).flat_map(|text| &text.spans);
        if let Some(span) = spans.into_iter().find(|span| span.attempt >= self.attempts.len() || span.from > span.to) {
            return Err(format!("a text comes from attempt {}, and there is none", span.attempt));
        }
        match self.moments().find(|moment| *moment > LONGEST) {
            Some(moment) => Err(format!("{moment} microseconds are beyond any run")),
            None => Ok(()),
        }
    }

    fn moments(&self) -> impl Iterator<Item = Micros> {
        let users = self.users.iter().flat_map(|user| [Some(user.arrived), user.left, user.ended, user.first_text]);
        let attempts = self.attempts.iter().flat_map(|attempt| {
            let pace = attempt.pace.unwrap_or_default();
            let own =
                [Some(attempt.accepted), Some(attempt.arrived), attempt.first_byte, attempt.last_byte, attempt.ended];
            let of_pace = [pace.idle, pace.semantic_idle, pace.since_byte, pace.since_content].map(Some);
            own.into_iter().chain(of_pace).chain([pace.complete, attempt.reply.wait])
        });
        users.chain(attempts).chain([Some(self.watched), Some(self.lateness)]).flatten()
    }
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

/// How many user requests a client takes at once, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// User requests of the scenario.
    pub users: u32,
    /// User requests it takes at once.
    pub takes: u32,
}

impl Room {
    /// Whether all users find room.
    pub fn is_enough(self) -> bool {
        self.users <= self.takes
    }
}

/// A command that made its requests itself, so that what its users got is not seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFacts {
    /// Its exit status.
    pub exit: Option<i32>,
    /// How it ended; `None`: it had not, and was ended, or nobody knows.
    pub ended: Option<String>,
    /// The exit status that it had to end with, if that is judged.
    pub expected_exit: Option<i32>,
    /// How long it ran; 0: nobody knows.
    pub took: Micros,
    /// User requests that were told apart by a mark.
    pub marked: usize,
}

impl CommandFacts {
    /// Whether it had to be ended.
    pub fn overran(&self) -> bool {
        self.ended.is_none() && self.took > 0
    }
}

/// The end of a client's process in the middle of a case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessEnd {
    /// Its exit status or signal, if it ended by itself: a crash.
    pub crash: Option<String>,
    /// It was ended, since a user request of this case went on beyond its limit and its cancellation.
    #[serde(default)]
    pub hung: bool,
    /// Other cases were under way: whose doing it was, only a run alone can tell.
    pub company: bool,
    /// The last lines of its standard error; a line that may hold a canary is cut out.
    pub last_words: Vec<String>,
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
    /// What the application did with a side effect, in order.
    pub effects: Vec<Effect>,
    /// Structured log records of its attempts, in order.
    pub telemetry: Vec<Telemetry>,
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
    /// What in the message is not fit for a user.
    #[serde(default)]
    pub unfit: Vec<Unfit>,
    /// How the reader of a stream learns of the error.
    #[serde(default)]
    pub channel: Channel,
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
    /// Digests of name and arguments of each.
    #[serde(default)]
    pub calls: Vec<String>,
    /// The counts of the usage that was reported.
    pub usage: Option<BTreeMap<String, u64>>,
    /// Attempts it says it made.
    pub attempts: Option<u32>,
    /// Where answer or error differ from what an alternative expects, as JSON pointers that begin with `/answer` or `/error`;
    /// by the alternative's place in `expect`: group, a dot, alternative.
    pub mismatches: BTreeMap<String, Vec<String>>,
}

/// What must not stand in an error that a user may see. Keys and prompts are leaks, and judged as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfit {
    /// A page.
    Html,
    /// A trace of the client's own code.
    Stack,
}

/// A healthy request made after the scenario, once a breaker's hold is over, by every host's good answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// When it was made.
    pub arrived: Micros,
    /// When its outcome came; `None`: never.
    pub ended: Option<Micros>,
    /// What the client made of it.
    pub result: Option<ResultKind>,
    /// The class of its error.
    pub class: Option<Class>,
}

/// One structured log record of the client: our names of the fields (see `telemetry` in the policy), and their values as text; a
/// field that is there and null has none. A value that holds a canary is left out and stands among the leaks.
pub type Telemetry = BTreeMap<String, Option<String>>;

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
    /// How the wire ended. Where a redirect was followed, times and reply are the last hop's.
    pub wire: Wire,
    /// Bytes sent, head and framing included, by all hops.
    pub sent: u64,
    /// What the reply said, as far as it was sent.
    pub reply: ReplyFacts,
    /// How steadily it came; `None`: in too many pieces to tell, or without a head.
    #[serde(default)]
    pub pace: Option<Pace>,
    /// Redirect hops that followed it.
    pub hops: Vec<Hop>,
}

/// How steadily a reply came, from its head to its completing signal or its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// The longest time between two bytes.
    pub idle: Micros,
    /// The longest time between two contents of a stream (text, refusal, reasoning, tool fragment), or from its head to the
    /// first; of a plain reply, 0.
    pub semantic_idle: Micros,
    /// Since the last byte, when the exchange ended.
    pub since_byte: Micros,
    /// Since the last content, or the head, when the exchange ended.
    pub since_content: Micros,
    /// When the completing signal of a stream, an error object, or the last byte of a whole plain reply was out, since the request.
    pub complete: Option<Micros>,
    /// Something in it gave the client reason to refuse it before its end.
    #[serde(default)]
    pub flawed: bool,
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
    /// Where the body breaks the request schema or the provider's profile.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// What it uses that a provider may not take.
    #[serde(default)]
    pub uses: Vec<Feature>,
    /// About so many tokens of prompt, at four characters each.
    #[serde(default)]
    pub tokens: u64,
    /// Hosts whose keys stand in its headers or its body, beside this host's own.
    #[serde(default)]
    pub foreign_keys: Vec<Host>,
}

/// Where a request body breaks its schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A JSON pointer into the body.
    pub pointer: String,
    /// The keyword of the schema.
    pub keyword: String,
    /// What is wrong, without any value of the body.
    pub what: String,
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
    /// The counts of the usage that it carried, put together as the policy says.
    pub usage: Option<BTreeMap<String, u64>>,
    /// Digests of name and arguments of the tool calls that it carried, put together.
    pub calls: Vec<String>,
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
    /// It carried a key that is not this host's.
    pub carried_key: bool,
    /// The status that led there.
    #[serde(default)]
    pub status: Option<u16>,
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
    /// Of what.
    pub what: Secret,
    /// Where.
    pub place: Place,
}

/// Where a canary was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In the error handed to the user.
    Error,
    /// In a log record.
    Log,
    /// In a structured log record of an attempt.
    Telemetry,
    /// In the URL of a request to this host.
    Url(Host),
    /// In headers or body of a request to this host.
    Request(Host),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Error => f.write_str("the error handed to the user"),
            Place::Log => f.write_str("a log record"),
            Place::Telemetry => f.write_str("a telemetry record"),
            Place::Url(host) => write!(f, "the URL of a request to the {host}"),
            Place::Request(host) => write!(f, "a request to the {host}"),
        }
    }
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
