//! Fixed doors for the providers of many cases, for a client that is told once where its providers are, such as a gateway.
//!
//! A request is read whole, and its canary says whose it is: then that case's provider answers it on the very connection, so
//! that every byte and every pause is as planned. What carries no canary is background: answered, counted, kept apart.
//! A case that breaks connections before their requests has the doors to itself.

mod background;
mod line;

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use tokio::{net::TcpListener, runtime::Handle, sync::oneshot, task};

use super::{
    Shared,
    host::{self, Bound},
};
use crate::{
    scenario::Host,
    wire::{Asked, clock},
};

/// A case behind fixed doors.
#[derive(Debug, Clone)]
pub struct Place {
    /// Whose doors.
    pub front: Arc<Front>,
    /// It has them to itself: it breaks connections of which nobody could tell whose they are.
    pub alone: bool,
}

/// Fixed doors, and the thread that the providers behind them live on.
pub struct Front {
    inner: Arc<Inner>,
    home: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What connections know.
pub(super) struct Inner {
    doors: BTreeMap<Host, Arc<Bound>>,
    keys: BTreeMap<Host, String>,
    state: Mutex<State>,
    connections: AtomicU64,
    turns: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Providers of the cases under way.
    open: Vec<Arc<Shared>>,
    /// Loops that accept.
    accepting: Vec<task::JoinHandle<()>>,
    /// Connections, dead ones too for a while.
    lines: Vec<task::JoinHandle<()>>,
    /// What came without a canary: how often.
    background: BTreeMap<String, usize>,
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").field("urls", &self.urls()).finish_non_exhaustive()
    }
}

impl Front {
    /// Opens the doors, with these keys for all cases. From now on background requests are answered.
    pub fn open(keys: BTreeMap<Host, String>) -> io::Result<Arc<Self>> {
        let doors = Host::ALL.into_iter().map(|host| Ok((host, Arc::new(Bound::new()?))));
        Self::behind(doors.collect::<io::Result<_>>()?, keys)
    }

    /// The same, with the primary's door at this port.
    pub fn open_at(port: u16, keys: BTreeMap<Host, String>) -> io::Result<Arc<Self>> {
        let door = |host| if host == Host::Primary { Bound::at(port) } else { Bound::new() };
        let doors = Host::ALL.into_iter().map(|host| Ok((host, Arc::new(door(host)?))));
        Self::behind(doors.collect::<io::Result<_>>()?, keys)
    }

    fn behind(doors: BTreeMap<Host, Arc<Bound>>, keys: BTreeMap<Host, String>) -> io::Result<Arc<Self>> {
        let runtime = clock::real_runtime(|| ())?;
        let (state, connections, turns) = (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
        let inner = Arc::new(Inner { doors, keys, state, connections, turns });
        let home = runtime.handle().clone();
        {
            let _here = home.enter();
            inner.listen()?;
        }
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || drop(runtime.block_on(stopped)));
        Ok(Arc::new(Front { inner, home, stop: Some(stop), thread: Some(thread) }))
    }

    /// The base of each host's URLs.
    pub fn urls(&self) -> BTreeMap<Host, String> {
        self.inner.doors.iter().map(|(host, door)| (*host, format!("http://127.0.0.1:{}", door.port()))).collect()
    }

    /// The key of each host, the same in all cases.
    pub fn keys(&self) -> &BTreeMap<Host, String> {
        &self.inner.keys
    }

    /// Where the providers behind the doors live.
    pub fn home(&self) -> Handle {
        self.home.clone()
    }

    /// What came without a canary, and how often.
    pub fn background(&self) -> BTreeMap<String, usize> {
        self.inner.lock().background.clone()
    }

    /// Another number each time: how many cases have begun behind these doors.
    pub fn turn(&self) -> u64 {
        self.inner.turns.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()).ok());
        // A connection may be the last that knows of it.
        let another = |thread: &JoinHandle<()>| thread.thread().id() != thread::current().id();
        self.thread.take().filter(another).map(|thread| thread.join().ok());
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts at every door, on the current runtime.
    fn listen(self: &Arc<Self>) -> io::Result<()> {
        for (host, door) in &self.doors {
            let listener = door.listener()?;
            let task = tokio::spawn(self.clone().accept(*host, listener));
            self.lock().accepting.push(task);
        }
        Ok(())
    }

    async fn accept(self: Arc<Self>, host: Host, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let number = self.connections.fetch_add(1, Ordering::Relaxed);
                    let line = tokio::spawn(line::run(self.clone(), host, number, stream));
                    let mut state = self.lock();
                    if state.lines.len() > 256 {
                        state.lines.retain(|line| !line.is_finished());
                    }
                    state.lines.push(line);
                }
                Err(error) => {
                    self.lock()
                        .open
                        .iter()
                        .for_each(|shared| shared.failed("a connection could not be accepted", &error));
                    tokio::time::sleep(host::PAUSE).await;
                }
            }
        }
    }

    /// From now on, requests with canaries of this provider's users are its.
    pub(super) fn enter(&self, shared: &Arc<Shared>) {
        self.lock().open.push(shared.clone());
    }

    /// Closes all doors and connections, and hands the doors over.
    pub(super) async fn lend(&self) -> &BTreeMap<Host, Arc<Bound>> {
        let tasks = {
            let mut state = self.lock();
            let state = &mut *state;
            state.accepting.drain(..).chain(state.lines.drain(..)).collect::<Vec<_>>()
        };
        ended(tasks).await;
        &self.doors
    }

    /// The provider has finished; where it had the doors, nobody listens at them any more.
    pub(super) fn leave(self: &Arc<Self>, shared: &Arc<Shared>) -> io::Result<()> {
        self.lock().open.retain(|open| !Arc::ptr_eq(open, shared));
        let closed = self.lock().accepting.is_empty();
        if closed { self.listen() } else { Ok(()) }
    }

    /// Whose request it is; where it follows a redirect without a canary, whoever alone was led there.
    fn whose(&self, host: Host, asked: &Asked) -> Option<Arc<Shared>> {
        let open = self.lock().open.clone();
        let marked = open.iter().find(|shared| shared.user_of(asked).is_some());
        let led = || {
            let mut led = open.iter().filter(|shared| shared.awaits(host, asked));
            led.next().filter(|_| led.next().is_none())
        };
        marked.or_else(led).cloned()
    }

    /// Keeps a request apart that belongs to no case under way; what it is answered.
    pub(super) fn set_aside(&self, host: Host, asked: &Asked) -> Vec<u8> {
        let path = asked.path();
        *self.lock().background.entry(format!("{host}: {} {path}", asked.method)).or_default() += 1;
        background::answer(asked)
    }
}

/// Waits until the tasks are gone, and with them what they held.
pub(super) async fn ended(tasks: Vec<task::JoinHandle<()>>) {
    tasks.iter().for_each(task::JoinHandle::abort);
    for task in tasks {
        // It was aborted, or had ended.
        task.await.ok();
    }
}
