//! A plain reply, guarded: it is an answer only if it parses whole and has something in it.

use serde_json::Value as Json;

use super::{
    calls, chunk,
    failure::{Failure, Kind},
    send::Reply,
};

/// A longer body is given up.
pub const LONGEST: usize = 32 << 20;

/// Reads a body that came whole.
pub fn read(bytes: &[u8]) -> Result<Reply, Failure> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim();
    let json: Json = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(_) if text.starts_with('<') => return Err(Failure::new(Kind::Html)),
        Err(_) => return Err(Failure::new(Kind::Malformed)),
    };
    if let Some(error) = chunk::error(&json) {
        return Err(chunk::in_band(error, &json));
    }
    let choice = json["choices"].as_array().and_then(|choices| choices.first());
    let choice = choice.filter(|choice| choice["message"].is_object()).ok_or(Failure::new(Kind::Malformed))?;
    answer(choice, &json["usage"])
}

/// The failure with what an error body says, if it says anything.
pub fn with_error(failure: Failure, bytes: &[u8]) -> Failure {
    let Ok(json) = serde_json::from_slice::<Json>(bytes) else { return failure };
    match chunk::error(&json) {
        Some(error) => chunk::failure_of(failure, error, &json),
        None => failure,
    }
}

fn answer(choice: &Json, usage: &Json) -> Result<Reply, Failure> {
    let message = &choice["message"];
    let text = Some(chunk::text(&message["content"])).filter(|text| !text.is_empty());
    let refusal = message["refusal"].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let finish_reason = choice["finish_reason"].as_str().filter(|word| !word.is_empty()).map(str::to_owned);
    let tool_calls = message["tool_calls"].as_array().into_iter().flatten().map(calls::normalised).collect();
    let usage = usage.is_object().then(|| usage.clone());
    let reply = Reply { text, refusal, finish_reason, tool_calls, usage, status: 200 };
    check(reply)
}

/// What must hold of every answer, plain or streamed.
pub fn check(reply: Reply) -> Result<Reply, Failure> {
    match fault(&reply) {
        Some(kind) => Err(Failure { usage_present: reply.usage.is_some(), ..Failure::new(kind) }),
        None => Ok(reply),
    }
}

fn fault(reply: &Reply) -> Option<Kind> {
    let finish = reply.finish_reason.as_deref().unwrap_or_default();
    if chunk::is_failure(finish) {
        return Some(Kind::FinishError);
    }
    if finish == "content_filter" || reply.refusal.is_some() {
        // It may be empty, or end inside a tool call: it says why.
        return None;
    }
    if !reply.tool_calls.is_empty() && finish == "length" {
        return Some(Kind::HalfToolCall);
    }
    if !reply.tool_calls.iter().all(calls::is_whole) {
        return Some(Kind::Malformed);
    }
    let blank = reply.text.as_deref().unwrap_or_default().trim().is_empty() && reply.tool_calls.is_empty();
    // A cut answer may be empty: its finish reason says so.
    (blank && finish != "length").then_some(Kind::Blank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(body: &str) -> Kind {
        read(body.as_bytes()).expect_err(body).kind
    }

    #[test]
    fn only_an_answer_is_an_answer() {
        assert_eq!(kind(""), Kind::Malformed);
        assert_eq!(kind("<html>"), Kind::Html);
        assert_eq!(kind(r#"{"choices":[{"message":{"content":"Four"#), Kind::Malformed);
        assert_eq!(kind(r#"{"choices":[]}"#), Kind::Malformed);
        assert_eq!(kind(r#"{"choices":null}"#), Kind::Malformed);
        assert_eq!(kind(r#"{"choices":[{"index":0}]}"#), Kind::Malformed);
        assert_eq!(kind(r#"{"choices":[{"message":{"content":null}}]}"#), Kind::Blank);
        assert_eq!(kind(r#"{"error":{"code":"429"}}"#), Kind::ErrorObject(Some(429)));
        assert_eq!(kind(r#"{"choices":[{"message":{"content":"a"},"finish_reason":"error"}]}"#), Kind::FinishError);
        assert_eq!(kind(r#"{"choices":[{"error":{"code":502},"message":{}}]}"#), Kind::ErrorObject(Some(502)));
    }

    #[test]
    fn the_documented_minimum_and_padding_are_enough() {
        for body in [
            r#"{"choices":[{"message":{"content":"a"}}]}"#,
            "\n\n  {\"error\":null,\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n",
        ] {
            assert_eq!(read(body.as_bytes()).expect(body).text.as_deref(), Some("a"));
        }
    }
}
