//! Many cases against one client, on either clock, as many at once as the clock allows.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::LocalSet, time::sleep};

use super::{Home, Listening, facts, rounds::Rounds, run_case};
use crate::{
    client::Factory,
    scenario::{Capability, Case},
    transcript::{ClockKind, Transcript},
    verdict::{Judgement, judge},
    wire::clock,
};

/// Which clock is wanted.
pub type Clock = ClockKind;

/// How a suite is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The clock.
    pub clock: Clock,
    /// Seed of identities and of the client's randomness; a case's place in the suite is added.
    pub seed: u64,
    /// On the virtual clock: true time without any progress after which the cases under way are given up.
    pub patience: Duration,
    /// In true time: a failure that rests on time is run again alone before it counts.
    pub solo: bool,
}

impl Options {
    /// The usual patience.
    pub fn new(clock: Clock, seed: u64) -> Self {
        Options { clock, seed, patience: Duration::from_secs(20), solo: true }
    }
}

/// Cases in order, and who is told of each that is done.
pub struct Suite {
    /// The cases.
    pub cases: Vec<Case>,
    /// Makes the client objects.
    pub factory: Box<Factory>,
}

/// Told of each case that is done.
pub type Progress<'a> = dyn FnMut(&Transcript, &Judgement) + 'a;

/// Connects that may pend at once, below the backlog of a listener.
const CONNECTS: usize = 512;
/// So long users count as dialling.
const DIALLING: Duration = Duration::from_millis(50);
/// Cases start this far apart in true time, so that their clients do not all dial at once.
const STAGGER: Duration = Duration::from_millis(2);
/// Runs all cases; results come in the order of the cases.
pub fn run_suite(
    suite: Arc<Suite>,
    options: Options,
    progress: &mut Progress,
) -> Result<Vec<(Transcript, Judgement)>, String> {
    clock::raise_file_limit();
    match options.clock {
        ClockKind::Virtual => {
            clock::canary()?;
            Ok(run_virtual(&suite, options, progress))
        }
        ClockKind::Real => run_real(&suite, options, progress),
    }
}

fn seed(options: Options, place: usize) -> u64 {
    options.seed.wrapping_add(place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// One fresh paused runtime per case, on as many threads as there are cores.
fn run_virtual(suite: &Arc<Suite>, options: Options, progress: &mut Progress) -> Vec<(Transcript, Judgement)> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let run = move |suite: &Suite, place: usize| run_alone(&suite.cases[place], &suite.factory, seed(options, place));
    let all = (0..suite.cases.len()).collect();
    Workers::new(suite, options, threads, Arc::new(run)).work(all, progress).into_values().collect()
}

/// Runs one case on a fresh virtual clock, on this thread.
pub fn run_alone(case: &Case, factory: &Factory, seed: u64) -> Transcript {
    let listening = Listening::start();
    match clock::virtual_runtime(listening.on_further_threads()) {
        Ok(runtime) => LocalSet::new().block_on(&runtime, run_case(case, factory, seed, &Home::Here)),
        Err(error) => broken(case, factory, ClockKind::Virtual, seed, format!("no runtime: {error}")),
    }
}

fn broken(case: &Case, factory: &Factory, clock: Clock, seed: u64, error: String) -> Transcript {
    let client = factory(&case.policy, seed);
    let blank = facts::blank(case, client.about(), client.capabilities(), clock, seed);
    Transcript { errors: vec![error], ..blank }
}

/// All cases at once, each on a thread of its own, so that a client that blocks stops nobody else; the providers on another.
fn run_real(
    suite: &Arc<Suite>,
    options: Options,
    progress: &mut Progress,
) -> Result<Vec<(Transcript, Judgement)>, String> {
    let providers = clock::real_runtime(|| ()).map_err(|error| format!("no runtime: {error}"))?;
    let handle = providers.handle().clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let thread = thread::spawn(move || providers.block_on(async { stopped.await.ok() }));
    let run = real_run(options, Home::There(handle));
    let results = Rounds { suite, options, run, progress }.all();
    stop.send(()).ok();
    thread.join().ok();
    Ok(results.into_values().collect())
}

/// How a case is run.
pub type RunOne = dyn Fn(&Suite, usize) -> Transcript + Send + Sync;

/// Runs a case in true time, on this thread. Only those who are about to dial count against the bound of pending connects.
fn real_run(options: Options, home: Home) -> Arc<RunOne> {
    let connects = Arc::new(Semaphore::new(CONNECTS));
    let begun = Instant::now();
    Arc::new(move |suite, place| {
        let case = &suite.cases[place];
        thread::sleep((begun + STAGGER * u32::try_from(place).unwrap_or(0)).saturating_duration_since(Instant::now()));
        let listening = Listening::start();
        let runtime = match clock::real_runtime(listening.on_further_threads()) {
            Ok(runtime) => runtime,
            Err(error) => {
                let why = format!("no runtime: {error}");
                return broken(case, &suite.factory, ClockKind::Real, seed(options, place), why);
            }
        };
        let together = u32::try_from(case.users.len().min(CONNECTS)).unwrap_or(1);
        LocalSet::new().block_on(&runtime, async {
            let permit = connects.acquire_many(together).await;
            let dialled = async {
                sleep(DIALLING).await;
                drop(permit);
            };
            tokio::join!(run_case(case, &suite.factory, seed(options, place), &home), dialled).0
        })
    })
}

/// What is known of cases, by their place in the suite.
pub type Results = BTreeMap<usize, (Transcript, Judgement)>;

/// Threads that take one case after another.
pub struct Workers {
    suite: Arc<Suite>,
    options: Options,
    threads: usize,
    run: Arc<RunOne>,
    places: Arc<Vec<usize>>,
    next: Arc<AtomicUsize>,
    sender: mpsc::Sender<(usize, Transcript)>,
    receiver: mpsc::Receiver<(usize, Transcript)>,
    done: Results,
}

impl Workers {
    pub fn new(suite: &Arc<Suite>, options: Options, threads: usize, run: Arc<RunOne>) -> Self {
        let (sender, receiver) = mpsc::channel();
        let (places, next, done) = (Arc::default(), Arc::default(), Results::new());
        Workers { suite: suite.clone(), options, threads, run, places, next, sender, receiver, done }
    }

    /// Runs the cases at these places.
    pub fn work(mut self, places: Vec<usize>, progress: &mut Progress) -> Results {
        self.places = Arc::new(places);
        self.spawn();
        while self.done.len() < self.places.len() {
            match self.receiver.recv_timeout(self.patience()) {
                Ok((place, transcript)) if !self.done.contains_key(&place) => self.settle(place, transcript, progress),
                Ok(_) => {}
                // Every worker has been silent for so long: what they hold is stuck, and they cannot be stopped.
                Err(_) => {
                    self.give_up(progress);
                    self.spawn();
                }
            }
        }
        self.done
    }

    fn spawn(&self) {
        (0..self.threads.min(self.places.len())).for_each(|_| {
            let (suite, places, run) = (self.suite.clone(), self.places.clone(), self.run.clone());
            let (next, sender) = (self.next.clone(), self.sender.clone());
            thread::spawn(move || {
                while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if sender.send((*place, run(&suite, *place))).is_err() {
                        return;
                    }
                }
            });
        });
    }

    /// In true time, the longest case may say nothing for as long as its users may wait.
    fn patience(&self) -> Duration {
        let longest = self
            .suite
            .cases
            .iter()
            .map(|case| case.policy.case_limit(|claim| claim == Capability::Fallback))
            .max()
            .unwrap_or_default();
        match self.options.clock {
            ClockKind::Virtual => self.options.patience,
            ClockKind::Real => self.options.patience + longest,
        }
    }

    fn settle(&mut self, place: usize, transcript: Transcript, progress: &mut Progress) {
        let judgement = judge(&transcript);
        progress(&transcript, &judgement);
        self.done.insert(place, (transcript, judgement));
    }

    /// Gives up the cases that were begun and not finished: their client blocks its thread.
    fn give_up(&mut self, progress: &mut Progress) {
        let begun = self.next.load(Ordering::Relaxed).min(self.places.len());
        let missing: Vec<usize> =
            self.places[..begun].iter().filter(|place| !self.done.contains_key(place)).copied().collect();
        for place in missing {
            let hint = match self.options.clock {
                ClockKind::Virtual => "; one that sleeps outside tokio needs `--clock real`",
                ClockKind::Real => "",
            };
            let patience = self.patience().as_secs_f64();
            let why = format!("the client blocked its thread for {patience:.1} s of true time{hint}");
            let case = &self.suite.cases[place];
            let seed = seed(self.options, place);
            let transcript = broken(case, &self.suite.factory, self.options.clock, seed, why);
            self.settle(place, transcript, progress);
        }
    }
}
