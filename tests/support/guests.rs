//! Clients as other people write them: on another clock than the harness's, with waits of their own choosing, following redirects.

use std::{sync::Mutex, thread, time::Duration};

use brownout::{
    client::{About, Call, Capability, Class, Client, Failure, Host, Outcome, Policy, ResultKind},
    wire::clock,
};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode, body::Bytes, body::Incoming, client::conn::http1, header::LOCATION};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::oneshot, task::LocalSet, time::sleep};

use super::poles::Meek;

fn about(name: &str) -> About {
    About { name: name.to_owned(), version: "1".to_owned() }
}

/// Up to three attempts, with a wait after each that failed.
async fn three_attempts(policy: &Policy, call: &Call, wait: impl AsyncFn()) -> Outcome {
    let meek = Meek(policy.clone());
    for _ in 0..2 {
        let outcome = Client::call(&meek, call.clone()).await;
        if outcome.result == ResultKind::Completed {
            return outcome;
        }
        wait().await;
    }
    Client::call(&meek, call.clone()).await
}

/// Reads and writes as an async client should, and sleeps on the operating system's clock.
pub struct Sleeper(pub Policy);

impl Client for Sleeper {
    fn about(&self) -> About {
        about("sleeper")
    }

    fn capabilities(&self) -> Vec<Capability> {
        vec![Capability::Retry]
    }

    async fn call(&self, call: Call) -> Outcome {
        three_attempts(&self.0, &call, async || thread::sleep(Duration::from_millis(200))).await
    }
}

/// Waits on tokio's clock, each time as long as it pleases.
pub struct Whimsical(pub Policy);

impl Client for Whimsical {
    fn about(&self) -> About {
        about("whimsical")
    }

    fn capabilities(&self) -> Vec<Capability> {
        vec![Capability::Retry]
    }

    async fn call(&self, call: Call) -> Outcome {
        static RANDOM: Mutex<u64> = Mutex::new(1);
        let any = || {
            let mut state = RANDOM.lock().expect("nothing panics here");
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            Duration::from_millis((*state >> 33) % 100)
        };
        three_attempts(&self.0, &call, async || sleep(any()).await).await
    }
}

/// Does its work on a thread of its own.
pub struct Elsewhere(pub Policy);

impl Client for Elsewhere {
    fn about(&self) -> About {
        about("elsewhere")
    }

    fn capabilities(&self) -> Vec<Capability> {
        Vec::new()
    }

    async fn call(&self, call: Call) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        let (providers, messages, request) = (call.providers, call.messages, call.request);
        let (user, policy, scenario) = (call.user, self.0.clone(), call.scenario);
        thread::spawn(move || {
            let meek = Meek(policy.clone());
            let (deltas, effects, records) = Default::default();
            let call = Call { scenario, providers, messages, request, user, policy, deltas, effects, records };
            let runtime = clock::real_runtime(|| ()).expect("a runtime");
            sender.send(LocalSet::new().block_on(&runtime, Client::call(&meek, call))).ok()
        });
        receiver.await.expect("the thread sends an outcome")
    }
}

/// Follows a redirect at the same host, as a GET or with the method it had.
pub struct Follower {
    pub as_get: bool,
}

impl Client for Follower {
    fn about(&self) -> About {
        about("follower")
    }

    fn capabilities(&self) -> Vec<Capability> {
        vec![Capability::Usage]
    }

    async fn call(&self, call: Call) -> Outcome {
        let mut reply = ask(&call, Method::POST, "/v1/chat/completions").await;
        let location = reply.headers().get(LOCATION).and_then(|location| location.to_str().ok()).map(str::to_owned);
        if let Some(path) = location.as_deref().and_then(|location| location.splitn(4, '/').nth(3)) {
            let method = if self.as_get { Method::GET } else { Method::POST };
            reply = ask(&call, method, &format!("/{path}")).await;
        }
        let status = reply.status();
        let body = reply.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        match json["choices"][0]["message"]["content"].as_str().filter(|_| status == StatusCode::OK) {
            Some(text) => Outcome {
                text: Some(text.to_owned()),
                usage: Some(json["usage"].clone()),
                finish_reason: Some("stop".to_owned()),
                ..Outcome::new(ResultKind::Completed)
            },
            None => Outcome::failed(Failure { class: Some(Class::of_status(status.as_u16())), ..Failure::default() }),
        }
    }
}

async fn ask(call: &Call, method: Method, path: &str) -> hyper::Response<Incoming> {
    let provider = call.provider(Host::Primary).expect("a primary");
    let authority = provider.base_url.split('/').nth(2).expect("an authority");
    let stream = TcpStream::connect(authority).await.expect("it listens");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("no bytes are exchanged yet");
    tokio::task::spawn_local(connection);
    let body = match method {
        Method::GET => String::new(),
        _ => json!({ "model": provider.model, "messages": call.messages, "user": call.user }).to_string(),
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", authority)
        .header("authorization", format!("Bearer {}", provider.api_key))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)));
    sender.send_request(request.expect("a request")).await.expect("a reply")
}
