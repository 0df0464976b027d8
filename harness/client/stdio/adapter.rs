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
    /// Every line has a field that the protocol does not know, to be ignored.
    pub unknown_fields: bool,
}

impl Start {
    /// A command with no table of errors, and the usual patience.
    pub fn new(command: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let command = command.into_iter().map(Into::into).collect();
        Start { command, errors: ErrorMap::default(), startup: STARTUP, unknown_fields: false }
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
    /// What was wrong that belongs to no case.
    complaints: Vec<String>,
    /// Ends that several cases saw, and those that one saw alone: whose doing the former were, if the latter are as many.
    together: Vec<String>,
    alone: usize,
    /// The process whose end was noted last.
    noted: Option<u32>,
}

impl Adapter {
    /// Starts it and waits until it is ready. An error says why it is not.
    pub fn start(start: Start) -> Result<Arc<Self>, String> {
        let life = Life::start(&start)?;
        let ready = life.ready().ok_or("it is not ready")?;
        let room = Arc::new(Semaphore::new(ready.concurrency.min(1 << 20) as usize));
        let (suspects, complaints, together) = (HashSet::new(), Vec::new(), Vec::new());
        let lives = Lives { now: life, restarts: 0, seconds: 0, suspects, complaints, together, alone: 0, noted: None };
        let lives = Mutex::new(lives);
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
        lives.note_end();
        let finished = lives.now.finish(true);
        lives.complaints.extend(finished.err());
        if lives.together.len() > lives.alone {
            let why =
                format!("while several cases were under way, and none of them did it alone: {}", lives.together[0]);
            lives.complaints.push(why);
        }
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
        lives.now.is_gone();
        lives.note_end();
        let second = lives.suspects.contains(&seed);
        let count = if second { &mut lives.seconds } else { &mut lives.restarts };
        if *count >= RESTARTS {
            return Err(Refused::NotRun(format!(
                "the adapter was started again {RESTARTS} times, and {}",
                words(&end)
            )));
        }
        *count += 1;
        let life = Life::start(&self.start);
        lives.now = life.map_err(|why| Refused::Error(format!("the adapter does not start again: {why}")))?;
        Ok(lives.now.clone())
    }
}

impl Lives {
    /// Notes how the life that is now ended, if it has, for what no case tells.
    fn note_end(&mut self) {
        let over = self.now.desk().over.clone();
        let Some((end @ (End::Crashed(_) | End::Broken(Breach { session: None, .. })), open)) = over else { return };
        if self.noted.replace(self.now.pid()) == Some(self.now.pid()) {
            return;
        }
        match open {
            0 => self.complaints.push(format!("between two cases, {}", words(&end))),
            1 => self.alone += 1,
            _ => self.together.push(words(&end)),
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
