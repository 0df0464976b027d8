//! A request read whole: a reset before that would lose bytes already written, and nobody would know whose it was.

use std::{io, mem::MaybeUninit};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::wire::{Asked, Headers};

/// A longer head is no client's.
const LONGEST_HEAD: usize = 64 << 10;
/// Nor is a longer body.
const LONGEST_BODY: usize = 64 << 20;
const HEADERS: usize = 128;

/// Reads one request; what came after it stays in the buffer. `None`: the client closed before a whole one.
pub async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Asked>> {
    let (mut asked, head) = loop {
        // Nothing is there yet of most requests.
        if !buffer.is_empty()
            && let Some(parsed) = parse(buffer)?
        {
            break parsed;
        }
        if buffer.len() > LONGEST_HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the head of a request is too long"));
        }
        if more(stream, buffer).await? == 0 {
            return Ok(None);
        }
    };
    buffer.drain(..head);
    if asked.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let chunked = asked.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
    let length = asked.header("content-length").and_then(|value| value.trim().parse().ok()).unwrap_or(0);
    let body = if chunked { chunks(stream, buffer).await? } else { exactly(stream, buffer, length).await? };
    Ok(body.map(|body| {
        asked.body = body;
        asked
    }))
}

fn parse(buffer: &[u8]) -> io::Result<Option<(Asked, usize)>> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let parsed = request
        .parse_with_uninit_headers(buffer, &mut headers)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let httparse::Status::Complete(head) = parsed else { return Ok(None) };
    let asked = Asked {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        headers: Headers::of(&buffer[..head], request.headers),
        body: Vec::new(),
    };
    Ok(Some((asked, head)))
}

async fn more<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.reserve(8 << 10);
    stream.read_buf(buffer).await
}

async fn exactly<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    length: usize,
) -> io::Result<Option<Vec<u8>>> {
    if length > LONGEST_BODY {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the body of a request is too long"));
    }
    while buffer.len() < length {
        if more(stream, buffer).await? == 0 {
            return Ok(None);
        }
    }
    // A copy of its own length: the buffer is larger, and stays for the next request.
    let body = buffer[..length].to_vec();
    buffer.drain(..length);
    Ok(Some(body))
}

async fn chunks<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let (line, size) = match httparse::parse_chunk_size(buffer) {
            Ok(httparse::Status::Complete((line, size))) => (line, usize::try_from(size).unwrap_or(usize::MAX)),
            Ok(httparse::Status::Partial) if more(stream, buffer).await? > 0 => continue,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "a request's chunk has no size")),
        };
        buffer.drain(..line);
        if size > LONGEST_BODY - body.len() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the body of a request is too long"));
        }
        // Each chunk, the last one too, ends with an empty line; trailers are not sent by any client of ours.
        let Some(mut chunk) = exactly(stream, buffer, size + 2).await? else { return Ok(None) };
        chunk.truncate(size);
        body.extend(chunk);
        if size == 0 {
            return Ok(Some(body));
        }
    }
}
