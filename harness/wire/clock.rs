//! Both clocks: their runtimes, the canary of the virtual one, and how late the real one is.

use std::{io, sync::Arc, sync::atomic::AtomicU64, sync::atomic::Ordering, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};

/// Open files that a large suite in real time may need.
const FILES: u64 = 1 << 16;
/// How often a heart beats. What is late by the bound of `verdict` and by a beat more is noticed, and that is less than rules allow; a
/// hundred cases have a hundred hearts, so waking for them is most of what the harness costs.
const BEAT: Duration = Duration::from_millis(10);

/// A fresh runtime whose clock leaps to the next timer whenever nothing else is to be done.
/// `on_thread` is called on each thread that it starts for blocking work.
pub fn virtual_runtime(on_thread: impl Fn() + Send + Sync + 'static) -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().start_paused(true).on_thread_start(on_thread).build()
}

/// A fresh runtime in true time.
pub fn real_runtime(on_thread: impl Fn() + Send + Sync + 'static) -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().on_thread_start(on_thread).build()
}

/// Raises the limit of open files as far as it goes; the limit then in force.
pub fn raise_file_limit() -> u64 {
    // Where it cannot be raised, a failed accept says so.
    rlimit::increase_nofile_limit(FILES).unwrap_or(0)
}

/// How late this thread is: the worst delay of a regular beat.
#[derive(Debug)]
pub struct Heartbeat {
    task: AbortHandle,
    worst: Arc<AtomicU64>,
}

impl Heartbeat {
    /// Beats on the current runtime until stopped.
    pub fn start() -> Self {
        let worst = Arc::new(AtomicU64::new(0));
        let seen = worst.clone();
        let task = tokio::spawn(async move {
            loop {
                let due = Instant::now() + BEAT;
                sleep(BEAT).await;
                let late = due.elapsed().as_micros();
                seen.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Heartbeat { task: task.abort_handle(), worst }
    }

    /// The worst delay.
    pub fn stop(self) -> Duration {
        self.task.abort();
        Duration::from_micros(self.worst.load(Ordering::Relaxed))
    }
}

/// What the canary must see, in milliseconds of virtual time.
const TRACE: &str = "5000:timeout 10500:timeout 16500:timeout 18900:ok";

/// Runs a known exchange on a paused clock: a runtime whose clock leaps while bytes are under way is found out here, and not by
/// wrong verdicts.
pub fn canary() -> Result<(), String> {
    let trace = virtual_runtime(|| ())
        .and_then(|runtime| runtime.block_on(trace()))
        .map_err(|error| format!("error: the canary failed: {error}"))?;
    if trace == TRACE {
        return Ok(());
    }
    Err(format!(
        "error: the virtual clock is wrong: the canary saw `{trace}` and not `{TRACE}`\n  \
         build with tokio 1.53.3 or later (`cargo tree -i tokio`), or run with `--clock real`"
    ))
}

/// Three attempts that time out, with waits between them, and one whose reply comes in pieces.
async fn trace() -> io::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        for nth in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            tokio::spawn(serve(stream, nth));
        }
    });
    let (start, mut seen) = (Instant::now(), Vec::new());
    for wait in [500, 1000, 0, 0] {
        let result = match timeout(Duration::from_secs(5), ask(address)).await {
            Ok(answered) => answered.map_or_else(|error| error.to_string(), |()| "ok".to_owned()),
            Err(_) => "timeout".to_owned(),
        };
        seen.push(format!("{}:{result}", start.elapsed().as_millis()));
        sleep(Duration::from_millis(wait)).await;
    }
    server.abort();
    Ok(seen.join(" "))
}

async fn ask(address: std::net::SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(b"ask").await?;
    stream.read_to_end(&mut Vec::new()).await.map(|_| ())
}

/// The first says nothing, the second half, the third one piece; then six pieces, 400 ms apart.
async fn serve(mut stream: TcpStream, nth: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; 3]).await?;
    if nth < 3 {
        stream.write_all(&b"answer"[..nth * 3]).await?;
        sleep(Duration::from_secs(3600)).await;
    }
    for _ in 0..6 {
        sleep(Duration::from_millis(400)).await;
        stream.write_all(b"piece").await?;
    }
    Ok(())
}
