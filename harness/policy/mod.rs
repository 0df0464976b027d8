//! The contract a client is held to: what `brownout.yaml` pins, and the pure arithmetic on it.
//!
//! A file states only what differs: it is laid over `policy.yaml` beside this file, which holds every default, says why each
//! number is what it is and how they fit together. Rules take their limits from here; the reference client obeys it.

mod load;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    causes::{Cause, CellOverride},
    duration::{OrNone, Span},
    scenario::Host,
};

/// The whole policy. Durations are written `250ms`, `2s`, `10m`, `1h`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Version of this file's format: 1.
    pub version: u32,
    /// Where requests go and how they prove who sent them.
    pub endpoint: Endpoint,
    /// What may stand in the body of a request.
    pub request: RequestBody,
    /// Attempts at the primary per user request, the first included, all layers together.
    pub attempts: u32,
    /// To connect; part of the attempt.
    pub connect_timeout: Span,
    /// Plain reply: connect to last byte. Stream: connect to its head.
    pub attempt_timeout: Span,
    /// From the head on: no byte at all; keep-alives count as bytes.
    pub idle_timeout: Span,
    /// Stream: from the head to the first content, and between contents.
    pub semantic_idle_timeout: Span,
    /// Total, from the user's arrival to the outcome; attempts, waits and fallback included.
    pub deadline: Span,
    /// The other provider.
    pub fallback: Fallback,
    /// The wait before another attempt.
    pub backoff: Backoff,
    /// The wait a provider asks for.
    pub retry_after: RetryAfter,
    /// Retries that all users of one client object share.
    pub retry_budget: OrNone<RetryBudget>,
    /// When a provider is left alone; `none` for no breaker.
    pub breaker: OrNone<Breaker>,
    /// Bounds in an outage.
    pub storm: Storm,
    /// Charge-sensitive work.
    pub charge: Charge,
    /// What the reply parser does where practice differs.
    pub parser: Parser,
    /// Cells of the table of causes that this policy overrides, by cause id.
    pub cells: BTreeMap<String, CellOverride>,
    /// Causes of your own, matched before those of the table.
    pub causes: Vec<Cause>,
    /// What may stand in logs, errors and telemetry.
    pub logs: Logs,
    /// Our name of a telemetry field: its name in your records.
    pub telemetry: BTreeMap<String, String>,
}

impl Policy {
    /// Whose dialect a host speaks. What a redirect leads to speaks the primary's.
    pub fn profile(&self, host: Host) -> Profile {
        let own = self.fallback.profile.as_ref().filter(|_| host == Host::Fallback);
        own.copied().unwrap_or(self.request.profile)
    }
}

/// Path and authentication of the real wire request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The exact path on the wire.
    pub path: String,
    /// `bearer`, or `{ header: api-key }` for a bare key in that header.
    pub auth: Auth,
}

/// How a key travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The bare key in the header of this name (`authorization` too means the bare key).
    Header(String),
}

/// What may stand in the body of a request: the common schema, and what the provider adds, refuses and limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestBody {
    /// Whose dialect the primary speaks.
    pub profile: Profile,
    /// JSON pointers into the body of what is not judged, `*` for any one part: fields of your own gateway.
    pub allows: Vec<String>,
}

/// Who is asked once the primary is lost, and what is kept for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// Providers in order; at most one of them is used per user request. Empty: no fallback.
    pub targets: Vec<Host>,
    /// Time of the deadline kept for it.
    pub reserve: Span,
    /// Its one attempt, as `attempt_timeout`.
    pub timeout: Span,
    /// What a target cannot take.
    pub refuses: Vec<Feature>,
    /// Its window in tokens.
    pub context: OrNone<u64>,
    /// Whose dialect it speaks; `none`: the primary's.
    pub profile: OrNone<Profile>,
    /// By cause id: must, may or never.
    pub on: BTreeMap<String, crate::causes::Demand>,
}

/// The wait before attempt n+1: min(cap, first x factor^(n-1)), then jitter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// The wait before the second attempt.
    pub first: Span,
    /// Growth from wait to wait.
    pub factor: f64,
    /// No wait is longer.
    pub cap: Span,
    /// How the wait is spread.
    pub jitter: Jitter,
}

/// How a wait is spread; the least value of each is the bound judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Jitter {
    /// Exact.
    None,
    /// 0.75 to 1 of it.
    Proportional,
    /// 0.5 to 1 of it.
    Equal,
    /// 0 to 1 of it.
    Full,
}

impl Jitter {
    /// The least share of the nominal wait.
    pub fn least(self) -> f64 {
        match self {
            Jitter::None => 1.0,
            Jitter::Proportional => 0.75,
            Jitter::Equal => 0.5,
            Jitter::Full => 0.0,
        }
    }
}

/// What a named wait is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryAfter {
    /// Whether the client honours it at all.
    pub honour: bool,
    /// The longest wait that is slept; equal is honoured.
    pub ceiling: Span,
    /// Jitter on top, 0 to this share.
    pub spread: f64,
}

/// A token bucket per client object; a retry takes one token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryBudget {
    /// Tokens earned by each first attempt.
    pub ratio: f64,
    /// Tokens that come anyhow, per second; the bucket starts with one second's worth.
    pub min_per_second: f64,
    /// Tokens it can hold.
    pub cap: f64,
}

/// When a provider is left alone, per client object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// This many within `window` open it.
    pub failures: u32,
    /// How long a failure counts.
    pub window: Span,
    /// Nothing is sent for so long, then half-open.
    pub open_for: Span,
    /// Failure modes that count.
    pub counts: Vec<crate::causes::Mode>,
    /// In flight at once while half-open.
    pub probes: u32,
}

/// Bounds on what an outage may be made to bear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Storm {
    /// Attempts at a provider over user requests.
    pub amplification: f64,
    /// Fewer users are not judged.
    pub from_users: u32,
    /// Attempts open at once, all users.
    pub in_flight: u32,
}

/// What keeps charge-sensitive work from being done twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// The header of the idempotency key; `none` = not sent.
    pub idempotency_header: OrNone<String>,
    /// A second send with the same key is no second charge.
    pub key_deduplicates: bool,
}

/// Where practice differs, these switches decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parser {
    /// Which signal completes a stream.
    pub stream_end: StreamEnd,
    /// How long to read on after finish_reason for usage and `[DONE]`.
    pub finish_grace: Span,
    /// A last event without its blank line.
    pub unterminated_last_event: Unterminated,
    /// Several usage chunks.
    pub usage_chunks: UsageChunks,
    /// An event that is not JSON.
    pub malformed_event: MalformedEvent,
    /// What a refusal becomes.
    pub refusal: Refusal,
    /// Whether comments and blank lines reset the semantic timer.
    pub keepalive_is_progress: bool,
    /// If so: how long they alone may hold an attempt.
    pub keepalive_bound: Span,
    /// A 503 model_not_found may be tried once more.
    pub model_not_found_late_retry: bool,
    /// What `x-should-retry` is worth.
    pub x_should_retry: ShouldRetry,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $v:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $v),+ }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.serialize(f)
            }
        }
    };
}

words! {
    /// A provider whose dialect of the request is known.
    Profile {
        /// OpenAI.
        Openai,
        /// CometAPI.
        Cometapi,
        /// Claude's layer for OpenAI SDKs.
        ClaudeCompat,
        /// Gemini's OpenAI compatibility.
        GeminiCompat,
        /// DeepSeek.
        Deepseek,
        /// OpenRouter.
        Openrouter,
        /// Groq.
        Groq,
    }
}
words! {
    /// Something that a request may use and a provider may not take.
    Feature {
        /// Tools are offered.
        Tools,
        /// A message of the developer.
        DeveloperRole,
        /// A message of the system.
        SystemRole,
        /// The last message is the beginning of the answer.
        Prefill,
        /// A format of the answer is asked for.
        ResponseFormat,
        /// Images in the prompt.
        Images,
        /// Audio in the prompt or in the answer.
        Audio,
        /// Files in the prompt.
        Files,
        /// More than one choice is asked for.
        SeveralChoices,
        /// Log probabilities are asked for.
        Logprobs,
        /// A reasoning effort is asked for.
        ReasoningEffort,
        /// Events are asked for.
        Stream,
    }
}
words! {
    /// The signal that completes a stream.
    StreamEnd {
        /// A finish_reason.
        Finish,
        /// `[DONE]`.
        Done,
        /// Either of them.
        Either,
        /// A bare end too.
        Eof,
    }
}
words! {
    /// What becomes of a last event without its blank line.
    Unterminated {
        /// Used if its data is complete JSON or `[DONE]`.
        Use,
        /// Dropped.
        Drop,
    }
}
words! {
    /// What several usage chunks mean.
    UsageChunks {
        /// A later value replaces an earlier one, field by field.
        Last,
        /// They add up.
        Sum,
    }
}
words! {
    /// What an event that is not JSON does to a stream.
    MalformedEvent {
        /// The stream fails.
        Fail,
        /// The event is skipped.
        Skip,
    }
}
words! {
    /// What a refusal becomes.
    Refusal {
        /// A typed `refused` outcome.
        Error,
        /// It may be handed over as the answer's text.
        Text,
    }
}
words! {
    /// What the header `x-should-retry` is worth.
    ShouldRetry {
        /// It decides.
        Obey,
        /// It does not count.
        Ignore,
        /// Not judged; the reference client obeys.
        Either,
    }
}
words! {
    /// Whether something may stand in logs, errors and telemetry.
    Permission {
        /// It may not.
        Never,
        /// It may.
        Allowed,
    }
}

/// What may stand in logs, errors and telemetry. Keys never may.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// Prompt text.
    pub prompts: Permission,
    /// User identifiers.
    pub user_ids: Permission,
}
