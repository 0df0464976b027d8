//! From the tree to serde types. An error keeps the innermost place it was met at.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::{Key, Node, Problem, Span, Value};

/// Makes a value of a tree.
pub fn from_node<'de, T: de::Deserialize<'de>>(node: &'de Node) -> Result<T, Problem> {
    T::deserialize(node).map_err(|error| {
        let problem = Problem::new(error.span.unwrap_or(node.head()), error.message);
        Problem { help: error.help, ..problem }
    })
}

/// A problem that may not know its place yet.
#[derive(Debug)]
pub struct Error {
    span: Option<Span>,
    message: String,
    help: Option<String>,
}

impl Error {
    fn at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }

    fn unknown(what: &str, word: &str, known: &[&str]) -> Self {
        let problem = Problem::new(Span::default(), format!("unknown {what} `{word}`")).did_you_mean(word, known.iter().copied());
        Error { span: None, message: problem.message, help: problem.help }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error { span: None, message: message.to_string(), help: None }
    }

    fn invalid_type(found: de::Unexpected, expected: &dyn de::Expected) -> Self {
        let wanted = expected.to_string();
        let quote = match found {
            de::Unexpected::Signed(n) => Some(n.to_string()),
            de::Unexpected::Unsigned(n) => Some(n.to_string()),
            de::Unexpected::Float(n) => Some(n.to_string()),
            de::Unexpected::Bool(b) => Some(b.to_string()),
            _ => None,
        };
        let help = quote.filter(|_| wanted.contains("string")).map(|value| format!("quote it: \"{value}\""));
        Error { span: None, message: format!("expected {wanted}, found {found}"), help }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Error::unknown("key", field, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Error::unknown("value", variant, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Error { span: None, message: format!("missing key `{field}`"), help: None }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Error { span: None, message: format!("the key `{field}` stands here twice"), help: None }
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(*b),
            Value::Int(n) => u64::try_from(*n).map_or_else(|_| visitor_i64(*n), Sign::Plus).visit(visitor),
            Value::Float(n) => visitor.visit_f64(*n),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None }),
        };
        result.map_err(|error| error.at(self.head()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = if self.value == Value::Null { visitor.visit_none() } else { visitor.visit_some(self) };
        result.map_err(|error| error.at(self.head()))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self).map_err(|error| error.at(self.head()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let result = match &self.value {
            Value::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Map(entries) => match entries.as_slice() {
                [(key, node)] => visitor.visit_enum(Variant { key, node }),
                [] => Err(de::Error::custom(format_args!("expected one of {}", variants.join(", ")))),
                [(first, _), (second, _), ..] => {
                    let message = format!("`{}` and `{}` exclude each other here", first.text, second.text);
                    let help = Some("write two items of a list, or keep one of the two".to_owned());
                    Err(Error { span: Some(second.span), message, help })
                }
            },
            _ => Err(de::Error::custom(format_args!("expected one of {}", variants.join(", ")))),
        };
        result.map_err(|error| error.at(self.head()))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

/// Numbers are told as unsigned where they can be, as serde_json does.
enum Sign {
    Plus(u64),
    Minus(i64),
}

fn visitor_i64(n: i64) -> Sign {
    Sign::Minus(n)
}

impl Sign {
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Sign::Plus(n) => visitor.visit_u64(n),
            Sign::Minus(n) => visitor.visit_i64(n),
        }
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|node| seed.deserialize(node).map_err(|error| error.at(node.head()))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'de> {
    rest: std::slice::Iter<'de, (Key, Node)>,
    value: Option<(&'de Key, &'de Node)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, node)) = self.rest.next() else { return Ok(None) };
        self.value = Some((key, node));
        seed.deserialize(key.text.as_str().into_deserializer()).map(Some).map_err(|error: Error| error.at(key.span))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let (key, node) = self.value.take().expect("serde asks for a value after its key");
        // An empty value has no place of its own.
        let place = if node.value == Value::Null { key.span } else { node.head() };
        seed.deserialize(node).map_err(|error| error.at(place))
    }
}

struct Variant<'de> {
    key: &'de Key,
    node: &'de Node,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = &'de Node;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, &'de Node), Error> {
        let variant = seed.deserialize(self.key.text.as_str().into_deserializer());
        variant.map(|variant| (variant, self.node)).map_err(|error: Error| error.at(self.key.span))
    }
}

impl<'de> VariantAccess<'de> for &'de Node {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Err(Error { span: Some(self.head()), message: "this word stands alone, without a value".to_owned(), help: None })
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self).map_err(|error| error.at(self.head()))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }
}
