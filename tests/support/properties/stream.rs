//! Streams: good ones, with every kind of item that should not matter, and some that should.

use proptest::{collection::vec, option::weighted, prelude::*, sample::select};
use serde_json::{Value as Json, json};

use super::{Any, duration, keys, value, word};

/// What text is made of: marks, letters of one to four bytes, white space.
const TEXTS: [&str; 8] = ["Four", "$mark ", "teen", " days. $mark", "\u{e4}\u{4e16}\u{1f600}", " ", "\n\n", ""];

/// The items of a stream, mostly one that ends well.
pub fn events() -> BoxedStrategy<Vec<Json>> {
    let middle = vec(prop_oneof![6 => text(), 3 => quiet(), 1 => pause(), 1 => odd(), 1 => tool()], 0..7).boxed();
    (prop_oneof![12 => middle, 1 => refusal()], ending()).prop_map(|(middle, ending)| [middle, ending].concat()).boxed()
}

/// The same without anything that waits.
pub fn events_at_once() -> BoxedStrategy<Vec<Json>> {
    let middle = vec(prop_oneof![4 => text(), 4 => quiet(), 2 => odd(), 1 => tool()], 0..7).boxed();
    (prop_oneof![12 => middle, 1 => refusal()], ending()).prop_map(|(middle, ending)| [middle, ending].concat()).boxed()
}

/// Items that put bytes on the wire; nothing for a stream without end.
pub fn count(items: &[Json]) -> Option<u64> {
    let of = |item: &Json| match item.get("repeat") {
        Some(repeat) => Some(repeat["times"].as_u64()? * count(repeat["events"].as_array()?)?),
        None => Some(u64::from(item.get("pause").is_none())),
    };
    items.iter().map(of).sum()
}

/// A refusal in place of an answer.
fn refusal() -> BoxedStrategy<Vec<Json>> {
    vec(word(&["I cannot", " help with that."]).prop_map(|text| json!({ "delta": { "refusal": text } })), 1..4).boxed()
}

fn text() -> Any {
    word(&TEXTS).prop_map(|text| json!({ "text": text })).boxed()
}

/// What changes nothing: keep-alives, roles, other protocols' events, foreign choices.
fn quiet() -> Any {
    value(vec![
        json!({ "comment": "ping" }),
        json!({ "delta": { "role": "assistant", "content": "" } }),
        json!({ "chunk": { "choices": [] } }),
        json!({ "chunk": { "choices": [], "usage": null, "x_vendor": { "n": [1, null] } } }),
        json!({ "chunk": { "error": null, "choices": [ { "delta": { "content": "Four" } } ] } }),
        // One with content would be of two minds where one choice was asked for: some clients put all of it together, others go
        // by the index, and no contract says which. `streaming/choices-side-by-side` asks for two.
        json!({ "chunk": { "choices": [ { "index": 1, "delta": {}, "finish_reason": null } ] } }),
        json!({ "named": { "event": "ping", "data": { "n": 1 } } }),
        json!({ "named": { "event": "message", "data": { "choices": [ { "index": 0, "delta": { "content": "Four" } } ] } } }),
        json!({ "delta": { "reasoning_content": "hm" } }),
        json!({ "delta": { "content": null } }),
        json!({ "delta": { "content": [ { "type": "text", "text": "Four" } ] } }),
        json!({ "raw": "id: 7\nretry: 3\n" }),
        json!({ "raw": "\n\n" }),
        json!({ "raw": "\u{feff}" }),
        json!({ "data": "null" }),
        json!({ "data": "" }),
        json!({ "data": "{\"choices\":\n[]}" }),
    ])
}

fn pause() -> Any {
    let pause = duration().prop_map(|pause| json!({ "pause": pause }));
    // Without a wait an endless run would hold the paused clock.
    let endless = word(&["200ms", "0.4 idle_timeout", "0.9 idle_timeout"]).prop_map(
        |wait| json!({ "repeat": { "times": "forever", "events": [ { "comment": "ping" }, { "pause": wait } ] } }),
    );
    let texts = duration()
        .prop_map(|wait| json!({ "repeat": { "times": 3, "events": [ { "pause": wait }, { "text": "day " } ] } }));
    prop_oneof![6 => pause, 1 => endless, 2 => texts].boxed()
}

/// What should matter.
fn odd() -> Any {
    let named = |data: Json| json!({ "named": { "event": "error", "data": data } });
    prop_oneof![
        2 => super::step::error().prop_map(|error| json!({ "error": error })),
        1 => super::step::error().prop_map(named),
        6 => value(vec![
            json!({ "data": "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Fo" }),
            json!({ "data": "ping" }),
            json!({ "data": "[1]" }),
            json!({ "data": "17" }),
            json!({ "data": "{}" }),
            json!({ "raw": "data: x" }),
            json!({ "raw": "error: {\"code\":429,\"message\":\"slow down\"}\n\n" }),
            json!({ "raw": "error: broken\n\n" }),
            json!({ "named": { "event": "error", "data": "broken" } }),
            json!({ "chunk": { "choices": [ { "index": 0, "error": { "code": 502 }, "delta": {} } ] } }),
            json!({ "chunk": { "choices": null } }),
            json!({ "chunk": { "object": "error", "message": "broken" } }),
            json!({ "finish": "stop" }),
            json!({ "usage": { "prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4 } }),
            json!("done"),
        ]),
    ]
    .boxed()
}

/// Pieces of tool calls, whole and half.
fn tool() -> Any {
    let piece = keys(vec![
        ("index", 0.8, value(vec![json!(0), json!(1)])),
        ("id", 0.5, word(&["call_1", "call_2", ""])),
        ("name", 0.5, word(&["get_weather", "other"])),
        ("arguments", 0.8, word(&["{}", "{\"city\":", "\"Paris\"}", "", "x"])),
    ]);
    piece.prop_map(|piece| json!({ "tool": piece })).boxed()
}

fn ending() -> BoxedStrategy<Vec<Json>> {
    let reasons = ["stop", "tool_calls", "length", "content_filter", "error", "abort", "vendor_word", ""];
    let finish = select(reasons.to_vec()).prop_map(|word| json!({ "finish": word }));
    let finish = prop_oneof![4 => Just(json!({ "finish": "stop" })), 2 => finish];
    let usage = value(vec![
        json!({ "usage": { "prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19 } }),
        json!({ "usage": { "total_tokens": 19, "prompt_tokens": null, "details": { "cached": 0 } } }),
        json!({ "usage": {} }),
    ]);
    let last = value(vec![
        json!("done"),
        json!("done"),
        json!({ "data": " [DONE] " }),
        json!({ "raw": "data: [DONE]" }),
        json!({ "raw": "data: [DONE]\n" }),
    ]);
    let after = prop_oneof![quiet(), odd(), tool()];
    (weighted(0.85, finish), weighted(0.5, usage), weighted(0.85, last), weighted(0.1, after))
        .prop_map(|(finish, usage, last, after)| {
            // After an event without its blank line, any other would be part of it.
            let after = after.filter(|_| last.as_ref().is_none_or(|last| last.get("raw").is_none()));
            [finish, usage, last, after].into_iter().flatten().collect()
        })
        .boxed()
}
