//! The types that the tests read files into.

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub title: String,
    #[serde(default)]
    pub primary: Vec<Item>,
    pub limit: Option<u32>,
    #[serde(default)]
    pub weights: Vec<f64>,
    pub pair: Option<(u8, u8)>,
    #[serde(default)]
    pub named: BTreeMap<Name, bool>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Name(pub String);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Item {
    Finish,
    Text(String),
    Cut(Cut),
    Wait(Wait),
    Pick(u8, u8),
    Repeat { count: u8 },
    Even(Even),
    Shape(Loose),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    pub head_after: Option<u32>,
    pub after: Option<u32>,
}

/// A conversion that fails after the deserializer has returned.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Even(pub i64);

impl TryFrom<i64> for Even {
    type Error = &'static str;

    fn try_from(number: i64) -> Result<Self, &'static str> {
        if number % 2 == 0 { Ok(Self(number)) } else { Err("the number is odd\nhelp: add one") }
    }
}

/// Seconds, written `2s` or `{from: 1, to: 2}`: a hand-written impl.
#[derive(Debug, PartialEq)]
pub enum Wait {
    Fixed(u32),
    Range(Range),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    pub from: u32,
    pub to: u32,
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WaitVisitor)
    }
}

struct WaitVisitor;

impl<'de> Visitor<'de> for WaitVisitor {
    type Value = Wait;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration like 2s or a range")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Wait, E> {
        let number = text.strip_suffix('s').and_then(|number| number.parse().ok());
        number.map(Wait::Fixed).ok_or_else(|| E::custom("a duration ends with `s`"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Wait, A::Error> {
        Range::deserialize(MapAccessDeserializer::new(map)).map(Wait::Range)
    }
}

/// A text or an enum that is written as a map.
#[derive(Debug, PartialEq)]
pub enum Loose {
    Plain(String),
    Tagged(Tagged),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tagged {
    Circle(u32),
    Square(u32),
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a shape")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Loose, E> {
        Ok(Loose::Plain(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Loose, A::Error> {
        Tagged::deserialize(MapAccessDeserializer::new(map)).map(Loose::Tagged)
    }
}
