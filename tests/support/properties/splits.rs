//! Where the bytes of a reply are cut changes nothing: sent in any pieces, it has the same outcome, and says the same to the witness.

use std::collections::BTreeSet;

use brownout::{run::run_alone, transcript::OutcomeFacts};
use libtest_mimic::Trial;
use proptest::{option, prelude::*};
use serde_json::{Value as Json, json};

use super::{Keys, cases, keys, policy, schedule::Schedule, schedules::causes, step, stream, trial, value, word};
use crate::support::suite;

/// Replies that keep `cargo test` quick; each is sent twice.
const USUAL: u32 = 256;

/// A reply, and another way to send it.
#[derive(Clone)]
struct Split {
    whole: Schedule,
    pieces: Keys,
}

/// As a file whose cases must have the same outcome.
impl std::fmt::Debug for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}# and the same in pieces: {}", self.whole, Json::from(self.pieces.clone()))
    }
}

pub fn trials() -> Vec<Trial> {
    let each = cases(USUAL) / 3;
    let name = |what: &str| format!("no split changes the outcome of a {what}");
    vec![
        trial(&name("stream"), each, || streams(&["lf", "crlf", "cr"], false), is_the_same),
        trial(&name("packed stream"), each, || streams(&["lf"], true), is_the_same),
        trial(&name("plain reply"), each, plain_replies, is_the_same),
    ]
}

fn streams(eols: &'static [&'static str], zipped: bool) -> BoxedStrategy<Split> {
    let cut = (0..8_u64, word(&["close", "half-close", "stall"]));
    (stream::events_at_once(), word(eols), option::weighted(0.3, cut), policy::parser(), pieces(), framing())
        .prop_map(move |(events, eol, cut, parser, mut pieces, framing)| {
            let all = stream::count(&events).unwrap_or(0);
            let mut step = json!({ "events": events, "eol": eol });
            if zipped {
                step["encoding"] = json!("gzip");
            }
            match cut {
                // Another framing would make another end of it.
                Some((n, by)) if all > 0 => {
                    step["cut"] = json!({ "after": format!("{} events", n % (all + 1)), "by": by })
                }
                _ => pieces.extend(framing),
            }
            split(true, step, parser, pieces)
        })
        .boxed()
}

fn plain_replies() -> BoxedStrategy<Split> {
    (step::answers(), option::weighted(0.3, word(&["gzip"])), policy::parser(), pieces(), framing())
        .prop_map(|(mut step, encoding, parser, mut pieces, framing)| {
            encoding.into_iter().for_each(|encoding| step["encoding"] = encoding);
            pieces.extend(framing);
            split(false, step, parser, pieces)
        })
        .boxed()
}

/// One attempt, and all the time in the world: only what was sent counts.
fn split(stream: bool, step: Json, parser: Keys, pieces: Keys) -> Split {
    let mut parser = Json::from(parser);
    parser["finish_grace"] = json!("9m");
    let policy = json!({
        "attempts": 1, "attempt_timeout": "20m", "idle_timeout": "10m", "semantic_idle_timeout": "15m", "deadline": "1h",
        "fallback": { "targets": [] }, "parser": parser,
    });
    let keys = json!({ "request": { "stream": stream }, "policy": policy, "primary": [step] });
    Split { whole: Schedule { seed: 1, keys: keys.as_object().cloned().unwrap_or_default() }, pieces }
}

fn pieces() -> BoxedStrategy<Keys> {
    keys(vec![("pieces", 0.8, value([64, 1, 2, 3, 5, 7].map(Json::from).to_vec()))])
}

fn framing() -> BoxedStrategy<Keys> {
    let sizes = [1, 2, 3, 5, 7, 64].map(|size| json!({ "chunked": size }));
    let words = ["chunked", "length", "close"].map(Json::from);
    keys(vec![("framing", 0.6, value(words.into_iter().chain(sizes).collect()))])
}

/// What the client made of a reply, and the cause that the witness saw: one attempt, one cause.
type Made = (Option<OutcomeFacts>, BTreeSet<String>);

fn made(schedule: &Schedule) -> Result<Made, String> {
    let mut transcript = run_alone(&schedule.case()?, &suite::reference, schedule.seed);
    if !transcript.errors.is_empty() || transcript.attempts.len() != 1 {
        return Err(format!("{} attempts; {:?}", transcript.attempts.len(), transcript.errors));
    }
    let causes = causes(&transcript);
    Ok((transcript.users.remove(0).outcome, causes))
}

fn is_the_same(split: Split) -> Result<(), String> {
    let mut other = split.whole.clone();
    if let Some(step) = other.keys["primary"][0].as_object_mut() {
        step.extend(split.pieces);
    }
    let (whole, pieces) = (made(&split.whole)?, made(&other)?);
    if whole == pieces { Ok(()) } else { Err(format!("whole:     {whole:?}\nin pieces: {pieces:?}")) }
}
