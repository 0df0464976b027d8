//! The parts that plain replies and stream chunks have in common.

use serde_json::Value as Json;

use super::failure::{Failure, Hint, Kind};

/// A non-null error, at the top or inside a choice; flat and list shapes too.
pub fn error(json: &Json) -> Option<&Json> {
    let own = |json: &'_ Json| json.get("error").is_some_and(|error| !error.is_null());
    if own(json) {
        return json.get("error");
    }
    if let Some(first) = json.as_array().and_then(|items| items.first()) {
        return error(first);
    }
    let choices = json.get("choices").and_then(Json::as_array);
    if let Some(choice) = choices.into_iter().flatten().find(|choice| own(choice)) {
        return choice.get("error");
    }
    let answers = json.get("choices").is_some();
    let named = json.get("type").is_some() || json.get("code").is_some();
    let flat = json.get("detail").is_some() || (json.get("message").is_some() && named);
    (json["object"] == "error" || (!answers && flat)).then_some(json)
}

/// The failure that an error object stands for.
pub fn failure_of(failure: Failure, error: &Json, around: &Json) -> Failure {
    let places = [&error["code"], &error["type"], &error["status"], &error["details"]["error_code"], &around["code"]];
    let codes =
        places.iter().filter_map(|word| word.as_str()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    let message =
        error.as_str().or_else(|| error["message"].as_str()).or_else(|| error["detail"].as_str()).unwrap_or_default();
    Failure { codes, hint: hint(&message.to_lowercase()), ..failure }
}

/// A status that the error object names in its code, as a number or in digits.
pub fn named_status(error: &Json) -> Option<u16> {
    let code = &error["code"];
    let number = code.as_u64().or_else(|| code.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

/// An error object on a success.
pub fn in_band(error: &Json, around: &Json) -> Failure {
    failure_of(Failure::new(Kind::ErrorObject(named_status(error))), error, around)
}

/// Where codes are missing, words must do: they only ever ask for less.
fn hint(message: &str) -> Option<Hint> {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["quota", "insufficient balance"]) {
        Some(Hint::Quota)
    } else if says(&["api key"]) {
        Some(Hint::Key)
    } else if says(&["context length", "context window", "prompt is too long"]) {
        Some(Hint::Context)
    } else if says(&["content policy", "content management policy"]) {
        Some(Hint::Policy)
    } else if says(&["failed to call a function"]) {
        Some(Hint::ToolUse)
    } else if says(&["loading model"]) {
        Some(Hint::Loading)
    } else {
        None
    }
}

/// Text content: a string, or the texts of a list of parts.
pub fn text(content: &Json) -> String {
    match content {
        Json::String(text) => text.clone(),
        Json::Array(parts) => parts.iter().filter_map(|part| part.as_str().or_else(|| part["text"].as_str())).collect(),
        _ => String::new(),
    }
}

/// A finish reason that says the provider failed.
pub fn is_failure(finish_reason: &str) -> bool {
    matches!(finish_reason, "error" | "abort" | "insufficient_system_resource")
}
