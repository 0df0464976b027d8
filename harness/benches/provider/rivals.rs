//! Who is measured. Each serves the same 403 bytes of JSON from one thread of its own.

use std::{
    any::Any,
    collections::BTreeMap,
    future::pending,
    net::SocketAddr,
    sync::mpsc,
    thread::{Builder, JoinHandle},
};

use brownout::{
    policy::Policy,
    run::Identity,
    scenario::{Host, load},
    wire::{Provider, Serve, Serving, clock},
};
use http_body_util::Full;
use hyper::{Response, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

/// What everybody answers.
const ANSWER: &str = r#"{"id":"chatcmpl-0123","object":"chat.completion","created":1700000000,"model":"brownout-primary","choices":[{"index":0,"message":{"role":"assistant","content":"A fortnight is a period of two weeks, that is fourteen days, or fourteen nights, from which the word has its name.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":25,"total_tokens":37}}"#;

/// A server under load. Dropping it ends it.
pub struct Rival {
    pub address: SocketAddr,
    pub request: Vec<u8>,
    _server: Box<dyn Any>,
}

/// A name, and how to start it.
pub type Entry = (&'static str, fn() -> Rival);

pub const RIVALS: [Entry; 6] = [
    ("provider", || provider(&format!("primary: [ {{ status: 200, json: {ANSWER} }} ]"))),
    ("provider, names filled in", || provider("primary: [ ok ]")),
    ("wiremock", || wiremock(false)),
    ("wiremock, recording", || wiremock(true)),
    ("bare hyper", || bare(hyper)),
    ("bare sockets", || bare(socket)),
];

/// Serves on a thread and a runtime of its own.
fn own_thread(request: Vec<u8>, serve: impl AsyncFnOnce(mpsc::Sender<SocketAddr>) + Send + 'static) -> Rival {
    let (address, addresses) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let serving = async move || {
        tokio::select! { () = serve(address) => {}, _ = stopped => {} }
    };
    let thread = Builder::new().name("server".to_owned()).spawn(move || {
        clock::real_runtime(|| ()).expect("a runtime").block_on(serving());
    });
    let server = Running { stop: Some(stop), thread: thread.ok() };
    Rival { address: addresses.recv().expect("it started"), request, _server: Box::new(server) }
}

/// A thread that serves. It is waited for when it is dropped, so that nobody is measured while it clears away what it remembers.
struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(JoinHandle::join);
    }
}

/// Ours, with this script: it remembers each exchange, bytes sent included.
fn provider(script: &str) -> Rival {
    let serving = serving(script);
    let request = request(&serving.keys[&Host::Primary], &serving.markers[0]);
    own_thread(request, async |address| {
        let provider = Provider::start(serving).await.expect("loopback has ports");
        let url = &provider.urls()[&Host::Primary];
        address.send(url.trim_start_matches("http://").parse().expect("an address")).expect("it is waited for");
        pending().await
    })
}

fn serving(script: &str) -> Serving {
    let text = format!("title: T\nwhy: W\nsources: [s]\n{script}\n");
    let library = load::load(&[load::SourceFile::new("scenarios", "parser/x.yaml", text)], &Policy::default());
    let case = library.expect("the scenario is right").cases.remove(0);
    let identity = Identity::issue(1, 1);
    Serving {
        hosts: case.hosts,
        own: Vec::new(),
        stock: case.stock,
        capacity: BTreeMap::new(),
        endpoint_path: case.policy.endpoint.path,
        token_ttl: None,
        markers: identity.markers,
        names: identity.names,
        keys: identity.keys,
        models: identity.models,
        place: None,
    }
}

fn request(key: &str, marker: &str) -> Vec<u8> {
    let content = format!("Say how long a fortnight is. {marker}");
    let body = format!(r#"{{"model":"brownout-primary","messages":[{{"role":"user","content":"{content}"}}]}}"#);
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Its server has a thread of its own. With recording off it still keeps each request that matched a mock, once.
fn wiremock(recording: bool) -> Rival {
    let builder = MockServer::builder();
    let builder = if recording { builder } else { builder.disable_request_recording() };
    let answer = ResponseTemplate::new(200).set_body_raw(ANSWER, "application/json");
    let mock = Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(answer);
    let server = clock::real_runtime(|| ()).expect("a runtime").block_on(async {
        let server = builder.start().await;
        mock.mount(&server).await;
        server
    });
    Rival { address: *server.address(), request: request("sk-1", "[u0:1]"), _server: Box::new(server) }
}

/// What a server costs that looks at nothing and remembers nothing.
async fn hyper(stream: TcpStream) {
    let answer = service_fn(|_| async {
        let body = Full::new(Bytes::from_static(ANSWER.as_bytes()));
        Response::builder().header("content-type", "application/json").body(body)
    });
    // That the load goes away is no error.
    http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await.ok();
}

/// What the sockets alone cost: takes whatever comes in one piece for a request, and knows the answer beforehand.
async fn socket(mut stream: TcpStream) {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", ANSWER.len());
    let (answer, mut request) = (head + ANSWER, [0; 4096]);
    while let Ok(1..) = stream.read(&mut request).await {
        stream.write_all(answer.as_bytes()).await.expect("the load reads");
    }
}

fn bare<F: Future<Output = ()> + Send + 'static>(serve: fn(TcpStream) -> F) -> Rival {
    own_thread(request("sk-1", "[u0:1]"), async move |address| {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
        address.send(listener.local_addr().expect("it is bound")).expect("it is waited for");
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("it is open");
            tokio::spawn(serve(stream));
        }
    })
}
