//! Every rule: what is true of every client, whatever the scenario.
//!
//! A rule is one function over a [`View`] and one row of [`RULES`]. It derives its demand from what was served, the table of
//! causes and the policy; it does no I/O and looks at no clock. A cell that says `may` is never judged.

mod charge;
mod deadline;
mod expect;
mod fallback;
mod leak;
mod outcome;
mod request;
mod retry;
mod storm;
mod view;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use view::{Ended, View};

use crate::scenario::Capability;

/// Lower bounds allow this much: timers fire early by up to 0.8 ms (Node), in whole milliseconds.
pub const GRAIN: u64 = 2_000;

/// Upper bounds allow this much: a wake-up, a close and a read on a machine that does other things as well.
pub const ALLOWANCE: u64 = 50_000;

/// What a rule is.
pub struct Rule {
    /// Its permanent name.
    pub slug: &'static str,
    /// Must or should.
    pub level: Level,
    /// The capability without which it does not apply.
    pub needs: Option<Capability>,
    /// It speaks of one user's attempts, so it cannot be judged where some belong to nobody.
    pub per_user: bool,
    /// Whether a machine under load can make a correct client look wrong.
    pub load: Load,
    /// The contract, in a sentence.
    pub sentence: &'static str,
    /// Where the contract comes from.
    pub source: &'static str,
    /// What to do about a breach.
    pub remedy: &'static str,
    /// Judges.
    pub judge: fn(&View) -> Findings,
}

/// Must or should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A breach fails.
    Must,
    /// A breach warns.
    Should,
}

/// Whether a machine under load can make a correct client look wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// It can: the demand depends on when something happened.
    Sensitive,
    /// It cannot: the demand depends on what happened only.
    Immune,
}

/// What a rule found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many things there were to judge; none: the rule says nothing.
    pub judged: usize,
    /// What was wrong.
    pub breaches: Vec<Breach>,
}

/// One thing that was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Breach {
    /// Whose user request.
    pub user: Option<usize>,
    /// Which attempt, by its place in the transcript: its cause names owner and action.
    pub attempt: Option<usize>,
    /// What happened.
    pub actual: String,
    /// What should have.
    pub expected: String,
}

impl Findings {
    /// Counts one thing judged, and its breach if `wrong`.
    pub(crate) fn check(&mut self, wrong: bool, breach: impl FnOnce() -> Breach) {
        self.judged += 1;
        if wrong {
            self.breaches.push(breach());
        }
    }
}

impl Breach {
    /// A breach of one user request.
    pub(crate) fn of_user(user: usize, actual: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Breach { user: Some(user), attempt: None, actual: actual.to_string(), expected: expected.to_string() }
    }

    /// A breach of nobody's in particular.
    pub(crate) fn of_all(actual: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Breach { user: None, attempt: None, actual: actual.to_string(), expected: expected.to_string() }
    }

    /// The same, about this attempt.
    pub(crate) fn at(mut self, attempt: usize) -> Self {
        self.attempt = Some(attempt);
        self
    }
}

/// The rule of this name.
pub fn find(slug: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.slug == slug)
}

/// One row a rule, in the order of reports.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "one-fallback",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: true,
        load: Load::Immune,
        sentence: "At most one fallback decision per user request: no ping-pong, no cascade, no race of two answers.",
        source: "mission, step 3: one fallback decision per user request; fallback-infinite-loop-sdk, fallback-resets-retry-cycle",
        remedy: "Decide once per user request, outside every retry loop, and remember that it was decided.",
        judge: fallback::one_fallback,
    },
    Rule {
        slug: "fallback-allowed",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: true,
        load: Load::Sensitive,
        sentence: "No fallback after a cause whose cell is `never`, nor when the request says that it is unsafe.",
        source: "mission: avoid making fallback decisions from HTTP status alone; causes.yaml, column fallback",
        remedy: "Decide from the cause (status, error code, body), and ask the request class whether another provider may answer.",
        judge: fallback::fallback_allowed,
    },
    Rule {
        slug: "fallback-used",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: true,
        load: Load::Sensitive,
        sentence: "After a cause whose cell is `must`, with a safe target and more than the reserve left, the fallback is tried.",
        source: "mission, FAQ on fallback; causes.yaml, column fallback; fallback-not-on-connection-error, fallback-not-on-429-capacity",
        remedy: "Count this cause among those that lose the primary.",
        judge: fallback::fallback_used,
    },
    Rule {
        slug: "committed-answer",
        level: Level::Must,
        needs: Some(Capability::Stream),
        per_user: true,
        load: Load::Immune,
        sentence: "After the first delta reached the user there is no silent retry and no fallback, and nothing is glued on.",
        source: "causes.yaml, adjust `committed`; fb-midstream-retry-duplicates-text, fallback-after-partial-duplicates",
        remedy: "Once text was delivered, end the stream with an error that says so; let the user decide.",
        judge: outcome::committed_answer,
    },
    Rule {
        slug: "bounded-attempts",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Immune,
        sentence: "Attempts per provider stay within the policy, all layers together; redirect hops do not count.",
        source: "mission, step 3: bounded retry count; retry-mult-12-of-4, retry-mult-18-tenacity-sdk",
        remedy: "Let one layer retry; switch the retries of every other layer (SDK, wrapper, gateway) off.",
        judge: retry::bounded_attempts,
    },
    Rule {
        slug: "retry-only-retryable",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Sensitive,
        sentence: "No second attempt after a cause whose cell is `never`, at most one after `once`.",
        source: "mission: did it retry non-retryable failures; causes.yaml, column retry; quota-429-retried-langchainjs, retry-on-401-402",
        remedy: "Decide from the error code before the status; a stop code beats both the status and every header.",
        judge: retry::retry_only_retryable,
    },
    Rule {
        slug: "retry-after-honoured",
        level: Level::Must,
        needs: Some(Capability::RetryAfter),
        per_user: true,
        load: Load::Immune,
        sentence: "Where the cause waits for it, the next attempt does not come before the wait that the reply asked for.",
        source: "RFC 9110 section 10.2.3; ra-http-date-ignored, ra-ignored-vercel, ra-boundary-exactly-at-cap",
        remedy: "Take retry-after-ms, retry-after in seconds and as a date as a floor, and never shorten it.",
        judge: retry::retry_after_honoured,
    },
    Rule {
        slug: "no-storm",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "In an outage, attempts over user requests stay within the amplification bound, and attempts in flight are bounded.",
        source: "mission, step 3: no retry storm; backoff-no-jitter-10s-cap, herd-50-concurrent-collapse",
        remedy: "Share a retry budget between the users of one client, and bound what is in flight.",
        judge: storm::no_storm,
    },
    Rule {
        slug: "deadline-kept",
        level: Level::Must,
        needs: Some(Capability::Deadline),
        per_user: false,
        load: Load::Sensitive,
        sentence: "The outcome reaches the user within the total deadline: attempts, waits and fallback included.",
        source: "mission, step 4: retries and timeouts fit inside the user experience budget",
        remedy: "Carry one deadline through attempts, waits and fallback; give each attempt only what is left.",
        judge: deadline::deadline_kept,
    },
    Rule {
        slug: "attempt-timeout-kept",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Sensitive,
        sentence: "A silent provider is given up within the timeout of one attempt.",
        source: "mission, step 4: per-attempt timeout; hang-no-attempt-timeout",
        remedy: "Set a timeout for each attempt: to the head of a stream, to the last byte of a plain reply.",
        judge: deadline::attempt_timeout_kept,
    },
    Rule {
        slug: "terminates",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Sensitive,
        sentence: "Every user request ends.",
        source: "mission, step 4: total deadline; stream-idle-no-timeout",
        remedy: "Put every wait under the total deadline.",
        judge: deadline::terminates,
    },
    Rule {
        slug: "honest-success",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Immune,
        sentence: "`completed` only if one provider served a complete answer, and the text is that answer.",
        source: "mission, step 2; stream-cut-forwarded-as-success, end-eof-no-terminal, body-200-truncated-json",
        remedy: "Complete a stream on its terminal signal only, and a body only if it parses whole.",
        judge: outcome::honest_success,
    },
    Rule {
        slug: "answer-belongs",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Immune,
        sentence: "Every delivered piece comes from this user's attempts, and all from one.",
        source: "stream-error-cross-talk, fallback-after-partial-duplicates",
        remedy: "Keep the buffers of attempts and users apart; start the answer anew with each attempt.",
        judge: outcome::answer_belongs,
    },
    Rule {
        slug: "error-not-success",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Immune,
        sentence: "An error payload (200 or not, whole or mid-stream) is never a completion.",
        source: "mission, step 2: avoid treating an error payload as a successful completion; status-200-with-error-body",
        remedy: "Look for a non-null `error` before reading choices, in bodies and in every event.",
        judge: outcome::error_not_success,
    },
    Rule {
        slug: "valid-reply-accepted",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Sensitive,
        sentence: "A legal answer, however unusual, is accepted.",
        source: "mission, step 2: parse the response without null-reference errors; contract.md section 4",
        remedy: "Require only what the contract promises: choices and a message; treat everything else as optional.",
        judge: outcome::valid_reply_accepted,
    },
    Rule {
        slug: "endpoint-path",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "The real wire request uses the pinned path.",
        source: "mission, contract table: endpoint paths; url-double-v1, url-relative-resolution-drops-v1",
        remedy: "Pin the base URL and the path, and join them in one place.",
        judge: request::endpoint_path,
    },
    Rule {
        slug: "auth-header",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "The real wire request carries the key in the pinned header and form.",
        source: "mission, contract table: auth headers; auth-empty-key-connection-error, auth-key-with-whitespace",
        remedy: "Trim the key, refuse an empty one, and send it in the one documented form.",
        judge: request::auth_header,
    },
    Rule {
        slug: "no-double-charge",
        level: Level::Must,
        needs: Some(Capability::Idempotency),
        per_user: true,
        load: Load::Sensitive,
        sentence: "Charge-sensitive work is not sent again once it may have been charged, unless to the same provider under the \
                   same idempotency key where the policy says that keys deduplicate.",
        source: "mission, step 3: no duplicate charge-sensitive workflow; timeout-retry-billed-again, idem-no-key-on-nonidempotent-post",
        remedy: "Ask before each further attempt whether the last one may have been charged.",
        judge: charge::no_double_charge,
    },
    Rule {
        slug: "no-secret-leak",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "No API key in logs, errors, telemetry, URLs or at another host.",
        source: "mission, step 5: nothing private in logs; log-key-in-exception-url, log-key-echoed-in-401, fallback-reuses-injected-key",
        remedy: "Build messages from status and code, never from headers, URLs or bodies; give each provider its own key.",
        judge: leak::no_secret_leak,
    },
    Rule {
        slug: "as-expected",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Sensitive,
        sentence: "What the scenario itself expects, and no rule can derive.",
        source: "the scenario's `expect`",
        remedy: "Read the scenario's `why`.",
        judge: expect::as_expected,
    },
];
