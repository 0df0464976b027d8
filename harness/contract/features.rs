//! What a request uses that a provider may not take, and about how long its prompt is.

use serde_json::Value as Json;

use crate::policy::Feature;

/// What a body uses, each once, in the order of the policy's words.
pub fn features(body: &Json) -> Vec<Feature> {
    let messages = || body["messages"].as_array().into_iter().flatten();
    let role = |role: &str| messages().any(|message| message["role"] == role);
    let part = |kind: &str| {
        let mut parts = messages().flat_map(|message| message["content"].as_array().into_iter().flatten());
        parts.any(|part| part["type"] == kind)
    };
    let list = |value: &Json| value.as_array().is_some_and(|list| !list.is_empty());
    let called = || messages().any(|message| list(&message["tool_calls"]));
    let wants_audio = || body["modalities"].as_array().is_some_and(|kinds| kinds.contains(&"audio".into()));
    let prefill = messages().last().is_some_and(|last| last["role"] == "assistant" && !list(&last["tool_calls"]));
    let uses = [
        (Feature::Tools, list(&body["tools"]) || list(&body["functions"]) || role("tool") || called()),
        (Feature::DeveloperRole, role("developer")),
        (Feature::SystemRole, role("system")),
        (Feature::Prefill, prefill),
        (Feature::ResponseFormat, body["response_format"].is_object() && body["response_format"]["type"] != "text"),
        (Feature::Images, part("image_url")),
        (Feature::Audio, part("input_audio") || body["audio"].is_object() || wants_audio()),
        (Feature::Files, part("file")),
        (Feature::SeveralChoices, body["n"].as_u64().is_some_and(|n| n > 1)),
        (Feature::Logprobs, body["logprobs"] == true),
        (Feature::ReasoningEffort, body["reasoning_effort"].is_string()),
        (Feature::Stream, body["stream"] == true),
    ];
    uses.into_iter().filter(|(_, used)| *used).map(|(feature, _)| feature).collect()
}

/// About so many tokens of text in the messages of a body: four characters each, as in English.
pub fn tokens(body: &Json) -> u64 {
    characters(&body["messages"]).div_ceil(4)
}

/// Characters of text; what is no text to a model (roles, ids, images) does not count.
fn characters(value: &Json) -> u64 {
    let text = ["content", "text", "refusal", "arguments", "tool_calls", "function", "function_call"];
    match value {
        Json::String(text) => text.chars().count() as u64,
        Json::Array(items) => items.iter().map(characters).sum(),
        Json::Object(keys) => {
            keys.iter().filter(|(key, _)| text.contains(&key.as_str())).map(|(_, v)| characters(v)).sum()
        }
        _ => 0,
    }
}
