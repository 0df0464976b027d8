//! One step of a script, resolved: what a host does with one attempt.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What a host does with one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// For people and reports: `rate-limited`, `ok, cut after 3 events + 17 bytes by reset`.
    pub label: String,
    /// What is sent.
    pub content: Content,
    /// Headers of the reply beyond those the harness sets, and in their place.
    pub headers: Vec<(String, HeaderValue)>,
    /// How it is sent.
    pub deliver: Delivery,
    /// Where it breaks off.
    pub cut: Option<Cut>,
    /// Served instead on a connection that was used before.
    pub if_reused: Option<Box<Step>>,
    /// Whether serving it is what the scenario is about: anything but a plain good answer.
    pub faulty: bool,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Nobody listens.
    Refuse,
    /// No byte of a reply: only the cut.
    Nothing,
    /// All bytes from the status line on.
    Raw(Bytes),
    /// A status, headers and a body.
    Reply {
        /// The status.
        status: u16,
        /// The body.
        body: Body,
    },
}

/// A body before encoding and framing. Text in it may hold `$key $prompt $user $mark $model $url.HOST`, filled in at serving.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// None.
    Empty,
    /// As written; no content type.
    Text(Bytes),
    /// JSON; `application/json`.
    Json(Json),
    /// Server-sent events; `text/event-stream`.
    Events(Vec<Event>),
}

/// One item of a stream, with the chunk envelope still to be put around what has none.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// `data: [DONE]`.
    Done,
    /// A chunk whose only choice has this delta and finish_reason null.
    Delta(Json),
    /// A chunk whose only choice has an empty delta and this finish_reason.
    Finish(String),
    /// A chunk without choices and with this usage.
    Usage(Json),
    /// `data: {"error": ...}`.
    Error(Json),
    /// A chunk with these keys laid over the envelope.
    Chunk(Json),
    /// The payload of one event as it is; several lines become several `data:` lines.
    Data(Bytes),
    /// `: text`.
    Comment(String),
    /// A named event.
    Named {
        /// Its name.
        event: String,
        /// Its data: JSON, or text as it is.
        data: Json,
    },
    /// Bytes as they are.
    Raw(Bytes),
    /// Nothing for so long.
    Pause(Duration),
    /// The items again and again; `None`: for ever.
    Repeat {
        /// How often.
        times: Option<u64>,
        /// What.
        events: Vec<Event>,
    },
}

/// Bytes that may be too many to hold: runs of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<Chunk>);

/// A unit, so many times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The unit.
    pub unit: Vec<u8>,
    /// How often.
    pub times: u64,
}

impl Bytes {
    /// Bytes written out.
    pub fn of(bytes: impl Into<Vec<u8>>) -> Self {
        Bytes(vec![Chunk { unit: bytes.into(), times: 1 }])
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        let lengths = self.0.iter().map(|chunk| (chunk.unit.len() as u64).saturating_mul(chunk.times));
        lengths.fold(0, u64::saturating_add)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, written out.
    pub fn to_vec(&self) -> Vec<u8> {
        self.0.iter().flat_map(|chunk| chunk.unit.repeat(chunk.times as usize)).collect()
    }
}

/// A header's text, or a wait in one of its three forms.
#[derive(Debug, Clone, PartialEq)]
pub enum HeaderValue {
    /// As written.
    Text(String),
    /// A wait; negative allowed (seconds as a float, so that a date may lie in the past).
    Wait {
        /// How it is written.
        form: WaitForm,
        /// Seconds.
        seconds: f64,
    },
}

/// The three forms of a wait in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitForm {
    /// Whole or fractional seconds.
    Secs,
    /// Milliseconds.
    Ms,
    /// An HTTP date, rounded up to a whole second with at least 100 ms to spare.
    Date,
}

/// How a reply is sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delivery {
    /// Before the first byte of the head.
    pub head_after: Duration,
    /// Between head and body.
    pub body_after: Duration,
    /// Between events, or between pieces when those are given.
    pub pace: Option<Duration>,
    /// Slices the framed bytes of the body (of all, for raw) into this many bytes each.
    pub pieces: Option<usize>,
    /// How the body's end is told; `None`: length for plain replies, chunked for streams.
    pub framing: Option<Framing>,
    /// `gzip` the body and say so.
    pub gzip: bool,
    /// Line ends of a stream.
    pub eol: Eol,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A true content-length.
    Length,
    /// One chunk an event, one for a plain body.
    Chunked,
    /// Chunks of so many bytes.
    ChunkedBy(usize),
    /// By closing the connection.
    Close,
    /// A content-length that is this much too long.
    Longer(u64),
    /// A content-length that is this much too short.
    Shorter(u64),
}

/// Line ends of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Eol {
    /// `\n`.
    #[default]
    Lf,
    /// `\r\n`.
    Crlf,
    /// `\r`.
    Cr,
}

/// Where a reply breaks off, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Where.
    pub after: Point,
    /// How.
    pub by: By,
    /// So long after that point was reached.
    pub wait: Duration,
}

/// A point of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The connection was accepted; inside `if_reused`: the first byte of the next request came.
    Accept,
    /// The request was read whole.
    Request,
    /// The head was sent whole.
    Head,
    /// So many bytes of the encoded body were sent.
    Bytes(u64),
    /// So many events were sent, and so many bytes of the next.
    Events(u64, u64),
    /// The last byte of the body was sent, and no terminator.
    End,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// FIN.
    Close,
    /// RST.
    Reset,
    /// It does not: silence.
    Stall,
    /// Our direction ends, theirs does not.
    HalfClose,
}

/// Headers as a map keeps them.
pub type Headers = BTreeMap<String, String>;
