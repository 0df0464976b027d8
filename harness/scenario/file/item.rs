//! Items of a stream as people write them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    D,
    reading::{by_kind, or_write},
};

/// One item of a stream.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// `data: [DONE]`.
    Done,
    /// A chunk that carries this text.
    Text(String),
    /// A chunk with this delta.
    Delta(Json),
    /// A chunk with a piece of a tool call.
    Tool(Tool),
    /// A chunk with this finish reason.
    Finish(String),
    /// A chunk without choices and with this usage.
    Usage(Json),
    /// An error in place of a chunk.
    Error(Json),
    /// These keys laid over the envelope of a chunk.
    Chunk(Json),
    /// The payload of one event as it is.
    Data(String),
    /// A comment: a keep-alive.
    Comment(String),
    /// An event with a name.
    Named(NamedEvent),
    /// Bytes as they are.
    Raw(String),
    /// Nothing for so long.
    Pause(D),
    /// Items again and again.
    Repeat(Repeat),
}

/// A piece of a tool call.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tool {
    /// Which call. Default: 0.
    pub index: Option<u32>,
    /// Its id, in the first piece.
    pub id: Option<String>,
    /// The function's name, in the first piece.
    pub name: Option<String>,
    /// A piece of the arguments, as text.
    pub arguments: Option<String>,
}

/// An event with a name.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedEvent {
    /// Its name.
    pub event: String,
    /// Its data: JSON, or text as it is.
    pub data: Json,
}

/// Items again and again.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often: a number, or `forever`.
    pub times: Times,
    /// What.
    #[schemars(length(min = 1))]
    pub events: Vec<Item>,
}

/// How often: a number, or `forever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times(pub Option<u64>);

by_kind!(
    Times,
    "a number, or forever",
    str => |word: &str| match word {
        "forever" => Ok(Times(None)),
        _ => Err(or_write(format_args!("`{word}` does not say how often"), "write a number, or forever")),
    },
    int => |n: u64| Ok::<_, String>(Times(Some(n))),
);

impl JsonSchema for Times {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Times".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "const": "forever" }] })
    }
}
