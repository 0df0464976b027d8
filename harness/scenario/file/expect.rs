//! What is expected, as people write it.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    AtMost, Count, D, Ordered,
    reading::{by_kind, or_meant, or_write},
};
use crate::{
    causes::{Class, ResultWord},
    scenario::{ExpectedOutcome, Host},
};

/// A map means all of; a list means any of.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyOf<T> {
    /// This.
    One(Box<T>),
    /// Any of these.
    Any(Vec<T>),
}

impl<T> AnyOf<T> {
    /// The alternatives; one, where no list is written.
    pub fn alternatives(&self) -> &[T] {
        match self {
            AnyOf::One(one) => std::slice::from_ref(one),
            AnyOf::Any(any) => any,
        }
    }
}

/// What is expected: a map means all of it, a list any of its entries.
pub type Expects = AnyOf<Expect>;

by_kind!(
    Expects,
    "what is expected, or a list of alternatives",
    map => Expect => |expect| AnyOf::One(Box::new(expect)),
    seq => Vec<Expect> => AnyOf::Any,
);

impl JsonSchema for Expects {
    fn schema_name() -> Cow<'static, str> {
        "Expects".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Expect>();
        json_schema!({
            "description": "A map means all of it; a list means any of its entries.",
            "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }],
        })
    }
}

/// What no rule can derive.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// How each user request ends; of a list, any. Default: any at all.
    pub outcome: Option<AnyOf<Outcome>>,
    /// Attempts of each user request, by provider. Redirect hops do not count.
    pub attempts: Option<BTreeMap<Host, Count>>,
    /// Attempts of all users together, by provider.
    pub total: Option<BTreeMap<Host, Count>>,
    /// The outcome comes this soon after the arrival.
    pub within: Option<D>,
    /// A part of the answer, in OpenAI's shape: `text`, `finish_reason`, `tool_calls`, `usage`.
    #[serde(deserialize_with = "super::reading::given")]
    #[schemars(with = "Json")]
    pub answer: Option<Json>,
    /// A part of the error as the client reports it.
    #[serde(deserialize_with = "super::reading::given")]
    #[schemars(with = "Json")]
    pub error: Option<Json>,
    /// Fields of the last telemetry record.
    pub telemetry: Option<Ordered<Json>>,
    /// Bytes of reply that were taken at most, by provider.
    pub sent: Option<BTreeMap<Host, AtMost>>,
}

/// `completed`, `refused`, `cancelled`, `{ failed: CLASS }` or `{ failed: any }`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome(pub ExpectedOutcome);

const OUTCOME: &str = "an outcome: completed, refused, cancelled or { failed: CLASS }";
const WORDS: [(&str, ResultWord); 3] =
    [("completed", ResultWord::Completed), ("refused", ResultWord::Refused), ("cancelled", ResultWord::Cancelled)];

fn outcome(word: &str) -> Result<Outcome, String> {
    match WORDS.iter().find(|(known, _)| *known == word) {
        Some((_, result)) => Ok(Outcome(ExpectedOutcome { result: *result, class: None })),
        None if word == "failed" => {
            Err(or_write("`failed` lacks its class", "write { failed: any }, or a class in place of any"))
        }
        None => Err(or_meant(format!("`{word}` is no outcome"), word, &WORDS.map(|(known, _)| known))),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Failed {
    /// The class of the failure, or `any`.
    failed: FailedClass,
}

/// The class of a failure, or `any`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum FailedClass {
    Any,
    Timeout,
    Deadline,
    RateLimited,
    Quota,
    Auth,
    InvalidRequest,
    Server,
    Connection,
    StreamInterrupted,
    MalformedResponse,
    ContentPolicy,
    Cancelled,
    Exhausted,
    Other,
}

impl FailedClass {
    fn class(self) -> Option<Class> {
        Some(match self {
            FailedClass::Any => return None,
            FailedClass::Timeout => Class::Timeout,
            FailedClass::Deadline => Class::Deadline,
            FailedClass::RateLimited => Class::RateLimited,
            FailedClass::Quota => Class::Quota,
            FailedClass::Auth => Class::Auth,
            FailedClass::InvalidRequest => Class::InvalidRequest,
            FailedClass::Server => Class::Server,
            FailedClass::Connection => Class::Connection,
            FailedClass::StreamInterrupted => Class::StreamInterrupted,
            FailedClass::MalformedResponse => Class::MalformedResponse,
            FailedClass::ContentPolicy => Class::ContentPolicy,
            FailedClass::Cancelled => Class::Cancelled,
            FailedClass::Exhausted => Class::Exhausted,
            FailedClass::Other => Class::Other,
        })
    }
}

fn failed(failed: Failed) -> ExpectedOutcome {
    ExpectedOutcome { result: ResultWord::Failed, class: failed.failed.class() }
}

by_kind!(
    Outcome,
    "an outcome: completed, refused, cancelled or { failed: CLASS }",
    str => outcome,
    map => Failed => |map| Outcome(failed(map)),
);

type Outcomes = AnyOf<Outcome>;

by_kind!(
    Outcomes,
    "an outcome, or a list of alternatives",
    str => |word: &str| outcome(word).map(|one| AnyOf::One(Box::new(one))),
    map => Failed => |map| AnyOf::One(Box::new(Outcome(failed(map)))),
    seq => Vec<Outcome> => AnyOf::Any,
);

impl JsonSchema for Outcome {
    fn schema_name() -> Cow<'static, str> {
        "Outcome".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": OUTCOME,
            "anyOf": [{ "enum": WORDS.map(|(word, _)| word) }, generator.subschema_for::<Failed>()],
        })
    }
}

impl JsonSchema for Outcomes {
    fn schema_name() -> Cow<'static, str> {
        "Outcomes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Outcome>();
        json_schema!({
            "description": "An outcome, or a list of alternatives.",
            "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }],
        })
    }
}
