//! `$name`s filled in at serving.

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use crate::{
    scenario::{Bytes, Chunk},
    wire::Fill,
};

/// The text with every known `$name` filled in, and `$$` a dollar. A name ends at the first character that is not a letter, digit,
/// `_` or `.`; the longest known name counts, so that `$mark.` is the mark and a full stop.
pub fn fill(text: &str, values: &Fill) -> String {
    let mut pieces = text.split('$');
    let mut out = String::with_capacity(2 * text.len());
    out.push_str(pieces.next().unwrap_or_default());
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
            named(piece, values).iter().for_each(|part| out.push_str(part));
        }
    }
    if dollar {
        out.push('$');
    }
    out
}

/// What stands for a piece that follows a dollar.
fn named<'a>(piece: &'a str, values: &'a Fill) -> [&'a str; 2] {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
    let end = piece.find(|c| !is_name(c)).unwrap_or(piece.len());
    let lengths = (1..=end).rev();
    let known = lengths.filter_map(|length| values.get(&piece[..length]).map(|value| (length, value))).next();
    known.map_or(["$", piece], |(length, value)| [value, &piece[length..]])
}

/// The same in bytes. Runs are left as they are: nothing is filled into what repeats.
pub fn in_bytes(bytes: &Bytes, values: &Fill) -> Bytes {
    let filled = |chunk: &Chunk| match std::str::from_utf8(&chunk.unit) {
        Ok(text) if chunk.times == 1 => Chunk { unit: fill(text, values).into_bytes(), times: 1 },
        _ => chunk.clone(),
    };
    Bytes(bytes.0.iter().map(filled).collect())
}

/// A JSON value as it is sent, the same in every text of it.
pub fn in_json(json: &Json, values: &Fill) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    serde_json::to_writer(&mut text, &Filled { json, values }).expect("plain values have a JSON form");
    text
}

/// Filled in while it is written: a reply is made anew for each request, and copies of its tree would cost most of that.
struct Filled<'a> {
    json: &'a Json,
    values: &'a Fill,
}

impl Serialize for Filled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let filled = |json| Filled { json, values: self.values };
        match self.json {
            Json::String(text) if text.contains('$') => serializer.serialize_str(&fill(text, self.values)),
            Json::Array(items) => serializer.collect_seq(items.iter().map(filled)),
            Json::Object(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, filled(value)))),
            plain => plain.serialize(serializer),
        }
    }
}
