//! JSON Schemas, generated from the types: of scenario files, named replies, policies, the table of causes and the JSON report.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::{Value as Json, json};

use super::file::{ReplyFile, Scenario};
use crate::{causes::Causes, policy::Policy, report};

/// Of a scenario file.
pub fn scenario() -> Json {
    let mut schema = of::<Scenario>("A scenario of brownout");
    // A scenario's policy states only what differs, like any other.
    let policy = policy();
    let mut definitions = policy["$defs"].as_object().cloned().unwrap_or_default();
    let keys = policy
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !["$defs", "$schema", "title"].contains(&key.as_str()));
    definitions.insert(
        "Policy".to_owned(),
        keys.map(|(key, value)| (key.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into(),
    );
    for (name, definition) in definitions {
        schema["$defs"][name] = definition;
    }
    or_axis(&mut schema);
    schema
}

/// Of the named replies.
pub fn replies() -> Json {
    let mut schema = of::<ReplyFile>("Named replies of brownout");
    or_axis(&mut schema);
    schema
}

/// Of a policy: every key may be left out.
pub fn policy() -> Json {
    let mut schema = of::<Policy>("A policy of brownout");
    optional(&mut schema);
    schema
}

/// Of the table of causes.
pub fn causes() -> Json {
    of::<Causes>("The table of causes of brownout")
}

/// Of a line of the JSON report.
pub fn report() -> Json {
    of::<report::json::Line>("A line of brownout's JSON report")
}

fn of<T: JsonSchema>(title: &str) -> Json {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema: Schema = generator.root_schema_for::<T>();
    schema.insert("title".to_owned(), json!(title));
    schema.to_value()
}

/// Nothing is required: a file states only what differs.
fn optional(schema: &mut Json) {
    match schema {
        Json::Object(keys) => {
            keys.remove("required");
            keys.values_mut().for_each(optional);
        }
        Json::Array(items) => items.iter_mut().for_each(optional),
        _ => {}
    }
}

/// Wherever a value stands, an axis may stand for it. Words of the head are no values.
fn or_axis(schema: &mut Json) {
    let Json::Object(keys) = schema else {
        if let Json::Array(items) = schema {
            items.iter_mut().for_each(or_axis);
        }
        return;
    };
    for (key, value) in keys.iter_mut() {
        match (key.as_str(), value) {
            ("properties", Json::Object(properties)) => properties.iter_mut().for_each(|(name, value)| {
                or_axis(value);
                if !["title", "why", "sources", "incidents", "pair", "vary", "about"].contains(&name.as_str()) {
                    *value = either(value.take());
                }
            }),
            ("items" | "additionalProperties", value @ Json::Object(_)) => {
                or_axis(value);
                *value = either(value.take());
            }
            (_, value) => or_axis(value),
        }
    }
}

fn either(schema: Json) -> Json {
    let description = schema.get("description").cloned();
    let mut both = json!({ "anyOf": [schema, { "type": "string", "pattern": "^\\$[a-z]" }] });
    if let Some(description) = description {
        both["description"] = description;
    }
    both
}
