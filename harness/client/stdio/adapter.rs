//! An adapter over all its lives: started once, and again after an end that nobody wanted, but not for ever.

use std::{
    collections::HashSet,
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    ErrorMap, RESTARTS, STARTUP,
    cases::{Breach, End},
    life::Life,
    message::Ready,
    session::Session,
};
use crate::{
    client::{About, AnyClient, Factory, Refused},
    policy::Policy,
};

/// How an adapter is started.
#[derive(Debug, Clone)]
pub struct Start {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Which class its native errors are.
    pub errors: ErrorMap,
    /// From `hello` to `ready`.
    pub startup: Duration,
}

impl Start {
    /// A command with no table of errors, and the usual patience.
    pub fn new(command: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let command = command.into_iter().map(Into::into).collect();
        Start { command, errors: ErrorMap::default(), startup: STARTUP }
    }
}

/// An adapter that is ready.
#[derive(Debug)]
pub struct Adapter {
    start: Start,
    ready: Ready,
    room: Arc<Semaphore>,
    lives: Mutex<Lives>,
    numbers: AtomicU64,
}

#[derive(Debug)]
struct Lives {
    now: Arc<Life>,
    restarts: u32,
    /// Restarts of the second kind: for cases that run again alone.
    seconds: u32,
    /// Seeds of sessions that saw an end: they run again alone.
    suspects: HashSet<u64>,
    /// What was wrong while no case was under way.
    complaints: Vec<String>,
}

impl Adapter {
    /// Starts it and waits until it is ready. An error says why it is not.
    pub fn start(start: Start) -> Result<Arc<Self>, String> {
        let life = Life::start(&start.command, start.startup)?;
        let ready = life.ready().ok_or("it is not ready")?;
        let room = Arc::new(Semaphore::new(ready.concurrency.min(1 << 20) as usize));
        let (suspects, complaints) = (HashSet::new(), Vec::new());
        let lives = Mutex::new(Lives { now: life, restarts: 0, seconds: 0, suspects, complaints });
        Ok(Arc::new(Adapter { start, ready, room, lives, numbers: AtomicU64::new(1) }))
    }

    /// What it said of itself.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The client behind it.
    pub fn about(&self) -> About {
        About { name: self.ready.client.name.clone(), version: self.ready.client.version.clone() }
    }

    /// Its table of errors.
    pub fn errors(&self) -> &ErrorMap {
        &self.start.errors
    }

    /// Makes client objects: a session each.
    pub fn factory(self: &Arc<Self>) -> Box<Factory> {
        let adapter = self.clone();
        Box::new(move |_: &Policy, seed| -> Rc<dyn AnyClient> { Rc::new(Session::new(adapter.clone(), seed)) })
    }

    /// Ends it in peace; what was wrong with that, and all that was wrong while no case was under way.
    pub fn finish(&self) -> Vec<String> {
        let mut lives = self.lives();
        let now = lives.now.clone();
        self.complain(&mut lives, &now);
        lives.complaints.extend(now.finish(true).err());
        std::mem::take(&mut lives.complaints)
    }

    fn lives(&self) -> MutexGuard<'_, Lives> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that was never given out before.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until so many user requests may be made.
    pub(super) async fn room(&self, users: u32) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.room.clone().acquire_many_owned(users).await.ok()
    }

    /// A session with this seed saw the end of a life.
    pub(super) fn suspect(&self, seed: u64) {
        self.lives().suspects.insert(seed);
    }

    /// The life that is now, or another one. A case that saw an end before runs alone now: what it ends is counted apart, so that
    /// those who did no harm are heard out.
    pub(super) fn life(&self, seed: u64) -> Result<Arc<Life>, Refused> {
        let mut lives = self.lives();
        let Some(end) = lives.now.is_over() else { return Ok(lives.now.clone()) };
        let over = lives.now.clone();
        over.is_gone();
        self.complain(&mut lives, &over);
        let second = lives.suspects.contains(&seed);
        let count = if second { &mut lives.seconds } else { &mut lives.restarts };
        if *count >= RESTARTS {
            return Err(Refused::NotRun(format!(
                "the adapter was started again {RESTARTS} times, and {}",
                words(&end)
            )));
        }
        *count += 1;
        let life = Life::start(&self.start.command, self.start.startup);
        lives.now = life.map_err(|why| Refused::Error(format!("the adapter does not start again: {why}")))?;
        Ok(lives.now.clone())
    }

    /// What went wrong while nobody was there to be told.
    fn complain(&self, lives: &mut Lives, life: &Life) {
        let over = life.desk().over.clone();
        if let Some((end @ (End::Crashed(_) | End::Broken(_)), 0)) = over {
            let why = format!("between two cases, {}", words(&end));
            if lives.complaints.last() != Some(&why) {
                lives.complaints.push(why);
            }
        }
    }
}

/// However it is left, nothing of it goes on.
impl Drop for Adapter {
    fn drop(&mut self) {
        self.lives().now.over(End::Told);
    }
}

fn words(end: &End) -> String {
    match end {
        End::Crashed(how) => format!("its process ended by itself: {how}"),
        End::Broken(Breach { why, .. }) => why.clone(),
        End::Hung(_) => "a case hung".to_owned(),
        End::Told => "it was told to end".to_owned(),
    }
}
