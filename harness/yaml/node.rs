//! The tree of a parsed file. Every key and value remembers the bytes it was written in.

use serde_json::{Map as JsonMap, Number, Value as Json};

/// A range of bytes in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one; equal to `start` for a value that is not written at all.
    pub end: usize,
}

/// A value and the place it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What was written.
    pub value: Value,
    /// Where it was written. Quotes are part of it, the header of a block scalar is not.
    pub span: Span,
}

/// What a node holds. Only unquoted scalars become anything but text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A decimal integer.
    Int(i64),
    /// A decimal number with a point, always finite.
    Float(f64),
    /// Everything else, and every quoted or block scalar.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// The key of a map entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The text, without quotes.
    pub text: String,
    /// Where it was written, with its quotes.
    pub span: Span,
}

impl Span {
    /// The bytes from `start` up to `end`.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

impl Node {
    /// A node of this value, written at this place.
    #[must_use]
    pub fn new(value: Value, span: Span) -> Self {
        Self { value, span }
    }

    /// The entries of a map; none of anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    #[must_use]
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The value at `key`, if this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// The value at `key`, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let Value::Map(entries) = &mut self.value else { return None };
        entries.iter_mut().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }

    /// Takes the entry of `key` out, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let Value::Map(entries) = &mut self.value else { return None };
        let index = entries.iter().position(|(name, _)| name.text == key)?;
        Some(entries.remove(index).1)
    }

    /// The text, if this is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same data as JSON, without the places.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Int(number) => Json::Number((*number).into()),
            Value::Float(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
            Value::Text(text) => Json::String(text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Map(entries) => Json::Object(json_entries(entries)),
        }
    }

    /// The node at a path such as `primary[0].cut.after`, or the deepest one on the way there.
    #[must_use]
    pub fn at(&self, path: &str) -> &Node {
        let mut deepest = self;
        for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
            let Some(next) = deepest.step(part) else { break };
            deepest = next;
        }
        deepest
    }

    /// The place to name in an error about `key`: where it is written, or this map's first key if it is not.
    #[must_use]
    pub fn key_span(&self, key: &str) -> Span {
        self.span_of_key(key).unwrap_or(self.head())
    }

    /// The first place worth pointing at: all of a scalar, the first key of a map.
    #[must_use]
    pub fn head(&self) -> Span {
        match &self.value {
            Value::Map(entries) => entries.first().map_or(self.span, |(key, _)| key.span),
            Value::List(items) => items.first().map_or(self.span, Node::head),
            _ => self.span,
        }
    }

    /// The place of `key` in this map.
    pub(super) fn span_of_key(&self, key: &str) -> Option<Span> {
        self.entry(key).map(|(key, _)| key.span)
    }

    fn entry(&self, key: &str) -> Option<&(Key, Node)> {
        self.entries().iter().find(|(name, _)| name.text == key)
    }

    fn step(&self, part: &str) -> Option<&Node> {
        match (part.parse::<usize>(), &self.value) {
            (Ok(index), Value::List(items)) => items.get(index),
            _ => self.get(part),
        }
    }
}

fn json_entries(entries: &[(Key, Node)]) -> JsonMap<String, Json> {
    entries.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect()
}
