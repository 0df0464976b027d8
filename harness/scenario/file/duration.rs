//! Durations as a scenario writes them: fixed, or so many times a duration of the policy.

use std::{str::FromStr, time::Duration};

use super::reading::{from_text, or_meant, or_write};
use crate::{
    duration::{OrNone, Span},
    policy::Policy,
};

/// `250ms`, `2s`, `10m`, `1h`, or so many times a duration of the policy: `1.5 attempt_timeout`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum D {
    /// So long.
    Fixed(Duration),
    /// So many times this.
    Times(f64, PolicyDuration),
}

/// A duration of the policy, by its dotted name.
#[derive(Clone, Copy)]
pub struct PolicyDuration {
    /// Its name.
    pub name: &'static str,
    of: fn(&Policy) -> Option<Span>,
}

impl PartialEq for PolicyDuration {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for PolicyDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every duration of the policy.
pub const POLICY_DURATIONS: [PolicyDuration; 14] = [
    PolicyDuration { name: "connect_timeout", of: |policy| Some(policy.connect_timeout) },
    PolicyDuration { name: "attempt_timeout", of: |policy| Some(policy.attempt_timeout) },
    PolicyDuration { name: "idle_timeout", of: |policy| Some(policy.idle_timeout) },
    PolicyDuration { name: "semantic_idle_timeout", of: |policy| Some(policy.semantic_idle_timeout) },
    PolicyDuration { name: "deadline", of: |policy| Some(policy.deadline) },
    PolicyDuration { name: "fallback.reserve", of: |policy| Some(policy.fallback.reserve) },
    PolicyDuration { name: "fallback.timeout", of: |policy| Some(policy.fallback.timeout) },
    PolicyDuration { name: "backoff.first", of: |policy| Some(policy.backoff.first) },
    PolicyDuration { name: "backoff.cap", of: |policy| Some(policy.backoff.cap) },
    PolicyDuration { name: "retry_after.ceiling", of: |policy| Some(policy.retry_after.ceiling) },
    PolicyDuration { name: "breaker.window", of: |policy| breaker(policy).map(|breaker| breaker.window) },
    PolicyDuration { name: "breaker.open_for", of: |policy| breaker(policy).map(|breaker| breaker.open_for) },
    PolicyDuration { name: "parser.finish_grace", of: |policy| Some(policy.parser.finish_grace) },
    PolicyDuration { name: "parser.keepalive_bound", of: |policy| Some(policy.parser.keepalive_bound) },
];

fn breaker(policy: &Policy) -> Option<&crate::policy::Breaker> {
    OrNone::as_ref(&policy.breaker)
}

impl D {
    /// How long that is under this policy; an error where the policy has no such duration.
    pub fn under(self, policy: &Policy) -> Result<Duration, String> {
        match self {
            D::Fixed(duration) => Ok(duration),
            D::Times(factor, named) => match (named.of)(policy) {
                Some(span) => Ok(span.mul_f64(factor)),
                None => Err(format!("the policy has no `{}`: its breaker is `none`", named.name)),
            },
        }
    }

    /// Whether it is so many times this duration of the policy.
    pub fn names(self, wanted: &str) -> bool {
        matches!(self, D::Times(_, named) if named.name == wanted)
    }
}

impl FromStr for D {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(' ') {
            Some((factor, name)) if number(factor).is_some() => {
                Ok(D::Times(number(factor).unwrap_or_default(), policy_duration(name)?))
            }
            None if policy_duration(text).is_ok() => Err(or_write(
                format_args!("`{text}` lacks its factor"),
                format_args!("write how many of it: `1 {text}`"),
            )),
            _ => text.parse().map(|span: Span| D::Fixed(span.0)).map_err(|_| not_a_duration(text)),
        }
    }
}

fn not_a_duration(text: &str) -> String {
    or_write(
        format_args!("`{text}` is not a duration"),
        "write it like 250ms, 2s, 10m or 1h, or relative to the policy, like 1.5 attempt_timeout",
    )
}

fn policy_duration(name: &str) -> Result<PolicyDuration, String> {
    let names = POLICY_DURATIONS.map(|duration| duration.name);
    match POLICY_DURATIONS.iter().find(|duration| duration.name == name) {
        Some(found) => Ok(*found),
        None => Err(or_meant(format!("the policy has no duration `{name}`"), name, &names)),
    }
}

/// A plain decimal number, not negative.
fn number(text: &str) -> Option<f64> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    // A thousand times any duration is beyond every use, and keeps the arithmetic far from overflow.
    text.parse().ok().filter(|n: &f64| plain && *n <= 1000.0)
}

from_text!(
    D,
    "a duration: 250ms, 2s, 10m or 1h, or relative to the policy, like 1.5 attempt_timeout",
    r"^([0-9]+(\.[0-9]+)?(ms|s|m|h)|[0-9]+(\.[0-9]+)? [a-z_.]+)$"
);

/// A duration that may be negative: a wait in a header.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signed {
    /// Before now.
    pub negative: bool,
    /// How far from now.
    pub size: D,
}

impl FromStr for Signed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (negative, size) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        size.parse().map(|size| Signed { negative, size })
    }
}

from_text!(
    Signed,
    "a duration, perhaps negative: 2s, -1h, or relative to the policy, like 1.1 retry_after.ceiling",
    r"^-?([0-9]+(\.[0-9]+)?(ms|s|m|h)|[0-9]+(\.[0-9]+)? [a-z_.]+)$"
);

/// `every D`: the gap between arrivals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Every(pub D);

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("every ") {
            Some(gap) => gap.parse().map(Every),
            None => Err(or_write(format_args!("`{text}` does not say when users arrive"), "write it like `every 30s`")),
        }
    }
}

from_text!(Every, "when users arrive, one after another: every 30s", r"^every [0-9].*$");
