//! The in-process mock provider: three hosts on loopback that do exactly what their scripts say, and remember what they saw.

mod connection;
mod front;
mod host;
mod perform;
mod plans;
mod request;
mod script;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

pub use front::{Front, Place};
#[cfg(all(unix, feature = "stdio"))]
pub(crate) use request::read as read_request;

use tokio::{
    sync::watch,
    task::{AbortHandle, JoinHandle},
    time::Instant,
};

use super::{KEPT, Mark, Seen, Serve, Serving, plan::Plan};
use crate::scenario::Host;

/// One scenario instance's provider. Its tasks end with [`Serve::finish`].
#[derive(Debug)]
pub struct Provider {
    shared: Arc<Shared>,
    /// Loops at doors that are only lent.
    lent: Vec<JoinHandle<()>>,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    serving: Serving,
    urls: BTreeMap<Host, String>,
    zero: OnceLock<Instant>,
    progress: watch::Sender<Vec<Mark>>,
    /// Every host is well from now on, whatever its script says.
    recovered: watch::Sender<bool>,
    /// All is over: what goes on at doors of others ends.
    over: watch::Sender<bool>,
    state: Mutex<State>,
    plans: plans::Plans,
}

/// A reply with a location that may be followed.
#[derive(Debug)]
struct Redirect {
    /// Who sent it.
    from: Host,
    /// Where it leads.
    to: Host,
    path: String,
    /// Whose it is.
    user: Option<usize>,
}

/// What changes while serving.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "see `seen`")]
struct State {
    /// The next step of each user, or of nobody, at each host.
    cursors: BTreeMap<(Option<usize>, Host), usize>,
    /// What each user, or nobody, is answered at each host.
    answers: BTreeMap<(Option<usize>, Host), Answers>,
    /// Requests under way at each host.
    in_flight: BTreeMap<Host, u32>,
    /// Redirects of ours that were not followed yet.
    redirects: Vec<Redirect>,
    connections: u64,
    /// Each on its own: there may be very many, and a list that grows moves what it holds.
    seen: Vec<Box<Exchange>>,
    errors: Vec<String>,
    tasks: Vec<AbortHandle>,
}

/// What was seen, with the plan whose beginning was sent: the bytes are taken from there when all is over.
#[derive(Debug)]
struct Exchange {
    seen: Seen,
    plan: Arc<Plan>,
}

impl Exchange {
    fn whole(self) -> Seen {
        let kept = self.seen.sent_len.min(KEPT as u64) as usize;
        Seen { sent: self.plan.first_bytes(kept), ..self.seen }
    }
}

/// What is filled into the answers to one user at one host.
#[derive(Debug)]
struct Answers {
    /// How many there were.
    given: u32,
    /// The name of each, up to its number.
    mark: Arc<str>,
    /// What is the same in all.
    fixed: Arc<BTreeMap<String, String>>,
}

impl Serve for Provider {
    /// Binds all hosts on free ports of loopback and serves from the current runtime.
    async fn start(serving: Serving) -> io::Result<Self> {
        let Some(place) = serving.place.clone() else {
            let doors = Host::ALL.into_iter().map(|host| Ok((host, Arc::new(host::Bound::new()?))));
            let doors = doors.collect::<io::Result<BTreeMap<_, _>>>()?;
            let urls = doors.iter().map(|(host, door)| (*host, format!("http://127.0.0.1:{}", door.port()))).collect();
            let shared = Shared::new(serving, urls);
            let lent = shared.open(&doors)?;
            return Ok(Provider { shared, lent });
        };
        let shared = Shared::new(serving, place.front.urls());
        if !place.alone {
            place.front.inner().enter(&shared);
            return Ok(Provider { shared, lent: Vec::new() });
        }
        let lent = shared.open(place.front.inner().lend().await)?;
        Ok(Provider { shared, lent })
    }

    fn urls(&self) -> BTreeMap<Host, String> {
        self.shared.urls.clone()
    }

    fn start_clock(&self, zero: Instant) {
        // Only the first call counts, and there is only one.
        self.shared.zero.set(zero).ok();
    }

    fn progress(&self) -> watch::Receiver<Vec<Mark>> {
        self.shared.progress.subscribe()
    }

    async fn recover(&self) {
        self.shared.recovered.send_replace(true);
        // A host that refused needs its turn to listen again.
        tokio::task::yield_now().await;
    }

    async fn finish(self) -> (Vec<Seen>, Vec<String>) {
        if let Some(place) = self.shared.serving.place.clone() {
            self.shared.over.send_replace(true);
            front::ended(self.lent).await;
            if let Err(error) = place.front.inner().leave(&self.shared) {
                self.shared.failed("a door could not be opened again", &error);
            }
        }
        let mut state = self.shared.lock();
        state.tasks.iter().for_each(AbortHandle::abort);
        let seen = std::mem::take(&mut state.seen).into_iter().map(|exchange| exchange.whole()).collect();
        (seen, std::mem::take(&mut state.errors))
    }
}

impl Shared {
    fn new(serving: Serving, urls: BTreeMap<Host, String>) -> Arc<Self> {
        let (progress, _) = watch::channel(vec![Mark::default(); serving.markers.len()]);
        let ((recovered, _), (over, _)) = (watch::channel(false), watch::channel(false));
        let (zero, state, plans) = (OnceLock::new(), Mutex::default(), plans::Plans::default());
        Arc::new(Shared { serving, urls, zero, progress, recovered, over, state, plans })
    }

    /// Serves at these doors.
    fn open(self: &Arc<Self>, doors: &BTreeMap<Host, Arc<host::Bound>>) -> io::Result<Vec<JoinHandle<()>>> {
        let mut tasks = Vec::new();
        for (host, door) in doors {
            let door = door.clone().listening_if(!self.refuses(*host, Instant::now()))?;
            let task = tokio::spawn(host::serve(self.clone(), *host, door));
            self.keep(&task);
            tasks.push(task);
        }
        Ok(tasks)
    }

    /// Waits until all is over.
    async fn finished(&self) {
        // The sender is here.
        self.over.subscribe().wait_for(|over| *over).await.ok();
    }

    /// A task that panicked must not hide what was seen until then.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep<T>(&self, task: &JoinHandle<T>) {
        let mut state = self.lock();
        if state.tasks.len() > 64 {
            state.tasks.retain(|task| !task.is_finished());
        }
        state.tasks.push(task.abort_handle());
    }

    fn failed(&self, what: &str, error: &io::Error) {
        self.lock().errors.push(format!("{what}: {error}"));
    }
}
