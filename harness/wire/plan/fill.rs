//! `$name`s filled in at serving.

use serde_json::Value as Json;

use crate::{
    scenario::{Bytes, Chunk},
    wire::Fill,
};

/// The text with every known `$name` filled in, and `$$` a dollar. A name ends at the first character that is not a letter, digit,
/// `_` or `.`; the longest known name counts, so that `$mark.` is the mark and a full stop.
pub fn fill(text: &str, values: &Fill) -> String {
    let mut pieces = text.split('$');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    let mut dollar = false;
    for piece in pieces {
        if dollar {
            // The second dollar of `$$`.
            out.push('$');
            out.push_str(piece);
            dollar = false;
        } else if piece.is_empty() {
            dollar = true;
        } else {
            out.push_str(&named(piece, values));
        }
    }
    if dollar {
        out.push('$');
    }
    out
}

fn named(piece: &str, values: &Fill) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
    let end = piece.find(|c| !is_name(c)).unwrap_or(piece.len());
    let lengths = (1..=end).rev();
    let known = lengths.filter_map(|length| values.get(&piece[..length]).map(|value| (length, value))).next();
    known.map_or_else(|| format!("${piece}"), |(length, value)| format!("{value}{}", &piece[length..]))
}

/// The same in bytes. Runs are left as they are: nothing is filled into what repeats.
pub fn in_bytes(bytes: &Bytes, values: &Fill) -> Bytes {
    let filled = |chunk: &Chunk| match std::str::from_utf8(&chunk.unit) {
        Ok(text) if chunk.times == 1 => Chunk { unit: fill(text, values).into_bytes(), times: 1 },
        _ => chunk.clone(),
    };
    Bytes(bytes.0.iter().map(filled).collect())
}

/// The same in every text of a JSON value.
pub fn in_json(json: &Json, values: &Fill) -> Json {
    match json {
        Json::String(text) => fill(text, values).into(),
        Json::Array(items) => items.iter().map(|item| in_json(item, values)).collect(),
        Json::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), in_json(value, values)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}
