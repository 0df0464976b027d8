//! Steps: what a host does with one attempt, in every way the grammar has.

use std::sync::OnceLock;

use brownout::{
    policy::Policy,
    scenario::{Content, load},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value as Json, json};

use super::{Any, Keys, duration, keys, stream, value, word};

/// What a step sends, and what may be said of it.
#[derive(Debug, Clone)]
struct Said {
    keys: Keys,
    form: Form,
}

/// What there is to delay, to label and to cut.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// No byte.
    Silence,
    /// Bytes from the status line on, so many.
    Raw(u64),
    /// A head, and a body of at least so many bytes.
    Body(u64),
    /// A head and so many events; nothing: without end.
    Events(Option<u64>),
}

/// A step; `lone`: it may end a connection before anybody is known on it.
pub fn step(lone: bool) -> Any {
    (bare(lone), option::weighted(0.04, bare(lone)))
        .prop_map(|(mut step, reused)| {
            step.extend(reused.map(|reused| ("if_reused".to_owned(), short(reused))));
            short(step)
        })
        .boxed()
}

/// A step that says no more than a reply's name is that name.
fn short(step: Keys) -> Json {
    match step.get("reply") {
        Some(name) if step.len() == 1 => name.clone(),
        _ => step.into(),
    }
}

fn bare(lone: bool) -> BoxedStrategy<Keys> {
    let said =
        prop_oneof![6 => named(), 5 => status(), 4 => answer(), 5 => events(), 2 => body(), 1 => raw(), 2 => silence()];
    (said, option::weighted(0.3, headers()), option::weighted(0.4, delivery()), option::weighted(0.25, cut()))
        .prop_map(move |(said, headers, delivery, cut)| whole(said, headers, delivery, cut, lone))
        .boxed()
}

/// The parts that fit what is said.
fn whole(said: Said, headers: Option<Keys>, delivery: Option<Keys>, cut: Option<Cut>, lone: bool) -> Keys {
    let Said { mut keys, form } = said;
    let nothing = matches!(form, Form::Silence);
    let head = matches!(form, Form::Body(_) | Form::Events(_));
    // Events under the label of JSON, and JSON under that of events, are read by some clients and not by others.
    let is_json = |value: &Json| value.as_str().is_some_and(|label| label.starts_with("application/json"));
    let (json, text) = (keys.contains_key("json"), keys.contains_key("body") || keys.contains_key("events"));
    let headers = headers.map(|mut headers| {
        headers.retain(|name, value| name != "content-type" || if is_json(value) { json } else { text });
        headers
    });
    keys.extend(headers.filter(|_| head).map(|headers| ("headers".to_owned(), headers.into())));
    let fits = |key: &str| match key {
        "head_after" => !nothing,
        "pieces" | "pace" => !nothing && !matches!(form, Form::Events(None)),
        // What repeats is packed once.
        "encoding" => head && !matches!(form, Form::Events(None)),
        _ => head,
    };
    let delivery = delivery.into_iter().flatten().filter(|(key, _)| fits(key));
    keys.extend(delivery);
    if keys.get("framing").is_some_and(|framing| framing.get("shorter").is_some()) {
        // Nobody could see what a client asks while we still send what it takes for nothing.
        let at_once = matches!(form, Form::Body(_));
        keys.retain(|key, _| {
            !matches!(key.as_str(), "pieces" | "pace" | "body_after") && (at_once || key != "framing")
        });
    }
    let zipped = keys.contains_key("encoding");
    let own = keys.get("reply").is_some_and(|name| name == "silent");
    // Nobody could see what a client sends on a connection that stalls after a whole reply.
    let kept = |cut: &Cut| !matches!(form, Form::Raw(_)) || (cut.wait.is_none() && matches!(cut.by, "close" | "reset"));
    if let Some(cut) = cut.filter(|cut| !own && kept(cut)) {
        keys.insert("cut".to_owned(), cut.of(form, zipped, lone));
    }
    keys
}

/// A cut before it is known of what.
#[derive(Debug, Clone)]
struct Cut {
    place: u8,
    units: u64,
    bytes: u64,
    by: &'static str,
    wait: Option<Json>,
}

fn cut() -> BoxedStrategy<Cut> {
    let by = select(vec!["close", "reset", "stall", "half-close"]);
    (0..8_u8, 0..60_u64, 0..20_u64, by, option::weighted(0.2, duration()))
        .prop_map(|(place, units, bytes, by, wait)| Cut { place, units, bytes, by, wait })
        .boxed()
}

impl Cut {
    fn of(self, form: Form, zipped: bool, lone: bool) -> Json {
        let up_to = |most: u64| format!("{} bytes", self.units % (most + 1));
        let after = match (form, self.place) {
            (Form::Silence, 0) if lone => "accept".to_owned(),
            (Form::Silence, _) | (_, 0) => "request".to_owned(),
            (Form::Raw(length), _) => up_to(length),
            (_, 1) => "head".to_owned(),
            (Form::Events(None) | Form::Body(_), 2) => "end".to_owned(),
            // What is packed may be shorter.
            (Form::Body(length), _) => up_to(if zipped { length.min(10) } else { length }),
            (Form::Events(all), _) => match self.units % (all.unwrap_or(30) + 1) {
                n if self.bytes > 0 && all.is_none_or(|all| n < all) => format!("{n} events + {} bytes", self.bytes),
                n => format!("{n} events"),
            },
        };
        let mut cut = json!({ "after": after, "by": self.by });
        self.wait.into_iter().for_each(|wait| cut["wait"] = wait);
        cut
    }
}

/// The named replies: which of them send a head.
fn replies() -> &'static [(String, bool)] {
    static REPLIES: OnceLock<Vec<(String, bool)>> = OnceLock::new();
    REPLIES.get_or_init(|| {
        let policy = Policy::default();
        let replies = load::embedded(&policy).expect("the embedded suite loads").replies;
        let has_head = |name: &str| {
            replies.step(name, false, &policy).is_some_and(|step| matches!(step.content, Content::Reply { .. }))
        };
        replies.names().map(|name| (name.to_owned(), has_head(name))).collect()
    })
}

fn named() -> BoxedStrategy<Said> {
    let said = |(name, head): (String, bool)| Said {
        keys: Keys::from_iter([("reply".to_owned(), name.into())]),
        form: if head { Form::Body(0) } else { Form::Silence },
    };
    let any =
        select(replies()).prop_filter("fates before the request are `silence`", |(name, _)| name != "reset-on-accept");
    prop_oneof![1 => Just(("ok".to_owned(), true)), 3 => any].prop_map(said).boxed()
}

fn silence() -> BoxedStrategy<Said> {
    let by = word(&["stall", "reset", "close", "half-close"]);
    by.prop_map(|by| said(json!({ "cut": { "after": "request", "by": by } }), Form::Silence)).boxed()
}

fn said(keys: Json, form: Form) -> Said {
    Said { keys: keys.as_object().cloned().unwrap_or_default(), form }
}

/// An error object in OpenAI's shape: any word the table of causes knows, and others.
pub fn error() -> Any {
    let code = word(&[
        "unknown_word",
        "invalid_request",
        "insufficient_quota",
        "credit_balance_exhausted",
        "insufficient_user_quota",
        "invalid_api_key",
        "authentication_error",
        "permission_denied",
        "model_not_found",
        "content_filter",
        "content_policy_violation",
        "context_length_exceeded",
        "tool_use_failed",
        "rate_limit_exceeded",
        "slow_down",
        "RATE_LIMIT_ERROR",
        "overloaded_error",
        "server_is_overloaded",
        "capacity_exceeded",
        "bad_response_status_code",
        "channel:no_available_key",
        "",
    ]);
    let number = value(
        [400, 401, 402, 403, 404, 408, 413, 422, 429, 498, 500, 502, 503, 524, 529, 200, 99_999]
            .map(Json::from)
            .to_vec(),
    );
    let digits = word(&["429", "503", "400"]);
    let message = word(&[
        "something",
        "You exceeded your quota",
        "Incorrect API key provided",
        "maximum context length is 8192",
        "prompt is too long",
        "violates our content policy",
        "Failed to call a function",
        "Loading model",
        "insufficient balance",
    ]);
    let code = prop_oneof![4 => code.clone(), 2 => number, 1 => digits, 1 => Just(Json::Null)];
    keys(vec![
        ("message", 0.8, message),
        (
            "type",
            0.4,
            word(&[
                "server_error",
                "invalid_request_error",
                "rate_limit_error",
                "overloaded_error",
                "insufficient_quota",
            ]),
        ),
        ("code", 0.8, code.boxed()),
        ("status", 0.1, word(&["RESOURCE_EXHAUSTED", "UNAVAILABLE", "permission_denied"])),
    ])
    .prop_map(Json::from)
    .boxed()
}

/// A status, with an error body in one of the shapes in use, or without one.
fn status() -> BoxedStrategy<Said> {
    let rare = prop_oneof![305..600_u16, 300..304_u16, Just(201), Just(206)];
    let usual = select(vec![
        500_u16, 429, 503, 400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 422, 424, 498, 499, 502, 504, 520, 521,
        524, 525, 529, 301, 302, 307, 308, 200,
    ]);
    let shapes: Vec<fn(Json) -> Json> = vec![
        |error| json!({ "error": error }),
        |error| error,
        |error| json!([ { "error": error } ]),
        |error| json!({ "error": error["message"].as_str().unwrap_or("broken") , "code": error["code"] }),
        |error| json!({ "detail": error["message"] }),
        |error| json!({ "object": "error", "message": error["message"], "type": error["type"] }),
        |error| json!({ "type": "error", "error": error, "request_id": "r1" }),
        |_| json!({ "choices": [] }),
    ];
    let shape = prop_oneof![6 => Just(shapes[0]), 4 => select(shapes)];
    let json = (error(), shape).prop_map(|(error, shape)| ("json", shape(error)));
    let page = word(&[
        "<html><body>Bad Gateway</body></html>",
        "upstream connect error",
        "{\"error\":{\"code\":\"invalid_req",
    ]);
    let body = prop_oneof![5 => json, 1 => page.prop_map(|page| ("body", page))];
    let with = |(status, body): (u16, Option<(&str, Json)>)| {
        let mut keys = Keys::from_iter([("status".to_owned(), status.into())]);
        let length =
            body.as_ref().map_or(0, |(_, body)| body.as_str().map_or_else(|| body.to_string().len(), str::len));
        keys.extend(body.map(|(key, body)| (key.to_owned(), body)));
        Said { keys, form: Form::Body(length as u64) }
    };
    (prop_oneof![6 => usual, 1 => rare], option::weighted(0.8, body)).prop_map(with).boxed()
}

/// Steps that are a completion as JSON.
pub fn answers() -> Any {
    answer().prop_map(|said| said.keys.into()).boxed()
}

/// A completion as JSON, whole or wanting.
fn answer() -> BoxedStrategy<Said> {
    let content = value(vec![
        json!("$mark Fourteen days. $mark"),
        json!(null),
        json!(""),
        json!(" \n"),
        json!("\u{4e16}\u{754c} $mark"),
        json!([ { "type": "text", "text": "Four" }, { "type": "text", "text": "teen" } ]),
    ]);
    let call = keys(vec![
        ("id", 0.9, word(&["call_1", "call_2", ""])),
        ("type", 0.8, word(&["function"])),
        ("function", 0.95, function()),
    ]);
    let message = keys(vec![
        ("role", 0.9, word(&["assistant"])),
        ("content", 0.9, content),
        ("refusal", 0.2, value(vec![json!(null), json!(""), json!("I cannot help with that.")])),
        (
            "tool_calls",
            0.2,
            vec(call, 0..3).prop_map(|calls| Json::from_iter(calls.into_iter().map(Json::from))).boxed(),
        ),
    ]);
    let finish = prop_oneof![
        3 => Just(json!("stop")),
        2 => value(["tool_calls", "length", "content_filter", "error", "function_call", "vendor_word", ""].map(Json::from).to_vec()),
        1 => Just(Json::Null),
    ];
    let choice = keys(vec![
        ("index", 0.9, Just(json!(0)).boxed()),
        ("message", 0.95, message.prop_map(Json::from).boxed()),
        ("finish_reason", 0.9, finish.boxed()),
        ("error", 0.03, error()),
        ("logprobs", 0.2, Just(Json::Null).boxed()),
    ]);
    let usage = value(vec![
        json!({ "prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19 }),
        json!(null),
        json!({}),
        json!({ "total_tokens": 1.5 }),
    ]);
    // What stands in other choices than the first is not looked at by everybody.
    let other = json!({ "index": 1, "message": { "role": "assistant", "content": "other" }, "finish_reason": "stop" });
    let choices = prop_oneof![
        8 => choice.prop_map(|choice| json!([choice])),
        1 => Just(json!([ { "index": 0, "message": { "role": "assistant", "content": "$mark" }, "finish_reason": "stop" }, other ])),
        1 => value(vec![json!([]), json!(null), json!("x")]),
    ];
    let body = keys(vec![
        ("id", 0.7, word(&["chatcmpl-$mark"])),
        ("object", 0.7, word(&["chat.completion"])),
        ("choices", 0.97, choices.boxed()),
        ("usage", 0.5, usage),
        ("error", 0.1, prop_oneof![Just(Json::Null), error()].boxed()),
    ]);
    body.prop_map(|body| said(json!({ "json": body }), Form::Body(2))).boxed()
}

fn function() -> Any {
    let arguments = value(vec![
        json!("{\"city\":\"Paris\"}"),
        json!("{\"city\":"),
        json!(""),
        json!("[]"),
        json!({ "city": "Paris" }),
        json!(null),
    ]);
    keys(vec![("name", 0.95, word(&["get_weather", "other"])), ("arguments", 0.95, arguments)])
        .prop_map(Json::from)
        .boxed()
}

fn events() -> BoxedStrategy<Said> {
    let events = stream::events();
    let with = |(events, status): (Vec<Json>, Option<u16>)| {
        let form = match stream::count(&events) {
            Some(0) => Form::Body(0),
            count => Form::Events(count),
        };
        let mut said = said(json!({ "events": events }), form);
        said.keys.extend(status.map(|status| ("status".to_owned(), status.into())));
        said
    };
    (events, option::weighted(0.05, Just(201_u16))).prop_map(with).boxed()
}

/// A body that is no completion, under one label or another.
fn body() -> BoxedStrategy<Said> {
    let texts = word(&[
        "",
        "four",
        "<!DOCTYPE html><html></html>",
        "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"Four",
        "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"Four\"},\"finish_reason\":\"stop\"}]}",
        "\n\n  {\"choices\":[{\"message\":{\"content\":\"Four\"}}]}\n",
        "\u{feff}{\"choices\":[{\"message\":{\"content\":\"Four\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"Four\"}}]}{}",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Four\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        "[DONE]",
        "null",
        "{}",
        "\"text\"",
    ]);
    texts
        .prop_map(|text| {
            let form = Form::Body(text.as_str().map_or(0, |text| text.len() as u64));
            said(json!({ "status": 200, "body": text }), form)
        })
        .boxed()
}

fn raw() -> BoxedStrategy<Said> {
    let texts = word(&[
        "SSH-2.0-x\r\n",
        "HTTP/1.1 200 OK\r\ncont",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}x",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{\"choices\":[{\"index\":0,\"message\":{\"content\":\"Four\"},\"finish_reason\":\"stop\"}]}",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 65535\r\n\r\n{}",
        "HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n",
        "",
    ]);
    texts
        .prop_map(|text| {
            let form = Form::Raw(text.as_str().map_or(0, |text| text.len() as u64));
            said(json!({ "raw": text }), form)
        })
        .boxed()
}

fn headers() -> BoxedStrategy<Keys> {
    let wait = || {
        prop_oneof![
            3 => word(&["100ms", "1s", "2s", "0ms", "30s", "1h", "0.9 retry_after.ceiling", "1 retry_after.ceiling", "1.1 retry_after.ceiling", "1 deadline"]),
            1 => word(&["-1s", "-1h"]),
        ]
    };
    let text = || word(&["soon", "", "-1", "1.5", "0", "NaN", "99999999999999", "Wed, 21 Oct 2015 07:28:00 GMT"]);
    let after = prop_oneof![
        3 => wait().prop_map(|wait| json!({ "secs": wait })),
        2 => wait().prop_map(|wait| json!({ "date": wait })),
        1 => text(),
    ];
    let after_ms = prop_oneof![3 => wait().prop_map(|wait| json!({ "ms": wait })), 1 => text()];
    keys(vec![
        ("retry-after", 0.6, after.boxed()),
        ("retry-after-ms", 0.2, after_ms.boxed()),
        ("x-should-retry", 0.2, word(&["true", "false", "maybe"])),
        (
            "content-type",
            0.1,
            word(&["application/json; charset=utf-8", "text/event-stream", "text/html", "text/plain", ""]),
        ),
        (
            "location",
            0.15,
            word(&["$url.elsewhere/v1/chat/completions", "$url.primary/v2/chat/completions", "/v1/other"]),
        ),
    ])
}

fn delivery() -> BoxedStrategy<Keys> {
    let framing = value(vec![
        json!("length"),
        json!("chunked"),
        json!("close"),
        json!({ "chunked": 7 }),
        json!({ "longer": 5 }),
        json!({ "shorter": 5 }),
    ]);
    keys(vec![
        ("head_after", 0.25, duration()),
        ("body_after", 0.2, duration()),
        ("pace", 0.2, duration()),
        ("pieces", 0.15, value([1000, 64, 7, 3].map(Json::from).to_vec())),
        ("framing", 0.3, framing),
        ("encoding", 0.15, word(&["gzip"])),
        ("eol", 0.2, word(&["lf", "crlf", "cr"])),
    ])
}
