//! What requests without a canary are answered: health probes, lists of models, a gateway's own first steps.

use serde_json::{Value as Json, json};

use crate::wire::Asked;

/// The whole answer.
pub fn answer(asked: &Asked) -> Vec<u8> {
    let path = asked.path();
    let body: Json = serde_json::from_slice(&asked.body).unwrap_or_default();
    let model = body["model"].as_str().unwrap_or("brownout-primary");
    match (asked.method.as_str(), path) {
        ("POST", path) if path.ends_with("/chat/completions") && body["stream"] == true => events(model),
        ("POST", path) if path.ends_with("/chat/completions") => whole(200, &completion(model)),
        ("GET", path) if path.ends_with("/models") => whole(200, &models()),
        ("GET" | "HEAD", "/" | "/health" | "/healthz" | "/ping") => whole(200, &json!({ "status": "ok" })),
        _ => {
            let error = json!({ "message": "there is no such path", "type": "not_found_error", "code": null });
            whole(404, &json!({ "error": error }))
        }
    }
}

fn whole(status: u16, body: &Json) -> Vec<u8> {
    let reason = if status == 200 { "OK" } else { "Not Found" };
    bytes(&format!("{status} {reason}"), "application/json", &body.to_string())
}

fn bytes(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

fn models() -> Json {
    let model = |name: &str| json!({ "id": name, "object": "model", "created": 1_700_000_000, "owned_by": "brownout" });
    json!({ "object": "list", "data": [model("brownout-primary"), model("brownout-fallback")] })
}

fn completion(model: &str) -> Json {
    let message = json!({ "role": "assistant", "content": "well" });
    let usage = json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 });
    json!({
        "id": "chatcmpl-background", "object": "chat.completion", "created": 1_700_000_000, "model": model,
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }], "usage": usage,
    })
}

fn events(model: &str) -> Vec<u8> {
    let chunk = |delta: Json, finish: Json| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        let chunk = json!({
            "id": "chatcmpl-background", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": model,
            "choices": [choice],
        });
        format!("data: {chunk}\n\n")
    };
    let first = chunk(json!({ "role": "assistant", "content": "well" }), Json::Null);
    let last = chunk(json!({}), json!("stop"));
    bytes("200 OK", "text/event-stream", &format!("{first}{last}data: [DONE]\n\n"))
}
