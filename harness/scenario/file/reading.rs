//! How the grammar reads a node: its kind decides, never a trial, so that an error keeps its place.

use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use crate::yaml::{Problem, Span};

/// A scalar shorthand, a map or a list: told apart by the kind of node.
macro_rules! by_kind {
    ($name:ident, $what:literal $(, str => $s:expr)? $(, int => $i:expr)? $(, map => $m:ty => $mv:expr)? $(, seq => $q:ty => $qv:expr)? $(,)?) => {
        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<Source: ::serde::Deserializer<'de>>(d: Source) -> Result<Self, Source::Error> {
                struct Visit;
                impl<'de> ::serde::de::Visitor<'de> for Visit {
                    type Value = $name;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str($what)
                    }

                    $(fn visit_str<E: ::serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        ($s)(text).map_err(E::custom)
                    })?

                    $(fn visit_u64<E: ::serde::de::Error>(self, n: u64) -> Result<$name, E> {
                        ($i)(n).map_err(E::custom)
                    }

                    fn visit_i64<E: ::serde::de::Error>(self, n: i64) -> Result<$name, E> {
                        match u64::try_from(n) {
                            Ok(n) => self.visit_u64(n),
                            Err(_) => Err(E::custom(format_args!("{n} is less than nothing\nwrite {}", $what))),
                        }
                    })?

                    $(fn visit_map<A: ::serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let value = <$m as ::serde::Deserialize>::deserialize(::serde::de::value::MapAccessDeserializer::new(&mut map))?;
                        $crate::scenario::file::reading::nothing_more(&mut map)?;
                        Ok(($mv)(value))
                    })?

                    $(fn visit_seq<A: ::serde::de::SeqAccess<'de>>(self, seq: A) -> Result<$name, A::Error> {
                        <$q as ::serde::Deserialize>::deserialize(::serde::de::value::SeqAccessDeserializer::new(seq)).map($qv)
                    })?
                }
                d.deserialize_any(Visit)
            }
        }
    };
}

/// A scalar with a syntax of its own. A bare number is read as its text, so that the message says how to write it right.
macro_rules! from_text {
    ($name:ident, $what:literal, $pattern:expr $(, $or_number:literal)?) => {
        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<Source: ::serde::Deserializer<'de>>(d: Source) -> Result<Self, Source::Error> {
                struct Visit;
                impl ::serde::de::Visitor<'_> for Visit {
                    type Value = $name;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_str<E: ::serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_u64<E: ::serde::de::Error>(self, n: u64) -> Result<$name, E> {
                        self.visit_str(&n.to_string())
                    }

                    fn visit_i64<E: ::serde::de::Error>(self, n: i64) -> Result<$name, E> {
                        self.visit_str(&n.to_string())
                    }

                    fn visit_f64<E: ::serde::de::Error>(self, n: f64) -> Result<$name, E> {
                        self.visit_str(&n.to_string())
                    }
                }
                d.deserialize_any(Visit)
            }
        }

        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({ "type": ["string" $(, $or_number)?], "pattern": $pattern, "description": $what })
            }
        }
    };
}

/// An enum read from a map takes one entry and leaves the rest, which must not pass unseen.
pub(super) fn nothing_more<'de, A: serde::de::MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    match map.next_key::<String>()? {
        None => Ok(()),
        Some(key) => {
            Err(serde::de::Error::custom(format_args!("only one key can stand here\nleave out `{key}`, or the other")))
        }
    }
}

/// A message, and in a second line what to write instead: the loader shows it as help.
pub(super) fn or_write(message: impl std::fmt::Display, help: impl std::fmt::Display) -> String {
    format!("{message}\n{help}")
}

/// The same, with the word that was probably meant.
pub(super) fn or_meant(message: impl Into<String>, word: &str, known: &[&str]) -> String {
    let problem = Problem::new(Span::default(), message).did_you_mean(word, known.iter().copied());
    or_write(problem.message, problem.help.unwrap_or_default())
}

/// A key that is there has a value, `null` too.
pub(super) fn given<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(d).map(Some)
}

pub(super) use by_kind;
pub(super) use from_text;
