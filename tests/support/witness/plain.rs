//! What the witness cannot serve.

use std::time::Duration;

use brownout::scenario::{Body, By, Case, Content, Cut, Event, Framing, Point, Script, Step};

/// Why a case is more than whole replies, each after a delay; `None`: it is not.
pub fn obstacle(case: &Case) -> Option<&'static str> {
    if case.users.iter().any(|user| user.cancel.is_some_and(|cancel| cancel.point.is_some())) {
        return Some("a user leaves at a point of a reply");
    }
    if !case.capacity.is_empty() {
        return Some("a host takes so many requests at once");
    }
    let scripts = case.hosts.values().chain(case.users.iter().flat_map(|user| user.scripts.values()));
    scripts.flat_map(steps).find_map(of_step)
}

fn steps(script: &Script) -> Vec<&Step> {
    match script {
        Script::Steps(steps) => steps.iter().collect(),
        Script::Phases(phases) => phases.iter().map(|phase| &phase.step).collect(),
    }
}

fn of_step(step: &Step) -> Option<&'static str> {
    if step.if_reused.is_some() {
        return Some("a reused connection is served otherwise");
    }
    match step.cut {
        // Silence is a delay that nobody waits out.
        Some(Cut { after: Point::Request, by: By::Stall, .. }) => return None,
        Some(_) => return Some("a reply breaks off, or its connection does"),
        None => {}
    }
    match &step.content {
        Content::Refuse => Some("connections are refused"),
        Content::Raw(_) | Content::Nothing => Some("bytes that need not be HTTP"),
        Content::Reply { body, .. } => of_delivery(step).or_else(|| of_body(body)),
    }
}

fn of_delivery(step: &Step) -> Option<&'static str> {
    let (deliver, framing) = (&step.deliver, ["content-length", "transfer-encoding", "connection"]);
    let frames = |(name, _): &(String, _)| framing.iter().any(|known| name.eq_ignore_ascii_case(known));
    if deliver.pace.is_some() || deliver.body_after != Duration::ZERO {
        Some("a body comes at its own pace")
    } else if deliver.pieces.is_some() {
        Some("a body comes in pieces of a given size")
    } else if deliver.framing.is_some_and(|framing| framing != Framing::Length) || step.headers.iter().any(frames) {
        Some("the framing is part of the matter")
    } else {
        None
    }
}

fn of_body(body: &Body) -> Option<&'static str> {
    let Body::Events(events) = body else { return None };
    events.iter().find_map(of_event)
}

fn of_event(event: &Event) -> Option<&'static str> {
    match event {
        Event::Pause(_) => Some("a body comes at its own pace"),
        Event::Repeat { times: None, .. } => Some("a body has no end"),
        Event::Repeat { events, .. } => events.iter().find_map(of_event),
        _ => None,
    }
}
