//! The closed word lists of the table of causes.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A failure mode of the mission's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
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
}

/// May the same request go to the same provider again?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// A lone failure early in the budget gets another attempt, here or at a fallback.
    Must,
    /// Never judged; attempts are still bounded.
    May,
    /// At most one more.
    Once,
    /// None.
    Never,
}

/// Is a fallback tried?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Demand {
    /// Tried once the primary is lost.
    Must,
    /// Not judged.
    May,
    /// Not tried.
    Never,
}

/// May billable work have been done?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Charged {
    /// It was.
    Yes,
    /// It was not.
    No,
    /// Nobody can say.
    Unknown,
}

/// What the next attempt waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Waits {
    /// The wait named is a floor; without one, backoff.
    RetryAfter,
    /// Backoff.
    Backoff,
    /// At once is fine.
    None,
}

/// The class of an error, as a client reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Time ran out.
    Timeout,
    /// The total deadline passed.
    Deadline,
    /// Too many requests.
    RateLimited,
    /// The account is spent.
    Quota,
    /// The key was refused.
    Auth,
    /// The request was at fault.
    InvalidRequest,
    /// The provider failed.
    Server,
    /// The connection failed.
    Connection,
    /// A stream broke.
    StreamInterrupted,
    /// The reply made no sense.
    MalformedResponse,
    /// A content policy decided.
    ContentPolicy,
    /// The user left.
    Cancelled,
    /// Nothing could be attempted.
    Exhausted,
    /// Anything else.
    Other,
}

/// How a user request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResultWord {
    /// The application would believe this answer.
    Completed,
    /// The model refused, or a filter did.
    Refused,
    /// An error.
    Failed,
    /// The user left.
    Cancelled,
}

/// How the wire ended, as the provider saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Wire {
    /// The reply arrived whole, as framed.
    Whole,
    /// Wrong path, method or host key: no step was served.
    Unscripted,
    /// The user left first.
    UserLeft,
    /// The client gave up at its total deadline.
    Deadline,
    /// Nobody listened.
    Refused,
    /// The name did not resolve.
    Dns,
    /// The certificate was refused.
    Certificate,
    /// TLS failed.
    Tls,
    /// Nobody answered the connect.
    ConnectTimeout,
    /// We ended it before the request was whole.
    ClosedBeforeRequest,
    /// We ended it before the head was whole and after the request was.
    ClosedBeforeHead,
    /// We ended it inside the head.
    ClosedInHead,
    /// The reply was no legal HTTP.
    IllegalHttp,
    /// The client left before the head was whole.
    GaveUpBeforeHead,
    /// The client left inside a plain body.
    GaveUpInBody,
    /// We ended it inside a plain body.
    ClosedInBody,
    /// The client left inside a stream, before its terminal signal.
    GaveUpInStream,
    /// We ended it inside a stream, before its terminal signal.
    ClosedInStream,
}

/// Where a redirect points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Location {
    /// The same host and port.
    SameOrigin,
    /// Another.
    CrossOrigin,
}

/// What a reply carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// An error object.
    Error,
    /// A page.
    Html,
    /// Nothing, or white space.
    Empty,
    /// JSON that stops early.
    Truncated,
    /// Neither JSON nor HTML.
    Text,
    /// No usable choice.
    NoChoices,
    /// A whole answer under another content type, or none.
    Mislabelled,
    /// Events where a plain reply was asked for.
    StreamForPlain,
    /// A plain reply where events were asked for.
    PlainForStream,
    /// A stream without one event that carries a chunk.
    NoEvents,
    /// An event that is not JSON.
    BadEvent,
    /// The terminal signal stands in an event that no blank line ends.
    UnterminatedEvent,
    /// A refusal.
    Refusal,
    /// A finished tool call whose arguments are no JSON object.
    BadToolCall,
    /// Null or blank content, no refusal, no tool call.
    Blank,
}

/// Which terminal signals a stream gave, if not both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// None.
    Neither,
    /// Only a finish_reason.
    Finish,
    /// Only `[DONE]`.
    Done,
}

/// Why a named wait is not slept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TooLong {
    /// It is longer than the policy's ceiling.
    BeyondCeiling,
    /// It does not fit in what is left of the deadline.
    BeyondDeadline,
}

/// How much time is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    /// Less than the fallback's reserve.
    UnderReserve,
}

/// A part of a request that may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The key.
    Credential,
    /// The body.
    Body,
}

/// A cell that may be fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// Retry.
    Retry,
    /// Fallback.
    Fallback,
    /// Charged.
    Charged,
}

/// Prints a word as it is written in YAML and JSON.
macro_rules! display_as_written {
    ($($name:ty),+) => { $(impl fmt::Display for $name {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.serialize(f)
        }
    })+ };
}
display_as_written!(Mode, Retry, Demand, Charged, Waits, Class, ResultWord, Wire, Body);

/// A status, or a hundred of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// This one.
    Exactly(u16),
    /// All that begin with this digit.
    Hundred(u16),
}

impl Status {
    /// Whether this status is meant.
    pub fn covers(self, status: u16) -> bool {
        match self {
            Status::Exactly(wanted) => wanted == status,
            // One beyond 599 is to be taken as a server's error (RFC 9110 section 15).
            Status::Hundred(digit) => digit == (status / 100).min(5),
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Status::Exactly(n) => s.serialize_u16(*n),
            Status::Hundred(d) => s.collect_str(&format_args!("{d}xx")),
        }
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visit;
        impl de::Visitor<'_> for Visit {
            type Value = Status;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status from 100 to 599, or 2xx, 3xx, 4xx, 5xx")
            }

            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Status, E> {
                match u16::try_from(n) {
                    Ok(status @ 100..=599) => Ok(Status::Exactly(status)),
                    _ => Err(E::custom(format_args!("{n} is no status: write 100 to 599"))),
                }
            }

            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Status, E> {
                self.visit_u64(u64::try_from(n).unwrap_or(0))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Status, E> {
                match text {
                    "2xx" => Ok(Status::Hundred(2)),
                    "3xx" => Ok(Status::Hundred(3)),
                    "4xx" => Ok(Status::Hundred(4)),
                    "5xx" => Ok(Status::Hundred(5)),
                    _ => Err(E::unknown_variant(text, &["2xx", "3xx", "4xx", "5xx"])),
                }
            }
        }
        d.deserialize_any(Visit)
    }
}

impl JsonSchema for Status {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Status".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 }, { "enum": ["2xx", "3xx", "4xx", "5xx"] }
        ] })
    }
}

/// One value, or a list of alternatives.
#[derive(Debug, Clone, PartialEq)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Any of these.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        match self {
            OneOrMany::One(value) => std::slice::from_ref(value).iter(),
            OneOrMany::Many(values) => values.iter(),
        }
    }
}

impl<T: Serialize> Serialize for OneOrMany<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            OneOrMany::One(value) => value.serialize(s),
            OneOrMany::Many(values) => values.serialize(s),
        }
    }
}

/// Tells one from many by the kind of node, so that an error inside keeps its place.
struct OneOrManyVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list of alternatives")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(de::value::StrDeserializer::new(text)).map(OneOrMany::One)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(de::value::MapAccessDeserializer::new(map)).map(OneOrMany::One)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(OneOrMany::Many)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(OneOrManyVisitor(std::marker::PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

/// A new value, or a map from old values to new ones; values not named stay.
#[derive(Debug, Clone, PartialEq)]
pub enum To<T> {
    /// This, whatever it was.
    Value(T),
    /// From old to new.
    From(Vec<(T, T)>),
}

impl<T: Copy + PartialEq> To<T> {
    /// The new value of a cell that was `old`.
    pub fn apply(&self, old: T) -> T {
        match self {
            To::Value(new) => *new,
            To::From(pairs) => pairs.iter().find(|(from, _)| *from == old).map_or(old, |(_, to)| *to),
        }
    }
}

impl<T: Serialize> Serialize for To<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            To::Value(value) => value.serialize(s),
            To::From(pairs) => s.collect_map(pairs.iter().map(|(from, to)| (from, to))),
        }
    }
}

/// Tells a value from a map by the kind of node.
struct ToVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for ToVisitor<T> {
    type Value = To<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a new value, or a map from old values to new ones")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(de::value::StrDeserializer::new(text)).map(To::Value)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(To::From(pairs))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for To<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ToVisitor(std::marker::PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for To<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("To{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [value, { "type": "object", "additionalProperties": value }] })
    }
}
