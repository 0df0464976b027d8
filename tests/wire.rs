//! Every delivery and fault, read off a raw socket byte for byte, with the ending. The bytes were written by hand.

mod support {
    pub mod raw;
}

use std::{io::ErrorKind, time::Duration};

use brownout::{
    scenario::Host,
    wire::{Ending, Served as How},
};
use rstest::rstest;
use support::raw::{End, serve, undated};
use tokio::io::AsyncWriteExt;

const FOUR: &str = "primary: [ { status: 200, headers: { content-type: text/plain }, body: four";
const HEAD: &str = "HTTP/1.1 200 OK\r\n";
const PLAIN: &str = "content-type: text/plain\r\n\r\n";
const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn four(rest: &str) -> String {
    format!("{FOUR}{rest} }} ]")
}

/// A stream of two events of five and six bytes of payload.
fn stream(rest: &str) -> String {
    format!("primary: [ {{ events: [ data: one, data: three, done ]{rest} }} ]")
}

fn raw(bytes: &str) -> String {
    format!("primary: [ {{ raw: {} }} ]", serde_json::to_string(bytes).expect("a string"))
}

/// A chunk of a chunked body.
fn chunk(payload: &str) -> String {
    format!("{:x}\r\n{payload}\r\n", payload.len())
}

const ONE: &str = "b\r\ndata: one\n\n\r\n";
const THREE: &str = "d\r\ndata: three\n\n\r\n";
const DONE: &str = "e\r\ndata: [DONE]\n\n\r\n";
const LAST: &str = "0\r\n\r\n";

#[rstest]
// framing
#[case::length(four(""), format!("{HEAD}content-length: 4\r\n{PLAIN}four"), End::Open)]
#[case::an_empty_body_in_chunks("primary: [ { status: 200, body: '', framing: chunked } ]".to_owned(), format!("{HEAD}transfer-encoding: chunked\r\n\r\n0\r\n\r\n"), End::Open)]
#[case::chunked(four(", framing: chunked"), format!("{HEAD}transfer-encoding: chunked\r\n{PLAIN}4\r\nfour\r\n0\r\n\r\n"), End::Open)]
#[case::chunks_of_three(four(", framing: { chunked: 3 }"), format!("{HEAD}transfer-encoding: chunked\r\n{PLAIN}3\r\nfou\r\n1\r\nr\r\n0\r\n\r\n"), End::Open)]
#[case::until_close(four(", framing: close"), format!("{HEAD}connection: close\r\n{PLAIN}four"), End::Fin)]
#[case::too_long(four(", framing: { longer: 3 }"), format!("{HEAD}content-length: 7\r\n{PLAIN}four"), End::Fin)]
#[case::too_long_and_stalls(four(", framing: { longer: 3 }, cut: { after: end, by: stall }"), format!("{HEAD}content-length: 7\r\n{PLAIN}four"), End::Open)]
#[case::too_short(four(", framing: { shorter: 3 }"), format!("{HEAD}content-length: 1\r\n{PLAIN}four"), End::Fin)]
#[case::pieces_of_one(four(", pieces: 1"), format!("{HEAD}content-length: 4\r\n{PLAIN}four"), End::Open)]
// cuts of a plain body
#[case::cut_at_request(four(", cut: { after: request, by: close }"), String::new(), End::Fin)]
#[case::reset_at_request(four(", cut: { after: request, by: reset }"), String::new(), End::Rst)]
#[case::stall_at_request(four(", cut: { after: request, by: stall }"), String::new(), End::Open)]
#[case::half_close_at_request(four(", cut: { after: request, by: half-close }"), String::new(), End::Fin)]
#[case::cut_at_head(four(", cut: { after: head, by: close }"), format!("{HEAD}content-length: 4\r\n{PLAIN}"), End::Fin)]
#[case::reset_at_head(four(", cut: { after: head, by: reset, wait: 10ms }"), format!("{HEAD}content-length: 4\r\n{PLAIN}"), End::Rst)]
#[case::stall_at_head(four(", cut: { after: head, by: stall }"), format!("{HEAD}content-length: 4\r\n{PLAIN}"), End::Open)]
#[case::cut_in_the_body(four(", cut: { after: 3 bytes, by: close }"), format!("{HEAD}content-length: 4\r\n{PLAIN}fou"), End::Fin)]
#[case::reset_in_the_body(four(", cut: { after: 3 bytes, by: reset, wait: 10ms }"), format!("{HEAD}content-length: 4\r\n{PLAIN}fou"), End::Rst)]
#[case::half_close_in_the_body(four(", cut: { after: 3 bytes, by: half-close }"), format!("{HEAD}content-length: 4\r\n{PLAIN}fou"), End::Fin)]
#[case::stall_in_the_body(four(", cut: { after: 3 bytes, by: stall }"), format!("{HEAD}content-length: 4\r\n{PLAIN}fou"), End::Open)]
#[case::cut_inside_a_chunk(four(", framing: chunked, cut: { after: 3 bytes, by: close }"), format!("{HEAD}transfer-encoding: chunked\r\n{PLAIN}4\r\nfou"), End::Fin)]
#[case::no_terminator(four(", framing: chunked, cut: { after: end, by: close }"), format!("{HEAD}transfer-encoding: chunked\r\n{PLAIN}4\r\nfour\r\n"), End::Fin)]
// streams
#[case::events(stream(""), format!("{STREAM}{ONE}{THREE}{DONE}{LAST}"), End::Open)]
#[case::cut_between_events(stream(", cut: { after: 1 event, by: close }"), format!("{STREAM}{ONE}"), End::Fin)]
#[case::cut_inside_an_event(stream(", cut: { after: 1 event + 8 bytes, by: close }"), format!("{STREAM}{ONE}d\r\ndata: th"), End::Fin)]
#[case::reset_inside_an_event(stream(", cut: { after: 1 event + 8 bytes, by: reset, wait: 10ms }"), format!("{STREAM}{ONE}d\r\ndata: th"), End::Rst)]
#[case::stall_inside_an_event(stream(", cut: { after: 1 event + 8 bytes, by: stall }"), format!("{STREAM}{ONE}d\r\ndata: th"), End::Open)]
#[case::cut_before_the_terminator(stream(", cut: { after: end, by: close }"), format!("{STREAM}{ONE}{THREE}{DONE}"), End::Fin)]
#[case::length_framed_stream(stream(", framing: length"), "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 38\r\n\r\ndata: one\n\ndata: three\n\ndata: [DONE]\n\n".to_owned(), End::Open)]
#[case::crlf(stream(", eol: crlf"), format!("{STREAM}d\r\ndata: one\r\n\r\n\r\nf\r\ndata: three\r\n\r\n\r\n10\r\ndata: [DONE]\r\n\r\n\r\n{LAST}"), End::Open)]
#[case::cr(stream(", eol: cr"), format!("{STREAM}b\r\ndata: one\r\r\r\nd\r\ndata: three\r\r\r\ne\r\ndata: [DONE]\r\r\r\n{LAST}"), End::Open)]
#[case::bom("primary: [ { events: [ raw: \"\\uFEFF\", data: one ] } ]".to_owned(), format!("{STREAM}3\r\n\u{feff}\r\n{ONE}{LAST}"), End::Open)]
#[case::comment("primary: [ { events: [ comment: ping, data: one ] } ]".to_owned(), format!("{STREAM}8\r\n: ping\n\n\r\n{ONE}{LAST}"), End::Open)]
#[case::multi_line("primary: [ { events: [ data: \"a\\nb\" ] } ]".to_owned(), format!("{STREAM}11\r\ndata: a\ndata: b\n\n\r\n{LAST}"), End::Open)]
#[case::no_space("primary: [ { events: [ raw: \"data:one\\n\\n\" ] } ]".to_owned(), format!("{STREAM}a\r\ndata:one\n\n\r\n{LAST}"), End::Open)]
#[case::named("primary: [ { events: [ named: { event: ping, data: { n: 1 } } ] } ]".to_owned(), format!("{STREAM}{}{LAST}", chunk("event: ping\ndata: {\"n\":1}\n\n")), End::Open)]
#[case::no_final_blank_line("primary: [ { events: [ data: one, raw: \"data: [DONE]\" ] } ]".to_owned(), format!("{STREAM}{ONE}c\r\ndata: [DONE]\r\n{LAST}"), End::Open)]
#[case::after_done("primary: [ { events: [ done, data: one ] } ]".to_owned(), format!("{STREAM}{DONE}{ONE}{LAST}"), End::Open)]
#[case::error_mid_stream("primary: [ { events: [ data: one, error: { code: 502 }, done ] } ]".to_owned(), format!("{STREAM}{ONE}1e\r\ndata: {{\"error\":{{\"code\":502}}}}\n\n\r\n{DONE}{LAST}"), End::Open)]
#[case::repeated("primary: [ { events: [ repeat: { times: 2, events: [ data: one ] } ] } ]".to_owned(), format!("{STREAM}{ONE}{ONE}{LAST}"), End::Open)]
#[case::invalid_utf8("bytes: { half: { hex: e4 b8 } }\nprimary: [ { events: [ data: $half ] } ]".to_owned(), format!("{STREAM}a\r\ndata: \\xe4\\xb8\n\n\r\n{LAST}"), End::Open)]
#[case::chunk_envelope(
    "request: { stream: true }\nprimary: [ { events: [ text: \"$mark $$5\" ] } ]".to_owned(),
    format!("{STREAM}{}{LAST}", chunk("data: {\"id\":\"chatcmpl-u0.p1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"brownout-primary\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"u0.p1 $5\"},\"finish_reason\":null}]}\n\n")),
    End::Open
)]
// what is no HTTP
#[case::garbage(raw("SSH-2.0-x\r\n"), "SSH-2.0-x\r\n".to_owned(), End::Fin)]
#[case::two_lengths(raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}".to_owned(), End::Fin)]
#[case::chunk_size(raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned(), End::Fin)]
#[case::in_the_head("primary: [ { raw: \"HTTP/1.1 200 OK\\r\\ncont\", cut: { after: 17 bytes, by: stall } } ]".to_owned(), HEAD.to_owned(), End::Open)]
#[case::head_of_raw("primary: [ { raw: \"HTTP/1.1 200 OK\\r\\nx: y\\r\\n\\r\\nbody\", cut: { after: head, by: close } } ]".to_owned(), "HTTP/1.1 200 OK\r\nx: y\r\n\r\n".to_owned(), End::Fin)]
#[case::gzip_that_is_none(
    "primary: [ { status: 200, headers: { content-encoding: gzip }, body: four } ]".to_owned(),
    "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-encoding: gzip\r\n\r\nfour".to_owned(),
    End::Open
)]
// before the request
#[case::reset_at_accept("primary: [ reset-on-accept ]".to_owned(), String::new(), End::Rst)]
#[case::close_at_accept("primary: [ { cut: { after: accept, by: close } } ]".to_owned(), String::new(), End::Fin)]
#[tokio::test(start_paused = true)]
async fn bytes_on_the_wire(#[case] step: String, #[case] bytes: String, #[case] end: End) {
    let served = serve(&step).await;
    let (got, ended) = served.ask().await;
    assert_eq!((got.as_str(), how(ended, &bytes, &step)), (bytes.as_str(), end));
    let seen = served.finish().await.remove(0);
    assert_eq!(undated(&seen.sent), bytes, "what was sent is remembered as it was");
}

/// A connection closed while the request is under way may be told to its sender as a reset.
fn how(end: End, bytes: &str, step: &str) -> End {
    if bytes.is_empty() && step.contains("accept, by: close") && end == End::Rst { End::Fin } else { end }
}

/// The milliseconds at which each piece came, and how long it was.
async fn gaps(step: &str) -> Vec<(u128, usize)> {
    let served = serve(step).await;
    let (pieces, _) = served.ask_in_pieces().await;
    pieces.into_iter().map(|(at, bytes)| (at, bytes.len())).collect()
}

async fn times(step: &str) -> Vec<u128> {
    gaps(step).await.into_iter().map(|(at, _)| at).collect()
}

#[tokio::test(start_paused = true)]
async fn waits_are_exact() {
    assert_eq!(times(&four(", head_after: 1500ms")).await, [1500], "head and body go out together");
    assert_eq!(times(&four(", head_after: 1s, body_after: 5s")).await, [1000, 6000]);
    assert_eq!(times(&stream(", pace: 400ms")).await, [0, 400, 800]);
    assert_eq!(times("primary: [ { events: [ data: one, pause: 2s, data: three ] } ]").await, [0, 2000]);
    assert_eq!(gaps(&four(", pieces: 1, pace: 10ms")).await[1..], [(10, 1), (20, 1), (30, 1)]);
    assert_eq!(times(&four(", pieces: 2")).await, [0, 1], "one millisecond apart unless told otherwise");
    assert_eq!(times(&stream(", pace: 400ms, cut: { after: 1 event, by: close, wait: 3s }")).await, [0]);
}

#[tokio::test(start_paused = true)]
async fn a_head_can_drip() {
    let pieces = gaps("primary: [ { raw: \"HTTP/1.1 200 OK\\r\\n\\r\\n\", pieces: 1, pace: 100ms } ]").await;
    assert_eq!(pieces.len(), 19);
    assert_eq!(pieces[18], (1800, 1));
}

#[tokio::test(start_paused = true)]
async fn a_cut_waits_where_it_stands() {
    let served = serve(&four(", cut: { after: 2 bytes, by: close, wait: 3s }")).await;
    let (got, end) = served.ask().await;
    assert!(got.ends_with("\r\n\r\nfo") && end == End::Fin, "{got:?} {end:?}");
    assert_eq!(served.start.elapsed().as_millis(), 3000);
}

#[tokio::test(start_paused = true)]
async fn a_reset_leaves_a_moment_to_read_what_was_sent() {
    let served = serve(&four(", cut: { after: end, by: reset }")).await;
    let (got, end) = served.ask().await;
    assert!(got.ends_with("four") && end == End::Rst, "{got:?} {end:?}");
    assert_eq!(served.start.elapsed().as_millis(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_off_after_a_whole_reply_says_so() {
    for (rest, closes) in [
        (", cut: { after: end, by: stall }", true),
        (", cut: { after: 4 bytes, by: stall }", true),
        (", cut: { after: 3 bytes, by: stall }", false),
        (", framing: { shorter: 3 }, cut: { after: 1 byte, by: stall }", true),
    ] {
        let (got, _) = serve(&four(rest)).await.ask().await;
        assert_eq!(got.contains("connection: close"), closes, "{rest}: {got:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn true_gzip_unpacks_and_streams_are_flushed_by_the_event() {
    use std::io::Read;
    let served = serve(&four(", encoding: gzip, framing: close")).await;
    let (pieces, _) = served.ask_in_pieces().await;
    let bytes: Vec<u8> = pieces.into_iter().flat_map(|(_, bytes)| bytes).collect();
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[at..]).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, "four");
    assert_eq!(times(&stream(", encoding: gzip, pace: 100ms")).await, [0, 100, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_refusing_port_refuses_until_its_phase_ends() {
    let served = serve("primary: [ { reply: refuse, for: 2s }, ok ]").await;
    let refused = served.connect(Host::Primary).await.expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert!(served.ask().await.0.starts_with(HEAD));
    let always = serve("primary: [ refuse ]").await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(
        always.connect(Host::Primary).await.map(|_| ()).map_err(|error| error.kind()),
        Err(ErrorKind::ConnectionRefused)
    );
}

#[tokio::test(start_paused = true)]
async fn a_listening_port_refuses_when_its_phase_begins_and_listens_again() {
    let served = serve("primary: [ { reply: ok, for: 1s }, { reply: refuse, for: 1s }, ok ]").await;
    assert!(served.ask().await.0.starts_with(HEAD));
    tokio::time::sleep_until(served.start + Duration::from_millis(61_500)).await;
    assert!(served.ask().await.0.starts_with(HEAD), "long after");
}

#[rstest]
#[case::reset("{ cut: { after: request, by: reset } }", End::Rst)]
#[case::idle_close("{ cut: { after: accept, by: close } }", End::Fin)]
#[case::other_reply("server-error", End::Open)]
#[tokio::test(start_paused = true)]
async fn a_reused_connection_meets_its_own_fate(#[case] fate: &str, #[case] end: End) {
    let served = serve(&format!("primary: [ {{ reply: ok, if_reused: {fate} }} ]")).await;
    let mut stream = served.connect(Host::Primary).await.expect("it listens");
    for expected in [End::Open, end] {
        stream.write_all(&served.request()).await.expect("it is open");
        let (pieces, ended) = served.read(&mut stream).await;
        assert_eq!(ended, expected);
        assert_eq!(pieces.is_empty(), end != End::Open && expected == end);
    }
    let seen = served.finish().await;
    assert_eq!(seen.iter().map(|seen| (seen.connection, seen.reused)).collect::<Vec<_>>(), [(0, false), (0, true)]);
}

#[tokio::test(start_paused = true)]
async fn the_last_step_repeats_and_each_attempt_is_named() {
    let served = serve("primary: [ server-error, ok ]").await;
    let mut replies = Vec::new();
    for _ in 0..3 {
        replies.push(served.ask().await.0);
    }
    assert!(replies[0].starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
    assert!(replies[1].contains("u0.p2 Fourteen days. u0.p2") && replies[2].contains("u0.p3 Fourteen days. u0.p3"));
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_is_what_happened() {
    let served = serve("primary: [ { reply: ok, head_after: 3s } ]").await;
    let mut stream = served.connect(Host::Primary).await.expect("it listens");
    stream.write_all(&served.request()).await.expect("it is open");
    tokio::time::sleep(Duration::from_millis(700)).await;
    drop(stream);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = served.start;
    let seen = served.finish().await.remove(0);
    assert_eq!((seen.ending, seen.user, seen.served), (Ending::Left, Some(0), How::Step));
    assert_eq!(seen.ended.expect("it ended").duration_since(start).as_millis(), 700);
    assert_eq!((seen.first_byte, seen.sent_len), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn an_endless_stream_ends_when_its_client_leaves() {
    let served =
        serve("primary: [ { events: [ repeat: { times: forever, events: [ comment: x, pause: 1s ] } ] } ]").await;
    let mut stream = served.connect(Host::Primary).await.expect("it listens");
    stream.write_all(&served.request()).await.expect("it is open");
    tokio::time::sleep(Duration::from_millis(10_500)).await;
    drop(stream);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let seen = served.finish().await.remove(0);
    assert_eq!(seen.ending, Ending::Left);
    let comments = undated(&seen.sent).matches(": x\n\n").count();
    assert_eq!(comments, 11, "at 0, 1, ... 10 s");
}

#[rstest]
#[case::absolute("$url.primary/v2/chat/completions")]
#[case::relative("/v2/chat/completions")]
#[tokio::test(start_paused = true)]
async fn where_a_redirect_leads_takes_the_next_step_as_a_hop(#[case] location: &str) {
    let redirect = format!("{{ status: 307, headers: {{ location: \"{location}\" }}, body: moved }}");
    let served = serve(&format!("primary: [ {redirect}, ok ]")).await;
    let followed = String::from_utf8(served.request()).expect("text").replacen("/v1/", "/v2/", 1);
    for (request, status) in [(served.request(), "307"), (followed.into_bytes(), "200")] {
        let mut stream = served.connect(Host::Primary).await.expect("it listens");
        stream.write_all(&request).await.expect("it is open");
        let (pieces, _) = served.read(&mut stream).await;
        assert!(undated(&pieces[0].1).starts_with(&format!("HTTP/1.1 {status} ")));
    }
    let seen = served.finish().await;
    assert_eq!(seen.iter().map(|seen| seen.served).collect::<Vec<_>>(), [How::Step, How::Hop]);
}

#[tokio::test(start_paused = true)]
async fn wrong_paths_wrong_methods_and_strangers_take_no_step() {
    let served = serve("primary: [ server-error, ok ]").await;
    for request in ["POST /v1/v1/chat/completions", "GET /v1/chat/completions", "POST /v1/chat/completions"] {
        let mut stream = served.connect(Host::Primary).await.expect("it listens");
        let text = format!("{request} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(text.as_bytes()).await.expect("it is open");
        let (pieces, _) = served.read(&mut stream).await;
        assert!(undated(&pieces[0].1).starts_with("HTTP/1.1 404 "), "{request}");
    }
    assert!(served.ask().await.0.starts_with("HTTP/1.1 500 "), "the first step is still there");
    let strays = served.finish().await.into_iter().filter(|seen| seen.served == How::Stray).count();
    assert_eq!(strays, 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_read_whole_before_the_first_byte_goes_out() {
    let served = serve("primary: [ ok ]").await;
    let mut stream = served.connect(Host::Primary).await.expect("it listens");
    for piece in served.request().chunks(7) {
        stream.write_all(piece).await.expect("it is open");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (pieces, _) = served.read(&mut stream).await;
    assert!(pieces[0].0 >= (served.request().len() / 7) as u128);
}
