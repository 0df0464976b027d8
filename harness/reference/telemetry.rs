//! One structured log record an attempt: what an operator needs to answer contract questions, and nothing of the prompt.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Hooks,
    failure::{Failure, Kind},
    send::{Reply, Target},
};
use crate::scenario::Host;

/// The record of one attempt. The names of its fields are those of the policy's `telemetry`.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which provider was asked.
    pub provider: Host,
    /// Which kind of endpoint.
    pub endpoint_class: &'static str,
    /// The model asked for.
    pub model: String,
    /// `stream` or `plain`.
    pub mode: &'static str,
    /// The status, if a head came.
    pub status_code: Option<u16>,
    /// The provider's error code or type.
    pub error_code: Option<String>,
    /// How long it took, roughly.
    pub latency_bucket: &'static str,
    /// From 0, per provider.
    pub retry_attempt: u32,
    /// `none`, `used`, `unsafe`, `not-eligible`, `unavailable`, `too-late` or `committed`: what follows this attempt.
    pub fallback_decision: &'static str,
    /// `connect`, `attempt`, `idle`, `semantic-idle` or `deadline`, if a timeout ended it.
    pub timeout_source: Option<&'static str>,
    /// `ok`, `refused`, or what was wrong.
    pub parser_outcome: &'static str,
    /// Whether usage came; its values are nobody's business here.
    pub usage_present: bool,
    /// The same for all attempts of one user request.
    pub correlation_id: String,
}

/// Writes a record as a `tracing` event.
pub fn emit(record: &Record) {
    tracing::info!(
        target: "brownout::reference",
        provider = %record.provider,
        endpoint_class = record.endpoint_class,
        model = record.model,
        mode = record.mode,
        status_code = record.status_code,
        error_code = record.error_code.as_deref(),
        latency_bucket = record.latency_bucket,
        retry_attempt = record.retry_attempt,
        fallback_decision = record.fallback_decision,
        timeout_source = record.timeout_source,
        parser_outcome = record.parser_outcome,
        usage_present = record.usage_present,
        correlation_id = record.correlation_id,
        "attempt"
    );
}

/// A record under way. It is written when it is dropped, so that an attempt whose user left has one too.
#[derive(Debug)]
pub struct Open {
    record: Record,
    hooks: Hooks,
    begun: Instant,
    deadline: Instant,
    ended: bool,
}

impl Open {
    /// A record of an attempt that begins now.
    pub fn begin(target: &Target, stream: bool, attempt: u32, hooks: &Hooks) -> Self {
        let record = Record {
            provider: target.provider.name,
            endpoint_class: "chat-completions",
            model: target.provider.model.clone(),
            mode: if stream { "stream" } else { "plain" },
            status_code: None,
            error_code: None,
            latency_bucket: "",
            retry_attempt: attempt - 1,
            // Where an open breaker kept the primary out of it, this record is the only one.
            fallback_decision: if target.provider.name == Host::Primary { "none" } else { "used" },
            timeout_source: None,
            parser_outcome: "none",
            usage_present: false,
            correlation_id: target.correlation.to_owned(),
        };
        Open { record, hooks: hooks.clone(), begun: Instant::now(), deadline: target.deadline, ended: false }
    }

    /// The attempt is over.
    pub fn ended(&mut self, result: &Result<Reply, Failure>) {
        self.ended = true;
        self.record.latency_bucket = bucket(self.begun.elapsed());
        match result {
            Ok(reply) => {
                self.record.status_code = Some(reply.status);
                self.record.parser_outcome = if reply.refusal.is_some() { "refused" } else { "ok" };
                self.record.usage_present = reply.usage.is_some();
            }
            Err(failure) => {
                self.record.status_code = failure.status;
                self.record.error_code = failure.code();
                self.record.timeout_source = failure.timeout;
                self.record.parser_outcome = parser_outcome(failure.kind);
                self.record.usage_present = failure.usage_present;
            }
        }
    }

    /// What follows.
    pub fn decided(&mut self, fallback: &'static str) {
        self.record.fallback_decision = fallback;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.ended {
            self.record.latency_bucket = bucket(self.begun.elapsed());
            // Nothing else ends an attempt from outside but its user, who names no timeout.
            self.record.timeout_source = (Instant::now() >= self.deadline).then_some("deadline");
        }
        (self.hooks.record)(&self.record);
    }
}

/// Upper ends of the buckets, in milliseconds.
fn bucket(took: Duration) -> &'static str {
    match took.as_millis() {
        0..100 => "<100ms",
        100..500 => "<500ms",
        500..2_000 => "<2s",
        2_000..10_000 => "<10s",
        _ => ">=10s",
    }
}

fn parser_outcome(kind: Kind) -> &'static str {
    match kind {
        Kind::Connect
        | Kind::ConnectTimeout
        | Kind::NoHead
        | Kind::HeadTimeout
        | Kind::Status
        | Kind::Deadline
        | Kind::LeftAlone => "none",
        Kind::BodyCut | Kind::StreamCut => "cut",
        Kind::BodyTimeout | Kind::StreamTimeout => "stalled",
        Kind::ErrorObject(_) => "error-object",
        Kind::Html => "html",
        Kind::Malformed => "malformed",
        Kind::BadEvent => "bad-event",
        Kind::Blank => "blank",
        Kind::FinishError => "finish-error",
        Kind::HalfToolCall => "half-tool-call",
    }
}
