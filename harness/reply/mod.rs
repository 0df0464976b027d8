//! The witness's own reading of what a provider sent: what a correct client could have made of it.
//!
//! It shares no code with any client. Bytes come in as they went out, whole or cut; facts come out.

mod body;
mod calls;
mod choices;
mod http;
mod pace;
mod sse;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::{
    causes::{Body, End, Location, Wire},
    policy::{Policy, StreamEnd, UsageChunks},
    scenario::{By, Point},
    transcript::{Micros, ReplyFacts},
    wire::{Ending, Seen, Served},
};

use body::Way;
pub use body::{Answer, arguments_of, counts, digest_of_call, name_of, same_arguments};
use http::{Framed, Head};
pub use pace::{Sends, pace};

/// What a reply said.
#[derive(Debug, Clone)]
pub struct Reading {
    /// How the wire ended, as far as the bytes tell.
    pub wire: Wire,
    /// The facts.
    pub facts: ReplyFacts,
    /// The text of each choice.
    pub answers: Vec<String>,
    /// The whole body, where it was read as no answer: a client may have found text in it all the same.
    pub raw: String,
}

/// Reads what was sent. `phrases` are looked for in error messages.
pub fn read(seen: &Seen, policy: &Policy, phrases: &[String]) -> Reading {
    let decoded = http::decode(&seen.sent);
    let asked = Asking::of(seen);
    let mut fails_at_event = false;
    let mut facts = ReplyFacts { wait: seen.wait_asked.map(micros), ..ReplyFacts::default() };
    let (mut answers, mut raw) = (Vec::new(), String::new());
    if let Some(head) = &decoded.head {
        head_facts(&mut facts, head, seen);
        let ended = matches!(seen.ending, Ending::Done | Ending::Cut(By::Close | By::HalfClose));
        let all_came = decoded.framed == Framed::Whole || (decoded.framed == Framed::UntilClose && ended);
        let way = Way { whole: all_came && !decoded.unpacked_in_part, asked, parser: &policy.parser };
        let answer = body::read(head, &decoded.body, way);
        fails_at_event = answer.fails_at_event;
        answers = answer.texts.clone();
        if answers.iter().all(String::is_empty) {
            raw = String::from_utf8_lossy(&decoded.body).into_owned();
        }
        body_facts(&mut facts, head, &answer, phrases);
        facts.usage = usage(&answer.usages, policy.parser.usage_chunks);
        // A signal that no blank line ends counts for nothing beside one that completes the stream.
        if answer.stream && completes(answer.end_before, policy) {
            facts.body.retain(|body| *body != Body::UnterminatedEvent);
        }
        // A coding that nobody asked for, or that is not what the head says, may be refused.
        if decoded.mislabelled || (decoded.zipped && !accepts_gzip(seen)) {
            facts.body.push(Body::Mislabelled);
        }
    }
    // Whoever fails a stream at a bad event has no use for the rest of it.
    let wire = if fails_at_event { Wire::Whole } else { wire(seen, &decoded, &facts, policy) };
    if wire != Wire::Whole {
        // What a broken reply carried says nothing of its answer.
        facts.body.retain(|body| *body == Body::Error);
    }
    Reading { wire, facts, answers, raw }
}

fn micros(duration: std::time::Duration) -> Micros {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// What a request asked for.
#[derive(Debug, Clone, Copy)]
struct Asking {
    /// Events.
    stream: bool,
    /// One choice.
    one: bool,
}

impl Asking {
    fn of(seen: &Seen) -> Asking {
        let body = seen.request.as_ref().and_then(|asked| serde_json::from_slice::<Json>(&asked.body).ok());
        let body = body.unwrap_or_default();
        Asking { stream: body["stream"] == true, one: body["n"].as_u64().unwrap_or(1) == 1 }
    }
}

fn accepts_gzip(seen: &Seen) -> bool {
    let accepted = seen.request.as_ref().and_then(|asked| asked.header("accept-encoding"));
    accepted.is_some_and(|codings| codings.to_ascii_lowercase().contains("gzip"))
}

fn head_facts(facts: &mut ReplyFacts, head: &Head, seen: &Seen) {
    facts.status = Some(head.status);
    facts.effective_status = Some(head.status);
    facts.should_retry = head.header("x-should-retry").map(str::to_ascii_lowercase);
    let host = seen.request.as_ref().and_then(|asked| asked.header("host").map(str::to_owned));
    facts.location = head.header("location").filter(|_| head.status / 100 == 3).map(|to| location(to, host.as_deref()));
}

fn location(to: &str, host: Option<&str>) -> Location {
    let authority = to.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    if authority.is_none_or(|authority| Some(authority) == host) { Location::SameOrigin } else { Location::CrossOrigin }
}

fn body_facts(facts: &mut ReplyFacts, head: &Head, answer: &Answer, phrases: &[String]) {
    let success = head.status / 100 == 2;
    if let Some(error) = &answer.error {
        facts.codes = error.codes.clone();
        let message = error.message.to_lowercase();
        facts.says = phrases.iter().filter(|phrase| message.contains(&phrase.to_lowercase())).cloned().collect();
        facts.in_band = success;
        if success {
            facts.effective_status = Some(error.status.unwrap_or(head.status));
        }
    }
    facts.body = answer.kinds.clone();
    if !success {
        // Beside a status that is none of success, only an error object and a page count.
        facts.body.retain(|body| matches!(body, Body::Error | Body::Html));
        return;
    }
    facts.stream = answer.stream;
    facts.finish = answer.finish.clone();
    facts.end = answer.end;
    facts.calls = answer.calls.clone();
    let text = answer.texts.first().map_or("", String::as_str);
    facts.text = text.chars().count();
    facts.trimmed = text.trim().chars().count();
}

/// Several usage objects put together: a later value replaces an earlier one, field by field, or they add up.
fn usage(usages: &[BTreeMap<String, u64>], chunks: UsageChunks) -> Option<BTreeMap<String, u64>> {
    let together = |mut sum: BTreeMap<String, u64>, next: &BTreeMap<String, u64>| {
        for (field, count) in next {
            let known = sum.entry(field.clone()).or_default();
            *known = if chunks == UsageChunks::Sum { *known + count } else { *count };
        }
        sum
    };
    (!usages.is_empty()).then(|| usages.iter().fold(BTreeMap::new(), together))
}

fn wire(seen: &Seen, decoded: &http::Decoded, facts: &ReplyFacts, policy: &Policy) -> Wire {
    let left = matches!(seen.ending, Ending::Left | Ending::Open | Ending::Cut(By::Stall));
    if seen.served == Served::Contact || seen.requested.is_none() || seen.cut_after == Some(Point::Accept) {
        return if left { Wire::GaveUpBeforeHead } else { Wire::ClosedBeforeRequest };
    }
    let Some(head) = &decoded.head else {
        return match decoded.framed {
            Framed::Illegal => Wire::IllegalHttp,
            _ if left => Wire::GaveUpBeforeHead,
            _ if seen.sent_len > 0 => Wire::ClosedInHead,
            _ => Wire::ClosedBeforeHead,
        };
    };
    if head.status >= 300 || facts.body.contains(&Body::Error) || complete(facts, policy) {
        return Wire::Whole;
    }
    let reset = matches!(seen.ending, Ending::Cut(By::Reset));
    let all_came = decoded.framed == Framed::Whole || (decoded.framed == Framed::UntilClose && !left);
    if decoded.unpacked_in_part && all_came {
        return if facts.stream { Wire::ClosedInStream } else { Wire::ClosedInBody };
    }
    match (decoded.framed, left, facts.stream) {
        (Framed::Illegal, ..) => Wire::IllegalHttp,
        (Framed::Whole, ..) => Wire::Whole,
        (Framed::UntilClose, false, _) if !reset => Wire::Whole,
        (_, true, true) => Wire::GaveUpInStream,
        (_, true, false) => Wire::GaveUpInBody,
        (_, false, true) => Wire::ClosedInStream,
        (_, false, false) => Wire::ClosedInBody,
    }
}

/// A stream that gave its completing signal is whole, however the wire ends. `[DONE]` ends any stream, also one that it does not
/// complete: that is for the table to say.
fn complete(facts: &ReplyFacts, policy: &Policy) -> bool {
    facts.stream && (matches!(facts.end, None | Some(End::Done)) || completes(facts.end, policy))
}

fn completes(end: Option<End>, policy: &Policy) -> bool {
    match (policy.parser.stream_end, end) {
        (_, None) => true,
        (StreamEnd::Finish | StreamEnd::Either | StreamEnd::Eof, Some(End::Finish)) => true,
        (StreamEnd::Done | StreamEnd::Either | StreamEnd::Eof, Some(End::Done)) => true,
        (StreamEnd::Finish | StreamEnd::Done | StreamEnd::Either | StreamEnd::Eof, Some(_)) => false,
    }
}
