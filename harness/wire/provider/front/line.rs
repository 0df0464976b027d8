//! A connection whose requests may belong to several cases.

use std::sync::Arc;

use tokio::{io::AsyncWriteExt, net::TcpStream, time::Instant};

use super::Inner;
use crate::{
    scenario::Host,
    wire::{
        Asked,
        provider::{
            Shared,
            connection::{self, Recorder},
            request,
        },
    },
};

/// Serves a connection until it ends: each request by the provider of its case.
pub async fn run(inner: Arc<Inner>, host: Host, connection: u64, mut stream: TcpStream) {
    let place = connection::Place { host, connection, accepted: Instant::now() };
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let (mut buffer, mut reused) = (Vec::new(), false);
    while let Ok(Some(asked)) = request::read(&mut stream, &mut buffer).await {
        let closes = asked.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let keep = match inner.whose(host, &asked) {
            Some(shared) => serve(&shared, &place, reused, asked, &mut stream, &mut buffer).await,
            None => stream.write_all(&inner.set_aside(host, &asked)).await.is_ok(),
        };
        if !keep || closes {
            return;
        }
        reused = true;
    }
}

/// Whether the connection may carry another request. When the case is over, it may not.
async fn serve(
    shared: &Arc<Shared>,
    place: &connection::Place,
    reused: bool,
    asked: Asked,
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> bool {
    let now = Instant::now();
    let chosen = shared.choose(place.host, &asked, reused, now);
    let recorder = Recorder::begin(shared, place, reused, chosen, Some((now, asked)));
    tokio::select! {
        keep = recorder.perform(stream, buffer) => keep,
        () = shared.finished() => false,
    }
}
