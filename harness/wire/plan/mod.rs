//! What a step puts on the wire: a pure function from a finished reply to wire steps.
//!
//! The body is made as a list of `Piece`s (bytes, and the wait before them), cut, framed and only then put behind its head.

mod body;
mod fill;
mod frame;
mod head;

use std::time::{Duration, SystemTime};

pub use fill::fill;

use super::{Fill, Mark, WireStep};
use crate::scenario::{Body, By, Bytes, Chunk, Content, Cut, Framing, Point, Step};

/// The gap between pieces when none is given, and the least before a reset.
const GAP: Duration = Duration::from_millis(1);

/// So much a socket takes without waiting for its reader.
const ONE_WRITE: usize = 8 << 10;

/// What a provider does with one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<WireStep>,
    /// The connection may carry another request.
    pub keep_alive: bool,
    /// The wait that the head asks for, as scripted.
    pub wait_asked: Option<Duration>,
}

impl Plan {
    /// The first bytes that are sent, so many of them at most.
    pub fn first_bytes(&self, most: usize) -> Vec<u8> {
        let mut out = Vec::new();
        collect(&self.steps, most, &mut out);
        out
    }
}

fn collect(steps: &[WireStep], most: usize, out: &mut Vec<u8>) {
    for step in steps {
        match step {
            WireStep::Send { bytes, times, .. } => {
                for _ in 0..*times {
                    if out.len() == most {
                        return;
                    }
                    out.extend_from_slice(&bytes[..bytes.len().min(most - out.len())]);
                }
            }
            WireStep::Loop { times, steps } => {
                for _ in 0..times.unwrap_or(u64::MAX) {
                    let before = out.len();
                    collect(steps, most, out);
                    // Full, or nothing is ever sent in it.
                    if out.len() == before {
                        break;
                    }
                }
            }
            WireStep::Wait(_) | WireStep::End(_) => {}
        }
    }
}

/// Bytes of a body, and the wait before them.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    wait: Duration,
    bytes: Bytes,
    /// How long it was before any cut: what a chunk's size line promises.
    promised: u64,
    /// It is an event, or part of one.
    events: u64,
    /// How often the pieces from here on repeat: only the last run may, and only for ever.
    endless: bool,
}

impl Piece {
    fn new(wait: Duration, bytes: Bytes, events: u64) -> Self {
        Piece { wait, promised: bytes.len(), bytes, events, endless: false }
    }
}

/// Plans a step. `now` is what dates in headers count from.
pub fn plan(step: &Step, fill: &Fill, now: SystemTime) -> Plan {
    let mut plan = match &step.content {
        Content::Refuse | Content::Nothing => Plan { steps: Vec::new(), keep_alive: false, wait_asked: None },
        Content::Raw(bytes) => raw(step, &self::fill::in_bytes(bytes, fill)),
        Content::Reply { status, body } => reply(step, *status, body, fill, now),
    };
    plan.steps.insert(0, WireStep::Wait(head_delay(step)));
    if let Some(cut) = step.cut {
        // A reset can overtake bytes that were sent: its client gets a moment to read them.
        let sent = plan.steps.iter().any(|step| matches!(step, WireStep::Send { .. } | WireStep::Loop { .. }));
        let wait = if sent && cut.by == By::Reset { cut.wait.max(GAP) } else { cut.wait };
        plan.steps.extend([WireStep::Wait(wait), WireStep::End(cut.by)]);
        plan.keep_alive = false;
    } else if !plan.keep_alive {
        plan.steps.push(WireStep::End(By::Close));
    }
    plan.steps.retain(|step| *step != WireStep::Wait(Duration::ZERO));
    plan
}

/// Nothing is sent after `accept`, so there is nothing to wait for.
fn head_delay(step: &Step) -> Duration {
    if step.cut.is_some_and(|cut| cut.after == Point::Accept) { Duration::ZERO } else { step.deliver.head_after }
}

/// All bytes from the status line on, in pieces if asked for.
fn raw(step: &Step, bytes: &Bytes) -> Plan {
    let piece = Piece::new(Duration::ZERO, bytes.clone(), 0);
    let pieces = match step.deliver.pieces {
        Some(size) => frame::sliced(vec![piece], size, step.deliver.pace.unwrap_or(GAP), Duration::ZERO),
        None => vec![piece],
    };
    let pieces = match step.cut.map(|cut| cut.after) {
        Some(Point::Accept | Point::Request) => Vec::new(),
        Some(Point::Head) => body::up_to_bytes(pieces, length_of_head(bytes)),
        Some(Point::Bytes(n)) => body::up_to_bytes(pieces, n),
        Some(Point::Events(..) | Point::End) | None => pieces,
    };
    Plan { steps: sends(pieces, &[]), keep_alive: false, wait_asked: None }
}

/// Up to and with the first blank line; all of it, if there is none.
fn length_of_head(bytes: &Bytes) -> u64 {
    let all = bytes.to_vec();
    all.windows(4).position(|window| window == b"\r\n\r\n").map_or(all.len(), |at| at + 4) as u64
}

fn reply(step: &Step, status: u16, body: &Body, fill: &Fill, now: SystemTime) -> Plan {
    let framing = step.deliver.framing.unwrap_or(match body {
        Body::Events(_) => Framing::Chunked,
        Body::Empty | Body::Text(_) | Body::Json(_) => Framing::Length,
    });
    let whole = body::pieces(step, body, fill);
    let length = body::length(&whole);
    // A client must not think that it can ask again on a connection that breaks off after a whole reply.
    let closes = step.cut.is_some_and(|cut| leaves_whole(cut, framing, &whole));
    let head = head::head(step, status, body, head::Framed { framing, length, closes }, fill, now);
    let wait_asked = head::wait_asked(step);
    let keep_alive = head::keeps_alive(framing, length);
    let mut steps = Vec::new();
    if !matches!(step.cut, Some(Cut { after: Point::Accept | Point::Request, .. })) {
        let mark = Mark { request: true, head: true, ..Mark::default() };
        steps.push(WireStep::Send { bytes: head, times: 1, mark });
    }
    let stops_early = matches!(step.cut, Some(Cut { after: Point::Accept | Point::Request | Point::Head, .. }));
    if !stops_early {
        // Where nothing follows the head, there is nothing to wait for.
        steps.extend((length != Some(0)).then_some(WireStep::Wait(step.deliver.body_after)));
        steps.extend(framed_body(step, whole, framing));
    }
    steps.retain(|step| *step != WireStep::Wait(Duration::ZERO));
    Plan { steps: together(steps), keep_alive, wait_asked }
}

/// A head goes out in one write with what stands right behind it, as servers do; more than a socket takes at once stays alone,
/// since its client may leave at the head.
fn together(mut steps: Vec<WireStep>) -> Vec<WireStep> {
    if let [WireStep::Send { bytes: head, times: 1, mark }, WireStep::Send { bytes, times: 1, mark: reached }, ..] =
        &mut steps[..]
        && head.len() + bytes.len() <= ONE_WRITE
    {
        head.append(bytes);
        *mark = *reached;
        steps.remove(1);
    }
    steps
}

/// Whether all that the head promises is out before the cut.
fn leaves_whole(cut: Cut, framing: Framing, whole: &[Piece]) -> bool {
    let Some(length) = body::length(whole) else { return false };
    let promised = match framing {
        Framing::Length => length,
        Framing::Shorter(by) => length.saturating_sub(by),
        Framing::Longer(_) | Framing::Chunked | Framing::ChunkedBy(_) | Framing::Close => return false,
    };
    match cut.after {
        Point::Accept | Point::Request => false,
        Point::Head => promised == 0,
        Point::Bytes(n) => n >= promised,
        Point::Events(n, more) => {
            let kept = body::up_to_events(whole.to_vec(), n, more);
            body::length(&kept).is_some_and(|out| out >= promised)
        }
        Point::End => true,
    }
}

/// The body cut, framed, sliced, and marked with how far it has come.
fn framed_body(step: &Step, whole: Vec<Piece>, framing: Framing) -> Vec<WireStep> {
    let cut = step.cut.map(|cut| cut.after);
    let pieces = match cut {
        Some(Point::Bytes(n)) => body::up_to_bytes(whole, n),
        Some(Point::Events(n, bytes)) => body::up_to_events(whole, n, bytes),
        _ => whole,
    };
    let marks = body::marks(&pieces, cut.is_none());
    let framed = frame::framed(pieces, framing, cut.is_none());
    match step.deliver.pieces {
        Some(size) => {
            let last = marks.last().copied().into_iter().collect::<Vec<_>>();
            let gap = step.deliver.pace.unwrap_or(GAP);
            let mut steps = sends(frame::sliced(framed, size, gap, Duration::ZERO), &[]);
            if let (Some(WireStep::Send { mark, .. }), Some(end)) =
                (steps.iter_mut().rev().find(|s| matches!(s, WireStep::Send { .. })), last.first())
            {
                *mark = *end;
            }
            steps
        }
        None => sends(framed, &marks),
    }
}

/// Pieces as wire steps, each with the mark of the same place; an endless piece becomes a loop over all from there.
fn sends(pieces: Vec<Piece>, marks: &[Mark]) -> Vec<WireStep> {
    let mut steps = Vec::new();
    let mut pieces = pieces.into_iter().enumerate();
    while let Some((n, piece)) = pieces.next() {
        let mark = marks.get(n).copied().unwrap_or(Mark { request: true, head: true, ..Mark::default() });
        if piece.endless {
            let rest = std::iter::once(piece).chain(pieces.map(|(_, piece)| piece));
            let rest = rest.map(|piece| Piece { endless: false, ..piece }).collect();
            steps.push(WireStep::Loop { times: None, steps: sends(rest, &marks[n.min(marks.len())..]) });
            return steps;
        }
        steps.push(WireStep::Wait(piece.wait));
        let before =
            Mark { request: true, head: true, body: mark.body.saturating_sub(piece.bytes.len()), ..Mark::default() };
        let mut chunks = piece.bytes.0.into_iter().filter(|chunk| !chunk.unit.is_empty() && chunk.times > 0).peekable();
        while let Some(Chunk { unit, times }) = chunks.next() {
            let mark = if chunks.peek().is_none() { mark } else { before };
            steps.push(WireStep::Send { bytes: unit, times, mark });
        }
    }
    steps.retain(|step| *step != WireStep::Wait(Duration::ZERO));
    steps
}

/// Events and body bytes of a step's reply before any cut; `None`: without end. What is filled in at serving is taken as it
/// stands in `fill`.
pub fn measure(step: &Step, fill: &Fill) -> (Option<u64>, Option<u64>) {
    let Content::Reply { body, .. } = &step.content else { return (Some(0), None) };
    let pieces = body::pieces(step, body, fill);
    if pieces.iter().any(|piece| piece.endless) {
        return (None, None);
    }
    (Some(pieces.iter().map(|piece| piece.events).sum()), body::length(&pieces))
}

/// How long a step lasts; `None`: without end.
pub fn duration(step: &Step, fill: &Fill) -> Option<Duration> {
    fn of(steps: &[WireStep]) -> Option<Duration> {
        let mut sum = Duration::ZERO;
        for step in steps {
            sum += match step {
                WireStep::Wait(wait) => *wait,
                WireStep::Send { .. } | WireStep::End(_) => Duration::ZERO,
                WireStep::Loop { times, steps } => {
                    of(steps)?.saturating_mul(u32::try_from((*times)?).unwrap_or(u32::MAX))
                }
            };
        }
        Some(sum)
    }
    of(&plan(step, fill, SystemTime::UNIX_EPOCH).steps)
}
