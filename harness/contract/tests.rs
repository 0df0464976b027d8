//! Bodies on both sides of the contract, dialect by dialect.

use rstest::rstest;
use serde_json::{Value as Json, json};

use super::{Contract, features, profile, tokens};
use crate::policy::{Feature, Profile};

fn findings(profile: Profile, body: &Json) -> Vec<(String, String, String)> {
    let findings = Contract::of(profile).findings(body).into_iter();
    findings.map(|finding| (finding.pointer, finding.keyword, finding.what)).collect()
}

fn finding(pointer: &str, keyword: &str, what: &str) -> (String, String, String) {
    (pointer.to_owned(), keyword.to_owned(), what.to_owned())
}

/// The least body there is, with these fields.
fn body(fields: Json) -> Json {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }] });
    for (name, value) in fields.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// A request with nearly everything in it: a history with a tool call, parts, tools, parameters.
fn full() -> Json {
    body(json!({
        "messages": [
            { "role": "system", "content": "Be brief.", "name": "s" },
            { "role": "developer", "content": [{ "type": "text", "text": "Be kind." }] },
            { "role": "user", "content": [
                { "type": "text", "text": "What is this?" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==", "detail": "low" } },
                { "type": "input_audio", "input_audio": { "data": "AA==", "format": "wav" } },
                { "type": "file", "file": { "file_id": "f" } },
            ] },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } },
            ] },
            { "role": "tool", "tool_call_id": "c", "content": "4" },
            { "role": "user", "content": "And now?" },
        ],
        "stream": true, "stream_options": { "include_usage": true }, "temperature": 0.2, "top_p": 0.9, "max_tokens": 9,
        "n": 1, "stop": ["a", "b"], "presence_penalty": 0, "logit_bias": { "50256": -100 }, "logprobs": true,
        "top_logprobs": 2, "seed": 7, "user": "u", "metadata": { "any key": "any value" }, "reasoning_effort": "low",
        "response_format": { "type": "json_schema", "json_schema": { "name": "n", "schema": { "any": "thing" } } },
        "tools": [{ "type": "function", "function": { "name": "f", "parameters": { "any": "thing" } } }],
        "tool_choice": { "type": "function", "function": { "name": "f" } }, "parallel_tool_calls": false,
    }))
}

#[test]
fn every_profile_has_a_file_that_fits_the_schema_and_makes_a_validator() {
    for (profile, _) in profile::EMBEDDED {
        assert_eq!(profile::schema(profile).map(|_| ()), Ok(()));
        assert_eq!(findings(profile, &body(json!({}))), [], "{profile}");
    }
    let known = serde_json::to_value(schemars::schema_for!(Profile)).expect("a schema");
    assert_eq!(known["oneOf"].as_array().map(Vec::len), Some(profile::EMBEDDED.len()), "{known}");
}

#[test]
fn a_full_request_fits() {
    assert_eq!(findings(Profile::Openai, &full()), []);
    assert_eq!(findings(Profile::Cometapi, &full()), []);
}

/// Every key at every closed level, each renamed once: only a lint on our side can see a misspelled field.
#[test]
fn no_renamed_key_survives() {
    let open = ["/metadata/", "/logit_bias/", "/schema/", "/parameters/"];
    let mut places = Vec::new();
    keys(&full(), String::new(), &mut places);
    let closed: Vec<&String> = places.iter().filter(|place| !open.iter().any(|open| place.contains(open))).collect();
    assert!(closed.len() > 60, "{}", closed.len());
    for place in closed {
        let mut renamed = full();
        let (parent, key) = place.rsplit_once('/').expect("a pointer");
        let parent = renamed.pointer_mut(parent).and_then(Json::as_object_mut).expect("it was found there");
        let value = parent.remove(key).expect("it was found there");
        parent.insert(format!("{key}x"), value);
        assert_ne!(findings(Profile::Openai, &renamed), [], "{place}");
    }
}

fn keys(value: &Json, at: String, places: &mut Vec<String>) {
    match value {
        Json::Object(map) => map.iter().for_each(|(key, value)| {
            places.push(format!("{at}/{key}"));
            keys(value, format!("{at}/{key}"), places);
        }),
        Json::Array(list) => list.iter().enumerate().for_each(|(n, value)| keys(value, format!("{at}/{n}"), places)),
        _ => {}
    }
}

#[rstest]
#[case::misspelled(json!({ "temprature": 1 }), "/temprature", "additionalProperties", "no such field is known; did you mean `temperature`?")]
#[case::unknown(json!({ "chat_template": "x" }), "/chat_template", "additionalProperties", "no such field is known")]
#[case::null(json!({ "tool_choice": null }), "/tool_choice", "oneOf", "it is null, not string or object")]
#[case::null_tools(json!({ "tools": null }), "/tools", "type", "it is null, not array")]
#[case::no_model(json!({ "model": null }), "/model", "type", "it is null, not string")]
#[case::no_messages(json!({ "messages": [] }), "/messages", "minItems", "it must hold at least 1")]
#[case::too_hot(json!({ "temperature": 2.1 }), "/temperature", "maximum", "it must be at most 2")]
#[case::text_for_number(json!({ "max_tokens": "9" }), "/max_tokens", "type", "it is a string, not null or integer")]
#[case::options_without_stream(json!({ "stream_options": { "include_usage": true } }), "/stream", "required", "it is missing")]
#[case::role(json!({ "messages": [{ "role": "bot", "content": "x" }] }), "/messages/0/role", "enum", r#"it must be one of ["system","developer","user","assistant","tool","function"]"#)]
#[case::null_content(json!({ "messages": [{ "role": "user", "content": null }] }), "/messages/0/content", "oneOf", "it is null, not string or array")]
#[case::no_call_id(json!({ "messages": [{ "role": "tool", "content": "x" }] }), "/messages/0/tool_call_id", "required", "it is missing")]
#[case::in_the_form_meant(json!({ "tools": [{ "type": "function", "function": { "nam": "f", "name": "f" } }] }), "/tools/0/function/nam", "additionalProperties", "no such field is known; did you mean `name`?")]
#[case::in_a_part(json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "x", "txt": "y" }] }] }), "/messages/0/content/0/txt", "additionalProperties", "no such field is known; did you mean `text`?")]
fn mistakes_are_found_where_they_are(
    #[case] fields: Json,
    #[case] pointer: &str,
    #[case] keyword: &str,
    #[case] what: &str,
) {
    assert_eq!(findings(Profile::Openai, &body(fields)), [finding(pointer, keyword, what)]);
}

/// What a provider adds, refuses and limits: a finding there, and none at OpenAI; or the other way round.
#[rstest]
#[case::claude_takes_one_choice(Profile::ClaudeCompat, json!({ "n": 2 }), true, false)]
#[case::claude_caps_temperature(Profile::ClaudeCompat, json!({ "temperature": 1.5 }), true, false)]
#[case::claude_at_the_cap(Profile::ClaudeCompat, json!({ "temperature": 1, "n": 1 }), false, false)]
#[case::claude_ignores(Profile::ClaudeCompat, json!({ "logprobs": true, "seed": 1 }), false, false)]
#[case::claude_thinks(Profile::ClaudeCompat, json!({ "thinking": { "type": "enabled" } }), false, true)]
#[case::groq_refuses_logprobs(Profile::Groq, json!({ "logprobs": false }), true, false)]
#[case::groq_refuses_names(Profile::Groq, json!({ "messages": [{ "role": "user", "content": "x", "name": "y" }] }), true, false)]
#[case::groq_takes_one_choice(Profile::Groq, json!({ "n": 2 }), true, false)]
#[case::groq_adds(Profile::Groq, json!({ "reasoning_format": "hidden" }), false, true)]
#[case::deepseek_stops(Profile::Deepseek, json!({ "stop": ["1", "2", "3", "4", "5"] }), false, true)]
#[case::deepseek_stops_at_16(Profile::Deepseek, json!({ "stop": vec!["x"; 17] }), true, true)]
#[case::deepseek_prefix(Profile::Deepseek, json!({ "messages": [{ "role": "assistant", "content": "x", "prefix": true }] }), false, true)]
#[case::openrouter_routes(Profile::Openrouter, json!({ "provider": { "order": [] }, "top_k": 3 }), false, true)]
#[case::gemini_signs(Profile::GeminiCompat, json!({ "messages": [{ "role": "assistant", "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" }, "extra_content": {} }] }] }), false, true)]
#[case::comet_echoes_signatures(Profile::Cometapi, json!({ "messages": [{ "role": "assistant", "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" }, "extra_content": {} }] }] }), false, true)]
#[case::comet_adds_nothing_else(Profile::Cometapi, json!({ "top_k": 3 }), true, true)]
fn dialects_differ(#[case] profile: Profile, #[case] fields: Json, #[case] there: bool, #[case] at_openai: bool) {
    assert_eq!(!findings(profile, &body(fields.clone())).is_empty(), there);
    assert_eq!(!findings(Profile::Openai, &body(fields)).is_empty(), at_openai);
}

#[test]
fn a_refusal_says_whose() {
    let said = findings(Profile::Groq, &body(json!({ "logit_bias": {} })));
    assert_eq!(said, [finding("/logit_bias", "falseSchema", "Groq does not take it")]);
}

/// The word stands in every value and in every name that is not the schema's; none of it may come out.
#[test]
fn no_value_and_no_strange_name_comes_out() {
    let secret = "a fortnight in Bruges";
    let mut bodies = vec![
        json!(secret),
        json!([secret]),
        body(json!({ secret: secret })),
        body(json!({ "metadata": { secret: 5 } })),
    ];
    let mut places = Vec::new();
    keys(&full(), String::new(), &mut places);
    for place in places {
        let mut wrong = full();
        *wrong.pointer_mut(&place).expect("it was found there") = json!({ secret: secret });
        bodies.push(wrong.clone());
        *wrong.pointer_mut(&place).expect("it was found there") = json!(secret);
        bodies.push(wrong);
    }
    for body in bodies {
        let said = format!("{:?}", findings(Profile::Openai, &body));
        assert!(!said.contains("fortnight"), "{said}");
    }
}

#[rstest]
#[case(json!({}), vec![])]
#[case(json!({ "stream": false, "n": 1, "tools": [], "logprobs": false, "response_format": { "type": "text" }, "reasoning_effort": null }), vec![])]
#[case(json!({ "stream": true, "n": 2 }), vec![Feature::SeveralChoices, Feature::Stream])]
#[case(json!({ "messages": [{ "role": "user", "content": "x" }, { "role": "assistant", "content": "It is" }] }), vec![Feature::Prefill])]
#[case(json!({ "response_format": { "type": "json_object" }, "modalities": ["text", "audio"] }), vec![Feature::ResponseFormat, Feature::Audio])]
fn a_body_uses_what_it_says(#[case] fields: Json, #[case] expected: Vec<Feature>) {
    assert_eq!(features(&body(fields)), expected);
}

#[test]
fn a_full_request_uses_nearly_everything() {
    use Feature::*;
    let all =
        [Tools, DeveloperRole, SystemRole, ResponseFormat, Images, Audio, Files, Logprobs, ReasoningEffort, Stream];
    assert_eq!(features(&full()), all);
}

#[test]
fn four_characters_are_a_token_and_pictures_are_none() {
    let of = |messages: Json| tokens(&json!({ "model": "a long name of a model", "messages": messages }));
    assert_eq!(of(json!([{ "role": "user", "content": "x".repeat(400) }])), 100);
    assert_eq!(of(json!([{ "role": "user", "content": "x".repeat(401) }])), 101);
    assert_eq!(of(json!([{ "role": "user", "content": [{ "type": "text", "text": "ä".repeat(8) }] }])), 2);
    let image = json!({ "type": "image_url", "image_url": { "url": "x".repeat(4000) } });
    assert_eq!(of(json!([{ "role": "user", "content": [image] }])), 0);
}
