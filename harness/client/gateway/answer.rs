//! What an application makes of a whole answer: it looks at the status, at an error object, and at the first choice.

use serde_json::Value as Json;

use crate::client::{Class, Failure, Outcome, ResultKind};

/// Characters of an error's body that an application would show.
const SHOWN: usize = 4096;

/// An answer with a status of success. A gateway whose success has no choices hands over a value that nobody can use.
pub fn of_success(body: &str, stream: bool) -> Outcome {
    let Ok(json) = serde_json::from_str::<Json>(body) else { return unusable("a success that is no JSON", body) };
    if is_error(&json) {
        return Outcome::failed(failure(None, &json, body));
    }
    if stream {
        return unusable("a success that is no stream", body);
    }
    let message = &json["choices"][0]["message"];
    if !message.is_object() {
        return unusable("a success without a message", body);
    }
    let answer = Outcome {
        text: text_of(&message["content"]),
        finish_reason: json["choices"][0]["finish_reason"].as_str().map(str::to_owned),
        tool_calls: message["tool_calls"].as_array().cloned().unwrap_or_default(),
        usage: Some(json["usage"].clone()).filter(Json::is_object),
        ..Outcome::new(ResultKind::Completed)
    };
    refused_if(answer, message["refusal"].as_str().map(str::to_owned))
}

/// Content as text: of a list of parts, their texts.
pub fn text_of(content: &Json) -> Option<String> {
    match content {
        Json::String(text) => Some(text.clone()),
        Json::Array(parts) => Some(parts.iter().filter_map(|part| part.as_str().or(part["text"].as_str())).collect()),
        _ => None,
    }
}

/// A refusal, or an answer that a filter ended, is no answer.
pub fn refused_if(answer: Outcome, refusal: Option<String>) -> Outcome {
    let refusal = refusal.filter(|refusal| !refusal.is_empty());
    let filtered = answer.finish_reason.as_deref() == Some("content_filter");
    if refusal.is_none() && !filtered {
        return answer;
    }
    let native = if filtered { "content_filter" } else { "refusal" };
    let error = Failure {
        class: Some(Class::ContentPolicy),
        native: native.to_owned(),
        message: refusal.unwrap_or_else(|| "the answer was filtered".to_owned()),
        ..Failure::default()
    };
    Outcome { result: ResultKind::Refused, text: None, error: Some(error), ..answer }
}

/// An answer with another status.
pub fn of_failure(status: u16, body: &str) -> Outcome {
    let json = serde_json::from_str(body).unwrap_or_default();
    Outcome::failed(failure(Some(status), &json, body))
}

/// Whether an error stands in it.
fn has_error(json: &Json) -> bool {
    json.get("error").is_some_and(|error| !error.is_null() && *error != Json::Bool(false))
}

/// Whether a body or an event is an error in any of the shapes that are seen, whatever the status said: an object of its own, in a
/// list, flat, or in its choice.
pub fn is_error(json: &Json) -> bool {
    let choice = &json["choices"][0];
    let flat = json.get("choices").is_none() && json["message"].is_string();
    let finish = choice["finish_reason"].as_str() == Some("error");
    has_error(json) || has_error(&json[0]) || flat || has_error(choice) || finish
}

/// An error object as an application reads it. Where the status says nothing, a code that is a status does.
pub fn failure(status: Option<u16>, json: &Json, body: &str) -> Failure {
    let places = [json, &json[0], &json["choices"][0]];
    let error = places.into_iter().find(|place| has_error(place)).map_or(json, |place| &place["error"]);
    let text = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let code = text(&error["code"]);
    let meant = status.or_else(|| code.as_ref()?.parse().ok().filter(|code| (400..600).contains(code)));
    let said = text(&error["message"]).or_else(|| text(error)).or_else(|| text(&json["detail"]));
    Failure {
        class: Some(meant.map_or(Class::Other, Class::of_status)),
        native: text(&error["type"]).unwrap_or_else(|| "error".to_owned()),
        status: meant,
        code,
        message: said.unwrap_or_else(|| body.chars().take(SHOWN).collect()),
        ..Failure::default()
    }
}

fn unusable(what: &str, body: &str) -> Outcome {
    let shown: String = body.chars().take(SHOWN).collect();
    let error = Failure { native: what.to_owned(), status: Some(200), message: shown, ..Failure::default() };
    Outcome { error: Some(error), ..Outcome::new(ResultKind::Unusable) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result(body: &Json) -> ResultKind {
        of_success(&body.to_string(), false).result
    }

    fn with(message: &Json, finish: &str) -> Json {
        json!({ "choices": [{ "message": message, "finish_reason": finish }] })
    }

    #[test]
    fn only_a_message_completes() {
        assert_eq!(result(&with(&json!({ "content": "yes" }), "stop")), ResultKind::Completed);
        assert_eq!(result(&with(&json!({ "content": null }), "length")), ResultKind::Completed);
        assert_eq!(result(&with(&json!({ "content": null, "refusal": "no" }), "stop")), ResultKind::Refused);
        assert_eq!(result(&with(&json!({ "content": "y" }), "content_filter")), ResultKind::Refused);
        assert_eq!(result(&json!({ "choices": [] })), ResultKind::Unusable);
        assert_eq!(result(&json!({ "object": "chat.completion" })), ResultKind::Unusable);
        assert_eq!(of_success("<html>", false).result, ResultKind::Unusable);
        assert_eq!(of_success("{}", true).result, ResultKind::Unusable);
    }

    /// Whole or in an event, the same shapes: what a gateway hands on as an error is no value that nobody can use.
    #[test]
    fn an_error_in_any_shape_is_an_error() {
        let error = json!({ "message": "no", "type": "server_error", "code": 503 });
        for body in [
            json!({ "error": error }),
            json!({ "error": "no" }),
            json!([{ "error": error }]),
            error.clone(),
            json!({ "choices": [{ "message": { "content": "half" }, "error": error }] }),
            with(&json!({ "content": "half" }), "error"),
        ] {
            assert_eq!(result(&body), ResultKind::Failed, "{body}");
        }
        let flat = of_success(&error.to_string(), false).error.expect("one");
        assert_eq!((flat.status, flat.class), (Some(503), Some(Class::Server)));
        // The message of an answer is none.
        assert_eq!(result(&json!({ "message": { "content": "yes" } })), ResultKind::Unusable);
        assert_eq!(result(&with(&json!({ "content": "yes", "error": null }), "stop")), ResultKind::Completed);
    }

    #[test]
    fn an_error_is_read_where_it_stands() {
        let object = of_failure(429, r#"{"error":{"message":"slow","type":"rate","code":429}}"#).error.expect("one");
        assert_eq!((object.class, object.native.as_str()), (Some(Class::RateLimited), "rate"));
        let text = of_failure(502, r#"{"error":"bad"}"#).error.expect("one");
        assert_eq!((text.class, text.message.as_str()), (Some(Class::Server), "bad"));
        let page = of_failure(503, "<html>no</html>").error.expect("one");
        assert_eq!(page.message, "<html>no</html>");
        let coded = failure(None, &json!({ "error": { "message": "m", "code": "503" } }), "");
        assert_eq!((coded.status, coded.class), (Some(503), Some(Class::Server)));
    }
}
