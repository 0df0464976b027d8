//! One host's port: listening, or bound and refusing, as its phases say.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep_until},
};

use super::{Shared, connection};
use crate::scenario::Host;

/// Above this many pending connects the paused clock would leap.
const BACKLOG: i32 = 4096;
/// After a failed accept the next one is tried this much later.
const PAUSE: Duration = Duration::from_millis(5);

/// A port that is ours. Until it listens, connects to it are refused.
pub struct Bound {
    socket: Socket,
    port: u16,
}

impl Bound {
    /// A free port of loopback.
    pub fn new() -> io::Result<Self> {
        Bound::at(0)
    }

    fn at(port: u16) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        // The port is bound again while old connections of it are still open.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        let address = socket.local_addr()?.as_socket().ok_or_else(|| io::Error::other("the socket has no address"))?;
        Ok(Bound { socket, port: address.port() })
    }

    /// Its number.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port, listening or refusing.
    pub fn listening_if(self, listens: bool) -> io::Result<Door> {
        if !listens {
            return Ok(Door::Shut(self));
        }
        let listener = Bound::at(self.port)?.socket;
        listener.listen(BACKLOG)?;
        Ok(Door::Open(TcpListener::from_std(listener.into())?, self))
    }
}

/// A port that listens, or refuses. It stays bound all the time, so that nobody else is given it between two phases.
pub enum Door {
    Open(TcpListener, Bound),
    Shut(Bound),
}

impl Door {
    fn listens(&self) -> bool {
        matches!(self, Door::Open(..))
    }

    fn turned(self) -> io::Result<Self> {
        match self {
            Door::Shut(bound) => bound.listening_if(true),
            Door::Open(_, bound) => Ok(Door::Shut(bound)),
        }
    }
}

/// Accepts for as long as the provider lives.
pub async fn serve(shared: Arc<Shared>, host: Host, mut door: Door) {
    let mut recovered = shared.recovered.subscribe();
    loop {
        let now = Instant::now();
        if door.listens() == shared.refuses(host, now) {
            door = match door.turned() {
                Ok(door) => door,
                Err(error) => return shared.failed("a port could not be turned", &error),
            };
        }
        let turn = shared.next_turn(host, now);
        tokio::select! {
            accepted = accept(&door) => match accepted {
                Ok(stream) => {
                    let task = tokio::spawn(connection::run(shared.clone(), host, stream));
                    shared.keep(&task);
                }
                Err(error) => {
                    shared.failed("a connection could not be accepted", &error);
                    tokio::time::sleep(PAUSE).await;
                }
            },
            () = until(turn) => {}
            // The sender lives as long as what is shared.
            Ok(()) = recovered.changed() => {}
        }
    }
}

async fn accept(door: &Door) -> io::Result<tokio::net::TcpStream> {
    match door {
        Door::Open(listener, _) => listener.accept().await.map(|(stream, _)| stream),
        Door::Shut(_) => std::future::pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
