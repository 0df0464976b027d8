//! Points of an exchange, and the numbers a scenario writes with a syntax of their own.

use std::str::FromStr;

use super::{
    D,
    reading::{from_text, or_write},
};
use crate::scenario::{self, step};

/// `accept`, `request`, `head`, `N bytes`, `N events`, `N events + M bytes` or `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point(pub step::Point);

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let point = match text {
            "accept" => Some(step::Point::Accept),
            "request" => Some(step::Point::Request),
            "head" => Some(step::Point::Head),
            "end" => Some(step::Point::End),
            counted => counted_point(counted),
        };
        point.map(Point).ok_or_else(|| {
            or_write(
                format_args!("`{text}` is no point of a reply"),
                "write accept, request, head, 17 bytes, 3 events, 3 events + 17 bytes or end",
            )
        })
    }
}

fn counted_point(text: &str) -> Option<step::Point> {
    match text.split_once(" + ") {
        Some((events, bytes)) => Some(step::Point::Events(counted(events, "event")?, counted(bytes, "byte")?)),
        None => match counted(text, "event") {
            Some(events) => Some(step::Point::Events(events, 0)),
            None => counted(text, "byte").map(step::Point::Bytes),
        },
    }
}

/// `3 events`; `1 event` too.
fn counted(text: &str, unit: &str) -> Option<u64> {
    let (n, written) = text.split_once(' ')?;
    let n = whole_number(n)?;
    (written.strip_suffix('s') == Some(unit) || (n == 1 && written == unit)).then_some(n)
}

fn whole_number(text: &str) -> Option<u64> {
    text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

const POINT: &str = r"accept|request|head|end|[0-9]+ bytes?|[0-9]+ events?( \+ [0-9]+ bytes?)?";

from_text!(
    Point,
    "a point: accept, request, head, 17 bytes, 3 events, 3 events + 17 bytes or end",
    format!("^({POINT})$")
);

/// When a user leaves: a point of the first reply, a duration after the arrival, or a point and a duration after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CancelAfter {
    /// The point; `None`: the arrival.
    pub point: Option<step::Point>,
    /// How long after; `None`: at once.
    pub wait: Option<D>,
}

impl FromStr for CancelAfter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(Point(point)) = text.parse() {
            return Ok(CancelAfter { point: Some(point), wait: None });
        }
        if let Some((Ok(Point(point)), wait)) = text.rsplit_once(" + ").map(|(point, wait)| (point.parse(), wait)) {
            return Ok(CancelAfter { point: Some(point), wait: Some(wait.parse()?) });
        }
        match text.parse::<D>() {
            Ok(wait) => Ok(CancelAfter { point: None, wait: Some(wait) }),
            Err(problem) if text.starts_with(|c: char| c.is_ascii_digit()) => Err(problem),
            Err(_) => Err(or_write(
                format_args!("`{text}` does not say when a user leaves"),
                "write a point (3 events), a duration (2s) or both (3 events + 50ms)",
            )),
        }
    }
}

from_text!(
    CancelAfter,
    "a point (3 events), a duration after the arrival (2s), or a duration after a point (3 events + 50ms)",
    format!(r"^(({POINT})( \+ [0-9].*)?|[0-9].*)$")
);

/// `2`, `1..2`, `..4` or `3..`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub scenario::Count);

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = |text: &str| whole_number(text).and_then(|n| u32::try_from(n).ok());
        let range = match text.split_once("..") {
            None => end(text).map(|n| (n, Some(n))),
            Some(("", to)) => end(to).map(|to| (0, Some(to))),
            Some((from, "")) => end(from).map(|from| (from, None)),
            Some((from, to)) => end(from).zip(end(to)).map(|(from, to)| (from, Some(to))),
        };
        match range {
            Some((from, Some(to))) if to < from => {
                Err(or_write(format_args!("`{text}` holds no number"), "write the smaller one first"))
            }
            Some((from, to)) if !text.is_empty() && text != ".." => Ok(Count(scenario::Count { from, to })),
            _ => Err(or_write(format_args!("`{text}` is no count"), "write it like 2, 1..2, ..4 or 3..")),
        }
    }
}

from_text!(Count, "a count: 2, 1..2, ..4 or 3..", r"^([0-9]+|[0-9]+\.\.[0-9]*|\.\.[0-9]+)$", "integer");

/// At most so many bytes: `..4096`, `..64KiB` or `..2MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtMost(pub u64);

impl FromStr for AtMost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text.strip_prefix("..").and_then(|size| {
            let digits = size.find(|c: char| !c.is_ascii_digit()).unwrap_or(size.len());
            let unit = match size[digits..].trim_start() {
                "" | "B" | "bytes" => 1,
                "KiB" => 1 << 10,
                "MiB" => 1 << 20,
                _ => return None,
            };
            size[..digits].parse::<u64>().ok()?.checked_mul(unit)
        });
        bytes.map(AtMost).ok_or_else(|| {
            or_write(format_args!("`{text}` is no bound in bytes"), "write it like ..4096, ..64KiB or ..2MiB")
        })
    }
}

from_text!(AtMost, "at most so many bytes: ..4096, ..64KiB or ..2MiB", r"^\.\.[0-9]+ ?(B|bytes|KiB|MiB)?$");

/// About so many tokens: `12000`, or `12k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens(pub u64);

impl FromStr for Tokens {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix(" tokens").unwrap_or(text);
        let tokens = match number.strip_suffix('k') {
            Some(thousands) => whole_number(thousands).and_then(|n| n.checked_mul(1000)),
            None => whole_number(number),
        };
        tokens
            .map(Tokens)
            .ok_or_else(|| or_write(format_args!("`{text}` is no number of tokens"), "write it like 12000 or 12k"))
    }
}

from_text!(Tokens, "about so many tokens: 12000 or 12k", r"^[0-9]+k?( tokens)?$", "integer");
