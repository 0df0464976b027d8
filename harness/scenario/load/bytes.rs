//! Bytes: the scenario's own, by name, and texts that use them.

use super::{
    context::at,
    names::{Piece, is_built_in, pieces},
};
use crate::{
    scenario::{
        file::{self, Part},
        step::{Bytes, Chunk},
    },
    yaml::{Node, Problem},
};

/// A unit that is written out may not be longer.
const LARGEST_UNIT: u64 = 1 << 20;
/// No body is longer.
const LARGEST: u64 = 1 << 32;

/// The bytes that a scenario declares, in order: each may use those above it.
pub(super) fn named(
    written: Option<&file::Ordered<file::Bytes>>,
    node: &Node,
) -> Result<Vec<(String, Bytes)>, Problem> {
    let mut known: Vec<(String, Bytes)> = Vec::new();
    for (name, bytes) in written.into_iter().flat_map(|written| &written.0) {
        let place = node.get("bytes").unwrap_or(node);
        let bytes = resolve(bytes, &known).map_err(|message| at(place, name, message))?;
        if bytes.len() > LARGEST {
            return Err(at(place, name, format!("{} bytes are too many", bytes.len())).help("repeat less often"));
        }
        known.push((name.clone(), bytes));
    }
    Ok(known)
}

fn resolve(written: &file::Bytes, known: &[(String, Bytes)]) -> Result<Bytes, String> {
    match written {
        file::Bytes::Text(text) => in_text(text, known),
        file::Bytes::Part(Part::Hex(hex)) => Ok(Bytes::of(literal(&hex.0))),
        file::Bytes::Part(Part::Repeat(repeat)) => repeated(&in_text(&repeat.bytes, known)?, repeat.times),
        file::Bytes::Parts(parts) => {
            let parts = parts.iter().map(|part| resolve(part, known)).collect::<Result<Vec<_>, _>>()?;
            Ok(Bytes(parts.into_iter().flat_map(|part| part.0).collect()))
        }
    }
}

/// Text is filled in when it is served, and `$$` is a dollar there: a literal dollar is doubled.
fn literal(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| std::iter::repeat_n(*byte, if *byte == b'$' { 2 } else { 1 })).collect()
}

fn repeated(bytes: &Bytes, times: u64) -> Result<Bytes, String> {
    match &bytes.0[..] {
        [Chunk { unit, times: inner }] => {
            Ok(Bytes(vec![Chunk { unit: unit.clone(), times: inner.saturating_mul(times) }]))
        }
        _ if bytes.len() > LARGEST_UNIT => Err(format!("a unit of {} bytes is too long to repeat", bytes.len())),
        _ => Ok(Bytes(vec![Chunk { unit: bytes.to_vec(), times }])),
    }
}

/// Text with the bytes that it names put in. Names that are filled in later stay.
pub(super) fn in_text(text: &str, known: &[(String, Bytes)]) -> Result<Bytes, String> {
    let mut chunks = Vec::new();
    let mut plain = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Name(name) => match known.iter().find(|(known, _)| known == name) {
                Some((_, bytes)) => {
                    flush(&mut plain, &mut chunks);
                    chunks.extend(bytes.0.iter().cloned());
                }
                None if is_built_in(name) => plain.extend(["$", name]),
                None => return Err(format!("`${name}` is declared below, or not at all")),
            },
            Piece::Text(text) => plain.push_str(text),
            Piece::Bare => plain.push_str("$$"),
        }
    }
    flush(&mut plain, &mut chunks);
    Ok(Bytes(chunks))
}

fn flush(plain: &mut String, chunks: &mut Vec<Chunk>) {
    if !plain.is_empty() {
        chunks.push(Chunk { unit: std::mem::take(plain).into_bytes(), times: 1 });
    }
}

/// The first of these bytes that a text names.
pub(super) fn first_named<'a>(text: &'a str, known: &[(String, Bytes)]) -> Option<&'a str> {
    pieces(text).into_iter().find_map(|piece| match piece {
        Piece::Name(name) if known.iter().any(|(known, _)| known == name) => Some(name),
        _ => None,
    })
}
