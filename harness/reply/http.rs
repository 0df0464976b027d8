//! HTTP/1.1 as a correct client decodes it, from bytes that may stop anywhere.

use std::io::{ErrorKind, Read};

/// What the bytes were.
#[derive(Debug)]
pub struct Decoded {
    /// The head, if it is whole and legal.
    pub head: Option<Head>,
    /// The body as far as it came, unframed and decompressed.
    pub body: Vec<u8>,
    /// How far the framing came.
    pub framed: Framed,
    /// The head says `gzip`.
    pub zipped: bool,
    /// The head says so, and the body is none.
    pub mislabelled: bool,
    /// It is one whose end is missing.
    pub unpacked_in_part: bool,
}

/// How far the framing came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed {
    /// The whole reply.
    Whole,
    /// The connection's end is the body's.
    UntilClose,
    /// More was promised.
    Partial,
    /// No legal HTTP.
    Illegal,
}

/// Status and headers.
#[derive(Debug)]
pub struct Head {
    /// The status.
    pub status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    /// The first header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Decodes what was sent.
pub fn decode(sent: &[u8]) -> Decoded {
    let nothing = |framed| Decoded {
        head: None,
        body: Vec::new(),
        framed,
        zipped: false,
        mislabelled: false,
        unpacked_in_part: false,
    };
    let (head, rest) = match head(sent) {
        Ok(Some((head, length))) if (100..200).contains(&head.status) => return decode(&sent[length..]),
        Ok(Some((head, length))) => (head, &sent[length..]),
        Ok(None) => return nothing(Framed::Partial),
        Err(_) => return nothing(Framed::Illegal),
    };
    let (body, framed) = unframed(&head, rest);
    let zipped = head.header("content-encoding").is_some_and(|value| value.eq_ignore_ascii_case("gzip"));
    let (body, zip) = if zipped { unzipped(body) } else { (body, Zip::Whole) };
    let (mislabelled, unpacked_in_part) = (zip == Zip::None, zip == Zip::Cut);
    Decoded { head: Some(head), body, framed, zipped, mislabelled, unpacked_in_part }
}

fn head(sent: &[u8]) -> Result<Option<(Head, usize)>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(sent)? else { return Ok(None) };
    let header = |header: &httparse::Header| {
        (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).trim().to_owned())
    };
    let headers = response.headers.iter().map(header).collect();
    Ok(Some((Head { status: response.code.unwrap_or(0), headers }, length)))
}

fn unframed(head: &Head, rest: &[u8]) -> (Vec<u8>, Framed) {
    // These have no body, whatever the headers say (RFC 9112 section 6.3).
    if matches!(head.status, 204 | 304) {
        return (Vec::new(), Framed::Whole);
    }
    if head.all("transfer-encoding").any(|value| value.to_ascii_lowercase().contains("chunked")) {
        return chunks(rest);
    }
    let lengths: Vec<&str> = head.all("content-length").collect();
    let Some(first) = lengths.first() else { return (rest.to_vec(), Framed::UntilClose) };
    match first.parse::<usize>() {
        Ok(_) if lengths.iter().any(|length| length != first) => (Vec::new(), Framed::Illegal),
        Ok(length) if rest.len() >= length => (rest[..length].to_vec(), Framed::Whole),
        Ok(_) => (rest.to_vec(), Framed::Partial),
        Err(_) => (Vec::new(), Framed::Illegal),
    }
}

fn chunks(mut rest: &[u8]) -> (Vec<u8>, Framed) {
    let mut body = Vec::new();
    loop {
        let (line, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete((line, size))) => (line, usize::try_from(size).unwrap_or(usize::MAX)),
            Ok(httparse::Status::Partial) => return (body, Framed::Partial),
            Err(_) => return (body, Framed::Illegal),
        };
        rest = &rest[line..];
        if size == 0 {
            return (body, if rest.starts_with(b"\r\n") { Framed::Whole } else { Framed::Partial });
        }
        body.extend(&rest[..size.min(rest.len())]);
        rest = match rest.get(size..) {
            Some([b'\r', b'\n', after @ ..]) => after,
            Some([] | [b'\r']) | None => return (body, Framed::Partial),
            Some(_) => return (body, Framed::Illegal),
        };
    }
}

/// Bytes that are no gzip stay as they are: a client that takes no notice of the label reads them rightly.
fn unzipped(body: Vec<u8>) -> (Vec<u8>, Zip) {
    let mut plain = Vec::new();
    match flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain) {
        Ok(_) => (plain, Zip::Whole),
        // What was unpacked before a cut still counts.
        Err(error) if !plain.is_empty() || (error.kind() == ErrorKind::UnexpectedEof && body.starts_with(&[0x1f])) => {
            (plain, Zip::Cut)
        }
        Err(_) => (body, Zip::None),
    }
}

/// What became of a packed body.
#[derive(PartialEq, Eq)]
enum Zip {
    Whole,
    Cut,
    None,
}
