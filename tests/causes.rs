//! The table of causes: for every row, bytes that end an attempt in it. Expectations come from the table's own words.

use std::collections::BTreeSet;

use brownout::{
    causes::{Causes, Cells, Charged, Circumstances, Class, Demand, Facts, ResultWord, Retry, TooLong, Wire},
    policy::{Policy, Refusal, ShouldRetry, StreamEnd, Unterminated},
    reply,
    scenario::{By, Host, Point},
    transcript::{Attempt, StepFacts},
    wire::{Asked, Ending, Seen, Served},
    yaml::Source,
};
use rstest::rstest;
use tokio::time::Instant;

/// A reply, as far as it was sent, and how the exchange ended.
#[derive(Clone)]
struct Sent {
    bytes: Vec<u8>,
    ending: Ending,
    stream: bool,
    reused: bool,
    content: bool,
    cut_after: Option<Point>,
    n: u32,
}

fn sent(bytes: impl Into<Vec<u8>>, stream: bool) -> Sent {
    Sent { bytes: bytes.into(), ending: Ending::Done, stream, reused: false, content: false, cut_after: None, n: 1 }
}

fn plain(status: u16, body: &str) -> Sent {
    sent(
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
        false,
    )
}

fn typed(status: u16, kind: &str, body: &str) -> Sent {
    sent(format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len()), false)
}

fn code(status: u16, code: &str) -> Sent {
    plain(status, &format!(r#"{{"error":{{"message":"m","type":"t","code":"{code}"}}}}"#))
}

fn says(status: u16, message: &str) -> Sent {
    plain(status, &format!(r#"{{"error":{{"message":"{message}","code":""}}}}"#))
}

fn events(events: &[&str]) -> Sent {
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    sent(
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
        true,
    )
}

fn location(to: &str) -> Sent {
    sent(format!("HTTP/1.1 307 X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"), false)
}

const TEXT: &str = r#"{"choices":[{"index":0,"delta":{"content":"Four"}}]}"#;
const SECOND: &str = r#"{"choices":[{"index":1,"delta":{"content":"No"},"finish_reason":"stop"}]}"#;
const FINISH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const GOOD: &str =
    r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Four"},"finish_reason":"stop"}]}"#;

fn choice(finish: &str, message: &str) -> Sent {
    plain(200, &format!(r#"{{"choices":[{{"index":0,"message":{message},"finish_reason":{finish}}}]}}"#))
}

/// A piece of a tool call; the one that has an id has the name.
fn call(index: &str, id: &str, arguments: &str) -> String {
    let name = if id.is_empty() { "" } else { "f" };
    format!(
        r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":{index},"id":"{id}","function":{{"name":"{name}","arguments":"{arguments}"}}}}]}}}}]}}"#
    )
}

impl Sent {
    fn ended(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Only the first bytes were sent.
    fn cut(mut self, keep: usize, by: By) -> Self {
        self.bytes.truncate(keep);
        self.ending = Ending::Cut(by);
        self
    }

    fn left(self, keep: usize) -> Self {
        Sent { ending: Ending::Left, ..self.cut(keep, By::Stall) }
    }

    fn at_accept(mut self) -> Self {
        self.cut_after = Some(Point::Accept);
        self.cut(0, By::Reset)
    }

    fn reused(mut self) -> Self {
        self.reused = true;
        self
    }

    fn shown(mut self) -> Self {
        self.content = true;
        self
    }

    /// The request asked for something else than came.
    fn asked_for(mut self, stream: bool) -> Self {
        self.stream = stream;
        self
    }

    /// So many choices were asked for.
    fn choices(mut self, n: u32) -> Self {
        self.n = n;
        self
    }

    /// More bytes, and the connection's end is the body's.
    fn and(mut self, more: &str) -> Self {
        let body = self.bytes.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        self.bytes = [head, &self.bytes[body..], more.as_bytes()].concat();
        self
    }

    /// Everything but the last bytes.
    fn but(self, missing: usize, by: By) -> Self {
        let keep = self.bytes.len() - missing;
        self.cut(keep, by)
    }

    fn attempt(&self, policy: &Policy) -> Attempt {
        let now = Instant::now();
        let asked = Asked {
            method: "POST".to_owned(),
            target: "/v1/chat/completions".to_owned(),
            headers: [("host", "127.0.0.1:9")].into_iter().collect(),
            body: format!(r#"{{"stream":{},"n":{}}}"#, self.stream, self.n).into_bytes(),
        };
        let seen = Seen {
            host: Host::Primary,
            connection: 0,
            reused: self.reused,
            accepted: now,
            requested: self.cut_after.is_none().then_some(now),
            request: Some(asked),
            user: Some(0),
            served: Served::Step,
            step: String::new(),
            index: 0,
            own_script: false,
            faulty: true,
            first_byte: None,
            last_byte: None,
            ended: Some(now),
            ending: self.ending,
            cut_after: self.cut_after,
            sent: self.bytes.clone(),
            sent_len: self.bytes.len() as u64,
            wait_asked: None,
            sends: Vec::new(),
        };
        let reading = reply::read(&seen, policy, &Causes::embedded().phrases(policy));
        Attempt { wire: reading.wire, reply: reading.facts, reused: self.reused, ..blank() }
    }
}

fn blank() -> Attempt {
    Attempt {
        user: Some(0),
        host: Host::Primary,
        number: 1,
        connection: 0,
        reused: false,
        accepted: 0,
        arrived: 0,
        first_byte: None,
        last_byte: None,
        ended: None,
        request: None,
        step: StepFacts { label: String::new(), index: 0, faulty: true },
        wire: Wire::Whole,
        sent: 0,
        reply: brownout::transcript::ReplyFacts::default(),
        pace: None,
        hops: Vec::new(),
    }
}

fn cause(sent: &Sent, policy: &Policy) -> String {
    let attempt = sent.attempt(policy);
    let found = Causes::embedded().find(policy, &Facts::of(&attempt, sent.content));
    found.map_or_else(|| "good".to_owned(), |cause| cause.id.clone())
}

#[rstest]
// network
#[case("closed-before-request", plain(200, GOOD).at_accept())]
#[case("stale-connection", plain(200, GOOD).cut(0, By::Reset).reused())]
#[case("closed-before-head", plain(200, GOOD).cut(0, By::Close))]
#[case("closed-in-head", plain(200, GOOD).cut(20, By::Reset))]
#[case("illegal-http", sent("SSH-2.0\r\n", false))]
#[case("illegal-http", sent("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}", false))]
#[case("illegal-http", sent("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", false))]
#[case("timeout-before-head", plain(200, GOOD).left(0))]
#[case("timeout-before-head", plain(200, GOOD).left(10))]
// a 2xx head, then the wire fails
#[case("timeout-in-body", { let s = plain(200, GOOD); let n = s.bytes.len() - 5; s.left(n) })]
#[case("body-cut", plain(200, GOOD).but(5, By::Close))]
#[case("stream-stall-before-content", { let s = events(&[TEXT, FINISH]); s.left(100) })]
#[case("stream-stall-after-content", { let s = events(&[TEXT, FINISH]); let n = s.bytes.len() - 60; s.left(n).shown() })]
#[case("stream-cut-before-content", events(&[TEXT, FINISH]).but(60, By::Close))]
#[case("stream-cut-after-content", events(&[TEXT, FINISH]).but(60, By::Reset).shown())]
// redirects
#[case("redirect-cross-origin", location("http://127.0.0.1:10/x"))]
#[case("redirect-same-origin", location("http://127.0.0.1:9/x"))]
#[case("redirect-same-origin", location("/x"))]
// codes beat the status
#[case("invalid-request-code", code(500, "invalid_request"))]
#[case("invalid-request-code", code(400, "invalid_request"))]
#[case("quota-refused", code(403, "insufficient_user_quota"))]
#[case("quota-refused", says(403, "Insufficient balance"))]
#[case("quota-spent", code(429, "insufficient_quota"))]
#[case("quota-spent", code(429, "Insufficient_Quota"))]
#[case("key-refused-400", code(400, "invalid_api_key"))]
#[case("key-refused-400", says(400, "Wrong API key"))]
#[case("key-refused", plain(401, "{}"))]
#[case("access-refused", code(403, "permission_denied"))]
#[case("model-not-found-503", code(503, "model_not_found"))]
#[case("model-not-found", code(404, "model_not_found"))]
#[case("content-filter-error", code(400, "content_filter"))]
#[case("context-too-long", says(400, "maximum context length is 8192"))]
#[case("model-output-refused", code(400, "tool_use_failed"))]
#[case("larger-than-limit", code(413, "rate_limit_exceeded"))]
#[case("rate-limited-503", code(503, "slow_down"))]
#[case("rate-limited", plain(429, ""))]
#[case("rate-limited", plain(200, r#"{"error":{"code":"429"}}"#))]
#[case("overloaded", code(500, "overloaded_error"))]
#[case("overloaded", plain(529, "{}"))]
#[case("tier-capacity", plain(498, "{}"))]
#[case("gateway-channel", code(500, "channel:no_available_key"))]
// status
#[case("http-400", says(400, "no"))]
#[case("http-402", plain(402, "{}"))]
#[case("blocked-at-edge", typed(403, "text/html", "<html></html>"))]
#[case("http-403", plain(403, "{}"))]
#[case("http-404", plain(404, "{}"))]
#[case("http-405-415", plain(415, "{}"))]
#[case("http-408", plain(408, "{}"))]
#[case("http-409", plain(409, "{}"))]
#[case("http-413", plain(413, "{}"))]
#[case("http-422", plain(422, "{}"))]
#[case("http-424", plain(424, "{}"))]
#[case("http-499", plain(499, "{}"))]
#[case("http-4xx", plain(418, "{}"))]
#[case("http-500", plain(500, "").but(0, By::Reset))]
#[case("http-502", typed(502, "text/html", "<html></html>"))]
#[case("loading-model", says(503, "Loading model"))]
#[case("http-503", plain(503, "{}"))]
#[case("http-504-524", plain(524, "{}"))]
#[case("http-520-523", plain(521, "{}"))]
#[case("http-525-526", plain(525, "{}"))]
#[case("http-5xx", plain(599, "{}"))]
#[case("http-502", plain(200, r#"{"error":{"code":502,"message":"m"}}"#))]
#[case("http-502", plain(200, r#"{"choices":[{"error":{"code":502},"message":{}}]}"#))]
// a 2xx that is no answer
#[case("stream-error", events(&[TEXT, r#"{"error":{"message":"gone"}}"#, "[DONE]"]))]
#[case("stream-error", events(&[r#"{"error":{"message":"gone"}}"#]).but(0, By::Reset))]
#[case("error-in-2xx", plain(200, r#"{"error":{"message":"gone"}}"#))]
#[case("html-in-2xx", typed(200, "text/html", "<!DOCTYPE html><p>hello"))]
#[case("empty-2xx", plain(200, "\n\n"))]
#[case("truncated-json", plain(200, r#"{"choices":[{"#))]
#[case("not-json", plain(200, "upstream connect error"))]
#[case("no-choices", plain(200, r#"{"choices":[]}"#))]
#[case("no-choices", plain(200, r#"{"choices":null}"#))]
#[case("no-choices", plain(200, r#"{"choices":[{"index":0}]}"#))]
#[case("wrong-content-type", typed(200, "text/plain", GOOD))]
#[case("wrong-kind", plain(200, GOOD).asked_for(true))]
#[case("wrong-kind", events(&[TEXT, FINISH, "[DONE]"]).asked_for(false))]
#[case(
    "no-events",
    sent("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 8\r\n\r\n: ping\n\n", true)
)]
#[case("malformed-event", events(&[TEXT, r#"{"choices":[{"#, FINISH, "[DONE]"]))]
// an answer with a catch
#[case("finish-error", choice("\"error\"", r#"{"content":"a"}"#))]
#[case("refusal", choice("\"stop\"", r#"{"content":null,"refusal":"no"}"#))]
#[case("content-filtered", choice("\"content_filter\"", r#"{"content":"a"}"#))]
#[case("cut-by-length", choice("\"length\"", r#"{"content":"a"}"#))]
#[case("last-event-unterminated", events(&[TEXT]).and("data: [DONE]"))]
#[case("stream-end-bare", events(&[TEXT]))]
#[case("stream-end-bare", events(&[TEXT, SECOND]).choices(2))]
#[case("stream-end-finish-only", events(&[TEXT, FINISH]))]
#[case("stream-end-finish-only", { let mut s = events(&[TEXT, FINISH, "[DONE]"]); s.bytes.truncate(s.bytes.len() - 14); s.ended(Ending::Cut(By::Reset)) })]
#[case("stream-end-done-only", events(&[TEXT, "[DONE]"]))]
#[case("finish-unlisted", choice("\"guardrail\"", r#"{"content":"a"}"#))]
#[case("finish-unlisted", choice("null", r#"{"content":"a"}"#))]
#[case(
    "bad-tool-call",
    choice("\"tool_calls\"", r#"{"content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":"}}]}"#)
)]
#[case("bad-tool-call", events(&[&call("0", "a", "{"), &call("0", "", "{}"), FINISH, "[DONE]"]))]
#[case("blank-answer", choice("\"stop\"", r#"{"content":"  "}"#))]
// good answers
#[case("good", plain(200, GOOD))]
#[case("good", plain(200, &format!("\n\n{GOOD}\n")))]
#[case("good", events(&[TEXT, FINISH, "[DONE]"]))]
#[case("good", events(&[TEXT, FINISH, "[DONE]"]).but(0, By::Reset))]
#[case("good", choice("\"tool_calls\"", r#"{"content":null,"tool_calls":[{"function":{"name":"f","arguments":""}}]}"#))]
#[case("good", events(&[&call("0", "a", "{}"), &call("0", "b", "{"), &call("0", "", "}"), FINISH, "[DONE]"]))]
#[case("good", events(&[&call("null", "a", "{"), &call("null", "", "}"), &call("null", "b", "{}"), FINISH, "[DONE]"]))]
#[case("good", events(&[TEXT, SECOND, FINISH, "[DONE]"]).choices(2))]
#[case("good", events(&[TEXT, FINISH]).and("data: [DONE]\n").but(0, By::Close))]
#[case("good", events(&[r#"{"choices":[],"prompt_filter_results":[]}"#, TEXT, "null", r#"{"error":null,"choices":[{"index":0,"delta":null}]}"#, FINISH, r#"{"choices":[],"usage":{}}"#, "[DONE]", "garbage"]))]
fn bytes_end_in_their_row(#[case] row: &str, #[case] sent: Sent) {
    assert_eq!(cause(&sent, &Policy::default()), row);
}

#[test]
fn a_dropped_signal_is_missed_only_where_no_other_completes_the_stream() {
    let mut policy = Policy::default();
    policy.parser.unterminated_last_event = Unterminated::Drop;
    let both = events(&[TEXT, FINISH]).and("data: [DONE]\n");
    // Dropped, it was never there.
    assert_eq!(cause(&both, &policy), "stream-end-finish-only");
    assert_eq!(cause(&events(&[TEXT]).and("data: [DONE]\n"), &policy), "last-event-unterminated");
    policy.parser.stream_end = StreamEnd::Done;
    assert_eq!(cause(&both, &policy), "last-event-unterminated");
}

#[test]
fn where_one_choice_was_asked_for_every_index_means_it() {
    let both = |n: u32| {
        let sent = events(&[TEXT, SECOND, "[DONE]"]).choices(n);
        sent.attempt(&Policy::default()).reply.text
    };
    assert_eq!((both(1), both(2)), ("FourNo".len(), "Four".len()));
}

/// Rows that bytes cannot end in: they depend on when, on who left, or on what this provider cannot do.
const BY_WIRE_ALONE: [(&str, Wire); 8] = [
    ("unscripted", Wire::Unscripted),
    ("user-left", Wire::UserLeft),
    ("deadline-passed", Wire::Deadline),
    ("connect-refused", Wire::Refused),
    ("dns-failed", Wire::Dns),
    ("certificate-refused", Wire::Certificate),
    ("tls-failed", Wire::Tls),
    ("connect-timeout", Wire::ConnectTimeout),
];

#[test]
fn the_wire_alone_decides_where_no_head_arrived() {
    let policy = Policy::default();
    for (row, wire) in BY_WIRE_ALONE {
        let attempt = Attempt { wire, ..blank() };
        let found = Causes::embedded().find(&policy, &Facts::of(&attempt, false));
        assert_eq!(found.map(|cause| cause.id.as_str()), Some(row));
    }
}

#[test]
fn every_row_is_tried_in_this_file() {
    let text = include_str!("causes.rs");
    let untried: BTreeSet<_> = Causes::embedded()
        .causes
        .iter()
        .map(|cause| &cause.id)
        .filter(|id| !text.contains(&format!("\"{id}\"")))
        .collect();
    assert!(untried.is_empty(), "{untried:?}");
}

#[test]
fn no_prefix_of_any_reply_panics() {
    for sent in [
        plain(200, GOOD),
        events(&[TEXT, FINISH, "[DONE]"]),
        code(429, "x"),
        sent("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", true),
    ] {
        for keep in 0..=sent.bytes.len() {
            for ending in [Ending::Done, Ending::Left, Ending::Open, Ending::Cut(By::Reset), Ending::Cut(By::HalfClose)]
            {
                cause(&sent.clone().cut(keep, By::Close).ended(ending), &Policy::default());
            }
        }
    }
}

/// Nothing special around an attempt at the primary.
fn usual() -> Circumstances {
    Circumstances {
        host: Host::Primary,
        in_band: false,
        stream: false,
        should_retry: None,
        wait: None,
        under_reserve: false,
        fallback_safe: true,
        charge_sensitive: false,
        same_idempotency_key: false,
        content: false,
    }
}

fn cells(row: &str, policy: &Policy, change: impl FnOnce(&mut Circumstances)) -> Cells {
    let mut circumstances = usual();
    change(&mut circumstances);
    let table = Causes::embedded();
    table.cells(table.row(row).expect("a row"), policy, &circumstances)
}

#[test]
fn circumstances_change_cells_from_top_to_bottom() {
    let policy = Policy::default();
    let plain = |row: &str| cells(row, &policy, |_| ());
    assert_eq!(
        (plain("http-500").retry, plain("http-500").fallback, plain("http-500").charged),
        (Retry::Must, Demand::Must, Charged::Unknown)
    );
    let in_band = cells("rate-limited", &policy, |c| c.in_band = true);
    assert_eq!((in_band.retry, in_band.charged), (Retry::May, Charged::Unknown), "the model may have run");
    let too_long = cells("rate-limited", &policy, |c| c.wait = Some(TooLong::BeyondCeiling));
    assert_eq!((too_long.retry, too_long.fallback), (Retry::Never, Demand::Must));
    assert_eq!(
        cells("http-500", &policy, |c| c.wait = Some(TooLong::BeyondCeiling)).retry,
        Retry::Must,
        "a 500 names no wait"
    );
    assert_eq!(cells("http-500", &policy, |c| c.under_reserve = true).fallback, Demand::May);
    assert_eq!(cells("http-500", &policy, |c| c.fallback_safe = false).fallback, Demand::Never);
    let there = cells("http-500", &policy, |c| c.host = Host::Fallback);
    assert_eq!((there.retry, there.fallback, there.mode.to_string().as_str()), (Retry::May, Demand::Never, "fallback"));
}

#[test]
fn charge_and_delivery_forbid_and_nothing_undoes_it() {
    let policy = Policy::default();
    let charged = cells("http-500", &policy, |c| c.charge_sensitive = true);
    assert_eq!((charged.retry, charged.fallback), (Retry::Never, Demand::Never));
    let deduplicated = cells("http-500", &policy, |c| (c.charge_sensitive, c.same_idempotency_key) = (true, true));
    assert_eq!(
        (deduplicated.retry, deduplicated.fallback),
        (Retry::Must, Demand::Never),
        "no two providers share a key"
    );
    assert_eq!(cells("rate-limited", &policy, |c| c.charge_sensitive = true).retry, Retry::Must, "surely not charged");
    let shown = cells("stream-error", &policy, |c| (c.content, c.stream, c.in_band) = (true, true, true));
    assert_eq!((shown.retry, shown.fallback, shown.charged), (Retry::Never, Demand::Never, Charged::Yes));
    assert!(shown.classes.contains(&Class::StreamInterrupted));
}

#[test]
fn x_should_retry_is_worth_what_the_policy_says_and_stop_codes_stay() {
    let with = |value: ShouldRetry| {
        let mut policy = Policy::default();
        policy.parser.x_should_retry = value;
        policy
    };
    let yes = |c: &mut Circumstances| c.should_retry = Some("true".to_owned());
    let no = |c: &mut Circumstances| c.should_retry = Some("false".to_owned());
    assert_eq!(cells("http-500", &with(ShouldRetry::Obey), no).retry, Retry::Never);
    assert_eq!(cells("http-500", &with(ShouldRetry::Either), no).retry, Retry::May);
    assert_eq!(cells("http-500", &with(ShouldRetry::Ignore), no).retry, Retry::Must);
    assert_eq!(cells("http-400", &with(ShouldRetry::Either), yes).retry, Retry::May);
    assert_eq!(
        cells("quota-spent", &with(ShouldRetry::Obey), yes).retry,
        Retry::Never,
        "a stop code beats every header"
    );
}

#[test]
fn switches_and_overrides_decide_where_practice_differs() {
    let mut policy = Policy::default();
    assert_eq!(cells("stream-end-bare", &policy, |_| ()).results, [ResultWord::Failed]);
    assert_eq!(cells("stream-end-done-only", &policy, |_| ()).results, [ResultWord::Completed]);
    assert_eq!(
        cells("stream-end-done-only", &policy, |_| ()).retry,
        Retry::Never,
        "a good answer is not asked for again"
    );
    policy.parser.stream_end = StreamEnd::Eof;
    policy.parser.refusal = Refusal::Text;
    policy.parser.model_not_found_late_retry = false;
    assert_eq!(cells("stream-end-bare", &policy, |_| ()).results, [ResultWord::Completed]);
    assert_eq!(cells("refusal", &policy, |_| ()).results, [ResultWord::Refused, ResultWord::Completed]);
    assert_eq!(cells("model-not-found-503", &policy, |_| ()).retry, Retry::Never);
    let stated = "cells: { http-409: { retry: never } }\nfallback: { \"on\": { key-refused: never } }\n";
    let policy = Policy::parse(&Source::new("brownout.yaml", stated)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(cells("http-409", &policy, |_| ()).retry, Retry::Never);
    assert_eq!(cells("key-refused", &policy, |_| ()).fallback, Demand::Never);
}

#[test]
fn a_policys_own_causes_come_first() {
    let stated = "causes:\n  - { id: our-gateway, match: { code: [E1234] }, mode: rate-quota, retry: never, fallback: must, charged: \"no\", waits: none, classes: [quota], source: [our gateway] }\n";
    let policy = Policy::parse(&Source::new("brownout.yaml", stated)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(cause(&code(429, "E1234"), &policy), "our-gateway");
}

#[rstest]
#[case("deadlin: 8s", (1, 1), "unknown key `deadlin`", "did you mean `deadline`?")]
#[case("attempts: 0", (1, 11), "no attempt at all", "1")]
#[case("attempts: three", (1, 11), "", "")]
#[case("deadline: 8", (1, 11), "", "quote it")]
#[case("deadline: 8 s", (1, 11), "`8 s` is not a duration: write it like 250ms, 2s, 10m or 1h", "")]
#[case("deadline: 1s", (1, 1), "the reserve of 1500ms leaves the primary nothing of the deadline of 1s", "below")]
#[case("version: 2", (1, 10), "version 2 is not known here", "version: 1")]
#[case("backoff: { jitter: fuzzy }", (1, 20), "unknown value `fuzzy`", "full")]
#[case("backoff: { factor: 0.5 }", (1, 20), "waits would shrink", "1 or more")]
#[case("fallback: { targets: [primary] }", (1, 23), "only `fallback` can be a target", "[]")]
#[case("cells: { htp-409: { retry: never } }", (1, 10), "there is no cause `htp-409`", "did you mean `http-409`?")]
#[case("cells: { http-402: { retry: may } }", (1, 10), "the cell retry of `http-402` is fixed", "brownout explain http-402")]
#[case("request: { profile: cometai }", (1, 21), "unknown value `cometai`", "did you mean `cometapi`?")]
#[case("request: { allows: [/top_k, weight] }", (1, 29), "`weight` is no JSON pointer", "write `/top_k`")]
#[case("fallback: { refuses: [tool] }", (1, 23), "unknown value `tool`", "did you mean `tools`?")]
#[case("fallback: { profile: grok }", (1, 22), "unknown value `grok`", "did you mean `groq`?")]
#[case("storm: { amplification: 0.5 }", (1, 25), "less than one attempt a user request", "1 or more")]
#[case("- attempts", (1, 1), "a policy is a map of keys", "attempts: 3")]
fn bad_policies(#[case] text: &str, #[case] place: (usize, usize), #[case] message: &str, #[case] help: &str) {
    let error = Policy::parse(&Source::new("brownout.yaml", text)).expect_err("it is bad");
    assert_eq!((error.line, error.column), place, "{error}");
    assert!(error.message.contains(message) && error.help.clone().unwrap_or_default().contains(help), "{error}");
}

#[test]
fn a_policy_states_only_what_differs() {
    let stated = "deadline: 20s\nendpoint: { auth: { header: api-key } }\nbreaker: none\n";
    let policy = Policy::parse(&Source::new("brownout.yaml", stated)).unwrap_or_else(|error| panic!("{error}"));
    let default = Policy::default();
    assert_eq!(policy.deadline.as_secs(), 20);
    assert_eq!((policy.attempts, &policy.endpoint.path), (default.attempts, &default.endpoint.path));
    assert!(policy.breaker.as_ref().is_none() && default.breaker.as_ref().is_some());
}

#[test]
fn the_table_fits_its_schema_and_its_ids_are_unique() {
    let text = include_str!("../harness/causes.yaml");
    let json = brownout::yaml::parse(&Source::new("causes.yaml", text)).expect("YAML").root.to_json();
    let validator = jsonschema::validator_for(&brownout::scenario::schema::causes()).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let twice = text.replace("id: dns-failed", "id: connect-refused");
    let error = Causes::parse(&Source::new("causes.yaml", twice)).expect_err("an id stands twice");
    assert!(error.message.contains("`connect-refused` stands here a second time"), "{error}");
}
