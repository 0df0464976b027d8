//! Checks of the lines themselves: the handshake, what is not understood, the end.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{Finding, cases::Patient};
use crate::client::stdio::{Adapter, Life, Ready, Start};

/// An answer to a line comes within this time.
const ANSWER: Duration = Duration::from_secs(2);

/// What to do about an adapter that does not start.
pub fn remedy_of_start(why: &str) -> &'static str {
    if why.contains("does not flush") {
        FLUSH
    } else if why.contains("not the protocol's") {
        STRAY
    } else if why.contains("does not start") {
        "Give the command as you would type it: `brownout doctor -- python3 adapter.py`"
    } else if why.contains("no `ready`") {
        "Read lines from standard input, and answer `hello` with one line `ready`"
    } else {
        "Run the command by hand, and look at what it says on standard error"
    }
}

const FLUSH: &str = "Flush standard output after each line (Python: `flush=True`)";
const STRAY: &str = "Standard output carries the protocol only: print and log to standard error";

/// `ready` came, and can be worked with; whether it says what it should.
pub fn handshake(ready: &Ready) -> Finding {
    let client = &ready.client;
    if client.name.is_empty() || client.version.is_empty() {
        let remedy = "Say in `ready` which client this is, and which version: a verdict is worth nothing without";
        return Finding::Problem("the client has no name or no version".to_owned(), remedy);
    }
    match ready.unknown()[..] {
        [] => Finding::Fine(format!("{} {}, {} cases at once", client.name, client.version, ready.concurrency)),
        _ => Finding::Problem(
            format!("unknown capabilities: {}", ready.unknown().join(", ")),
            "Use the protocol's words; one that is misspelt counts as not claimed",
        ),
    }
}

/// Every line has one field more.
pub fn unknown_fields(start: &Start) -> Finding {
    let remedy = "Ignore fields that you do not know: a later version of the protocol may have them";
    match Adapter::start(Start { unknown_fields: true, ..start.clone() }) {
        Err(why) => Finding::Problem(why, remedy),
        Ok(adapter) => {
            let mut patient = Patient::new(adapter);
            match super::cases::CHECKS[0].1(&mut patient) {
                Finding::Problem(what, _) => Finding::Problem(what, remedy),
                fine => fine,
            }
        }
    }
}

/// A line of a type that nobody knows is answered with `nack`; and whether the answer waits in a buffer.
pub fn unknown_type(start: &Start) -> (Finding, Finding) {
    let remedy =
        "Answer a line whose `type` you do not know with `nack` (its `id`, if it has one, and `why`), and go on";
    let life = match Life::start(start) {
        Ok(life) => life,
        Err(why) => return (Finding::Problem(why.clone(), remedy), Finding::Skipped(why)),
    };
    life.send(&json!({ "type": "brownout-doctor", "id": "c0" }));
    let until = Instant::now() + ANSWER;
    while Instant::now() < until && life.nacks() == 0 && life.is_over().is_none() {
        thread::sleep(Duration::from_millis(5));
    }
    let (in_time, ended) = (life.nacks() > 0, life.is_over().is_some());
    life.finish(false).ok();
    // What is held back comes out at the end.
    if !in_time && life.nacks() > 0 {
        let held = "an answer came only once the input had ended".to_owned();
        return (Finding::Fine(String::new()), Finding::Problem(held, FLUSH));
    }
    let what =
        if ended { "its process ended".to_owned() } else { format!("no `nack` came within {} s", ANSWER.as_secs()) };
    let unknown = if in_time { Finding::Fine(String::new()) } else { Finding::Problem(what, remedy) };
    (unknown, Finding::Fine(String::new()))
}

/// The end of input means the same as `bye`.
pub fn end_of_input(start: &Start) -> Finding {
    let remedy = "Exit with 0 once standard input has ended and all cases are done";
    let ended = Life::start(start).and_then(|life| life.finish(false));
    Finding::of(ended.map(|()| String::new()).map_err(|why| (why, remedy)))
}

/// What was seen of standard output over all checks, and how the adapter left.
pub fn farewell(errors: &[String], complaints: Vec<String>) -> (Finding, Finding) {
    let all: Vec<&String> = errors.iter().chain(&complaints).collect();
    let stray = all.iter().find(|why| why.contains("not the protocol's"));
    let stray = Finding::of(stray.map_or(Ok(String::new()), |why| Err((why.to_string(), STRAY))));
    let left = complaints.iter().find(|why| !why.contains("not the protocol's"));
    let remedy = "On `bye`, finish what is in flight and exit with 0; end nowhere else";
    (stray, Finding::of(left.map_or(Ok(String::new()), |why| Err((why.clone(), remedy)))))
}
