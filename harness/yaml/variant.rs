//! Enums in a file: a text is a variant without a value, a map with one key is a variant with one.

use super::de::{Reader, not_both, read, read_key};
use super::fault::Fault;
use super::node::{Key, Node, Span, Value};
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, Unexpected, VariantAccess, Visitor};

/// A text with its place: a key, or the name of a variant.
#[derive(Clone, Copy)]
pub(super) struct Word<'de> {
    pub(super) text: &'de str,
    pub(super) span: Span,
}

/// A key whose value is the content of the variant.
pub(super) struct Entry<'de> {
    key: &'de Key,
    value: &'de Node,
}

/// The two ways to write a variant.
pub(super) enum Choice<'de> {
    Word(Word<'de>),
    Entry(Entry<'de>),
}

/// How the variant of a node is written.
pub(super) fn choose<'de>(node: &'de Node, known: &'static [&'static str]) -> Result<Choice<'de>, Fault> {
    match &node.value {
        Value::Text(text) => Ok(Choice::Word(Word { text, span: node.span })),
        Value::Map(entries) => one_entry(node, entries, known).map(Choice::Entry),
        Value::Null => Err(wrong(node, Unexpected::Unit, known)),
        Value::Bool(flag) => Err(wrong(node, Unexpected::Bool(*flag), known)),
        Value::Int(number) => Err(wrong(node, Unexpected::Signed(*number), known)),
        Value::Float(number) => Err(wrong(node, Unexpected::Float(*number), known)),
        Value::List(_) => Err(wrong(node, Unexpected::Seq, known)),
    }
}

fn wrong(node: &Node, found: Unexpected<'_>, known: &[&str]) -> Fault {
    let wanted = if known.is_empty() { "a name".to_owned() } else { format!("one of {}", known.join(", ")) };
    <Fault as de::Error>::invalid_value(found, &wanted.as_str()).or_at(node)
}

fn one_entry<'de>(node: &'de Node, entries: &'de [(Key, Node)], known: &[&str]) -> Result<Entry<'de>, Fault> {
    // A key that is no variant at all is the more exact complaint than "not both".
    let is_known = |key: &Key| known.is_empty() || known.contains(&key.text.as_str());
    if let Some((key, _)) = entries.iter().find(|(key, _)| !is_known(key)) {
        return Err(Fault::unknown("key", &key.text, known).or_at_key(key.span));
    }
    match entries {
        [(key, value)] => Ok(Entry { key, value }),
        [(first, _), (second, _), ..] => Err(not_both(first, second)),
        [] => Err(Fault::at(
            node.span,
            "expected one key, found an empty map",
            format!("known keys: {}", known.join(", ")),
        )),
    }
}

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = Fault;
    type Variant = Word<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let variant = seed.deserialize(self).map_err(|fault| fault.or_at_text(self.span))?;
        Ok((variant, self))
    }
}

impl Word<'_> {
    fn needs_value(self) -> Fault {
        let message = format!("`{}` needs a value", self.text);
        Fault::at(self.span, message, format!("write it as a key: `{}: ...`", self.text))
    }
}

impl<'de> VariantAccess<'de> for Word<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Fault> {
        Err(self.needs_value())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(self.needs_value())
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Fault> {
        Err(self.needs_value())
    }
}

impl<'de> EnumAccess<'de> for Entry<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        read_key(seed, self.key).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for Entry<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        let Key { text, span } = self.key;
        let place = if self.value.value == Value::Null { *span } else { self.value.span };
        Err(Fault::at(place, format!("`{text}` takes no value"), format!("write just `{text}`")))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        read(seed, self.value)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        Reader { node: self.value }.deserialize_seq(visitor).map_err(|fault| fault.or_at(self.value))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        Reader { node: self.value }.deserialize_map(visitor).map_err(|fault| fault.or_at(self.value))
    }
}
