//! A gateway over all its lives: started once, and again after an end that nobody wanted, but not for ever.

use std::{
    collections::{BTreeMap, HashSet},
    path::{self, Path},
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    RESTARTS, Spec, TAIL,
    fill::{self, Values},
    http::Asker,
    ready,
    session::Session,
    start::{self, Folder, Start, Templates, providers},
};
use crate::{
    client::{About, AnyClient, Factory, Provider, Refused, program::Program},
    policy::Policy,
    run::Identity,
    scenario::Host,
    wire::Front,
};

/// A gateway that is ready.
#[derive(Debug)]
pub struct Gateway {
    spec: Spec,
    about: About,
    start: Start,
    front: Arc<Front>,
    /// Where its providers are it was told at its start.
    fixed: bool,
    values: Values,
    url: String,
    /// Templates of headers, by name; of any request, and of one that no other provider may answer.
    headers: [Templates; 2],
    room: Arc<Semaphore>,
    lives: Mutex<Lives>,
    /// Cases under way, and all there were.
    open: AtomicUsize,
    entries: AtomicUsize,
}

#[derive(Debug, Default)]
struct Lives {
    now: Option<Arc<Program>>,
    restarts: u32,
    /// Restarts of the second kind: for cases that run again alone.
    seconds: u32,
    /// Seeds of sessions that saw an end: they run again alone.
    suspects: HashSet<u64>,
    /// Lines with keys that are the same in all cases, said while several were under way.
    keys_said: usize,
}

impl Gateway {
    /// Starts it, with another command than its description's where one is given, and waits until it is ready.
    pub fn start(spec: Spec, command: &[String], policy: &Policy) -> Result<Arc<Self>, String> {
        // No seed: two runs side by side must not know each other's keys.
        let identity = Identity::issue(fastrand::u64(..), 1);
        let front =
            Front::open(identity.keys.clone()).map_err(|error| format!("no doors for its providers: {error}"))?;
        let port = start::free_port().map_err(|error| format!("no port for it: {error}"))?;
        let folder = Folder::new().map_err(|error| format!("no folder for its configuration: {error}"))?;
        let key = Identity::issue(fastrand::u64(..), 1).keys[&Host::Primary].clone();
        let here = path::absolute(Path::new(".").join(&spec.folder))
            .map_err(|error| format!("no folder of its description: {error}"))?;
        let values = Values::default()
            .with("port", port)
            .with("here", here.display())
            .with("gateway.model", &spec.request.model)
            .with("gateway.api_key", &key)
            .of_policy(policy);
        let told = values.clone().of_providers(&providers(&front, policy));
        let command = if command.is_empty() { spec.command.clone() } else { command.to_vec() };
        let (start, fixed) = Start::fill(&spec, command, told, folder)?;
        let gateway = Gateway {
            about: start::about(&spec, &values)?,
            headers: start::headers(&spec)?,
            url: format!("http://127.0.0.1:{port}"),
            room: Arc::new(Semaphore::new(spec.concurrency.min(1 << 20) as usize)),
            lives: Mutex::new(Lives::default()),
            open: AtomicUsize::new(0),
            entries: AtomicUsize::new(0),
            spec,
            start,
            front,
            fixed,
            values,
        };
        gateway.lives().now = Some(gateway.begin(policy)?);
        Ok(Arc::new(gateway))
    }

    /// A process that is ready; an error holds what it said last.
    fn begin(&self, policy: &Policy) -> Result<Arc<Program>, String> {
        let program = Program::start(&self.start.command, &self.start.environment)?;
        let asker = self.asker(&providers(&self.front, policy), policy, true)?;
        ready::wait(&program, &self.spec.ready, &self.url, asker).map_err(|why| {
            program.end();
            let last = program.last_words(TAIL);
            if last.is_empty() { why } else { format!("{why}; it said last:\n    {}", last.join("\n    ")) }
        })?;
        Ok(program)
    }

    /// Who it is.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Its description.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The doors of its providers, if it was told where they are at its start.
    pub fn front(&self) -> Option<Arc<Front>> {
        self.fixed.then(|| self.front.clone())
    }

    /// Makes client objects: all of one gateway.
    pub fn factory(self: &Arc<Self>) -> Box<Factory> {
        let gateway = self.clone();
        Box::new(move |policy: &Policy, seed| -> Rc<dyn AnyClient> {
            Rc::new(Session::new(gateway.clone(), policy.clone(), seed))
        })
    }

    /// How it is asked while its providers are there.
    pub(super) fn asker(&self, providers: &[Provider], policy: &Policy, safe: bool) -> Result<Asker, String> {
        let values = self.values.clone().of_policy(policy).of_providers(providers);
        let filled = self.headers[usize::from(!safe)].iter().map(|(name, template)| {
            let value = values.fill(template).map_err(|why| format!("header `{name}`: {why}"))?;
            Ok((name.clone(), fill::on_one_line(&value)))
        });
        let headers = filled.collect::<Result<Vec<_>, String>>()?;
        let only_here = self.spec.request.only_here.as_ref().filter(|_| !safe);
        let more = only_here.map(|only_here| only_here.body.clone()).unwrap_or_default();
        Asker::new(format!("{}{}", self.url, self.spec.request.path), self.spec.request.model.clone(), headers, more)
    }

    /// Ends it; what is to be said of it that belongs to no case.
    pub fn finish(&self) -> Vec<String> {
        let mut lives = self.lives();
        let Some(now) = lives.now.take() else { return Vec::new() };
        let ended = now.how(Duration::ZERO).map(|how| format!("between two cases, its process ended by itself: {how}"));
        now.end();
        let said = (lives.keys_said > 0).then(|| {
            let lines = lives.keys_said;
            format!("{lines} lines of its output hold an upstream's key, and were said while several cases were under way: `concurrency: 1` tells in which")
        });
        ended.into_iter().chain(said).collect()
    }

    /// Requests that reached its providers and were nobody's, and how often.
    pub fn background(&self) -> BTreeMap<String, usize> {
        self.front.background()
    }

    fn lives(&self) -> MutexGuard<'_, Lives> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many user requests may be made.
    pub(super) async fn room(&self, users: u32) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.room.clone().acquire_many_owned(users).await.ok()
    }

    /// A case begins: how many have begun by now, and whether others are under way.
    pub(super) fn enter(&self) -> (usize, bool) {
        let others = self.open.fetch_add(1, Ordering::Relaxed) > 0;
        (self.entries.fetch_add(1, Ordering::Relaxed) + 1, others)
    }

    /// A case is over that was the one of this number to begin; whether others have begun since.
    pub(super) fn exit(&self, number: usize) -> bool {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.entries.load(Ordering::Relaxed) > number
    }

    /// Keys that are the same in all cases were said, nobody knows in which.
    pub(super) fn note_keys(&self, lines: usize) {
        self.lives().keys_said += lines;
    }

    /// A session with this seed saw the end of a life.
    pub(super) fn suspect(&self, seed: u64) {
        self.lives().suspects.insert(seed);
    }

    /// The process that is now, or another one. A case that saw an end before runs alone now: what it ends is counted apart.
    pub(super) fn life(&self, seed: u64, policy: &Policy) -> Result<Arc<Program>, Refused> {
        let mut lives = self.lives();
        let Some(now) = lives.now.clone() else { return Err(Refused::NotRun("the gateway was ended".to_owned())) };
        let Some(how) = now.how(Duration::ZERO) else { return Ok(now) };
        let second = lives.suspects.contains(&seed);
        let count = if second { &mut lives.seconds } else { &mut lives.restarts };
        if *count >= RESTARTS {
            let why = format!("the gateway was started again {RESTARTS} times, and its process ended by itself: {how}");
            return Err(Refused::NotRun(why));
        }
        *count += 1;
        now.end();
        let again = self.begin(policy);
        let again = again.map_err(|why| Refused::Error(format!("the gateway does not start again: {why}")))?;
        lives.now = Some(again.clone());
        Ok(again)
    }
}

/// However it is left, nothing of it goes on.
impl Drop for Gateway {
    fn drop(&mut self) {
        self.lives().now.take().iter().for_each(|program| program.end());
    }
}
