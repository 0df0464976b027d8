//! Deserialising a tree: each error gets the place of the innermost node that was being read.
//!
//! serde copies the content of `flatten`, of untagged and of internally tagged types into a buffer of its own, which has
//! no places: an error inside gets the place of the whole value. Types for files should avoid them.

use super::error::Problem;
use super::fault::Fault;
use super::node::{Key, Node, Value};
use super::variant::{Choice, Word, choose};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use std::slice::Iter;

/// Deserialises a node. Numbers never become text, nor text numbers; enums are externally tagged.
///
/// A custom error may carry its help: `Error::custom("no such unit `m`\nhelp: use `ms` or `s`")`.
///
/// # Errors
///
/// The node does not fit the type. The problem points to the key or value at fault.
pub fn from_node<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, Problem> {
    T::deserialize(Reader { node }).map_err(|fault| fault.into_problem(node))
}

/// Reads a node; every seed goes through here, so that no error leaves it without a place.
pub(super) fn read<'de, S: DeserializeSeed<'de>>(seed: S, node: &'de Node) -> Result<S::Value, Fault> {
    seed.deserialize(Reader { node }).map_err(|fault| fault.or_at(node))
}

/// A deserializer of one node.
#[derive(Clone, Copy)]
pub(super) struct Reader<'de> {
    pub(super) node: &'de Node,
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Int(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => read_list(items, visitor),
            Value::Map(entries) => read_map(entries, visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.value {
            // The visitors of derived structs would take a list of values without keys.
            Value::List(_) => Err(de::Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match choose(self.node, variants)? {
            Choice::Word(word) => visitor.visit_enum(word),
            Choice::Entry(entry) => visitor.visit_enum(entry),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct identifier
    }
}

fn read_list<'de, V: Visitor<'de>>(items: &'de [Node], visitor: V) -> Result<V::Value, Fault> {
    let mut rest = Items(items.iter());
    let value = visitor.visit_seq(&mut rest)?;
    match rest.0.next() {
        None => Ok(value),
        Some(extra) => {
            let taken = items.len() - rest.0.len() - 1;
            Err(Fault::at(extra.span, format!("the list has more than {taken} items"), "remove this item"))
        }
    }
}

fn read_map<'de, V: Visitor<'de>>(entries: &'de [(Key, Node)], visitor: V) -> Result<V::Value, Fault> {
    let mut rest = Entries { rest: entries.iter(), value: None };
    let value = visitor.visit_map(&mut rest)?;
    match (rest.rest.next(), entries.first()) {
        // A visitor that stops early reads a map as an enum, as `MapAccessDeserializer` does: one key is all it takes.
        (Some((extra, _)), Some((first, _))) => Err(not_both(first, extra)),
        _ => Ok(value),
    }
}

/// Two variants in one item.
pub(super) fn not_both(first: &Key, second: &Key) -> Fault {
    let message = format!("one of `{}` and `{}`, not both", first.text, second.text);
    Fault::at(second.span, message, "write a list of two items")
}

/// A key, or the name of a variant.
pub(super) fn read_key<'de, S: DeserializeSeed<'de>>(seed: S, key: &'de Key) -> Result<S::Value, Fault> {
    let word = Word { text: &key.text, span: key.span };
    seed.deserialize(word).map_err(|fault| fault.or_at_key(key.span))
}

struct Items<'de>(Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        self.0.next().map(|node| read(seed, node)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'de> {
    rest: Iter<'de, (Key, Node)>,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        read_key(seed, key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let value = self.value.take();
        read(seed, value.ok_or_else(|| de::Error::custom("a value was asked for before its key"))?)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

impl<'de> Deserializer<'de> for Word<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
