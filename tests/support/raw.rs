//! A provider with one step, and a client that is nothing but a socket: what is read is what was on the wire.

use std::{collections::BTreeMap, io::ErrorKind, time::Duration};

use brownout::{
    policy::Policy,
    run::Identity,
    scenario::{
        Case, Host,
        load::{SourceFile, load},
    },
    wire::{Provider, Seen, Serve, Serving},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// How a connection ended, as the client's socket tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Fin,
    Rst,
    /// Nothing more came for a minute.
    Open,
}

pub struct Served {
    pub provider: Provider,
    pub identity: Identity,
    pub start: Instant,
}

/// A case made of these lines.
pub fn case(text: &str) -> Case {
    let text = format!("title: T\nwhy: W\nsources: [s]\n{text}\n");
    let library = load(&[SourceFile::new("scenarios", "streaming/x.yaml", text)], &Policy::default());
    library.unwrap_or_else(|error| panic!("{error}")).cases.remove(0)
}

pub async fn serve(text: &str) -> Served {
    let case = case(text);
    let identity = Identity::issue(1, case.users.len());
    let serving = Serving {
        hosts: case.hosts.clone(),
        own: case.users.iter().map(|user| user.scripts.clone()).collect(),
        stock: case.stock.clone(),
        capacity: BTreeMap::new(),
        endpoint_path: "/v1/chat/completions".to_owned(),
        token_ttl: case.client.token_ttl,
        markers: identity.markers.clone(),
        names: identity.names.clone(),
        keys: identity.keys.clone(),
        models: identity.models.clone(),
        place: None,
    };
    let provider = Provider::start(serving).await.expect("loopback has ports");
    let start = Instant::now();
    provider.start_clock(start);
    Served { provider, identity, start }
}

impl Served {
    pub async fn connect(&self, host: Host) -> std::io::Result<TcpStream> {
        let url = &self.provider.urls()[&host];
        let stream = TcpStream::connect(url.trim_start_matches("http://")).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The bytes of a request of user 0.
    pub fn request(&self) -> Vec<u8> {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"{}"}}]}}"#, self.identity.markers[0]);
        let key = &self.identity.keys[&Host::Primary];
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        (head + &body).into_bytes()
    }

    /// One request on a fresh connection: all that came, without its date, and how it ended.
    pub async fn ask(&self) -> (String, End) {
        let (pieces, end) = self.ask_in_pieces().await;
        let bytes: Vec<u8> = pieces.into_iter().flat_map(|(_, bytes)| bytes).collect();
        (undated(&bytes), end)
    }

    /// The same, each read with the millisecond it came at.
    pub async fn ask_in_pieces(&self) -> (Vec<(u128, Vec<u8>)>, End) {
        let mut stream = self.connect(Host::Primary).await.expect("it listens");
        let sent = stream.write_all(&self.request()).await;
        if sent.is_err() {
            return (Vec::new(), End::Rst);
        }
        self.read(&mut stream).await
    }

    pub async fn read(&self, stream: &mut TcpStream) -> (Vec<(u128, Vec<u8>)>, End) {
        let mut pieces = Vec::new();
        loop {
            let mut buffer = vec![0; 1 << 16];
            let end = match timeout(Duration::from_secs(60), stream.read(&mut buffer)).await {
                Err(_) => End::Open,
                Ok(Ok(0)) => End::Fin,
                Ok(Ok(n)) => {
                    pieces.push((self.start.elapsed().as_millis(), buffer[..n].to_vec()));
                    continue;
                }
                Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => End::Rst,
                Ok(Err(error)) => panic!("{error}"),
            };
            return (pieces, end);
        }
    }

    pub async fn finish(self) -> Vec<Seen> {
        let (seen, errors) = self.provider.finish().await;
        assert_eq!(errors, Vec::<String>::new());
        seen
    }
}

/// The bytes without the one header that differs from second to second; what is not UTF-8 is shown as `\xNN`.
pub fn undated(bytes: &[u8]) -> String {
    let text: String = bytes
        .utf8_chunks()
        .map(|chunk| {
            let rest: String = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")).collect();
            chunk.valid().to_owned() + &rest
        })
        .collect();
    match (text.find("date: "), text.find(" GMT\r\n")) {
        (Some(from), Some(to)) if from < to => text[..from].to_owned() + &text[to + 6..],
        _ => text,
    }
}
