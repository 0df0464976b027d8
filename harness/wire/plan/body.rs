//! A body as pieces: server-sent events with their waits, or one piece for all else.

use std::{io::Write, time::Duration};

use serde_json::{Value as Json, json};

use super::{Piece, fill};
use crate::{
    scenario::{Body, Bytes, Chunk, Eol, Event, Step},
    wire::{Fill, Mark},
};

/// The encoded body before framing.
pub fn pieces(step: &Step, body: &Body, values: &Fill) -> Vec<Piece> {
    let one = |bytes: Bytes| vec![Piece::new(Duration::ZERO, bytes, 0)];
    let pieces = match body {
        Body::Empty => Vec::new(),
        Body::Text(bytes) => one(fill::in_bytes(bytes, values)),
        Body::Json(json) => one(Bytes::of(fill::in_json(json, values))),
        Body::Events(events) => {
            let pace = if step.deliver.pieces.is_some() { None } else { step.deliver.pace };
            let mut stream =
                Stream { values, eol: eol(step.deliver.eol), pace, pieces: Vec::new(), pause: Duration::ZERO };
            stream.all(events);
            stream.pieces
        }
    };
    if step.deliver.gzip { zipped(pieces) } else { pieces }
}

struct Stream<'a> {
    values: &'a Fill,
    eol: &'static str,
    pace: Option<Duration>,
    pieces: Vec<Piece>,
    pause: Duration,
}

impl Stream<'_> {
    fn all(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Pause(pause) => self.pause += *pause,
                Event::Repeat { times: Some(times), events } => (0..*times).for_each(|_| self.all(events)),
                Event::Repeat { times: None, events } => {
                    // The first round stands alone: what pauses at its end pauses before each next one.
                    self.all(events);
                    let from = self.pieces.len();
                    self.all(events);
                    self.pause = Duration::ZERO;
                    if let Some(first) = self.pieces.get_mut(from) {
                        first.endless = true;
                    }
                    return;
                }
                event => self.one(event),
            }
        }
    }

    fn one(&mut self, event: &Event) {
        let bytes = self.bytes(event);
        let gap = if self.pieces.is_empty() { Duration::ZERO } else { self.pace.unwrap_or_default() };
        self.pieces.push(Piece::new(gap + std::mem::take(&mut self.pause), bytes, 1));
    }

    fn bytes(&self, event: &Event) -> Bytes {
        let eol = self.eol;
        match event {
            Event::Done => self.data(Bytes::of("[DONE]")),
            Event::Delta(delta) => {
                self.chunk(&json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] }))
            }
            Event::Finish(word) => {
                self.chunk(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": word }] }))
            }
            Event::Usage(usage) => self.chunk(&json!({ "choices": [], "usage": usage })),
            Event::Error(error) => self.data(Bytes::of(fill::in_json(&json!({ "error": error }), self.values))),
            Event::Chunk(keys) => self.chunk(keys),
            Event::Data(bytes) => self.data(fill::in_bytes(bytes, self.values)),
            Event::Comment(text) => Bytes::of(format!(": {}{eol}{eol}", fill::fill(text, self.values))),
            Event::Named { event, data } => {
                let data = data.as_str().map_or_else(
                    || fill::in_json(data, self.values),
                    |text| fill::fill(text, self.values).into_bytes(),
                );
                let mut bytes = Bytes::of(format!("event: {event}{eol}"));
                bytes.0.extend(self.data(Bytes::of(data)).0);
                bytes
            }
            Event::Raw(bytes) => fill::in_bytes(bytes, self.values),
            Event::Pause(_) | Event::Repeat { .. } => Bytes::default(),
        }
    }

    /// The envelope every chunk shares, with these keys laid over it.
    fn chunk(&self, keys: &Json) -> Bytes {
        let mut chunk = json!({
            "id": "chatcmpl-$mark", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "$model", "choices": [],
        });
        for (key, value) in keys.as_object().into_iter().flatten() {
            chunk[key] = value.clone();
        }
        self.data(Bytes::of(fill::in_json(&chunk, self.values)))
    }

    /// One event; each line of the payload gets its own `data:`.
    fn data(&self, payload: Bytes) -> Bytes {
        let eol = self.eol.as_bytes();
        let mut bytes = Bytes::of("data: ");
        for Chunk { unit, times } in payload.0 {
            let lines: Vec<&[u8]> = unit.split(|byte| *byte == b'\n').collect();
            let joined = lines.join(&[eol, b"data: "].concat()[..]);
            bytes.0.push(Chunk { unit: joined, times });
        }
        bytes.0.push(Chunk { unit: [eol, eol].concat(), times: 1 });
        compact(bytes)
    }
}

/// Neighbouring chunks that stand once are one, so that an event goes out in one write.
fn compact(bytes: Bytes) -> Bytes {
    let mut out: Vec<Chunk> = Vec::new();
    for chunk in bytes.0 {
        match out.last_mut() {
            Some(last) if last.times == 1 && chunk.times == 1 => last.unit.extend(chunk.unit),
            _ => out.push(chunk),
        }
    }
    Bytes(out)
}

fn eol(eol: Eol) -> &'static str {
    match eol {
        Eol::Lf => "\n",
        Eol::Crlf => "\r\n",
        Eol::Cr => "\r",
    }
}

/// One gzip stream, flushed after each piece.
fn zipped(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let count = pieces.len();
    let mut zip = |(n, piece): (usize, Piece)| {
        let failed = "writing to memory does not fail";
        encoder.write_all(&piece.bytes.to_vec()).expect(failed);
        encoder.flush().expect(failed);
        if n + 1 == count {
            encoder.try_finish().expect(failed);
        }
        let bytes = Bytes::of(std::mem::take(encoder.get_mut()));
        Piece { promised: bytes.len(), bytes, ..piece }
    };
    pieces.into_iter().enumerate().map(&mut zip).collect()
}

/// Bytes of a body; `None`: without end.
pub fn length(pieces: &[Piece]) -> Option<u64> {
    (!pieces.iter().any(|piece| piece.endless)).then(|| pieces.iter().map(|piece| piece.bytes.len()).sum())
}

/// The first bytes of a body. Waits before the point stay.
pub fn up_to_bytes(pieces: Vec<Piece>, bytes: u64) -> Vec<Piece> {
    let (mut left, mut kept) = (bytes, Vec::new());
    for piece in unrolled(pieces, |kept_bytes, _| kept_bytes < bytes) {
        if left == 0 {
            break;
        }
        let length = piece.bytes.len();
        let part = if length <= left { piece.bytes } else { first(&piece.bytes, left) };
        left -= part.len();
        kept.push(Piece { bytes: part, ..piece });
    }
    kept
}

/// The first events of a body, and some bytes of the next.
pub fn up_to_events(pieces: Vec<Piece>, events: u64, bytes: u64) -> Vec<Piece> {
    let mut kept = Vec::new();
    for piece in unrolled(pieces, |_, kept_events| kept_events < events + 1) {
        if kept.len() as u64 == events {
            if bytes > 0 {
                kept.push(Piece { bytes: first(&piece.bytes, bytes), ..piece });
            }
            break;
        }
        kept.push(piece);
    }
    kept
}

/// Pieces with an endless run written out for as long as more is wanted.
fn unrolled(pieces: Vec<Piece>, more: impl Fn(u64, u64) -> bool) -> Vec<Piece> {
    let Some(from) = pieces.iter().position(|piece| piece.endless) else { return pieces };
    let round: Vec<Piece> = pieces[from..].iter().cloned().map(|piece| Piece { endless: false, ..piece }).collect();
    let mut out = pieces[..from].to_vec();
    while more(out.iter().map(|piece| piece.bytes.len()).sum(), out.len() as u64) {
        out.extend(round.iter().cloned());
    }
    out
}

/// The first so many bytes.
fn first(bytes: &Bytes, count: u64) -> Bytes {
    let (mut left, mut out) = (count as usize, Vec::new());
    for Chunk { unit, times } in &bytes.0 {
        let whole = (left / unit.len().max(1)).min(*times as usize);
        if whole > 0 {
            out.push(Chunk { unit: unit.clone(), times: whole as u64 });
            left -= whole * unit.len();
        }
        if whole < *times as usize {
            out.push(Chunk { unit: unit[..left.min(unit.len())].to_vec(), times: 1 });
            break;
        }
    }
    Bytes(out.into_iter().filter(|chunk| !chunk.unit.is_empty()).collect())
}

/// How far the body has come after each piece.
pub fn marks(pieces: &[Piece], to_the_end: bool) -> Vec<Mark> {
    let (mut body, mut events) = (0, 0);
    let count = pieces.len();
    let mark = |(n, piece): (usize, &Piece)| {
        body += piece.bytes.len();
        events += piece.events;
        Mark { request: true, head: true, body, events, end: to_the_end && n + 1 == count && !piece.endless }
    };
    pieces.iter().enumerate().map(mark).collect()
}
