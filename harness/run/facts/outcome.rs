//! What the client made of a user request, without its words.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Joiner;
use crate::{
    client::{Channel, Outcome, ResultKind},
    reply::{self, Reading},
    run::{
        text::{ServedText, trace},
        user::Ended,
    },
    scenario::Expect,
    transcript::{Attempt, Delivered, OutcomeFacts, Telemetry, TextSpan, Unfit, UserRequest},
};

/// Characters of an answer that are shown.
const SHOWN: usize = 200;

impl Joiner<'_> {
    pub(super) fn user(&self, user: &Ended, attempts: &[Attempt], readings: &[Reading]) -> UserRequest {
        let script = &self.case.users[user.number];
        let sources = sources(user.number, attempts, readings);
        let telemetry = self.telemetry_of(user.number);
        let outcome = user.outcome.as_ref().map(|outcome| {
            let mismatches = mismatches(outcome, telemetry.last(), &script.expect);
            OutcomeFacts { mismatches, ..facts(outcome, user, &sources) }
        });
        let outcome = outcome.or_else(|| user.left.map(|_| left(user, &sources)));
        let outcome = outcome.map(|facts| self.shown(facts, user, attempts, &sources));
        UserRequest {
            arrived: self.at(user.arrived),
            request: script.request.clone(),
            left: user.left.map(|moment| self.at(moment)),
            ended: user.ended.map(|moment| self.at(moment)),
            outcome,
            first_text: user.deltas.first().map(|(moment, _)| self.at(*moment)),
            effects: user.effects.all(),
            telemetry,
            expect: script.expect.clone(),
        }
    }

    /// The facts with what of the answer can be shown.
    fn shown(&self, facts: OutcomeFacts, user: &Ended, attempts: &[Attempt], sources: &[ServedText]) -> OutcomeFacts {
        let mark = |index: usize| {
            let attempt = &attempts[index];
            let letter = attempt.host.to_string().chars().next().unwrap_or('x');
            format!("u{}.{letter}{}", attempt.user.unwrap_or_default(), attempt.number)
        };
        let served = |index: usize| sources.iter().find(|source| source.attempt == index).map(|source| source.text);
        let shown = facts.text.as_ref().or(facts.streamed.as_ref()).map(|text| {
            let piece = |span: &TextSpan| {
                let text = served(span.attempt).unwrap_or_default().chars();
                let text: String = text.skip(span.from).take(span.to - span.from).collect();
                text.replace(&mark(span.attempt), "$mark")
            };
            let foreign = (text.foreign > 0).then(|| format!("({} foreign characters)", text.foreign));
            text.spans.iter().map(piece).chain(foreign).collect::<String>()
        });
        let calls = user
            .outcome
            .iter()
            .flat_map(|outcome| &outcome.tool_calls)
            .map(|call| format!("{}({})", reply::name_of(call), reply::arguments_of(call)));
        OutcomeFacts {
            shown: shown.map(|text| self.fit_to_show(&text)),
            tool_calls: calls.map(|call| self.fit_to_show(&call)).collect(),
            ..facts
        }
    }

    fn fit_to_show(&self, text: &str) -> String {
        if !self.canaries.in_text(text).is_empty() {
            return "(holds a canary)".to_owned();
        }
        let length = text.chars().count();
        if length <= SHOWN {
            return text.to_owned();
        }
        format!("{}... ({length} characters)", text.chars().take(SHOWN).collect::<String>())
    }
}

fn sources<'a>(user: usize, attempts: &[Attempt], readings: &'a [Reading]) -> Vec<ServedText<'a>> {
    let text = |(attempt, reading): (usize, &'a Reading)| {
        let answer = reading.answers.first().filter(|text| !text.is_empty());
        let text = answer.or(Some(&reading.raw).filter(|raw| !raw.is_empty()))?;
        Some(ServedText { attempt, own: attempts[attempt].user == Some(user), text })
    };
    readings.iter().enumerate().filter_map(text).collect()
}

fn facts(outcome: &Outcome, user: &Ended, sources: &[ServedText]) -> OutcomeFacts {
    let error = outcome.error.as_ref();
    OutcomeFacts {
        result: outcome.result,
        class: error.and_then(|error| error.class),
        native: error.map(|error| error.native.clone()),
        status: error.and_then(|error| error.status),
        retryable: error.and_then(|error| error.retryable),
        message_length: error.map_or(0, |error| error.message.trim().chars().count()),
        unfit: error.map_or_else(Vec::new, |error| unfit(&error.message)),
        channel: error.map_or_else(Channel::default, |error| error.channel),
        finish_reason: outcome.finish_reason.clone(),
        text: outcome.text.as_ref().map(|text| trace(text, sources)),
        streamed: streamed(user, sources),
        shown: None,
        tool_calls: Vec::new(),
        calls: outcome.tool_calls.iter().map(digest_of).collect(),
        usage: outcome.usage.as_ref().and_then(reply::counts),
        attempts: outcome.attempts,
        mismatches: BTreeMap::new(),
    }
}

/// What a user who left had got.
fn left(user: &Ended, sources: &[ServedText]) -> OutcomeFacts {
    let outcome = Outcome::new(ResultKind::Cancelled);
    facts(&outcome, user, sources)
}

fn streamed(user: &Ended, sources: &[ServedText]) -> Option<Delivered> {
    let text: String = user.deltas.iter().map(|(_, text)| text.as_str()).collect();
    (!text.is_empty()).then(|| trace(&text, sources))
}

fn digest_of(call: &Json) -> String {
    reply::digest_of_call(&reply::name_of(call), &reply::arguments_of(call))
}

/// What no user should read. Words that only a page or a trace has: an honest message never looks like one.
fn unfit(message: &str) -> Vec<Unfit> {
    let lower = message.to_ascii_lowercase();
    let page = ["<!doctype", "<html", "<head>", "<body", "</div>"].iter().any(|tag| lower.contains(tag));
    let python = lower.contains("traceback (most recent call last)");
    let frame = |line: &str| {
        let line = line.trim_start();
        let numbered = line.split_once(": ").is_some_and(|(n, rest)| n.parse::<u32>().is_ok() && rest.contains("::"));
        (line.starts_with("at ") && line.contains(':') && (line.contains('(') || line.contains('/'))) || numbered
    };
    let stack = python || lower.contains("stack backtrace:") || message.lines().any(frame);
    [(page, Unfit::Html), (stack, Unfit::Stack)].into_iter().filter_map(|(found, what)| found.then_some(what)).collect()
}

/// By alternative: pointers at which outcome and last telemetry record differ from what it expects.
fn mismatches(
    outcome: &Outcome,
    telemetry: Option<&Telemetry>,
    expect: &[Vec<Expect>],
) -> BTreeMap<String, Vec<String>> {
    let answer = serde_json::json!({
        "text": outcome.text, "finish_reason": outcome.finish_reason, "tool_calls": outcome.tool_calls, "usage": outcome.usage,
    });
    let error = serde_json::to_value(&outcome.error).unwrap_or(Json::Null);
    let mut found = BTreeMap::new();
    for (group, alternatives) in expect.iter().enumerate() {
        for (nth, wanted) in alternatives.iter().enumerate() {
            let mut pointers = Vec::new();
            wanted.answer.iter().for_each(|wanted| differences(wanted, &answer, "/answer", &mut pointers));
            wanted.error.iter().for_each(|wanted| differences(wanted, &error, "/error", &mut pointers));
            for (field, wanted) in &wanted.telemetry {
                let got = telemetry.and_then(|record| record.get(field)).cloned().flatten();
                if got != as_text(wanted) {
                    pointers.push(format!("/telemetry/{field}"));
                }
            }
            if !pointers.is_empty() {
                found.insert(format!("{group}.{nth}"), pointers);
            }
        }
    }
    found
}

fn as_text(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Pointers at which what is wanted is not there; what is not wanted may be anything. Arguments of a tool call are compared by
/// value, as `tool-calls-whole` does: many clients hand over no text.
fn differences(wanted: &Json, got: &Json, pointer: &str, found: &mut Vec<String>) {
    match (wanted, got) {
        (Json::Object(wanted), Json::Object(got)) => {
            wanted.iter().for_each(|(key, value)| {
                differences(value, got.get(key).unwrap_or(&Json::Null), &format!("{pointer}/{key}"), found)
            });
        }
        (Json::Array(wanted), Json::Array(got)) if wanted.len() == got.len() => {
            wanted
                .iter()
                .zip(got)
                .enumerate()
                .for_each(|(n, (value, got))| differences(value, got, &format!("{pointer}/{n}"), found));
        }
        _ if wanted == got => {}
        (Json::String(wanted), Json::String(got))
            if pointer.ends_with("/function/arguments") && reply::same_arguments(wanted, got) => {}
        _ => found.push(pointer.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_expected_by_value_and_all_else_to_the_letter() {
        let found = |wanted: &str, got: &str| {
            let call = |arguments: &str| serde_json::json!({ "function": { "name": "f", "arguments": arguments } });
            let mut found = Vec::new();
            differences(&call(wanted), &call(got), "/answer/tool_calls/0", &mut found);
            found
        };
        assert_eq!(found(r#"{"city":"\ud83c\udf78"}"#, "{ \"city\": \"\u{1f378}\" }"), [""; 0]);
        assert_eq!(found("", "{}"), [""; 0]);
        for (wanted, got) in [(r#"{"a":1}"#, r#"{"a":2}"#), (r#"{"a":"#, r#"{"a": "#), (r#"{"a":1}"#, r#"{"a":"1"}"#)] {
            assert_eq!(found(wanted, got), ["/answer/tool_calls/0/function/arguments"], "{wanted} {got}");
        }
        let mut found = Vec::new();
        differences(&"{\"a\":1}".into(), &"{ \"a\":1}".into(), "/answer/text", &mut found);
        assert_eq!(found, ["/answer/text"]);
    }

    #[test]
    fn pages_and_traces_are_not_for_users() {
        assert_eq!(unfit("<!DOCTYPE html><html><title>502</title></html>"), [Unfit::Html]);
        assert_eq!(unfit("Traceback (most recent call last):\n  File \"a.py\", line 1"), [Unfit::Stack]);
        assert_eq!(unfit("TypeError: x\n    at parse (/app/node_modules/a.js:10:3)"), [Unfit::Stack]);
        assert_eq!(unfit("boom\nstack backtrace:\n   0: std::panicking::begin_panic"), [Unfit::Stack]);
        for honest in
            ["status 502 (bad_gateway)", "no reply at 127.0.0.1:80 within 2 s", "a < b and b > c", "error: at noon"]
        {
            assert_eq!(unfit(honest), [], "{honest}");
        }
    }
}
