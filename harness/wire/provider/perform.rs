//! A plan performed on a connection, on absolute times, with an eye on whether the client is still there.

use std::time::Duration;

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    time::{Instant, sleep_until},
};

use super::connection::Recorder;
use crate::{
    scenario::By,
    wire::{Ending, WireStep},
};

/// What was read beyond the request is kept up to this size; more is no client's.
const PIPELINED: usize = 1 << 20;

/// Performs a plan; how the exchange ended.
pub async fn perform(stream: &mut TcpStream, buffer: &mut Vec<u8>, recorder: &Recorder<'_>) -> Ending {
    let ended = {
        let (reader, writer) = stream.split();
        let mut performer = Performer { reader, writer, buffer, recorder, due: Instant::now() };
        performer.all(&recorder.plan().steps).await
    };
    match ended {
        None => Ending::Done,
        Some(Stop::Left) => Ending::Left,
        Some(Stop::End(by)) => end(stream, buffer, recorder, by).await,
    }
}

/// Why a plan stopped before its last step.
enum Stop {
    Left,
    End(By),
}

struct Performer<'a, 'r> {
    reader: ReadHalf<'a>,
    writer: WriteHalf<'a>,
    buffer: &'a mut Vec<u8>,
    recorder: &'a Recorder<'r>,
    /// When the next step is due: waits add up from the request on, so that lateness does not.
    due: Instant,
}

impl Performer<'_, '_> {
    async fn all(&mut self, steps: &[WireStep]) -> Option<Stop> {
        for step in steps {
            let stop = match step {
                WireStep::Wait(wait) => self.wait(*wait).await,
                WireStep::Send { bytes, times, mark } => self.send(bytes, *times, *mark).await,
                WireStep::Loop { times, steps } => self.again(*times, steps).await,
                WireStep::End(by) => Some(Stop::End(*by)),
            };
            if stop.is_some() {
                return stop;
            }
        }
        None
    }

    async fn again(&mut self, times: Option<u64>, steps: &[WireStep]) -> Option<Stop> {
        let mut round = 0;
        while times.is_none_or(|times| round < times) {
            round += 1;
            if let Some(stop) = Box::pin(self.all(steps)).await {
                return Some(stop);
            }
            // A loop without a wait must let its client read.
            tokio::task::yield_now().await;
        }
        None
    }

    async fn wait(&mut self, wait: Duration) -> Option<Stop> {
        self.due += wait;
        tokio::select! {
            biased;
            () = gone(&mut self.reader, self.buffer) => Some(Stop::Left),
            () = sleep_until(self.due) => None,
        }
    }

    async fn send(&mut self, bytes: &[u8], times: u64, mark: crate::wire::Mark) -> Option<Stop> {
        for nth in 0..times {
            self.recorder.sending();
            let written = tokio::select! {
                biased;
                written = self.writer.write_all(bytes) => written.is_ok(),
                () = gone(&mut self.reader, self.buffer) => false,
            };
            if !written {
                return Some(Stop::Left);
            }
            self.recorder.sent(bytes, (nth + 1 == times).then_some(mark));
        }
        None
    }
}

/// Waits until the client has gone. What it sends meanwhile is its next request, and kept.
async fn gone(reader: &mut ReadHalf<'_>, buffer: &mut Vec<u8>) {
    loop {
        match reader.read_buf(buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) if buffer.len() > PIPELINED => return,
            Ok(_) => {}
        }
    }
}

/// Ends the connection as planned.
async fn end(stream: &mut TcpStream, buffer: &mut Vec<u8>, recorder: &Recorder<'_>, by: By) -> Ending {
    let ending = if recorder.cuts() { Ending::Cut(by) } else { Ending::Done };
    match by {
        By::Close => close(stream).await,
        By::Reset => {
            // Closing with zero linger sends RST. That it cannot be set is not to be expected on a socket that is open.
            SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).ok();
        }
        By::HalfClose => {
            recorder.end(ending);
            stream.shutdown().await.ok();
            gone(&mut stream.split().0, buffer).await;
        }
        By::Stall => {
            gone(&mut stream.split().0, buffer).await;
            return Ending::Left;
        }
    }
    ending
}

/// Unread bytes would turn the FIN into a reset.
async fn close(stream: &mut TcpStream) {
    let mut rest = [0; 4096];
    while matches!(stream.try_read(&mut rest), Ok(1..)) {}
    stream.shutdown().await.ok();
}
