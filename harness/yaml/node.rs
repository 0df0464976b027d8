//! The tree.

use serde_json::{Map, Value as Json};

/// Where a node stands: bytes of the file, the last excluded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its place.
    pub span: Span,
}

/// A value. Only plain scalars resolve: `true`, `false`, `null`, `~`, nothing, decimal integers and decimals; all else is text.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A decimal integer.
    Int(i64),
    /// A decimal fraction.
    Float(f64),
    /// Everything else, and whatever stands in quotes.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub text: String,
    /// Its place.
    pub span: Span,
}

impl Node {
    /// The value under a key of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(known, _)| known.text == key).map(|(_, node)| node)
    }

    /// The place of a key of a map.
    pub fn key_span(&self, key: &str) -> Span {
        self.entries().iter().find(|(known, _)| known.text == key).map_or(self.head(), |(known, _)| known.span)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Takes an entry out of a map.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let Value::Map(entries) = &mut self.value else { return None };
        let at = entries.iter().position(|(known, _)| known.text == key)?;
        Some(entries.remove(at).1)
    }

    /// The text of a text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The node at a path such as `primary[0].cut.after`, or the last one on the way there.
    pub fn at(&self, path: &str) -> &Node {
        let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
        parts.fold((self, true), |(node, on), part| step(node, part).filter(|_| on).map_or((node, false), |next| (next, true))).0
    }

    /// The first place of a node that is worth pointing at: all of a scalar, the first key of a map.
    pub fn head(&self) -> Span {
        match &self.value {
            Value::Map(entries) => entries.first().map_or(self.span, |(key, _)| key.span),
            Value::List(items) => items.first().map_or(self.span, Node::head),
            _ => self.span,
        }
    }

    /// The same value as JSON.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(n) => Json::from(*n),
            Value::Float(n) => Json::from(*n),
            Value::Text(text) => Json::from(text.as_str()),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect::<Map<_, _>>().into()
            }
        }
    }
}

fn step<'a>(node: &'a Node, part: &str) -> Option<&'a Node> {
    match part.parse::<usize>() {
        Ok(index) if matches!(node.value, Value::List(_)) => node.items().get(index),
        _ => node.get(part),
    }
}
