//! A streamed reply: text handed over as it comes, two timers, and an end that must be signalled.

use futures_util::FutureExt;
use reqwest::Response;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, timeout_at};

use super::{
    body,
    calls::Calls,
    chunk,
    failure::{Failure, Kind},
    send::{Reply, Target, cannot_be_unpacked},
    sse::{Event, Events, Item},
};
use crate::{
    client::Call,
    policy::{MalformedEvent, Policy, StreamEnd, Unterminated, UsageChunks},
};

/// So much is kept of a stream in which no chunk has come: it may be something else.
const OPENING: usize = 64 << 10;

/// Reads a stream to its end.
pub async fn read(mut response: Response, policy: &Policy, call: &Call, target: &Target<'_>) -> Result<Reply, Failure> {
    let now = Instant::now();
    let mut reader = Reader {
        policy,
        call,
        answer: Reply::default(),
        calls: Calls::default(),
        committed: false,
        content: false,
        done: false,
        left_early: false,
        finished: None,
        chunks: 0,
        opening: Vec::new(),
        content_at: now,
        alive_at: now,
        until: target.until,
        deadline: target.deadline,
    };
    let mut events = Events::default();
    let ended = reader.all(&mut response, &mut events).await;
    if reader.done {
        // The end of the body is usually there already; taking it lets the connection be used again.
        response.chunk().now_or_never();
    }
    let outcome = match ended {
        Ok(()) => reader.end(events),
        // After its completing signal a stream is whole, however the wire ends.
        Err(Failure { kind: Kind::StreamCut | Kind::StreamTimeout, .. }) if reader.complete(false) => reader.whole(),
        Err(failure) => Err(failure),
    };
    outcome.map_err(|failure| Failure {
        committed: reader.committed,
        usage_present: failure.usage_present || reader.answer.usage.is_some(),
        ..failure
    })
}

/// A stream that cannot be unpacked is no answer; any other breaks off.
fn broken(error: &reqwest::Error) -> Failure {
    Failure::new(if cannot_be_unpacked(error) { Kind::Malformed } else { Kind::StreamCut })
}

struct Reader<'a> {
    policy: &'a Policy,
    call: &'a Call,
    answer: Reply,
    calls: Calls,
    /// Text has reached the user.
    committed: bool,
    /// Content has come: text, a refusal, a piece of a tool call.
    content: bool,
    done: bool,
    /// The stream was left before its end: what came last may be half an event.
    left_early: bool,
    /// When the finish reason came.
    finished: Option<Instant>,
    /// Chunks that came.
    chunks: usize,
    /// What came before the first of them.
    opening: Vec<u8>,
    content_at: Instant,
    alive_at: Instant,
    until: Instant,
    deadline: Instant,
}

impl Reader<'_> {
    async fn all(&mut self, response: &mut Response, events: &mut Events) -> Result<(), Failure> {
        loop {
            let (limit, source) = self.next_limit();
            let piece = match timeout_at(limit, response.chunk()).await {
                Err(_) => {
                    self.left_early = true;
                    return source.map_or(Ok(()), |source| Err(Failure::timed_out(Kind::StreamTimeout, source)));
                }
                Ok(piece) => piece.map_err(|error| broken(&error))?,
            };
            let Some(piece) = piece else { return Ok(()) };
            self.alive_at = Instant::now();
            if self.chunks == 0 && self.opening.len() < OPENING {
                self.opening.extend(&piece);
            }
            let items = events.push(&piece).map_err(|_| Failure::new(Kind::Malformed))?;
            for item in items {
                self.item(item)?;
                if self.done {
                    return Ok(());
                }
            }
        }
    }

    /// The next moment at which waiting ends, and the timeout that is; after the finish reason, the end of the grace is none.
    fn next_limit(&self) -> (Instant, Option<&'static str>) {
        if let Some(finished) = self.finished.filter(|_| self.complete(false)) {
            return ((finished + *self.policy.parser.finish_grace).min(self.deadline), None);
        }
        let idle = (self.alive_at + *self.policy.idle_timeout, Some("idle"));
        let semantic = (self.semantic_limit(), Some("semantic-idle"));
        let last = (if self.content { self.deadline } else { self.until }, Some("deadline"));
        idle.min(semantic).min(last)
    }

    fn semantic_limit(&self) -> Instant {
        let parser = &self.policy.parser;
        let patience = *self.policy.semantic_idle_timeout;
        if parser.keepalive_is_progress {
            (self.alive_at + patience).min(self.content_at + patience.max(*parser.keepalive_bound))
        } else {
            self.content_at + patience
        }
    }

    fn item(&mut self, item: Item) -> Result<(), Failure> {
        match item {
            Item::KeepAlive => Ok(()),
            Item::Event(event) => self.event(&event),
        }
    }

    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        if let Some(error) = &event.error {
            let json: Json = serde_json::from_str(error).unwrap_or_else(|_| json!(error));
            return Err(chunk::in_band(&json, &Json::Null));
        }
        let data = event.data.trim();
        if data == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        if event.name == "error" {
            let json: Json = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
            return Err(chunk::in_band(chunk::error(&json).unwrap_or(&json), &json));
        }
        let foreign = !matches!(event.name.as_str(), "" | "message");
        if foreign || data.is_empty() || data == "null" {
            return Ok(());
        }
        match serde_json::from_str(data) {
            Ok(json) => self.chunk(&json),
            Err(_) if self.policy.parser.malformed_event == MalformedEvent::Skip && self.calls.is_empty() => Ok(()),
            Err(_) => Err(Failure::new(Kind::BadEvent)),
        }
    }

    fn chunk(&mut self, json: &Json) -> Result<(), Failure> {
        if let Some(error) = chunk::error(json) {
            return Err(chunk::in_band(error, json));
        }
        self.usage(&json["usage"]);
        let Some(choices) = json["choices"].as_array() else { return Ok(()) };
        self.chunks += 1;
        // Where one choice was asked for, some servers count tokens in its index.
        let one = self.call.request.n == 1;
        for choice in choices.iter().filter(|choice| one || choice["index"].as_u64().unwrap_or(0) == 0) {
            self.choice(choice);
        }
        Ok(())
    }

    fn usage(&mut self, usage: &Json) {
        let Some(new) = usage.as_object().filter(|usage| !usage.is_empty()) else { return };
        let known = self.answer.usage.get_or_insert_with(|| json!({}));
        for (key, value) in new.iter().filter(|(_, value)| !value.is_null()) {
            let sum = known[key].as_u64().zip(value.as_u64()).map(|(a, b)| a + b);
            known[key] = match sum.filter(|_| self.policy.parser.usage_chunks == UsageChunks::Sum) {
                Some(sum) => sum.into(),
                None => value.clone(),
            };
        }
    }

    fn choice(&mut self, choice: &Json) {
        let delta = &choice["delta"];
        let text = chunk::text(&delta["content"]);
        if !text.is_empty() {
            self.call.deltas.push(&text);
            self.answer.text.get_or_insert_default().push_str(&text);
            self.committed = true;
            self.content();
        }
        if let Some(refusal) = delta["refusal"].as_str().filter(|text| !text.is_empty()) {
            self.answer.refusal.get_or_insert_default().push_str(refusal);
            self.content();
        }
        let reasons = ["reasoning", "reasoning_content"]
            .iter()
            .any(|key| delta[key].as_str().is_some_and(|text| !text.is_empty()));
        if reasons {
            self.content_at = Instant::now();
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.calls.add(call);
            self.content();
        }
        if let Some(word) = choice["finish_reason"].as_str().filter(|word| !word.is_empty()) {
            self.answer.finish_reason = Some(word.to_owned());
            self.finished.get_or_insert(Instant::now());
        }
    }

    fn content(&mut self) {
        self.content = true;
        self.content_at = Instant::now();
    }

    /// The bytes have ended.
    fn end(&mut self, events: Events) -> Result<Reply, Failure> {
        if !self.done
            && !self.left_early
            && self.policy.parser.unterminated_last_event == Unterminated::Use
            && let Some(event) = events.rest()
        {
            let whole = event.data.trim() == "[DONE]" || serde_json::from_str::<Json>(event.data.trim()).is_ok();
            if whole || event.error.is_some() {
                self.event(&event)?;
            }
        }
        if self.chunks == 0 {
            return self.not_a_stream();
        }
        if self.complete(true) { self.whole() } else { Err(Failure::new(Kind::StreamCut)) }
    }

    /// Without one chunk it may be a plain reply under a false label: an error object, as a rule.
    fn not_a_stream(&mut self) -> Result<Reply, Failure> {
        let reply = body::read(&self.opening)?;
        reply.text.iter().for_each(|text| self.call.deltas.push(text));
        Ok(reply)
    }

    /// Whether the completing signal came.
    fn complete(&self, at_eof: bool) -> bool {
        let finish = self.finished.is_some();
        match self.policy.parser.stream_end {
            StreamEnd::Finish => finish,
            StreamEnd::Done => self.done,
            StreamEnd::Either => finish || self.done,
            StreamEnd::Eof => finish || self.done || at_eof,
        }
    }

    fn whole(&mut self) -> Result<Reply, Failure> {
        self.answer.tool_calls = self.calls.whole();
        body::check(std::mem::take(&mut self.answer))
    }
}
