//! A step in a few words, for timelines and reports.

use crate::scenario::{
    file::{FullStep, Step},
    step::{By, Point},
};

/// The label of a step written in full.
pub(super) fn of(step: &FullStep) -> String {
    let mut parts = vec![content(step)];
    parts.extend(changes(step));
    parts.extend(step.cut.as_ref().map(|cut| format!("cut after {} by {}", point(cut.after.0), by(cut.by))));
    parts.extend(step.if_reused.as_ref().map(|reused| match reused {
        Step::Named(name) => format!("{name} if reused"),
        Step::Full(step) => format!("{} if reused", of(step)),
    }));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn content(step: &FullStep) -> String {
    let kind = if step.raw.is_some() {
        "raw bytes"
    } else if step.events.is_some() {
        "events"
    } else if step.json.is_some() {
        "json"
    } else if step.body.is_some() {
        "body"
    } else {
        ""
    };
    match (&step.reply, step.status) {
        (Some(name), _) => name.clone(),
        (None, Some(status)) if kind.is_empty() => status.0.to_string(),
        (None, Some(status)) => format!("{} with {kind}", status.0),
        (None, None) => kind.to_owned(),
    }
}

fn changes(step: &FullStep) -> Vec<String> {
    let headers = step.headers.iter().flat_map(|headers| &headers.0).map(|(name, _)| name.clone());
    let late = [("head", step.head_after.is_some()), ("body", step.body_after.is_some())];
    let late = late.into_iter().filter(|(_, given)| *given).map(|(what, _)| format!("late {what}"));
    let pointers = step.set.iter().flat_map(|set| &set.0).map(|(pointer, _)| format!("set {pointer}"));
    let gone = step.unset.iter().flatten().map(|pointer| format!("without {pointer}"));
    let pieces = step.pieces.map(|n| format!("pieces of {n}"));
    let framing = step.framing.map(|framing| format!("framing {:?}", framing.0).to_lowercase());
    let encoding = step.encoding.map(|_| "gzip".to_owned());
    let eol = step.eol.map(|eol| format!("eol {eol:?}").to_lowercase());
    headers.chain(late).chain(pointers).chain(gone).chain(pieces).chain(framing).chain(encoding).chain(eol).collect()
}

fn point(point: Point) -> String {
    match point {
        Point::Accept => "accept".to_owned(),
        Point::Request => "request".to_owned(),
        Point::Head => "head".to_owned(),
        Point::Bytes(n) => format!("{n} bytes"),
        Point::Events(n, 0) => format!("{n} events"),
        Point::Events(n, bytes) => format!("{n} events + {bytes} bytes"),
        Point::End => "end".to_owned(),
    }
}

fn by(by: By) -> &'static str {
    match by {
        By::Close => "close",
        By::Reset => "reset",
        By::Stall => "stall",
        By::HalfClose => "half-close",
    }
}
