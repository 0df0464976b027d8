//! The load: raw sockets on one thread. It must not be slower than what it measures, so it sleeps seldom.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// Connections that stay open, and what is asked on them.
pub struct Load {
    streams: Vec<TcpStream>,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Load {
    /// Dials so many connections.
    pub fn dial(to: SocketAddr, connections: usize, request: Vec<u8>) -> Self {
        let dial = |_| {
            let stream = TcpStream::connect(to).expect("the server listens");
            stream.set_nodelay(true).expect("the socket is open");
            stream
        };
        Load { streams: (0..connections).map(dial).collect(), request, buffer: vec![0; 4096] }
    }

    /// How long so many requests of each connection take, all replies read whole. Half of the connections are asked while the others
    /// are answered.
    pub fn run(&mut self, rounds: usize) -> Duration {
        let start = Instant::now();
        let half = self.streams.len().div_ceil(2);
        self.streams.iter_mut().for_each(|stream| ask(stream, &self.request));
        for round in 1..=rounds {
            for group in self.streams.chunks_mut(half) {
                // The last one first: the others are there by then, and this thread has slept once.
                group.iter_mut().rev().for_each(|stream| read(stream, &mut self.buffer));
                if round < rounds {
                    group.iter_mut().for_each(|stream| ask(stream, &self.request));
                }
            }
        }
        start.elapsed()
    }
}

fn ask(stream: &mut TcpStream, request: &[u8]) {
    stream.write_all(request).expect("the server reads");
}

/// One reply, whose length its head tells.
fn read(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut got = 0;
    while whole(&buffer[..got]).is_none_or(|length| got < length) {
        let more = stream.read(&mut buffer[got..]).expect("the server answers");
        assert!(more > 0, "the server closed: {}", String::from_utf8_lossy(&buffer[..got]));
        got += more;
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&buffer[..got]));
}

/// The length of head and body, once the head is there.
fn whole(reply: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"\r\ncontent-length: ";
    let head = reply.windows(4).position(|window| window == b"\r\n\r\n")?;
    let at = reply[..head].windows(NAME.len()).position(|window| window == NAME).expect("a length") + NAME.len();
    let digits = reply[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(head + 4 + digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0')))
}
