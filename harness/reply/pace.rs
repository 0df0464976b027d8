//! How steadily a reply came: gaps between bytes and between contents, as our side of the wire saw them.

use super::{Asking, accepts_gzip, body, body::Way, complete, http};
use crate::{
    causes::Body,
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
    let reader = Reader { seen, policy, asked: Asking::of(seen), asked_for_gzip: accepts_gzip(seen) };
    // What went out after the end was for nobody.
    let moments: Vec<_> = sends.moments.iter().filter(|(at, _)| *at <= sends.end).collect();
    let last = moments.last().map_or(0, |(_, sent)| *sent);
    let (mut walk, mut known): (Option<Walk>, Option<State>) = (None, None);
    for (at, sent) in moments {
        let state = match known.filter(|known| *sent != last && !reader.may_change(known, *sent)) {
            Some(known) => known.with(usize::try_from(*sent).unwrap_or(usize::MAX)),
            None => match reader.state(*sent) {
                Some(state) => state,
                None => continue,
            },
        };
        known = Some(state);
        let walk = walk.get_or_insert(Walk::from(*at));
        walk.step(*at, &state);
        if state.complete {
            return Some(walk.pace(*at, Some(*at)));
        }
    }
    let all_known = sends.moments.len() < SENDS;
    walk.filter(|_| all_known).map(|walk| walk.pace(sends.end, None))
}

/// Reads a reply as far as it had come.
struct Reader<'a> {
    seen: &'a Seen,
    policy: &'a Policy,
    asked: Asking,
    asked_for_gzip: bool,
}

/// How far a reply with a whole head had come.
#[derive(Clone, Copy)]
struct State {
    sent: usize,
    zipped: bool,
    /// Bytes of the body, without framing and coding.
    body: usize,
    /// Its last event may end with the next byte.
    pending: bool,
    stream: bool,
    content: usize,
    complete: bool,
    flawed: bool,
}

impl Reader<'_> {
    /// Whether more bytes of a stream may say more: its end, an error, or the end of some JSON. To read all of it again for each
    /// keep-alive would take long.
    fn may_change(&self, known: &State, sent: u64) -> bool {
        let (kept, sent) = (&self.seen.sent, usize::try_from(sent).unwrap_or(usize::MAX));
        let legible = known.stream && !known.zipped && !known.pending;
        let Some(new) = kept.get(known.sent.saturating_sub(5)..sent).filter(|_| legible) else {
            return true;
        };
        let has = |word: &[u8]| new.windows(word.len()).any(|bytes| bytes == word);
        let frames = kept[known.sent..sent].iter().all(|byte| byte.is_ascii_hexdigit() || b"\r\n".contains(byte));
        new.iter().any(|byte| b"}]".contains(byte)) || frames || has(b"0\r\n") || has(b"error")
    }

    /// `None`: the head was not out yet.
    fn state(&self, sent: u64) -> Option<State> {
        let sent = usize::try_from(sent).unwrap_or(usize::MAX);
        let kept = &self.seen.sent[..sent.min(self.seen.sent.len())];
        let decoded = http::decode(kept);
        let head = decoded.head.as_ref()?;
        let framed = decoded.framed == http::Framed::Whole;
        let answer =
            body::read(head, &decoded.body, Way { whole: framed, asked: self.asked, parser: &self.policy.parser });
        let facts = ReplyFacts { stream: answer.stream, end: answer.end, ..ReplyFacts::default() };
        let whole = framed || answer.error.is_some();
        let refusable = [Body::BadEvent, Body::StreamForPlain, Body::PlainForStream];
        // Half a character at the end is none that is broken.
        let broken = std::str::from_utf8(&decoded.body).is_err_and(|error| error.error_len().is_some());
        Some(State {
            sent,
            zipped: decoded.zipped,
            body: decoded.body.len(),
            pending: answer.pending,
            stream: answer.stream,
            // What lies beyond the bytes that are kept is taken as content: nobody can say that it was none.
            content: answer.content + (sent - kept.len()),
            complete: whole || (answer.stream && complete(&facts, self.policy)),
            flawed: broken
                || decoded.mislabelled
                || answer.mislabelled
                || (decoded.zipped && !self.asked_for_gzip)
                || answer.kinds.iter().any(|kind| refusable.contains(kind)),
        })
    }
}

impl State {
    /// With bytes that say nothing more.
    fn with(self, sent: usize) -> Self {
        State { sent, body: self.body + sent.saturating_sub(self.sent), ..self }
    }
}

/// The last moments of either kind, and the longest gaps so far.
struct Walk {
    byte_at: Micros,
    content_at: Micros,
    content: usize,
    body: usize,
    stream: bool,
    pace: Pace,
}

impl Walk {
    fn from(head: Micros) -> Self {
        Walk { byte_at: head, content_at: head, content: 0, body: usize::MAX, stream: false, pace: Pace::default() }
    }

    fn step(&mut self, at: Micros, state: &State) {
        self.pace.idle = self.pace.idle.max(at - self.byte_at);
        self.byte_at = at;
        self.stream |= state.stream;
        // Of bytes that only frame others, and of packed ones that do not unpack yet, most clients know nothing.
        self.pace.flawed = state.flawed || state.body == self.body;
        self.body = state.body;
        if state.content > self.content || state.complete {
            self.pace.semantic_idle = self.pace.semantic_idle.max(at - self.content_at);
            (self.content_at, self.content) = (at, state.content);
        }
    }

    fn pace(&self, end: Micros, complete: Option<Micros>) -> Pace {
        Pace {
            semantic_idle: if self.stream { self.pace.semantic_idle } else { 0 },
            since_byte: end - self.byte_at,
            since_content: end - self.content_at,
            complete,
            ..self.pace
        }
    }
}
