//! What a step sends.

use super::{
    bytes,
    context::{Context, at, at_key},
    step,
};
use crate::{
    scenario::{
        Body, Content, Event,
        file::{FullStep, Item, Tool},
    },
    yaml::{Node, Problem},
};

/// Keys of which a step has at most one.
const ONE_OF: [&str; 5] = ["json", "body", "events", "raw", "status"];

/// A named reply brings its own body.
pub(super) fn nothing_beside_reply(node: &Node) -> Result<(), Problem> {
    match ONE_OF.iter().find(|key| node.get(key).is_some()) {
        Some(key) => Err(at_key(node, key, format!("`{key}` stands beside `reply`"))
            .help("change the reply with `set`, `unset` and `headers`, or write it out")),
        None => Ok(()),
    }
}

/// The content that the keys of a step make.
pub(super) fn content(step: &FullStep, node: &Node, context: &Context<'_>) -> Result<Content, Problem> {
    exclusive(node)?;
    let known = context.bytes;
    if let Some(raw) = &step.raw {
        return Ok(Content::Raw(bytes::in_text(raw, known).map_err(|message| at(node, "raw", message))?));
    }
    let body = if let Some(json) = &step.json {
        Body::Json(json.clone())
    } else if let Some(text) = &step.body {
        Body::Text(bytes::in_text(text, known).map_err(|message| at(node, "body", message))?)
    } else if let Some(items) = &step.events {
        Body::Events(events(items, node.get("events").unwrap_or(node), context)?)
    } else if step.status.is_some() {
        Body::Empty
    } else if step.cut.is_some() {
        return Ok(Content::Nothing);
    } else {
        return Err(step::empty(node));
    };
    Ok(Content::Reply { status: step.status.map_or(200, |status| status.0), body })
}

fn exclusive(node: &Node) -> Result<(), Problem> {
    let given: Vec<&str> = ONE_OF.into_iter().filter(|key| node.get(key).is_some()).collect();
    let bodies = given.iter().filter(|key| **key != "status").count();
    let clash = if bodies > 1 { given.get(1) } else { None };
    // `raw` begins with a status line of its own.
    let raw_and_status = given.contains(&"raw") && given.contains(&"status");
    match clash.copied().or(raw_and_status.then_some("status")) {
        Some(key) => {
            let message =
                format!("`{key}` and `{}` exclude each other", if key == given[0] { given[1] } else { given[0] });
            Err(at_key(node, key, message).help("a reply has one body: keep one of the two"))
        }
        None => Ok(()),
    }
}

fn events(items: &[Item], node: &Node, context: &Context<'_>) -> Result<Vec<Event>, Problem> {
    let place = |n: usize| node.items().get(n).unwrap_or(node);
    items.iter().enumerate().map(|(n, item)| event(item, place(n), context)).collect()
}

fn event(item: &Item, node: &Node, context: &Context<'_>) -> Result<Event, Problem> {
    let in_text = |key: &str, text: &str| bytes::in_text(text, context.bytes).map_err(|message| at(node, key, message));
    Ok(match item {
        Item::Done => Event::Done,
        Item::Text(text) => match bytes::first_named(text, context.bytes) {
            Some(name) => {
                return Err(at(node, "text", format!("`${name}` is bytes, and `text` is JSON"))
                    .help("write the chunk out with `data`"));
            }
            None => Event::Delta(serde_json::json!({ "content": text })),
        },
        Item::Delta(delta) => Event::Delta(delta.clone()),
        Item::Tool(tool) => Event::Delta(tool_delta(tool)),
        Item::Finish(word) => Event::Finish(word.clone()),
        Item::Usage(usage) => Event::Usage(usage.clone()),
        Item::Error(error) => Event::Error(error.clone()),
        Item::Chunk(keys) => Event::Chunk(keys.clone()),
        Item::Data(text) => Event::Data(in_text("data", text)?),
        Item::Comment(text) => Event::Comment(text.clone()),
        Item::Named(named) => Event::Named { event: named.event.clone(), data: named.data.clone() },
        Item::Raw(text) => Event::Raw(in_text("raw", text)?),
        Item::Pause(pause) => Event::Pause(context.duration(Some(*pause), node, "pause")?.unwrap_or_default()),
        Item::Repeat(repeat) => {
            let inner = node.get("repeat").and_then(|repeat| repeat.get("events")).unwrap_or(node);
            Event::Repeat { times: repeat.times.0, events: events(&repeat.events, inner, context)? }
        }
    })
}

/// One fragment of a tool call; keys that are left out are not sent.
fn tool_delta(tool: &Tool) -> serde_json::Value {
    let mut function = serde_json::Map::new();
    function.extend(tool.name.iter().map(|name| ("name".to_owned(), name.clone().into())));
    function.extend(tool.arguments.iter().map(|arguments| ("arguments".to_owned(), arguments.clone().into())));
    let mut call = serde_json::Map::new();
    call.extend(tool.index.map(|index| ("index".to_owned(), index.into())));
    if let Some(id) = &tool.id {
        call.extend([("id".to_owned(), id.clone().into()), ("type".to_owned(), "function".into())]);
    }
    call.insert("function".to_owned(), function.into());
    serde_json::json!({ "tool_calls": [call] })
}
