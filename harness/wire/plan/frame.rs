//! How the end of a body is told, and how it is sliced.

use std::time::Duration;

use super::Piece;
use crate::scenario::{Bytes, Chunk, Framing};

/// The pieces as they go out. A whole body ends as its framing says; a cut one just stops, and inside a chunk it stops short.
pub fn framed(pieces: Vec<Piece>, framing: Framing, whole: bool) -> Vec<Piece> {
    match framing {
        Framing::Length | Framing::Close | Framing::Longer(_) | Framing::Shorter(_) => pieces,
        Framing::Chunked => chunked(pieces, whole),
        Framing::ChunkedBy(size) => chunked(rechunked(pieces, size), whole),
    }
}

/// One chunk a piece.
fn chunked(pieces: Vec<Piece>, whole: bool) -> Vec<Piece> {
    let endless = pieces.iter().any(|piece| piece.endless);
    let mut out: Vec<Piece> = pieces
        .into_iter()
        .map(|piece| {
            // A chunk of nothing would be the last one.
            if piece.promised == 0 {
                return piece;
            }
            let mut bytes = vec![Chunk { unit: format!("{:x}\r\n", piece.promised).into_bytes(), times: 1 }];
            bytes.extend(piece.bytes.0.iter().cloned());
            bytes.extend((piece.bytes.len() == piece.promised).then(|| Chunk { unit: b"\r\n".to_vec(), times: 1 }));
            Piece { bytes: joined(bytes), ..piece }
        })
        .collect();
    if whole && !endless {
        out.push(Piece::new(Duration::ZERO, Bytes::of("0\r\n\r\n"), 0));
    }
    out
}

/// A chunk of moderate size goes out in one write with its size line.
fn joined(chunks: Vec<Chunk>) -> Bytes {
    let bytes = Bytes(chunks);
    if bytes.0.iter().all(|chunk| chunk.times == 1) { Bytes::of(bytes.to_vec()) } else { bytes }
}

/// Pieces of so many bytes, each as late as its first byte was.
fn rechunked(pieces: Vec<Piece>, size: usize) -> Vec<Piece> {
    let split = |piece: Piece| {
        let bytes = piece.bytes.to_vec();
        let count = bytes.len().div_ceil(size.max(1));
        let part = |(n, part): (usize, &[u8])| Piece {
            wait: if n == 0 { piece.wait } else { Duration::ZERO },
            promised: part.len() as u64,
            bytes: Bytes::of(part),
            events: if n + 1 == count { piece.events } else { 0 },
            endless: piece.endless && n == 0,
        };
        bytes.chunks(size.max(1)).enumerate().map(part).collect::<Vec<_>>()
    };
    pieces.into_iter().flat_map(split).collect()
}

/// Slices of so many bytes with a gap between them; the waits of the pieces stay.
pub fn sliced(pieces: Vec<Piece>, size: usize, gap: Duration, first: Duration) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for piece in pieces {
        let bytes = piece.bytes.to_vec();
        for (n, part) in bytes.chunks(size.max(1)).enumerate() {
            let own = if n == 0 { piece.wait } else { Duration::ZERO };
            let wait = own + if out.is_empty() { first } else { gap };
            let endless = piece.endless && n == 0;
            out.push(Piece { endless, ..Piece::new(wait, Bytes::of(part), 0) });
        }
    }
    out
}
