//! What a failure means: its class, and what may be done about it. Written from the providers' documents, one arm a row.
//!
//! Where a policy may decide, this client falls back if another provider could help (credentials, money, models, sizes), and not
//! if the request itself is at fault or a content policy spoke.

use super::failure::{Failure, Hint, Kind};
use crate::{
    causes::{Charged, Class, Demand, Mode, Retry},
    policy::{Policy, ShouldRetry},
};

/// What may be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// The name under which a policy may override this row.
    pub row: &'static str,
    /// The class reported.
    pub class: Class,
    /// Whether to try again here.
    pub again: Again,
    /// Whether to try another provider.
    pub fallback: bool,
    /// Whether work may have been charged.
    pub charged: bool,
    /// Whether a wait that the reply names is a floor for the next attempt.
    pub waits: bool,
    /// Nothing overrides `again`.
    stop: bool,
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// As often as attempts and budget allow.
    Yes,
    /// Once.
    Once,
    /// Not at all.
    No,
}

const fn row(row: &'static str, class: Class, again: Again, fallback: bool, charged: bool) -> Decision {
    Decision { row, class, again, fallback, charged, waits: false, stop: false }
}

/// A row whose reply may name a wait.
const fn limited(name: &'static str, class: Class, again: Again) -> Decision {
    Decision { waits: true, ..row(name, class, again, true, false) }
}

/// A row that no header and no policy turns into a retry.
const fn stop(name: &'static str, class: Class, fallback: bool) -> Decision {
    Decision { stop: true, ..row(name, class, Again::No, fallback, false) }
}

const QUOTA: [&str; 8] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "enforced_spend_limit_reached",
    "insufficient_user_quota",
    "pre_consume_token_quota_failed",
];
/// Those that stand beside a 403.
const REFUSED_QUOTA: [&str; 3] = ["insufficient_user_quota", "pre_consume_token_quota_failed", "insufficient_quota"];
const GATEWAY: [&str; 3] = ["bad_response_status_code", "do_request_failed", "empty_response"];
const LIMITED: [&str; 3] = ["slow_down", "rate_limit_exceeded", "rate_limit_error"];

/// Decides, with the policy's overrides.
pub fn decide(failure: &Failure, policy: &Policy) -> Decision {
    let mut decision = plainly(failure, policy);
    if failure.committed {
        return Decision { again: Again::No, fallback: false, charged: true, ..decision };
    }
    if let Some(cells) = policy.cells.get(decision.row) {
        decision.again = cells.retry.filter(|_| !decision.stop).map_or(decision.again, again);
        decision.fallback = cells.fallback.map_or(decision.fallback, |cell| cell != Demand::Never);
        decision.charged = cells.charged.map_or(decision.charged, |cell| cell != Charged::No);
    }
    if let Some(cell) = policy.fallback.on.get(decision.row) {
        decision.fallback = *cell != Demand::Never;
    }
    if matches!(failure.kind, Kind::ErrorObject(_)) {
        // The model may have run before the error was written.
        decision.charged = true;
    }
    match failure.should_retry.filter(|_| policy.parser.x_should_retry != ShouldRetry::Ignore) {
        Some(false) => decision.again = Again::No,
        Some(true) if !decision.stop && decision.again == Again::No => decision.again = Again::Once,
        _ => {}
    }
    decision
}

/// Whether a breaker counts it. What is wrong with a request is no sign of illness, nor is an attempt that we cut short ourselves.
pub fn counts(failure: &Failure, policy: &Policy) -> bool {
    let mode = mode(failure.kind, decide(failure, policy).class);
    let of_the_request = matches!(mode, Mode::RequestContract | Mode::Auth);
    let cut_short = failure.timeout == Some("deadline");
    !of_the_request && !cut_short && policy.breaker.as_ref().is_some_and(|breaker| breaker.counts.contains(&mode))
}

/// The failure mode: the client's own patience, or what the class says.
fn mode(kind: Kind, class: Class) -> Mode {
    match (kind, class) {
        (Kind::HeadTimeout | Kind::BodyTimeout | Kind::StreamTimeout | Kind::Deadline, _) => Mode::ClientTimeout,
        (_, Class::Deadline | Class::Cancelled) => Mode::ClientTimeout,
        (_, Class::Auth) => Mode::Auth,
        (_, Class::InvalidRequest | Class::ContentPolicy) => Mode::RequestContract,
        (_, Class::RateLimited | Class::Quota) => Mode::RateQuota,
        (_, Class::MalformedResponse) => Mode::Parser,
        (_, Class::Timeout | Class::Server | Class::Connection | Class::StreamInterrupted) => Mode::ProviderTransient,
        (_, Class::Exhausted | Class::Other) => Mode::Fallback,
    }
}

fn again(cell: Retry) -> Again {
    match cell {
        Retry::Must | Retry::May => Again::Yes,
        Retry::Once => Again::Once,
        Retry::Never => Again::No,
    }
}

fn plainly(failure: &Failure, policy: &Policy) -> Decision {
    use Again::{No, Once, Yes};
    match failure.kind {
        Kind::Connect => row("connect-refused", Class::Connection, Yes, true, false),
        Kind::ConnectTimeout => row("connect-timeout", Class::Timeout, Yes, true, false),
        Kind::NoHead => row("closed-before-head", Class::Connection, Yes, true, true),
        Kind::HeadTimeout => row("timeout-before-head", Class::Timeout, Yes, true, true),
        Kind::BodyCut => row("body-cut", Class::Connection, Yes, true, true),
        Kind::BodyTimeout => row("timeout-in-body", Class::Timeout, Yes, true, true),
        Kind::StreamCut => row("stream-cut-before-content", Class::StreamInterrupted, Yes, true, true),
        Kind::StreamTimeout => row("stream-stall-before-content", Class::Timeout, Yes, true, true),
        Kind::Html => row("html-in-2xx", Class::MalformedResponse, Once, true, true),
        Kind::Malformed => row("no-choices", Class::MalformedResponse, Once, true, true),
        Kind::BadEvent => row("malformed-event", Class::MalformedResponse, Once, true, true),
        Kind::Blank => row("blank-answer", Class::MalformedResponse, Once, true, true),
        Kind::FinishError => row("finish-error", Class::Server, Yes, true, true),
        Kind::HalfToolCall => row("cut-by-length", Class::MalformedResponse, No, false, true),
        Kind::Deadline => row("deadline-passed", Class::Deadline, No, false, true),
        Kind::LeftAlone => row("breaker-open", Class::Exhausted, Yes, true, false),
        Kind::Status | Kind::ErrorObject(_) => of_error(failure, policy),
    }
}

/// Codes first, then the status: a stop code beats both status and headers.
fn of_error(failure: &Failure, policy: &Policy) -> Decision {
    let has = |words: &[&str]| failure.codes.iter().any(|code| words.contains(&code.as_str()));
    let status = failure.effective_status().unwrap_or(0);
    let hundred = status / 100;
    if has(&["invalid_request"]) && (matches!(hundred, 2 | 5) || status == 400) {
        return stop("invalid-request-code", Class::InvalidRequest, false);
    }
    if hundred == 3 {
        return row("redirect-same-origin", Class::InvalidRequest, Again::No, false, false);
    }
    if status == 403 && (has(&REFUSED_QUOTA) || failure.hint == Some(Hint::Quota)) {
        return row("quota-refused", Class::Quota, Again::No, true, false);
    }
    if has(&QUOTA) {
        return stop("quota-spent", Class::Quota, true);
    }
    if has(&["invalid_api_key", "authentication_error"])
        || status == 401
        || (status == 400 && failure.hint == Some(Hint::Key))
    {
        return stop(if status == 400 { "key-refused-400" } else { "key-refused" }, Class::Auth, true);
    }
    if has(&["permission_denied", "permission_error", "access_denied"]) {
        return row("access-refused", Class::Auth, Again::No, true, false);
    }
    of_code(failure, policy, status).unwrap_or_else(|| of_status(failure, status))
}

fn of_code(failure: &Failure, policy: &Policy, status: u16) -> Option<Decision> {
    let has = |words: &[&str]| failure.codes.iter().any(|code| words.contains(&code.as_str()));
    let (hundred, hint) = (status / 100, failure.hint);
    Some(if has(&["model_not_found"]) && status == 503 {
        let again = if policy.parser.model_not_found_late_retry { Again::Once } else { Again::No };
        limited("model-not-found-503", Class::InvalidRequest, again)
    } else if has(&["model_not_found"]) {
        row("model-not-found", Class::InvalidRequest, Again::No, true, false)
    } else if has(&["content_filter", "content_policy_violation"]) || (status == 400 && hint == Some(Hint::Policy)) {
        row("content-filter-error", Class::ContentPolicy, Again::No, false, false)
    } else if has(&["context_length_exceeded"]) || (matches!(status, 400 | 413) && hint == Some(Hint::Context)) {
        row("context-too-long", Class::InvalidRequest, Again::No, true, false)
    } else if (matches!(status, 400 | 422) && has(&["tool_use_failed"]))
        || (status == 400 && hint == Some(Hint::ToolUse))
    {
        row("model-output-refused", Class::Server, Again::Once, true, true)
    } else if status == 413 && has(&["rate_limit_exceeded"]) {
        limited("larger-than-limit", Class::RateLimited, Again::No)
    } else if status == 503 && has(&LIMITED) {
        limited("rate-limited-503", Class::RateLimited, Again::Yes)
    } else if status == 429 || (hundred == 2 && has(&LIMITED)) {
        limited("rate-limited", Class::RateLimited, Again::Yes)
    } else if status == 529 || (matches!(hundred, 2 | 5) && has(&["server_is_overloaded", "overloaded_error"])) {
        limited("overloaded", Class::Server, Again::Yes)
    } else if status == 498 || has(&["capacity_exceeded"]) {
        limited("tier-capacity", Class::RateLimited, Again::Yes)
    } else if matches!(hundred, 2 | 5) && (has(&GATEWAY) || failure.codes.iter().any(|c| c.starts_with("channel:"))) {
        row("gateway-channel", Class::Server, Again::Yes, true, true)
    } else {
        return None;
    })
}

fn of_status(failure: &Failure, status: u16) -> Decision {
    use Again::{No, Once, Yes};
    match status {
        200..=299 => row("error-in-2xx", Class::Server, Yes, true, true),
        400 => row("http-400", Class::InvalidRequest, No, false, false),
        402 => stop("http-402", Class::Quota, true),
        403 => row("http-403", Class::Auth, No, true, false),
        404 => row("http-404", Class::InvalidRequest, No, true, false),
        405 | 415 => row("http-405-415", Class::InvalidRequest, No, false, false),
        408 => row("http-408", Class::Timeout, Yes, true, true),
        409 => row("http-409", Class::Server, Yes, true, false),
        413 => row("http-413", Class::InvalidRequest, No, true, false),
        422 => row("http-422", Class::InvalidRequest, No, false, false),
        424 => row("http-424", Class::Server, Yes, true, true),
        499 => row("http-499", Class::Cancelled, No, true, true),
        503 if failure.hint == Some(Hint::Loading) => limited("loading-model", Class::Server, Yes),
        503 => limited("http-503", Class::Server, Yes),
        // The same length meets the same limit again: another provider is the better try.
        504 | 524 => row("http-504-524", Class::Timeout, No, true, true),
        525 | 526 => row("http-525-526", Class::Server, Once, true, false),
        // One beyond 599 is to be taken as a server's error (RFC 9110 section 15).
        500.. => row("http-5xx", Class::Server, Yes, true, true),
        _ => row("http-4xx", Class::InvalidRequest, No, true, false),
    }
}
