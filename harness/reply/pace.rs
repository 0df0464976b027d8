//! How steadily a reply came: gaps between bytes and between contents, as our side of the wire saw them.

use super::{body, complete, http};
use crate::{
    policy::Policy,
    transcript::{Micros, Pace, ReplyFacts},
    wire::{SENDS, Seen},
};

/// When bytes of a reply went out, in microseconds since its request.
#[derive(Debug, Clone, Default)]
pub struct Sends {
    /// Moments, and how many bytes there were by then.
    pub moments: Vec<(Micros, u64)>,
    /// When the exchange ended, or nobody watched any more.
    pub end: Micros,
}

/// The pace of an exchange; `None`: no head came, or too many pieces to tell.
pub fn pace(seen: &Seen, policy: &Policy, sends: &Sends) -> Option<Pace> {
    if sends.moments.len() >= SENDS {
        return None;
    }
    let asked_for_stream = super::asked_for_stream(seen);
    let states = sends.moments.iter().map(|(at, sent)| (*at, state(seen, *sent, policy, asked_for_stream)));
    let mut walk: Option<Walk> = None;
    for (at, state) in states.filter(|(_, state)| state.head) {
        let walk = walk.get_or_insert(Walk::from(at));
        walk.step(at, &state);
        if state.complete {
            return Some(walk.pace(at, Some(at)));
        }
    }
    walk.map(|walk| walk.pace(sends.end, None))
}

/// How far a reply had come.
struct State {
    head: bool,
    stream: bool,
    content: usize,
    complete: bool,
}

fn state(seen: &Seen, sent: u64, policy: &Policy, asked_for_stream: bool) -> State {
    let sent = usize::try_from(sent).unwrap_or(usize::MAX);
    let decoded = http::decode(&seen.sent[..sent.min(seen.sent.len())]);
    let Some(head) = &decoded.head else {
        return State { head: false, stream: false, content: 0, complete: false };
    };
    let framed = decoded.framed == http::Framed::Whole;
    let way = body::Way { whole: framed, asked_for_stream, parser: &policy.parser };
    let answer = body::read(head, &decoded.body, way);
    let facts = ReplyFacts { stream: answer.stream, end: answer.end, ..ReplyFacts::default() };
    let whole = framed || answer.error.is_some();
    // What lies beyond the bytes that are kept is taken as content: nobody can say that it was none.
    let unknown = sent.saturating_sub(seen.sent.len());
    State {
        head: true,
        stream: answer.stream,
        content: answer.content + unknown,
        complete: whole || (answer.stream && complete(&facts, policy)),
    }
}

/// The last moments of either kind, and the longest gaps so far.
struct Walk {
    byte_at: Micros,
    content_at: Micros,
    content: usize,
    stream: bool,
    pace: Pace,
}

impl Walk {
    fn from(head: Micros) -> Self {
        Walk { byte_at: head, content_at: head, content: 0, stream: false, pace: Pace::default() }
    }

    fn step(&mut self, at: Micros, state: &State) {
        self.pace.idle = self.pace.idle.max(at - self.byte_at);
        self.byte_at = at;
        self.stream |= state.stream;
        if state.content > self.content || state.complete {
            self.pace.semantic_idle = self.pace.semantic_idle.max(at - self.content_at);
            (self.content_at, self.content) = (at, state.content);
        }
    }

    fn pace(&self, end: Micros, complete: Option<Micros>) -> Pace {
        let (since_byte, since_content) = (end.saturating_sub(self.byte_at), end.saturating_sub(self.content_at));
        let semantic = if self.stream { self.pace.semantic_idle.max(since_content) } else { 0 };
        Pace { idle: self.pace.idle.max(since_byte), semantic_idle: semantic, since_byte, since_content, complete }
    }
}
