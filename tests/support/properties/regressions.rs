//! What random inputs found, made smaller by hand: each once broke a must of a correct client, or made something panic.

/// Schedules: name, and what the file says beyond its head.
pub const SCHEDULES: &[(&str, &str)] = &[
    // -- the witness
    (
        "a stream that nobody asked for",
        "primary: [ { events: [ text: Four, finish: stop, done ], cut: { after: 2 events, by: stall } } ]",
    ),
    (
        "a bad event, and then a stall",
        "request: { stream: true }\nprimary: [ { events: [ text: Four, data: '{', pause: 5s, finish: stop, done ] } ]",
    ),
    (
        "a bad event, and then an error",
        "request: { stream: true }\nprimary: [ { events: [ data: '{', error: { code: invalid_request } ], pieces: 7 } ]",
    ),
    (
        "a last event without its end, and then a stall",
        "request: { stream: true }\nprimary: [ { events: [ text: Four, raw: 'data: [DONE]' ], cut: { after: 2 events, by: stall } } ]",
    ),
    (
        "a dropped last event after the end",
        "request: { stream: true }\npolicy: { parser: { unterminated_last_event: drop } }\nprimary: [ { events: [ text: Four, finish: stop, raw: 'data: [DONE]' ] } ]",
    ),
    (
        "a finish before a cut, where a bare end is enough",
        "request: { stream: true }\npolicy: { parser: { stream_end: eof } }\nprimary: [ { events: [ text: Four, finish: stop ], cut: { after: 2 events, by: close } } ]",
    ),
    (
        "a DONE that completes nothing",
        "request: { stream: true }\npolicy: { parser: { stream_end: finish } }\nprimary: [ { events: [ done ], encoding: gzip, pieces: 7 } ]",
    ),
    (
        "a refusal that is not complete",
        "request: { stream: true }\npolicy: { parser: { stream_end: finish } }\nprimary: [ { events: [ delta: { refusal: no }, done ] } ]",
    ),
    (
        "a filter that is not complete",
        "request: { stream: true }\npolicy: { parser: { stream_end: done } }\nprimary: [ { events: [ finish: content_filter ] } ]",
    ),
    ("a blank answer with one signal", "request: { stream: true }\nprimary: [ { events: [ finish: stop ] } ]"),
    (
        "another choice that ends first",
        "request: { stream: true, n: 2 }\nprimary: [ { events: [ chunk: { choices: [ { index: 1, delta: {}, finish_reason: stop } ] }, text: Four ], cut: { after: 2 events, by: close } } ]",
    ),
    (
        "tool calls without an index",
        "request: { stream: true, tools: true }\nprimary: [ { events: [ tool: { id: a, name: get_weather, arguments: '{}' }, tool: { id: b, name: get_weather, arguments: '{}' }, finish: tool_calls, done ] } ]",
    ),
    ("a packed body whose end is missing", "primary: [ { reply: ok, encoding: gzip, framing: { shorter: 5 } } ]"),
    (
        "half a body that is an error",
        "request: { fallback: unsafe }\nprimary: [ { json: { error: { message: something } }, framing: { longer: 5 } } ]",
    ),
    (
        "a second choice without a message",
        "primary: [ { json: { choices: [ { index: 0, message: { content: Four }, finish_reason: stop }, { index: 1 } ] } } ]",
    ),
    (
        "a failed answer of the other kind",
        "request: { stream: true }\nprimary: [ { json: { choices: [ { index: 0, message: { content: Four }, finish_reason: error } ] } } ]",
    ),
    (
        "a refusal of the other kind",
        "request: { stream: true }\nprimary: [ { json: { choices: [ { index: 0, message: { refusal: no }, finish_reason: stop } ] } } ]",
    ),
    (
        "a filter behind a skipped event",
        "request: { stream: true }\npolicy: { parser: { malformed_event: skip } }\nprimary: [ { events: [ data: ping, finish: content_filter, done ] } ]",
    ),
    ("a status beyond all", "primary: [ { raw: \"HTTP/1.1 999 What\\r\\ncontent-length: 0\\r\\n\\r\\n\" } ]"),
    // -- the rules
    ("a whole reply, and then silence", "primary: [ { reply: ok, cut: { after: end, by: stall } } ]"),
    ("a user who leaves with the head", "cancel_after: end\nprimary: [ { status: 429 } ]"),
    (
        "a user who leaves as the fallback answers",
        "cancel_after: end\npolicy: { attempts: 1 }\nprimary: [ { reply: ok, cut: { after: 1 byte, by: stall } } ]\nfallback: [ { status: 520, json: {} } ]",
    ),
    ("a stream reset on accept", "request: { stream: true }\nprimary: [ reset-on-accept ]"),
    (
        "a fallback reset on accept, of several users",
        "users: 2\nprimary: [ { status: 504 } ]\nfallback: [ reset-on-accept ]",
    ),
    (
        "charge-sensitive work reset on accept",
        "request: { charge_sensitive: true }\npolicy: { charge: { idempotency_header: none } }\nprimary: [ reset-on-accept ]",
    ),
    (
        "charge-sensitive work never read",
        "request: { charge_sensitive: true }\nprimary: [ { cut: { after: accept, by: stall } }, ok ]",
    ),
    (
        "charge-sensitive work closed, and then never read",
        "request: { charge_sensitive: true }\nprimary: [ { cut: { after: request, by: close } }, { cut: { after: accept, by: close } } ]",
    ),
    (
        "an empty usage",
        "request: { stream: true }\nprimary: [ { events: [ text: Four, finish: stop, usage: {}, done ] } ]",
    ),
    (
        "a lost primary that goes on",
        "policy: { attempts: 1 }\nprimary: [ { status: 424, json: {}, body_after: 1900ms, framing: { shorter: 5 } } ]",
    ),
    // -- the provider and the loader
    (
        "a connection that stalls after a whole reply",
        "users: 2\narrive: every 3s\nprimary: [ { reply: ok, cut: { after: end, by: stall } } ]",
    ),
    ("a wait for a body that is none", "users: 2\narrive: every 1s\nprimary: [ { status: 308, body_after: 3s } ]"),
    ("a refused stream among plain requests", "primary: [ refuse ]\nusers: [ { request: { stream: true } } ]"),
    (
        "a packed stream whose bytes do not unpack",
        "request: { stream: true }\npolicy: { deadline: 20s }\nusers: [ {}, { at: 1530ms } ]\nprimary: [ { reply: ok, if_reused: { events: [ text: Four, text: Four, finish: stop, done ], pace: 310ms, pieces: 7, encoding: gzip }, for: 1800ms }, ok ]",
    ),
    (
        "a chunk's size byte by byte",
        "request: { stream: true }\nprimary: [ { events: [ done ], body_after: 900ms, pace: 110ms, pieces: 3 } ]",
    ),
    (
        "events in pieces, and pieces in chunks",
        "policy: { deadline: 15s, parser: { keepalive_is_progress: true } }\nrequest: { stream: true }\nprimary: [ { events: [ text: Four, text: Four, text: Four, text: Four, finish: stop, done ], body_after: 530ms, pace: 20ms, pieces: 3, framing: { chunked: 7 } } ]",
    ),
    (
        "a dropped last event where a bare end is enough",
        "request: { stream: true }\npolicy: { parser: { stream_end: eof, unterminated_last_event: drop } }\nprimary: [ { events: [ text: Four, raw: 'data: [DONE]' ] } ]",
    ),
    (
        "a second choice that says nothing",
        "request: { n: 2, stream: true }\npolicy: { parser: { stream_end: finish } }\nprimary: [ { events: [ chunk: { choices: [ { index: 1, delta: {}, finish_reason: null } ] }, text: Four, finish: stop ] } ]",
    ),
    (
        "fallbacks that nobody saw",
        "policy: { breaker: none }\nusers: [ {}, {} ]\nprimary: [ { reply: ok, cut: { after: request, by: close } } ]\nfallback: [ reset-on-accept ]",
    ),
    (
        "a bare end of nothing",
        "request: { stream: true }\npolicy: { attempts: 1, parser: { stream_end: eof } }\nprimary: [ server-error ]\nfallback: [ { events: [ usage: { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 } ] } ]",
    ),
    (
        "a budget that holds nothing",
        "request: { stream: true }\npolicy: { retry_budget: { ratio: 1, cap: 0 }, fallback: { targets: [] } }\nprimary: [ server-error ]",
    ),
    (
        "a fallback that nobody saw takes its time",
        "request: { stream: true }\nusers: 3\nprimary: [ { events: [], for: 1ms }, ok ]\nfallback: [ { cut: { after: accept, by: close, wait: 7200ms }, for: 1ms }, ok ]",
    ),
    (
        "a failure after an event that is skipped",
        "request: { stream: true }\npolicy: { parser: { malformed_event: skip } }\nprimary: [ { events: [ raw: 'data: x', text: Four, finish: error ] } ]",
    ),
    (
        "a breaker that may have opened as an attempt arrived",
        "policy: { attempts: 4, connect_timeout: 500ms, attempt_timeout: 1000ms, idle_timeout: 500ms, semantic_idle_timeout: 750ms, deadline: 5650ms, fallback: { timeout: 250ms, reserve: 250ms }, backoff: { first: 1s, jitter: none } }\nusers: [ { at: 110ms }, {}, {} ]\ncapacity: { primary: 2, fallback: 1 }\nprimary: [ { reply: ok, cut: { after: head, by: close, wait: 5150ms } } ]",
    ),
    (
        "charges that nobody saw",
        "request: { charge_sensitive: true, stream: true }\nusers: [ {}, {} ]\nprimary: [ { cut: { after: accept, by: stall }, for: 1ms }, unavailable ]",
    ),
    (
        "an attempt that ends as the reserve begins",
        "request: { stream: true }\npolicy: { attempts: 2, connect_timeout: 500ms, attempt_timeout: 750ms, idle_timeout: 500ms, semantic_idle_timeout: 750ms, deadline: 2000ms, fallback: { timeout: 500ms, reserve: 750ms }, backoff: { first: 300ms, jitter: none }, breaker: { failures: 1 } }\nusers: [ {}, { at: 1300ms } ]\nprimary: [ { json: {}, head_after: 700ms, cut: { after: head, by: stall } } ]",
    ),
    (
        "the last failure and a success at one moment",
        "request: { stream: true }\nusers: [ {}, { at: 710ms }, { primary: [ { events: [ text: Four, done ], head_after: 310ms, framing: { chunked: 7 } } ] }, { at: 310ms }, {} ]\nprimary: [ { raw: \"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: 65535\\r\\n\\r\\n{}\", for: 1ms }, { raw: \"SSH-2.0-x\\r\\n\", cut: { after: request, by: close } } ]",
    ),
    (
        "a refused connection after a bad request",
        "request: { stream: true }\nprimary: [ { reply: bad-request, headers: { x-should-retry: 'true' }, for: 1ms }, { reply: refuse, for: 200ms }, ok ]",
    ),
    (
        "an answer of the other kind among failures at one moment",
        "users: [ { at: 710ms }, {}, { request: { stream: true }, primary: [ { json: { choices: [ { message: { content: $mark } } ] }, cut: { after: end, by: close } } ] } ]\nprimary: [ { reply: ok, cut: { after: request, by: close } } ]",
    ),
    // -- the reference client
    (
        "a filter in a tool call",
        "request: { stream: true, tools: true }\nprimary: [ { events: [ tool: { index: 0, id: a, name: get_weather, arguments: '{' }, finish: content_filter, done ] } ]",
    ),
    (
        "a refusal with a tool call",
        "request: { tools: true }\nprimary: [ { json: { choices: [ { index: 0, message: { refusal: no, tool_calls: [ { id: a, type: function, function: { name: get_weather, arguments: '{}' } } ] }, finish_reason: length } ] } } ]",
    ),
    (
        "a tool call before a stall",
        "request: { stream: true, tools: true }\nprimary: [ { events: [ tool: { index: 0, id: a, name: get_weather, arguments: '{' }, pause: 5s, done ] } ]",
    ),
    (
        "an error after the finish",
        "request: { stream: true }\nprimary: [ { events: [ text: Four, finish: stop, error: { code: 502 }, done ] } ]",
    ),
    (
        "a late DONE that must be waited for",
        "request: { stream: true }\npolicy: { parser: { stream_end: done } }\nprimary: [ { events: [ text: Four, finish: stop, pause: 500ms, done ] } ]",
    ),
    (
        "an error in the shape of a chunk",
        "request: { stream: true }\nprimary: [ { events: [ text: Four, chunk: { object: error, message: broken }, finish: stop, done ] } ]",
    ),
    (
        "a flat error with a code",
        "request: { fallback: unsafe }\nprimary: [ { json: { message: broken, code: 500 } } ]",
    ),
    (
        "a piece of a tool call, and then a stall until the reserve",
        "request: { stream: true }\npolicy: { attempts: 4, connect_timeout: 500ms, attempt_timeout: 1500ms, idle_timeout: 750ms, semantic_idle_timeout: 1500ms, deadline: 2250ms, fallback: { timeout: 250ms, reserve: 250ms } }\nprimary: [ { events: [ tool: {}, pause: 1190ms, comment: ping ] } ]",
    ),
    (
        "an event that is no chunk",
        "request: { stream: true }\npolicy: { parser: { stream_end: finish } }\nprimary: [ { events: [ data: '[1]' ] } ]",
    ),
    (
        "half an error as the grace ends",
        "request: { stream: true }\nprimary: [ { events: [ text: Four, text: Four, finish: stop, raw: \"error: {\\\"code\\\":429}\\n\\n\" ], cut: { after: 3 events + 5 bytes, by: close, wait: 310ms } } ]",
    ),
    (
        "an empty body in chunks, and then another request",
        "request: { stream: true }\nprimary: [ { status: 200, body: '', pace: 20ms, pieces: 1000, framing: chunked } ]",
    ),
    (
        "a spent quota beside a 403, and a header that says to retry",
        "primary: [ { status: 403, json: { error: { code: credit_balance_exhausted } }, headers: { x-should-retry: 'true' } } ]",
    ),
    (
        "a deadline within the grace",
        "request: { stream: true }\npolicy: { deadline: 2s, attempt_timeout: 1s, fallback: { timeout: 500ms, reserve: 500ms }, parser: { finish_grace: 900ms } }\nprimary: [ { events: [ text: Four, pause: 700ms, finish: stop, pause: 700ms, usage: { total_tokens: 19 }, pause: 700ms, done ], head_after: 500ms } ]",
    ),
    (
        "a spent quota behind a false length",
        "request: { fallback: unsafe }\nprimary: [ { reply: quota-exhausted, framing: { longer: 5 } } ]",
    ),
    (
        "a capacity word beside another status",
        "request: { fallback: unsafe }\nprimary: [ { status: 422, json: { error: { code: capacity_exceeded } } } ]",
    ),
    (
        "a gateway's word beside another status",
        "request: { fallback: unsafe }\nprimary: [ { status: 524, json: { error: { code: bad_response_status_code } } } ]",
    ),
    (
        "a tool's word beside another status",
        "request: { fallback: unsafe }\nprimary: [ { status: 402, json: { error: { code: tool_use_failed } } } ]",
    ),
    (
        "a page that stalls",
        "request: { fallback: unsafe }\nprimary: [ { status: 200, headers: { content-type: text/html }, body: '<html>', cut: { after: 2 bytes, by: stall } } ]",
    ),
    ("a slow body", "primary: [ { reply: ok, pieces: 64, pace: 900ms } ]"),
    (
        "a wait in the head of a stream",
        "request: { stream: true, fallback: unsafe }\nprimary: [ { events: [ error: { code: 429 } ], headers: { retry-after: { secs: 1s } } }, ok ]",
    ),
    (
        "a header against retries in the head of a stream",
        "request: { stream: true, fallback: unsafe }\npolicy: { parser: { x_should_retry: obey } }\nprimary: [ { reply: ok, headers: { x-should-retry: \"False\" }, cut: { after: head, by: close } } ]",
    ),
];

/// Policies that nobody can obey: the reader refuses them.
pub const POLICIES: &[(&str, &str)] =
    &[("a spread below nothing", "retry_after: { spread: -1 }"), ("nothing in flight", "storm: { in_flight: 0 }")];

/// Scenarios that no machine can hold: the loader refuses them.
pub const SCENARIOS: &[(&str, &str)] = &[
    ("events without number", "primary: [ { events: [ repeat: { times: 99999999999, events: [ done ] } ] } ]"),
    (
        "events within events",
        "primary: [ { events: [ repeat: { times: 9999, events: [ repeat: { times: 9999, events: [ done ] } ] } ] } ]",
    ),
    (
        "bytes beyond counting",
        "bytes: { b: { repeat: { bytes: four, times: 4611686018427387904 } } }\nprimary: [ { status: 200, body: $b } ]",
    ),
    (
        "bytes to be sliced",
        "bytes: { b: { repeat: { bytes: four, times: 999999999 } } }\nprimary: [ { status: 200, body: $b, pieces: 1 } ]",
    ),
    ("client objects without number", "client: { copies: 4000000000 }\nprimary: [ server-error ]"),
    ("a prompt without end", "request: { size: 99999999999 }\nprimary: [ server-error ]"),
    ("a conversation without end", "request: { messages: 4000000000 }\nprimary: [ server-error ]"),
];

/// A request: a chunk of one byte, and one of all that a number can say.
pub const REQUEST: &[u8] =
    b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\nffffffffffffffff\r\n";
