//! One attempt: a request on the wire, its timeouts, its reply.

use std::time::Duration;

use reqwest::Response;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, timeout_at};

use super::{
    Outgoing, Reference, body,
    failure::{Failure, Kind},
    stream, wait,
};
use crate::{
    client::{Call, Provider},
    policy::Auth,
};

/// Where an attempt goes, and how long it may take.
pub struct Target<'a> {
    /// The provider.
    pub provider: &'a Provider,
    /// Plain reply: connect to last byte. Stream: connect to its head.
    pub timeout: Duration,
    /// When an attempt that has delivered nothing is given up in any case.
    pub until: Instant,
    /// When everything ends.
    pub deadline: Instant,
    /// One value per user request.
    pub idempotency: &'a str,
    /// Another one, for the records.
    pub correlation: &'a str,
    /// The attempt at this provider, from 1.
    pub attempt: u32,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// Its text.
    pub text: Option<String>,
    /// The text of a refusal.
    pub refusal: Option<String>,
    /// Why it ended, as the provider says.
    pub finish_reason: Option<String>,
    /// Whole tool calls.
    pub tool_calls: Vec<Json>,
    /// Usage, as served.
    pub usage: Option<Json>,
    /// The status that it came with.
    pub status: u16,
}

impl Reference {
    /// Makes one attempt.
    pub async fn send(&self, call: &Call, target: &Target<'_>) -> Result<Reply, Failure> {
        let own = Instant::now() + target.timeout;
        let (given_up, limit) = if own <= target.until { (own, "attempt") } else { (target.until, "deadline") };
        let request = self.request(call, target);
        let response = timeout_at(given_up, request.send()).await;
        let response =
            response.map_err(|_| Failure::timed_out(Kind::HeadTimeout, limit))?.map_err(|error| no_head(&error))?;
        let status = response.status().as_u16();
        let (wait, should_retry) = (wait::asked_for(response.headers()), should_retry(&response));
        let reply = if !response.status().is_success() {
            Err(self.refused(response, given_up).await)
        } else if call.request.stream && !kind(&response).starts_with("application/json") {
            stream::read(response, self.policy(), call, target).await
        } else {
            let plain = timeout_at(given_up, self.plain(response, call)).await;
            plain.unwrap_or_else(|_| Err(Failure::timed_out(Kind::BodyTimeout, limit)))
        };
        reply.map(|reply| Reply { status, ..reply }).map_err(|failure| Failure {
            status: Some(status),
            wait,
            should_retry,
            ..failure
        })
    }

    /// The policy obeyed.
    pub fn policy(&self) -> &crate::policy::Policy {
        &self.policy
    }

    fn request(&self, call: &Call, target: &Target) -> reqwest::RequestBuilder {
        let key = target.provider.api_key.trim();
        let credential = match &self.policy.endpoint.auth {
            Auth::Bearer => ("authorization".to_owned(), format!("Bearer {key}")),
            Auth::Header(name) => (name.clone(), key.to_owned()),
        };
        let idempotency = self.policy.charge.idempotency_header.as_ref();
        let idempotency = idempotency.map(|name| (name.clone(), target.idempotency.to_owned()));
        let kind = ("content-type".to_owned(), "application/json".to_owned());
        let outgoing = (self.hooks.send)(Outgoing {
            provider: target.provider.name,
            attempt: target.attempt,
            url: self.url(&target.provider.base_url),
            headers: [kind, credential].into_iter().chain(idempotency).collect(),
            body: payload(call, &target.provider.model),
        });
        let request = self.http.post(outgoing.url).body(outgoing.body.to_string());
        outgoing.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    /// The pinned path at the provider's host, whatever path its base URL ends with.
    fn url(&self, base: &str) -> String {
        let authority = base.find("://").map_or(0, |at| at + 3);
        let end = base[authority..].find('/').map_or(base.len(), |at| authority + at);
        format!("{}{}", &base[..end], self.policy.endpoint.path)
    }

    /// A status that is none of success, with what its body says.
    async fn refused(&self, response: Response, given_up: Instant) -> Failure {
        // The status alone is enough to decide by; of a body that breaks off, what came may still say more.
        let mut body = Vec::new();
        timeout_at(given_up, self.bytes(response, &mut body)).await.ok();
        body::with_error(Failure::new(Kind::Status), &body)
    }

    async fn plain(&self, response: Response, call: &Call) -> Result<Reply, Failure> {
        let mut bytes = Vec::new();
        self.bytes(response, &mut bytes).await?;
        let reply = body::read(&bytes)?;
        if call.request.stream {
            // A whole answer where a stream was asked for is still an answer.
            reply.text.iter().for_each(|text| call.deltas.push(text));
        }
        Ok(reply)
    }

    /// A whole body, each piece of it within the idle timeout. What came before it broke off is kept.
    async fn bytes(&self, mut response: Response, bytes: &mut Vec<u8>) -> Result<(), Failure> {
        loop {
            let piece = timeout_at(Instant::now() + *self.policy.idle_timeout, response.chunk()).await;
            match piece.map_err(|_| Failure::timed_out(Kind::BodyTimeout, "idle"))?.map_err(|error| broken(&error))? {
                Some(piece) => bytes.extend(piece),
                None => return Ok(()),
            }
            if bytes.len() > body::LONGEST {
                return Err(Failure::new(Kind::Malformed));
            }
        }
    }
}

fn should_retry(response: &Response) -> Option<bool> {
    let header = response.headers().get("x-should-retry").and_then(|value| value.to_str().ok())?;
    header.trim().to_ascii_lowercase().parse().ok()
}

fn kind(response: &Response) -> String {
    let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    kind.unwrap_or_default().to_ascii_lowercase()
}

/// What cannot be unpacked is no answer; everything else broke off.
fn broken(error: &reqwest::Error) -> Failure {
    Failure::new(if cannot_be_unpacked(error) { Kind::Malformed } else { Kind::BodyCut })
}

/// The decoder's own complaint stands somewhere below: reqwest gives all body errors one name.
pub fn cannot_be_unpacked(error: &reqwest::Error) -> bool {
    let mut below = std::error::Error::source(error);
    while let Some(error) = below {
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if matches!(kind, Some(std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput)) {
            return true;
        }
        below = error.source();
    }
    false
}

fn no_head(error: &reqwest::Error) -> Failure {
    match (error.is_connect(), error.is_timeout()) {
        (true, true) => Failure::timed_out(Kind::ConnectTimeout, "connect"),
        (true, false) => Failure::new(Kind::Connect),
        (false, true) => Failure::timed_out(Kind::HeadTimeout, "attempt"),
        (false, false) => Failure::new(Kind::NoHead),
    }
}

/// Only fields that are documented, and none that is null.
fn payload(call: &Call, model: &str) -> Json {
    let mut body = json!({ "model": model, "messages": call.messages, "user": call.user });
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
    body
}
