//! What a client's parser made of each reply, as text that is kept and compared.

use serde_json::{Value, json};

use crate::transcript::{ClockKind, Transcript, UserRequest};

/// What the client made of each user request; users who got the same are told once.
pub fn made_of(transcript: &Transcript) -> Value {
    let mut outcomes: Vec<(Value, usize)> = Vec::new();
    for user in &transcript.users {
        let outcome = outcome(user, is_estimate(transcript));
        match outcomes.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, users)) => *users += 1,
            None => outcomes.push((outcome, 1)),
        }
    }
    let told = |(mut outcome, users): (Value, usize)| {
        if transcript.users.len() > 1 {
            outcome["users"] = json!(users);
        }
        outcome
    };
    outcomes.into_iter().map(told).collect()
}

/// Whether another run says the same: who of many users got what depends on true time, and what one had who left.
pub fn is_stable(transcript: &Transcript) -> bool {
    let alone_to_the_end = matches!(&transcript.users[..], [user] if user.left.is_none());
    transcript.clock == ClockKind::Virtual || alone_to_the_end
}

/// The file of a scenario, below the folder of its client: `family/slug@labels.snap`.
pub fn file_name(id: &str) -> String {
    let (family, slug) = id.split_once('/').unwrap_or(("", id));
    format!("{family}/{}.snap", slug.replace('[', "@").replace(']', ""))
}

/// The file's text, with a head as snapshots of tests have one.
pub fn written(transcript: &Transcript) -> String {
    let made = serde_json::to_string_pretty(&made_of(transcript)).expect("plain values have a JSON form");
    format!("---\nsource: brownout run --snapshots\n---\n{made}\n")
}

/// What stands below the head.
pub fn body(text: &str) -> &str {
    let below = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    below.map_or(text, |(_, body)| body).trim_end()
}

/// Lines that only one of two texts has, as `-` and `+`; the texts are short.
pub fn difference(kept: &str, now: &str) -> String {
    let (kept, now): (Vec<&str>, Vec<&str>) = (body(kept).lines().collect(), body(now).lines().collect());
    let same_head = kept.iter().zip(&now).take_while(|(a, b)| a == b).count();
    let rest = |lines: &[&'_ str]| lines.len() - same_head;
    let tail = kept.iter().rev().zip(now.iter().rev()).take_while(|(a, b)| a == b).count();
    let tail = tail.min(rest(&kept)).min(rest(&now));
    let minus = kept[same_head..kept.len() - tail].iter().map(|line| format!("  - {line}\n"));
    let plus = now[same_head..now.len() - tail].iter().map(|line| format!("  + {line}\n"));
    minus.chain(plus).collect()
}

/// Whether a gateway's usage is its own guess, which depends on the words of the prompt.
fn is_estimate(transcript: &Transcript) -> bool {
    transcript.by_status && transcript.attempts.iter().all(|attempt| attempt.reply.usage.is_none())
}

fn outcome(user: &UserRequest, estimate: bool) -> Value {
    let Some(outcome) = &user.outcome else { return json!({ "result": null }) };
    let facts = json!({
        "result": outcome.result,
        "text": outcome.shown,
        "finish_reason": outcome.finish_reason,
        "tool_calls": outcome.tool_calls,
        "usage": outcome.usage.as_ref().map(|usage| if estimate { json!("an estimate") } else { json!(usage) }),
        "class": outcome.class,
        "status": outcome.status,
        "retryable": outcome.retryable,
    });
    let said = facts.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null() && **value != json!([]));
    said.map(|(key, value)| (key.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
}
