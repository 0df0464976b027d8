//! How a step is sent, and whether it can be: cuts within the reply, and an end before the deadline.

use std::time::Duration;

use super::context::{Context, at, at_key};
use crate::{
    scenario::{
        Body, Content, Delivery, Eol, Event, Framing, Point, Step,
        file::{Encoding, FullStep},
    },
    wire::{
        Fill,
        plan::{self, measure},
    },
    yaml::{Node, Problem},
};

/// Events of one stream, with what repeats written out.
const MOST_EVENTS: u64 = 100_000;
/// Bytes of a body that is sliced or packed.
const LARGEST_HELD: u64 = 64 << 20;

/// How the step is sent.
pub(super) fn resolve(step: &FullStep, node: &Node, context: &Context<'_>) -> Result<Delivery, Problem> {
    let duration = |written, key| context.duration(written, node, key);
    if step.pieces == Some(0) {
        return Err(at(node, "pieces", "pieces of no bytes never end").help("write 1 or more"));
    }
    Ok(Delivery {
        head_after: duration(step.head_after, "head_after")?.unwrap_or_default(),
        body_after: duration(step.body_after, "body_after")?.unwrap_or_default(),
        pace: duration(step.pace, "pace")?,
        pieces: step.pieces.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
        framing: step.framing.map(|framing| framing.0),
        gzip: step.encoding == Some(Encoding::Gzip),
        eol: step.eol.unwrap_or(Eol::Lf),
    })
}

/// What the resolved step must keep to.
pub(super) fn check(step: &Step, node: &Node, context: &Context<'_>) -> Result<(), Problem> {
    held(step, node)?;
    cut_within(step, node)?;
    if let Some(lasts) = plan::duration(step, &typical())
        && lasts > *context.policy.deadline
        && !context.sets_timeouts
    {
        let message = format!("this step lasts {}, and the deadline is {}", seconds(lasts), context.policy.deadline);
        return Err(Problem::new(node.head(), message).help("shorten it, or set `deadline` or a timeout in `policy`"));
    }
    Ok(())
}

/// What is sliced or packed is held at once, and so are the events of a stream.
fn held(step: &Step, node: &Node) -> Result<(), Problem> {
    let whole = Size::of(&step.content);
    if whole.events > MOST_EVENTS {
        let problem = Problem::new(node.head(), format!("{} events are too many", whole.events));
        return Err(problem.help(format!("at most {MOST_EVENTS}; repeat less often, or `forever`")));
    }
    let deliver = &step.deliver;
    let sliced = deliver.pieces.is_some() || deliver.gzip || matches!(deliver.framing, Some(Framing::ChunkedBy(_)));
    if sliced && whole.bytes > LARGEST_HELD {
        let problem = Problem::new(node.head(), format!("{} bytes are too many to slice or to pack", whole.bytes));
        return Err(problem.help(format!("at most {LARGEST_HELD}")));
    }
    Ok(())
}

/// Events and bytes, with what repeats written out; without end: once.
struct Size {
    events: u64,
    bytes: u64,
}

impl Size {
    fn of(content: &Content) -> Self {
        match content {
            Content::Raw(bytes) | Content::Reply { body: Body::Text(bytes), .. } => {
                Size { events: 0, bytes: bytes.len() }
            }
            Content::Reply { body: Body::Events(events), .. } => Size::of_events(events),
            Content::Reply { .. } | Content::Refuse | Content::Nothing => Size { events: 0, bytes: 0 },
        }
    }

    fn of_events(events: &[Event]) -> Self {
        let one = |event: &Event| match event {
            Event::Data(bytes) | Event::Raw(bytes) => Size { events: 1, bytes: bytes.len() },
            Event::Repeat { times, events } => {
                let (inner, times) = (Size::of_events(events), times.unwrap_or(1));
                Size { events: inner.events.saturating_mul(times), bytes: inner.bytes.saturating_mul(times) }
            }
            _ => Size { events: 1, bytes: 0 },
        };
        events.iter().map(one).fold(Size { events: 0, bytes: 0 }, |sum, next| Size {
            events: sum.events.saturating_add(next.events),
            bytes: sum.bytes.saturating_add(next.bytes),
        })
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// A cut counts body bytes after encoding, before framing, never the head.
fn cut_within(step: &Step, node: &Node) -> Result<(), Problem> {
    let Some(cut) = step.cut else { return Ok(()) };
    let place = node.get("cut").unwrap_or(node);
    let whole = Step { cut: None, ..step.clone() };
    let (events, bytes) = match &step.content {
        Content::Raw(raw) => (Some(0), Some(raw.len())),
        _ => measure(&whole, &typical()),
    };
    let beyond = |message: String| Err(at(place, "after", message).help("cut inside the reply, or at `end`"));
    match cut.after {
        Point::Events(..) if events == Some(0) => Err(at(place, "after", "this reply has no events")
            .help("cut after bytes, or serve a stream (`request: { stream: true }`)")),
        Point::Events(n, more) if events.is_some_and(|all| n > all || (n == all && more > 0)) => {
            beyond(format!("the reply has {} events only", events.unwrap_or(0)))
        }
        Point::Bytes(n) if bytes.is_some_and(|all| n > all) => {
            beyond(format!("the body has {} bytes only", bytes.unwrap_or(0)))
        }
        Point::Head | Point::Bytes(_) | Point::Events(..) | Point::End if step.content == Content::Nothing => {
            Err(at_key(place, "after", "nothing is sent, so there is no such point")
                .help("write `accept` or `request`, or name a `reply`"))
        }
        _ => Ok(()),
    }
}

/// What serving fills in, of typical length.
pub(super) fn typical() -> Fill {
    let canary = "0".repeat(32);
    let mut fill = Vec::new();
    let mut add = |name: &str, value: String| fill.push((name.to_owned(), value));
    add("key", format!("sk-brownout-{canary}"));
    add("prompt", format!("[u0:{canary}]"));
    add("user", format!("user-0-{canary}"));
    add("mark", "u0.p1".to_owned());
    add("model", "brownout-primary".to_owned());
    for host in crate::scenario::Host::ALL {
        add(&format!("url.{host}"), "http://127.0.0.1:40000".to_owned());
        add(&format!("port.{host}"), "40000".to_owned());
        add(&format!("path.{host}"), "/v1/chat/completions".to_owned());
    }
    fill.into_iter().collect()
}
