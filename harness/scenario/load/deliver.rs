//! How a step is sent, and whether it can be: cuts within the reply, and an end before the deadline.

use std::time::Duration;

use super::context::{Context, at, at_key};
use crate::{
    scenario::{
        Content, Delivery, Eol, Point, Step,
        file::{Encoding, FullStep},
    },
    wire::{
        Fill,
        plan::{self, measure},
    },
    yaml::{Node, Problem},
};

/// Longer gaps between pieces than this are no pieces.
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
