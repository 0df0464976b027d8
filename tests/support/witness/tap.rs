//! A tap before each host: passes every byte on, and writes down connections, times and what was sent. It knows nothing of HTTP
//! but that a client which speaks after it was answered makes its next request, into which it writes the request's place in the book.

use std::{net::SocketAddr, sync::Arc};

use brownout::{
    scenario::Host,
    wire::{Ending, KEPT, SENDS, Seen, Served},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

use super::{Desk, Entry};

/// Where a request's place in the book stands.
pub const HEADER: &str = "x-witness-place";

/// Accepts for as long as the witness lives.
pub async fn serve(desk: Arc<Desk>, host: Host, door: TcpListener, to: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = door.accept().await {
        connections.spawn(connection(desk.clone(), host, client, to));
    }
    desk.book().errors.push(format!("the tap of the {host} does not accept"));
}

async fn connection(desk: Arc<Desk>, host: Host, client: TcpStream, to: SocketAddr) {
    let line = Line { accepted: Instant::now(), host, connection: desk.next_connection(), desk };
    if let Err(error) = line.pass(client, to).await {
        line.desk.book().errors.push(format!("the tap of the {host}: {error}"));
    }
}

/// One connection of a client.
struct Line {
    desk: Arc<Desk>,
    host: Host,
    connection: u64,
    accepted: Instant,
}

impl Line {
    /// Passes on until either side ends; an error is ours.
    async fn pass(&self, mut client: TcpStream, to: SocketAddr) -> std::io::Result<()> {
        let mut server = TcpStream::connect(to).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        // The request under way or last answered, and whether an answer to it has begun.
        let mut current: Option<(usize, bool)> = None;
        loop {
            tokio::select! {
                read = client.read(&mut up) => {
                    let Ok(n @ 1..) = read else { break };
                    if let Some((_, false)) = current {
                        server.write_all(&up[..n]).await?;
                    } else {
                        let place = self.begun(current.is_some());
                        server.write_all(&marked(&up[..n], place)?).await?;
                        current = Some((place, false));
                    }
                }
                read = server.read(&mut down) => {
                    let Ok(n @ 1..) = read else { return unanswered(current) };
                    let Some((place, _)) = current else { return Err(std::io::Error::other("an answer to nothing")) };
                    self.change(place, |entry| {
                        entry.seen.first_byte.get_or_insert_with(Instant::now);
                    });
                    if client.write_all(&down[..n]).await.is_err() {
                        break;
                    }
                    self.change(place, |entry| sent(entry, &down[..n]));
                    current = Some((place, true));
                }
            }
        }
        self.left(current);
        Ok(())
    }

    /// The first byte of a request came; its place in the book.
    fn begun(&self, reused: bool) -> usize {
        let mut book = self.desk.book();
        book.entries.push(Entry { seen: self.nothing(reused), body: 0 });
        book.entries.len() - 1
    }

    /// Nothing is known of the request yet.
    fn nothing(&self, reused: bool) -> Seen {
        Seen {
            host: self.host,
            connection: self.connection,
            reused,
            accepted: self.accepted,
            requested: None,
            request: None,
            user: None,
            served: Served::Nothing,
            step: String::new(),
            index: usize::MAX,
            own_script: false,
            faulty: false,
            first_byte: None,
            last_byte: None,
            ended: None,
            ending: Ending::Open,
            cut_after: None,
            sent: Vec::new(),
            sent_len: 0,
            wait_asked: None,
            sends: Vec::new(),
        }
    }

    fn change(&self, place: usize, change: impl FnOnce(&mut Entry)) {
        // The book is taken away at the end; later changes have nowhere to go.
        if let Some(entry) = self.desk.book().entries.get_mut(place) {
            change(entry);
        }
    }

    /// The client has gone. Before the end of a reply, that ended the exchange.
    fn left(&self, current: Option<(usize, bool)>) {
        let Some((place, _)) = current else { return };
        self.change(place, |entry| {
            if entry.seen.ended.is_none() {
                (entry.seen.ended, entry.seen.ending) = (Some(Instant::now()), Ending::Left);
            }
        });
    }
}

/// A request with its place written under its first line.
fn marked(request: &[u8], place: usize) -> std::io::Result<Vec<u8>> {
    let line = request.iter().position(|byte| *byte == b'\n');
    let line = line.ok_or_else(|| std::io::Error::other("half a request line"))? + 1;
    Ok([&request[..line], format!("{HEADER}: {place}\r\n").as_bytes(), &request[line..]].concat())
}

/// wiremock closes after an answer only, and never for a client that still wants one.
fn unanswered(current: Option<(usize, bool)>) -> std::io::Result<()> {
    match current {
        Some((_, false)) => Err(std::io::Error::other("wiremock closed without an answer")),
        _ => Ok(()),
    }
}

/// These bytes are out; with the last of the body the exchange is over.
fn sent(entry: &mut Entry, bytes: &[u8]) {
    let (now, seen) = (Instant::now(), &mut entry.seen);
    seen.last_byte = Some(now);
    seen.sent_len += bytes.len() as u64;
    seen.sends.extend((seen.sends.len() < SENDS).then_some((now, seen.sent_len)));
    seen.sent.extend(&bytes[..bytes.len().min(KEPT.saturating_sub(seen.sent.len()))]);
    let head = seen.sent.windows(4).position(|window| window == b"\r\n\r\n");
    if head.is_some_and(|head| seen.sent_len >= (head + 4 + entry.body) as u64) {
        (seen.ended, seen.ending) = (Some(now), Ending::Done);
    }
}

impl Desk {
    fn next_connection(&self) -> u64 {
        let mut book = self.book();
        book.connections += 1;
        book.connections - 1
    }
}
