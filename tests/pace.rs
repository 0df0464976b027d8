//! The pace of replies: gaps between bytes and contents, on plain replies, streams, keep-alives, gzip, byte by byte.

mod support {
    pub mod suite;
}

use std::{io::Write, time::Duration};

use brownout::{
    policy::{Policy, StreamEnd},
    reply::{Sends, pace},
    run::run_alone,
    scenario::Host,
    transcript::{Micros, Pace},
    wire::{Asked, Ending, SENDS, Seen, Served},
};
use flate2::{Compression, write::GzEncoder};
use tokio::time::Instant;

const MS: Micros = 1000;

/// What was sent at which millisecond; the exchange ends at `end`.
struct Sent {
    pieces: Vec<(Micros, Vec<u8>)>,
    end: Micros,
    stream: bool,
    policy: Policy,
}

fn sent(stream: bool, pieces: &[(Micros, &str)], end: Micros) -> Sent {
    let pieces = pieces.iter().map(|(at, text)| (*at, text.as_bytes().to_vec())).collect();
    Sent { pieces, end, stream, policy: Policy::default() }
}

impl Sent {
    fn pace(&self) -> Option<Pace> {
        let mut seen = seen(self.stream);
        let mut moments = Vec::new();
        for (at, bytes) in &self.pieces {
            seen.sent.extend(bytes);
            seen.sent_len += bytes.len() as u64;
            moments.push((at * MS, seen.sent_len));
        }
        pace(&seen, &self.policy, &Sends { moments, end: self.end * MS })
    }

    /// The pace in milliseconds: idle, semantic idle, since the last byte, since the last content, complete.
    #[track_caller]
    fn is(&self, expected: (Micros, Micros, Micros, Micros, Option<Micros>)) {
        let pace = self.pace().expect("a head came");
        let complete = pace.complete.map(|at| at / MS);
        let got = (pace.idle / MS, pace.semantic_idle / MS, pace.since_byte / MS, pace.since_content / MS, complete);
        assert_eq!(got, expected);
    }
}

fn seen(stream: bool) -> Seen {
    let now = Instant::now() + Duration::from_secs(1);
    Seen {
        host: Host::Primary,
        connection: 0,
        reused: false,
        accepted: now,
        requested: Some(now),
        request: Some(Asked {
            method: "POST".to_owned(),
            target: "/v1/chat/completions".to_owned(),
            headers: [("accept-encoding", "gzip")].into_iter().collect(),
            body: format!("{{\"stream\":{stream}}}").into_bytes(),
        }),
        user: Some(0),
        served: Served::Step,
        step: String::new(),
        index: 0,
        own_script: false,
        faulty: false,
        first_byte: None,
        last_byte: None,
        ended: None,
        ending: Ending::Left,
        cut_after: None,
        sent: Vec::new(),
        sent_len: 0,
        wait_asked: None,
        sends: Vec::new(),
    }
}

const PLAIN: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 48\r\n\r\n";
const ANSWER: &str = "{\"choices\":[{\"message\":{\"content\":\"Fourteen\"}}]}";
const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const ROLE: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Four\"}}]}\n\n";
const THOUGHT: &str = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";
const TOOL: &str = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\"}]}}]}\n\n";
const FINISH: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const PING: &str = ": ping\n\n";

#[test]
fn a_plain_reply_is_complete_with_its_last_byte_and_has_no_content_to_wait_for() {
    assert_eq!(ANSWER.len(), 48);
    let half = ANSWER.split_at(20);
    sent(false, &[(10, PLAIN), (40, half.0), (300, half.1)], 900).is((260, 0, 0, 0, Some(300)));
}

#[test]
fn a_plain_reply_that_stalls_is_silent_to_the_end() {
    sent(false, &[(10, PLAIN), (40, &ANSWER[..20])], 1040).is((30, 0, 1000, 1030, None));
}

#[test]
fn nothing_is_said_before_the_head_is_whole() {
    assert_eq!(sent(false, &[(10, "HTTP/1.1 200 OK\r\ncontent-le")], 900).pace(), None);
    assert_eq!(sent(true, &[], 900).pace(), None);
    // A head in three pieces: the first gap is the attempt's, not the reply's.
    let (first, rest) = EVENTS.split_at(30);
    sent(true, &[(10, first), (800, rest), (900, TEXT)], 1000).is((100, 100, 100, 100, None));
}

#[test]
fn a_stream_has_two_gaps_and_is_complete_with_its_signal() {
    let pieces = [(10, EVENTS), (200, ROLE), (500, TEXT), (600, PING), (700, PING), (950, TEXT), (960, FINISH)];
    // Bytes: 190, 300, 100, 100, 250, 10. Contents: the first 490 after the head, the second 450 later.
    sent(true, &pieces, 5000).is((300, 490, 0, 0, Some(960)));
}

#[test]
fn after_the_completing_signal_nothing_counts() {
    let pieces = [(10, EVENTS), (20, TEXT), (30, FINISH), (2000, PING), (9000, PING)];
    sent(true, &pieces, 10_000).is((10, 10, 0, 0, Some(30)));
    let mut done_only = sent(true, &pieces, 10_000);
    done_only.policy.parser.stream_end = StreamEnd::Done;
    done_only.is((7000, 10, 1000, 9980, None));
}

#[test]
fn keep_alives_are_bytes_and_no_content() {
    sent(true, &[(10, EVENTS), (300, PING), (600, "\n"), (900, PING)], 1500).is((300, 0, 600, 1490, None));
}

#[test]
fn reasoning_and_tool_fragments_are_content() {
    sent(true, &[(10, EVENTS), (400, THOUGHT), (900, TOOL), (1000, ROLE)], 1200).is((500, 500, 200, 300, None));
}

#[test]
fn an_error_object_completes_a_stream() {
    let error = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    sent(true, &[(10, EVENTS), (20, TEXT), (400, error), (5000, PING)], 9000).is((380, 380, 0, 0, Some(400)));
}

#[test]
fn byte_by_byte_a_stream_gives_the_same_gaps() {
    let text = [EVENTS, TEXT, TEXT, FINISH].concat();
    let pieces: Vec<_> = text.bytes().enumerate().map(|(n, byte)| (n as Micros, vec![byte])).collect();
    let sent = Sent { pieces, end: 10_000, stream: true, policy: Policy::default() };
    let pace = sent.pace().expect("a head came");
    // The signal is there when its event ends: until then nobody knows that no more of it comes.
    let signal = text.len() as Micros - 1;
    assert_eq!((pace.complete, pace.idle), (Some(signal * MS), MS));
    // From the last brace of one event of text to that of the next, and on to the signal.
    let events: Vec<usize> = text.match_indices("}\n").map(|(at, _)| at).collect();
    let longest = events.windows(2).map(|pair| pair[1] - pair[0]).chain([events[0] - EVENTS.len() + 1]).max();
    assert_eq!(pace.semantic_idle, longest.expect("three events") as Micros * MS);
}

#[test]
fn a_zipped_stream_is_read_as_far_as_it_can_be_unpacked() {
    let head = EVENTS.replace("connection: close", "connection: close\r\ncontent-encoding: gzip");
    let mut zip = GzEncoder::new(Vec::new(), Compression::default());
    let mut pieces = vec![(10, head.into_bytes())];
    for (at, event) in [(300, TEXT), (900, TEXT), (1000, PING)] {
        let before = zip.get_ref().len();
        zip.write_all(event.as_bytes()).expect("a Vec takes all");
        zip.flush().expect("a Vec takes all");
        pieces.push((at, zip.get_ref()[before..].to_vec()));
    }
    let sent = Sent { pieces, end: 1500, stream: true, policy: Policy::default() };
    sent.is((600, 600, 500, 600, None));
    assert!(!sent.pace().expect("a head came").flawed);
}

#[test]
fn what_gives_a_client_reason_to_refuse_is_a_flaw() {
    let flawed = |pieces: &[(Micros, &str)]| sent(true, pieces, 900).pace().expect("a head came").flawed;
    assert!(!flawed(&[(10, EVENTS), (20, ROLE), (30, TEXT), (40, PING), (50, "event: x\ndata: y\n\n")]));
    assert!(!flawed(&[(10, EVENTS), (20, "data: {\"choi")]), "half an event is no bad one");
    assert!(!flawed(&[(10, EVENTS), (20, "data: {\"x\":\"\u{e9}")]), "nor is half a character");
    assert!(flawed(&[(10, EVENTS), (20, "data: {\"choi\n\n"), (30, TEXT)]));
    assert!(flawed(&[(10, &EVENTS.replace("text/event-stream", "text/plain")), (20, TEXT)]));
    assert!(sent(false, &[(10, EVENTS), (20, TEXT)], 900).pace().expect("a head came").flawed, "a stream for plain");
}

#[test]
fn what_went_out_after_the_end_is_not_looked_at() {
    let pieces = [(10, EVENTS), (20, TEXT), (5000, PING), (6000, FINISH)];
    sent(true, &pieces, 3000).is((10, 10, 2980, 2980, None));
}

#[test]
fn too_many_pieces_are_no_pace_unless_the_signal_came_among_those_known() {
    let pings = |text: &str, first: &str| {
        let beats = (0..SENDS as Micros).map(|n| (n + 20, PING.as_bytes().to_vec()));
        let pieces = [(10, EVENTS.as_bytes().to_vec()), (15, [text, first].concat().into_bytes())];
        let pieces = pieces.into_iter().chain(beats).take(SENDS).collect();
        Sent { pieces, end: 90_000, stream: true, policy: Policy::default() }
    };
    assert_eq!(pings(TEXT, "").pace(), None);
    pings(TEXT, FINISH).is((5, 5, 0, 0, Some(15)));
}

#[test]
fn bytes_that_are_not_kept_are_taken_as_content() {
    let mut seen = seen(true);
    seen.sent = [EVENTS, TEXT].concat().into_bytes();
    let kept = seen.sent.len() as u64;
    let moments = vec![(10 * MS, kept), (400 * MS, kept + 1000), (900 * MS, kept + 2000)];
    let pace = pace(&seen, &Policy::default(), &Sends { moments, end: 1000 * MS }).expect("a head came");
    assert_eq!((pace.semantic_idle, pace.since_content, pace.complete), (500 * MS, 100 * MS, None));
}

/// The pace of the first attempt of a run, in milliseconds: idle, semantic idle, since the last byte, since the last content.
fn of_a_run(id: &str) -> ([Micros; 4], Option<Micros>) {
    let case = support::suite::cases().into_iter().find(|case| case.id == id).expect("it is in the library");
    let transcript = run_alone(&case, &support::suite::reference, 1);
    let pace = transcript.attempts[0].pace.expect("a head came");
    let ms = [pace.idle, pace.semantic_idle, pace.since_byte, pace.since_content].map(|micros| micros / MS);
    (ms, pace.complete.map(|at| at / MS))
}

#[test]
fn a_run_has_the_pace_that_its_scenario_scripts() {
    // Four pieces, then the text, then the finish reason: five gaps of 950 ms.
    assert_eq!(of_a_run("streaming/slow-to-the-end[sparse-text]"), ([950, 950, 0, 0], Some(4750)));
    // The timers of the client run out 1 s after the last byte, and 1.5 s after the head; a timer may be 2 ms late.
    let ([idle, _, silent, _], complete) = of_a_run("client-timeout/plain-stall[body]");
    assert!(idle == 0 && (1000..=1002).contains(&silent) && complete.is_none(), "{idle}, {silent}, {complete:?}");
    let ([idle, _, _, empty], complete) = of_a_run("client-timeout/keepalives-are-no-content");
    assert!(idle == 300 && (1500..=1502).contains(&empty) && complete.is_none(), "{idle}, {empty}, {complete:?}");
}
