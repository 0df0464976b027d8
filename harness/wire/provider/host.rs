//! One host's port: listening, or bound and refusing, as its phases say.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    ops::Range,
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
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
pub const PAUSE: Duration = Duration::from_millis(5);

/// Below the ports that systems give to connecting sockets. Those are not enough: each connection that we close keeps its port
/// for a minute, and thousands of cases a second close many.
const PORTS: Range<u16> = 10_240..32_768;

/// A port that is ours. Until it listens, connects to it are refused.
#[derive(Debug)]
pub struct Bound {
    port: u16,
    /// Bound, and not listening.
    _socket: Socket,
    /// TCP sockets that may share a port with old connections may share it with each other until one listens: of UDP there is one.
    _lease: UdpSocket,
}

impl Bound {
    /// A free port of loopback, each in turn.
    pub fn new() -> io::Result<Self> {
        static TURN: AtomicU32 = AtomicU32::new(0);
        let count = u32::from(PORTS.end - PORTS.start);
        // Processes begin far from each other.
        let from = process::id().wrapping_mul(7919) % count;
        for _ in PORTS {
            let nth = (from + TURN.fetch_add(1, Ordering::Relaxed) % count) % count;
            // Less than the length of a range of `u16`.
            match Bound::at(PORTS.start + nth as u16) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                bound => return bound,
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// This very port.
    pub fn at(port: u16) -> io::Result<Self> {
        let lease = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
        Ok(Bound { port, _socket: bound(port)?, _lease: lease })
    }

    /// Its number.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port, listening or refusing.
    pub fn listening_if(self: Arc<Self>, listens: bool) -> io::Result<Door> {
        if !listens {
            return Ok(Door::Shut(self));
        }
        Ok(Door::Open(self.listener()?, self))
    }

    /// A listener at the port, of which there is one at a time.
    pub fn listener(&self) -> io::Result<TcpListener> {
        let listener = bound(self.port)?;
        listener.listen(BACKLOG)?;
        TcpListener::from_std(listener.into())
    }
}

fn bound(port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    // Old connections of it may still be there.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(socket)
}

/// A port that listens, or refuses. It stays bound all the time, so that nobody else is given it between two phases.
pub enum Door {
    Open(TcpListener, Arc<Bound>),
    Shut(Arc<Bound>),
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
