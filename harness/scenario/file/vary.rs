//! Axes as people write them. Their values stay nodes until they are put in place: only the kind is told here.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use super::{Ordered, reading::by_kind};

/// The values of an axis: a list of plain words and numbers, or labels with values.
#[derive(Debug, Clone, PartialEq)]
pub enum Axis {
    /// Values that label themselves.
    Plain(Vec<Json>),
    /// Labels with values; a map as value is a record, used by field: `$side.delay`.
    Labelled(Ordered<Json>),
}

by_kind!(
    Axis,
    "a list of values, or labels with values",
    map => Ordered<Json> => Axis::Labelled,
    seq => Vec<Json> => Axis::Plain,
);

impl JsonSchema for Axis {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Axis".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A list of plain words and numbers, or labels with values.",
            "anyOf": [
                { "type": "array", "minItems": 1, "items": { "type": ["string", "number", "boolean"] } },
                { "type": "object", "minProperties": 1, "propertyNames": { "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" } },
            ],
        })
    }
}
