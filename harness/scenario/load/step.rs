//! One step: what it sends, how, and where it breaks off.

use super::{
    body,
    context::{Context, at, at_key},
    deliver, label, pointer,
    replies::REFUSE,
};
use crate::{
    scenario::{
        Body, Content, Cut, HeaderValue, Step,
        file::{self, FullStep, ReplyBody},
        step::Delivery,
    },
    yaml::{Node, Problem},
};

/// A named reply as a step.
pub(super) fn of_reply(name: &str, reply: &ReplyBody, node: &Node, context: &Context<'_>) -> Result<Step, Problem> {
    let step = full(&reply.step(), node, context, false)?;
    let good = matches!(step.content, Content::Reply { status: 200..=299, .. }) && step.cut.is_none();
    Ok(Step { label: name.to_owned(), faulty: !good, ..step })
}

/// A step of a script.
pub(super) fn resolve(step: &file::Step, node: &Node, context: &Context<'_>, stream: bool) -> Result<Step, Problem> {
    let step = match step {
        file::Step::Named(name) => return named(name, node, context, stream),
        file::Step::Full(step) => step,
    };
    let mut resolved = full(step, node, context, stream)?;
    resolved.label = label::of(step);
    if let Some(reused) = &step.if_reused {
        let place = node.get("if_reused").unwrap_or(node);
        if let file::Step::Full(inner) = reused
            && inner.if_reused.is_some()
        {
            return Err(at_key(place, "if_reused", "`if_reused` inside `if_reused`")
                .help("a connection is reused or it is not: keep one"));
        }
        resolved.if_reused = Some(Box::new(resolve(reused, place, context, stream)?));
    }
    deliver::check(&resolved, node, context)?;
    Ok(resolved)
}

fn named(name: &str, node: &Node, context: &Context<'_>, stream: bool) -> Result<Step, Problem> {
    if name == REFUSE {
        return Ok(bare(Content::Refuse));
    }
    match context.replies {
        Some(replies) => replies.named(name, node, stream, context.policy),
        None => Err(Problem::new(node.head(), "a reply cannot name another").help("write it out")),
    }
}

fn bare(content: Content) -> Step {
    let label = if content == Content::Refuse { REFUSE } else { "" };
    Step {
        label: label.to_owned(),
        content,
        headers: Vec::new(),
        deliver: Delivery::default(),
        cut: None,
        if_reused: None,
        faulty: true,
    }
}

/// A step without its label and what is served on a reused connection.
fn full(step: &FullStep, node: &Node, context: &Context<'_>, stream: bool) -> Result<Step, Problem> {
    let mut resolved = match &step.reply {
        Some(name) => {
            body::nothing_beside_reply(node)?;
            named(name, node.get("reply").unwrap_or(node), context, stream)?
        }
        None => bare(body::content(step, node, context)?),
    };
    headers(&mut resolved, step, node, context)?;
    change(&mut resolved, step, node)?;
    resolved.deliver = deliver::resolve(step, node, context)?;
    if let Some(cut) = &step.cut {
        let place = node.get("cut").unwrap_or(node);
        let wait = context.duration(cut.wait, place, "wait")?.unwrap_or_default();
        resolved.cut = Some(Cut { after: cut.after.0, by: cut.by, wait });
    }
    resolved.faulty |= changed(step);
    Ok(resolved)
}

/// Whether anything but `for` and `if_reused` is said of a reply: then serving it is what the scenario is about.
fn changed(step: &FullStep) -> bool {
    let plain = FullStep {
        reply: step.reply.clone(),
        if_reused: step.if_reused.clone(),
        lasts: step.lasts,
        ..FullStep::default()
    };
    *step != plain
}

/// The step's own headers, each in place of the reply's of the same name.
fn headers(resolved: &mut Step, step: &FullStep, node: &Node, context: &Context<'_>) -> Result<(), Problem> {
    let Some(own) = &step.headers else { return Ok(()) };
    let place = node.get("headers").unwrap_or(node);
    if matches!(resolved.content, Content::Raw(_) | Content::Nothing | Content::Refuse) {
        return Err(at_key(node, "headers", "there is no head to put headers into")
            .help("write them into `raw`, or leave them out"));
    }
    for (name, header) in &own.0 {
        let value = match header {
            file::Header::Text(text) => HeaderValue::Text(text.clone()),
            file::Header::Wait(wait) => {
                let (form, signed) = wait.parts();
                let size = context.duration(Some(signed.size), place, name)?.unwrap_or_default().as_secs_f64();
                HeaderValue::Wait { form, seconds: if signed.negative { -size } else { size } }
            }
        };
        resolved.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        resolved.headers.push((name.to_ascii_lowercase(), value));
    }
    Ok(())
}

/// `set` and `unset`, on a JSON body.
fn change(resolved: &mut Step, step: &FullStep, node: &Node) -> Result<(), Problem> {
    let key = if step.set.is_some() { "set" } else { "unset" };
    if step.set.is_none() && step.unset.is_none() {
        return Ok(());
    }
    let Content::Reply { body: Body::Json(json), .. } = &mut resolved.content else {
        return Err(at_key(node, key, format!("`{key}` changes a JSON body, and this reply has none"))
            .help("write the events out"));
    };
    let wrong = |key: &str, pointer: &str, message: String| {
        let (message, help) = message
            .split_once('\n')
            .map_or((message.as_str(), "it must lead to a place of the reply's JSON"), |pair| pair);
        let place = node.get(key).unwrap_or(node);
        let span = if key == "set" { place.key_span(pointer) } else { place.head() };
        Problem::new(span, message).help(help)
    };
    for (pointer, value) in step.set.iter().flat_map(|set| &set.0) {
        pointer::set(json, pointer, value).map_err(|message| wrong("set", pointer, message))?;
    }
    for pointer in step.unset.iter().flatten() {
        pointer::unset(json, pointer).map_err(|message| wrong("unset", pointer, message))?;
    }
    Ok(())
}

/// A problem with what a step sends.
pub(super) fn empty(node: &Node) -> Problem {
    let problem = at(node, "", "this step sends nothing and ends nothing");
    problem.help("name a `reply`, give `status`, `json`, `body`, `events` or `raw`, or a `cut` alone")
}
