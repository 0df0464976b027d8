//! Two clients on bare hyper, written by another hand than the reference client's: `Meek` does the least that is right, `Eager`
//! does everything that is wrong with enthusiasm. What each must get is written down in `tests/poles.rs`.

use std::time::Duration;

use brownout::{
    causes::Class,
    client::{About, Call, Client, Failure, Outcome, Provider, ResultKind},
    policy::Policy,
    scenario::Capability,
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

/// One exchange on a connection of its own.
async fn ask(call: &Call, provider: &Provider) -> Option<hyper::Response<Incoming>> {
    let authority = provider.base_url.strip_prefix("http://")?.split('/').next()?.to_owned();
    let stream = TcpStream::connect(&authority).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::task::spawn_local(connection);
    let mut body = json!({ "model": provider.model, "messages": call.messages, "user": call.user });
    if call.request.stream {
        body["stream"] = json!(true);
    }
    let request = Request::post("/v1/chat/completions")
        .header("host", authority)
        .header("authorization", format!("Bearer {}", provider.api_key.trim()))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())));
    sender.send_request(request.ok()?).await.ok()
}

fn failed(class: Class, message: &str) -> Outcome {
    let error = Failure {
        class: Some(class),
        native: "Error".to_owned(),
        status: None,
        code: None,
        message: message.to_owned(),
        retryable: Some(false),
        ..Default::default()
    };
    Outcome { error: Some(error), ..Outcome::new(ResultKind::Failed) }
}

/// One attempt, no fallback, and nothing believed that is not plainly right.
pub struct Meek(pub Policy);

impl Client for Meek {
    fn about(&self) -> About {
        About { name: "meek".to_owned(), version: "1".to_owned() }
    }

    fn capabilities(&self) -> Vec<Capability> {
        use Capability::*;
        vec![Stream, Cancel, Deadline, ConfigurableTimeouts, ConfigurableAttempts]
    }

    async fn call(&self, call: Call) -> Outcome {
        timeout(*self.0.deadline, self.once(&call)).await.unwrap_or_else(|_| failed(Class::Deadline, "too late"))
    }
}

impl Meek {
    async fn once(&self, call: &Call) -> Outcome {
        let whole = async {
            let Some(response) = ask(call, &call.providers[0]).await else {
                return Err(failed(Class::Connection, "no reply"));
            };
            let html =
                response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
            match response.status().as_u16() {
                200 if html => Err(failed(Class::MalformedResponse, "a page")),
                200 if call.request.stream => Ok(response),
                200 => Err(self.plain(response).await),
                status => Err(self.refused(status, response).await),
            }
        };
        match timeout(*self.0.attempt_timeout, whole).await {
            Err(_) => failed(Class::Timeout, "no reply in time"),
            Ok(Err(outcome)) => outcome,
            Ok(Ok(response)) => self.stream(call, response).await,
        }
    }

    /// A body to its end, without a silence longer than the idle timeout.
    async fn body(&self, response: hyper::Response<Incoming>) -> Result<Vec<u8>, Class> {
        let (mut body, mut bytes) = (response.into_body(), Vec::new());
        loop {
            match timeout(*self.0.idle_timeout, body.frame()).await {
                Err(_) => return Err(Class::Timeout),
                Ok(None) => return Ok(bytes),
                Ok(Some(Err(_))) => return Err(Class::Connection),
                Ok(Some(Ok(frame))) => bytes.extend(frame.into_data().unwrap_or_default()),
            }
        }
    }

    async fn plain(&self, response: hyper::Response<Incoming>) -> Outcome {
        let body = match self.body(response).await {
            Ok(body) => body,
            Err(class) => return failed(class, "no whole body"),
        };
        let json: Value = serde_json::from_slice(body.trim_ascii()).unwrap_or_default();
        let choice = &json["choices"][0];
        let refusal = choice["message"]["refusal"].as_str().is_some_and(|text| !text.is_empty());
        if refusal || choice["finish_reason"] == "content_filter" {
            return failed(Class::ContentPolicy, "refused");
        }
        // Envelope, list or flat: a number in it is the status that was meant.
        let errors = [&json["error"], &choice["error"], &json[0]["error"], &json];
        let listed = !json[0]["error"].is_null() || !choice["error"].is_null();
        if (json.is_object() && is_error(&json)) || listed {
            let code = errors.iter().find_map(|error| error["code"].as_u64());
            return failed(code.map_or(Class::Server, |code| class(code as u16)), "an error on a 200");
        }
        let answer = Some(text(&choice["message"]["content"])).filter(|text| !text.trim().is_empty());
        match answer.filter(|_| !says_failure(&choice["finish_reason"])) {
            Some(text) => Outcome {
                text: Some(text),
                finish_reason: choice["finish_reason"].as_str().map(str::to_owned),
                ..Outcome::new(ResultKind::Completed)
            },
            None => failed(Class::MalformedResponse, "no answer in it"),
        }
    }

    async fn stream(&self, call: &Call, response: hyper::Response<Incoming>) -> Outcome {
        let one = call.request.n == 1;
        let (mut body, mut bytes, mut seen) = (response.into_body(), Vec::new(), Stream { one, ..Stream::default() });
        let (mut read, mut content, mut content_at) = (0, 0, Instant::now());
        while !seen.over() {
            let limit = if seen.finish.is_some() {
                Instant::now() + *self.0.parser.finish_grace
            } else {
                self.patience(content_at)
            };
            let frame = match timeout_at(limit, body.frame()).await {
                Err(_) if seen.finish.is_some() => break,
                Err(_) => return failed(Class::Timeout, "silence"),
                Ok(None) => {
                    bytes.extend(b"\n\n");
                    seen.take(&bytes[read..], call);
                    break;
                }
                Ok(Some(Err(_))) => break,
                Ok(Some(Ok(frame))) => frame,
            };
            bytes.extend(frame.into_data().unwrap_or_default());
            read += seen.take(&bytes[read..], call);
            if seen.content > content {
                (content, content_at) = (seen.content, Instant::now());
            }
        }
        seen.outcome()
    }

    /// How long to wait for another byte, so long after the last content.
    fn patience(&self, content_at: Instant) -> Instant {
        let (idle, semantic) = (*self.0.idle_timeout, *self.0.semantic_idle_timeout);
        if self.0.parser.keepalive_is_progress {
            (Instant::now() + idle.min(semantic)).min(content_at + semantic.max(*self.0.parser.keepalive_bound))
        } else {
            (Instant::now() + idle).min(content_at + semantic)
        }
    }

    /// A refused request, by its status; one code beats it.
    async fn refused(&self, status: u16, response: hyper::Response<Incoming>) -> Outcome {
        let body = self.body(response).await.unwrap_or_default();
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        let malformed = json["error"]["code"] == "invalid_request";
        failed(if malformed { Class::InvalidRequest } else { class(status) }, "refused")
    }
}

/// What a stream has brought.
#[derive(Default)]
struct Stream {
    /// One choice was asked for, whatever its index.
    one: bool,
    text: String,
    /// Pieces of anything that is progress.
    content: usize,
    finish: Option<String>,
    chunks: usize,
    done: bool,
    broken: bool,
    refused: bool,
}

impl Stream {
    fn over(&self) -> bool {
        self.done || self.broken
    }

    /// Reads whole events; how many bytes they took. All line ends become LF first.
    fn take(&mut self, bytes: &[u8], call: &Call) -> usize {
        let text = String::from_utf8_lossy(bytes);
        let Some(end) =
            ["\n\n", "\r\n\r\n", "\r\r"].iter().filter_map(|end| text.rfind(end).map(|at| at + end.len())).max()
        else {
            return 0;
        };
        let plain = text[..end].replace("\r\n", "\n").replace('\r', "\n");
        for event in plain.trim_start_matches('\u{feff}').split("\n\n") {
            let field = |name: &'static str| {
                event
                    .lines()
                    .filter_map(move |line| line.strip_prefix(name))
                    .map(|value| value.strip_prefix(' ').unwrap_or(value))
            };
            let name: String = field("event:").collect();
            let data = field("data:").collect::<Vec<_>>().join("\n");
            self.broken |= field("error:").next().is_some() || name == "error";
            if !self.over() && (name.is_empty() || name == "message") {
                self.data(data.trim(), call);
            }
        }
        // Lossy decoding may change lengths, so the end is looked for in the bytes themselves.
        ["\n\n", "\r\n\r\n", "\r\r"]
            .iter()
            .filter_map(|end| bytes.windows(end.len()).rposition(|w| w == end.as_bytes()).map(|at| at + end.len()))
            .max()
            .unwrap_or(0)
    }

    fn data(&mut self, data: &str, call: &Call) {
        if data == "[DONE]" {
            self.done = true;
            return;
        }
        if data.is_empty() || data == "null" {
            return;
        }
        let Ok(json) = serde_json::from_str::<Value>(data) else { return self.broken = true };
        self.broken |= is_error(&json);
        self.chunks += 1;
        let mine = |choice: &&Value| self.one || choice["index"].as_u64().unwrap_or(0) == 0;
        for choice in json["choices"].as_array().into_iter().flatten().filter(mine) {
            self.broken |= !choice["error"].is_null() || says_failure(&choice["finish_reason"]);
            let delta = &choice["delta"];
            let said = ["content", "refusal", "reasoning", "reasoning_content"].map(|key| delta[key].as_str());
            self.content += usize::from(said.into_iter().flatten().any(|text| !text.is_empty()));
            self.content += usize::from(delta["tool_calls"].is_array());
            let text = text(&choice["delta"]["content"]);
            if !text.is_empty() && !self.broken {
                call.deltas.push(&text);
                self.text.push_str(&text);
            }
            self.refused |= choice["delta"]["refusal"].as_str().is_some_and(|text| !text.is_empty());
            if let Some(word) = choice["finish_reason"].as_str().filter(|word| !word.is_empty()) {
                self.finish = Some(word.to_owned());
            }
        }
    }

    fn outcome(self) -> Outcome {
        if self.chunks == 0 && !self.broken {
            return failed(Class::MalformedResponse, "no stream");
        }
        if self.broken || (self.finish.is_none() && !self.done) {
            return failed(Class::StreamInterrupted, "no whole stream");
        }
        if self.refused || self.finish.as_deref() == Some("content_filter") {
            return failed(Class::ContentPolicy, "refused");
        }
        if self.text.trim().is_empty() {
            return failed(Class::MalformedResponse, "no answer in it");
        }
        Outcome { text: Some(self.text), finish_reason: self.finish, ..Outcome::new(ResultKind::Completed) }
    }
}

/// Content as text: a string, or the text of each part that has one.
fn text(content: &Value) -> String {
    match content {
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        content => content.as_str().unwrap_or_default().to_owned(),
    }
}

/// An error in any of its shapes: in an envelope, in a list, or flat where choices should be.
fn is_error(json: &Value) -> bool {
    !json.is_object() || !json["error"].is_null() || (json["choices"].is_null() && !json["message"].is_null())
}

fn says_failure(word: &Value) -> bool {
    ["error", "abort", "insufficient_system_resource"].iter().any(|failure| word == failure)
}

fn class(status: u16) -> Class {
    match status {
        401 | 403 => Class::Auth,
        402 => Class::Quota,
        408 => Class::Timeout,
        429 => Class::RateLimited,
        499 => Class::Other,
        500.. => Class::Server,
        _ => Class::InvalidRequest,
    }
}

/// Tries everything, everywhere, at once; believes whatever comes; tells everyone its key.
pub struct Eager;

impl Client for Eager {
    fn about(&self) -> About {
        About { name: "eager".to_owned(), version: "1".to_owned() }
    }

    fn capabilities(&self) -> Vec<Capability> {
        use Capability::*;
        vec![
            Stream,
            Retry,
            RetryAfter,
            Fallback,
            Deadline,
            Idempotency,
            RetryBudget,
            ConfigurableAttempts,
            ConfigurableTimeouts,
            ConfigurableBackoff,
            ConfigurableParser,
        ]
    }

    async fn call(&self, call: Call) -> Outcome {
        for round in 0..10 {
            let provider = &call.providers[round % 2];
            let Ok(Some(response)) = timeout(Duration::from_secs(5), ask(&call, provider)).await else { continue };
            if response.status() != 200 {
                continue;
            }
            let mut text = String::new();
            let mut body = response.into_body();
            while let Ok(Some(Ok(frame))) = timeout(Duration::from_secs(30), body.frame()).await {
                text.push_str(&String::from_utf8_lossy(&frame.into_data().unwrap_or_default()));
            }
            let json: Value = serde_json::from_str(&text).unwrap_or_default();
            let events = text.split("data: ").filter_map(|event| serde_json::from_str::<Value>(event.trim()).ok());
            let deltas: String = events
                .filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
                .collect();
            let text = json["choices"][0]["message"]["content"].as_str().map_or(deltas, str::to_owned);
            return Outcome { text: Some(text), ..Outcome::new(ResultKind::Completed) };
        }
        failed(Class::Other, &format!("all failed, with key {}", call.providers[0].api_key))
    }
}
