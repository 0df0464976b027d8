//! A step as people write it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    D, Item, Ordered, Point, Signed,
    reading::{by_kind, or_write},
};
use crate::scenario::step::{self, By, Eol, WaitForm};

/// What a host does with one attempt: the name of a reply, or a step in full.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The name of a reply.
    Named(String),
    /// A step in full.
    Full(Box<FullStep>),
}

by_kind!(
    Step,
    "the name of a reply, or a step in full",
    str => |name: &str| Ok::<_, String>(Step::Named(name.to_owned())),
    map => FullStep => |step| Step::Full(Box::new(step)),
);

impl JsonSchema for Step {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "What a host does with one attempt: the name of a reply, or a step in full.",
            "anyOf": [{ "type": "string" }, generator.subschema_for::<FullStep>()],
        })
    }
}

/// What a host does with one attempt. What it says is one of `reply`, `status` (with `json`, `body` or `events`), `events`,
/// `raw`, or `cut` alone.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FullStep {
    /// The name of a reply.
    pub reply: Option<String>,
    /// The status, from 200 to 599.
    pub status: Option<Status>,
    /// The body as JSON; sets the content type.
    #[serde(deserialize_with = "super::reading::given")]
    #[schemars(with = "Json")]
    pub json: Option<Json>,
    /// The body as written: nothing added, no content type.
    pub body: Option<String>,
    /// The body as server-sent events; sets the content type. Alone: with status 200.
    pub events: Option<Vec<Item>>,
    /// All bytes from the status line on. The connection closes after them.
    pub raw: Option<String>,
    /// Headers beyond those that the harness sets, and in their place.
    pub headers: Option<Ordered<Header>>,
    /// New values in a JSON body, by JSON pointer.
    pub set: Option<Ordered<Json>>,
    /// What is taken out of a JSON body, by JSON pointer.
    pub unset: Option<Vec<String>>,
    /// The wait before the first byte of the head. Default: none.
    pub head_after: Option<D>,
    /// The wait between head and body. Default: none.
    pub body_after: Option<D>,
    /// The gap between events, or between pieces where `pieces` is given. Default: none between events, 1ms between pieces.
    pub pace: Option<D>,
    /// Slices the framed body (of `raw`: all of it) into so many bytes each.
    #[schemars(range(min = 1))]
    pub pieces: Option<u64>,
    /// How the end of the body is told. Default: `length` for plain replies, `chunked` for streams, one chunk an event.
    pub framing: Option<Framing>,
    /// `gzip` packs the body and says so.
    pub encoding: Option<Encoding>,
    /// Line ends of a stream. Default: `lf`.
    pub eol: Option<Eol>,
    /// Where the reply breaks off, and how.
    pub cut: Option<Cut>,
    /// Served instead on a connection that was used before. A client that never reuses one sees no fault: that is a pass.
    pub if_reused: Option<Step>,
    /// How long this phase lasts, from the first user's arrival on. All steps of a script but the last have it, or none.
    #[serde(rename = "for")]
    pub lasts: Option<D>,
}

/// A status, from 200 to 599.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u16);

by_kind!(
    Status,
    "a status from 200 to 599",
    int => |n: u64| match u16::try_from(n) {
        Ok(status @ 200..=599) => Ok(Status(status)),
        _ => Err(or_write(format_args!("{n} is no status of a reply"), "write 200 to 599")),
    },
);

impl JsonSchema for Status {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReplyStatus".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 200, "maximum": 599 })
    }
}

/// A header: its text, or a wait in one of three forms.
#[derive(Debug, Clone, PartialEq)]
pub enum Header {
    /// As written.
    Text(String),
    /// A wait from now on.
    Wait(Wait),
}

by_kind!(
    Header,
    "text, or a wait: { secs: 2s }, { ms: 2s } or { date: 2s }",
    str => |text: &str| Ok::<_, String>(Header::Text(text.to_owned())),
    map => Wait => Header::Wait,
);

impl JsonSchema for Header {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Header".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Text, or a wait in one of three forms.",
            "anyOf": [{ "type": "string" }, generator.subschema_for::<Wait>()],
        })
    }
}

/// A wait from now on, in one of the three forms that HTTP knows.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// In seconds.
    Secs(Signed),
    /// In milliseconds.
    Ms(Signed),
    /// As an HTTP date.
    Date(Signed),
}

impl Wait {
    /// Its form, and how far from now.
    pub fn parts(self) -> (WaitForm, Signed) {
        match self {
            Wait::Secs(size) => (WaitForm::Secs, size),
            Wait::Ms(size) => (WaitForm::Ms, size),
            Wait::Date(size) => (WaitForm::Date, size),
        }
    }
}

/// How the end of a body is told, with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FramingMap {
    /// Chunks of so many bytes.
    Chunked(u64),
    /// A content-length that is so much too long.
    Longer(u64),
    /// A content-length that is so much too short.
    Shorter(u64),
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing(pub step::Framing);

by_kind!(
    Framing,
    "length, chunked, close, { chunked: 17 }, { longer: 17 } or { shorter: 17 }",
    str => |word: &str| match word {
        "length" => Ok(Framing(step::Framing::Length)),
        "chunked" => Ok(Framing(step::Framing::Chunked)),
        "close" => Ok(Framing(step::Framing::Close)),
        _ => Err(or_write(
            format_args!("`{word}` is no framing"),
            "write length, chunked, close, { chunked: 17 }, { longer: 17 } or { shorter: 17 }",
        )),
    },
    map => FramingMap => |framing| Framing(match framing {
        FramingMap::Chunked(n) => step::Framing::ChunkedBy(n as usize),
        FramingMap::Longer(n) => step::Framing::Longer(n),
        FramingMap::Shorter(n) => step::Framing::Shorter(n),
    }),
);

impl JsonSchema for Framing {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Framing".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "How the end of a body is told: true length, chunks, the end of the connection, or a false length.",
            "anyOf": [{ "enum": ["length", "chunked", "close"] }, generator.subschema_for::<FramingMap>()],
        })
    }
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// gzip.
    Gzip,
}

/// Where a reply breaks off, and how.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Where.
    pub after: Point,
    /// How: FIN, RST, silence, or the end of our direction only.
    pub by: By,
    /// So long after that point was reached. Default: at once.
    #[serde(default)]
    pub wait: Option<D>,
}
