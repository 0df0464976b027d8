//! Bytes as people write them: what YAML's text cannot hold, or what is too much to write out.

use schemars::JsonSchema;
use serde::Deserialize;

use super::reading::{by_kind, from_text, or_write};

/// Text, `{ hex: e4 b8 }`, `{ repeat: { bytes: x, times: 9 } }`, or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Bytes {
    /// Text, in UTF-8.
    Text(String),
    /// One part.
    Part(Part),
    /// Parts, one after another.
    Parts(Vec<Bytes>),
}

by_kind!(
    Bytes,
    "text, { hex: e4 b8 }, { repeat: { bytes: x, times: 9 } }, or a list of them",
    str => |text: &str| Ok::<_, String>(Bytes::Text(text.to_owned())),
    map => Part => Bytes::Part,
    seq => Vec<Bytes> => Bytes::Parts,
);

impl JsonSchema for Bytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let part = generator.subschema_for::<Part>();
        let parts = generator.subschema_for::<Vec<Bytes>>();
        schemars::json_schema!({
            "description": "Text, hex, a repetition, or a list of them. Generated while sent, never held.",
            "anyOf": [{ "type": "string" }, part, parts],
        })
    }
}

/// Bytes that are no text.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Pairs of hexadecimal digits.
    Hex(Hex),
    /// Bytes again and again.
    Repeat(RepeatBytes),
}

/// Bytes again and again.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepeatBytes {
    /// What: text, or the `$name` of bytes declared above.
    pub bytes: String,
    /// How often.
    pub times: u64,
}

/// Pairs of hexadecimal digits, with or without blanks between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

impl std::str::FromStr for Hex {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits: Option<Vec<u8>> =
            text.chars().filter(|c| *c != ' ').map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
        match digits {
            Some(digits) if digits.len() % 2 == 0 && !digits.is_empty() => {
                Ok(Hex(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
            }
            _ => Err(or_write(
                format_args!("`{text}` is no hexadecimal"),
                "write pairs of digits in quotes, like \"e4 b8\"",
            )),
        }
    }
}

from_text!(Hex, "pairs of hexadecimal digits, like e4 b8", r"^ *([0-9a-fA-F] *[0-9a-fA-F] *)+$", "integer");
