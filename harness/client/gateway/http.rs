//! Asking a gateway as a plain application does: one POST, no retry, no timeout of its own.

use std::collections::BTreeMap;

use reqwest::{
    Client, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value as Json, json};

use super::{answer, events::Events};
use crate::client::{Call, Class, Deltas, Failure, Outcome};

/// Bytes of a body that are kept.
const LONGEST: usize = 16 << 20;

/// How one gateway is asked.
pub struct Asker {
    client: Client,
    url: String,
    model: String,
    /// More fields of each body.
    more: BTreeMap<String, Json>,
}

impl Asker {
    /// An application without a pool: each request has a connection of its own, so that none is lost to an old one.
    pub fn new(
        url: String,
        model: String,
        headers: Vec<(String, String)>,
        more: BTreeMap<String, Json>,
    ) -> Result<Self, String> {
        let parsed = headers.into_iter().map(|(name, value)| {
            let header = HeaderName::try_from(&name).ok().zip(HeaderValue::try_from(&value).ok());
            header.ok_or_else(|| format!("`{name}` is no header, or its value is none"))
        });
        let headers = parsed.collect::<Result<HeaderMap, String>>()?;
        let client = Client::builder().no_proxy().no_gzip().pool_max_idle_per_host(0).default_headers(headers);
        let client = client.redirect(reqwest::redirect::Policy::none()).build();
        Ok(Asker { client: client.map_err(|error| error.to_string())?, url, model, more })
    }

    /// The status at this URL.
    pub async fn get(&self, url: &str) -> Result<u16, String> {
        let response = self.client.get(url).send().await;
        response.map(|response| response.status().as_u16()).map_err(|error| chain(&error))
    }

    /// A request of nobody's, to see whether any is answered.
    pub async fn probe(&self, stream: bool) -> Outcome {
        let mut body = json!({ "model": self.model, "messages": [{ "role": "user", "content": "Are you well?" }] });
        if stream {
            body["stream"] = json!(true);
        }
        self.post(&body, stream, &Deltas::default()).await
    }

    /// One user request.
    pub async fn ask(&self, call: &Call) -> Outcome {
        self.post(&self.body(call), call.request.stream, &call.deltas).await
    }

    fn body(&self, call: &Call) -> Json {
        let mut body = json!({ "model": self.model, "messages": call.messages, "user": call.user });
        if call.request.stream {
            body["stream"] = json!(true);
            body["stream_options"] = json!({ "include_usage": true });
        }
        if call.request.n > 1 {
            body["n"] = json!(call.request.n);
        }
        if let Some(tools) = call.tools() {
            body["tools"] = tools;
        }
        self.more.iter().for_each(|(name, value)| body[name] = value.clone());
        body
    }

    async fn post(&self, body: &Json, stream: bool, deltas: &Deltas) -> Outcome {
        let request = self.client.post(&self.url).header("content-type", "application/json").body(body.to_string());
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return failed(Class::Connection, &error),
        };
        let status = response.status().as_u16();
        let head = if stream && status < 300 { head(&mut response).await } else { Ok(Vec::new()) };
        let head = match head {
            Ok(head) if stream && status < 300 && is_stream(&response, &head) => {
                return streamed(response, &head, deltas, body["n"].is_u64()).await;
            }
            Ok(head) => head,
            Err(error) => return failed(Class::StreamInterrupted, &error),
        };
        match whole(response, head).await {
            Ok(body) if status < 300 => answer::of_success(&body, stream),
            Ok(body) => answer::of_failure(status, &body),
            Err(error) => {
                Outcome::failed(Failure { status: Some(status), ..failure(Class::StreamInterrupted, &error) })
            }
        }
    }
}

/// What a body begins with, to its first visible byte.
async fn head(response: &mut Response) -> reqwest::Result<Vec<u8>> {
    let mut head = Vec::new();
    while head.iter().all(u8::is_ascii_whitespace) {
        match response.chunk().await? {
            Some(chunk) => head.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(head)
}

/// Whether it is read as a stream, which was asked for: it is called one, or begins like one, whatever it is called.
fn is_stream(response: &Response, head: &[u8]) -> bool {
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("text/event-stream") || begins_like_events(head)
}

/// A line of an event stream, or what there is of it so far.
fn begins_like_events(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let fields = ["data:", "event:", "id:", "retry:", ":"].map(str::as_bytes);
    !head.is_empty() && fields.iter().any(|field| head.starts_with(field) || field.starts_with(head))
}

async fn whole(mut response: Response, mut body: Vec<u8>) -> reqwest::Result<String> {
    while let Some(chunk) = response.chunk().await? {
        // What is longer than any answer of ours is read, and not kept.
        let room = LONGEST.saturating_sub(body.len());
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

async fn streamed(mut response: Response, head: &[u8], deltas: &Deltas, several: bool) -> Outcome {
    let mut events = Events::new(deltas, several);
    if let Some(outcome) = events.take(head) {
        return outcome;
    }
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                if let Some(outcome) = events.take(&chunk) {
                    return outcome;
                }
            }
            Ok(None) => return events.end(),
            Err(error) => return failed(Class::StreamInterrupted, &error),
        }
    }
}

fn failed(class: Class, error: &reqwest::Error) -> Outcome {
    Outcome::failed(failure(class, error))
}

fn failure(class: Class, error: &reqwest::Error) -> Failure {
    Failure { class: Some(class), native: "reqwest::Error".to_owned(), message: chain(error), ..Failure::default() }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_known_by_how_it_begins() {
        for head in ["data: {}", "\n\ndata:", ": ping", "event: error", "da", "id: 7"] {
            assert!(begins_like_events(head.as_bytes()), "{head:?}");
        }
        for head in ["", " \n", "{\"data\": 1}", "<html>", "Too many requests", "identity"] {
            assert!(!begins_like_events(head.as_bytes()), "{head:?}");
        }
    }
}
