//! Many cases against one client, on either clock, as many at once as the clock allows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::LocalSet, time::sleep};

use super::{Home, Listening, facts, run_case};
use crate::{
    client::Factory,
    scenario::Case,
    transcript::{ClockKind, Transcript},
    verdict::{Judgement, Status, judge},
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

/// Cases that run at once in true time, each on a thread that mostly sleeps: so few that their own load decides no verdict.
const THREADS: usize = 96;
/// Connects that may pend at once, below the backlog of a listener.
const CONNECTS: usize = 512;
/// So long users count as dialling.
const DIALLING: Duration = Duration::from_millis(50);
/// Cases start this far apart in true time, so that their clients do not all dial at once.
const STAGGER: Duration = Duration::from_millis(2);
/// In true time, a case whose upper bounds fail is run so many times more, alone.
const SOLO: usize = 2;

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
    let mut workers = Workers::new(suite, options, threads, Arc::new(run));
    workers.all(&mut |transcript, judgement| progress(transcript, judgement))
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
    let mut workers = Workers::new(suite, options, THREADS, run.clone());
    let settled = |transcript: &Transcript, judgement: &Judgement| {
        !in_company(transcript) && !matches!(judgement.status, Status::Fail | Status::Inconclusive)
    };
    let mut results = workers.all(&mut |transcript, judgement| {
        if settled(transcript, judgement) {
            progress(transcript, judgement);
        }
    });
    for (place, result) in results.iter_mut().enumerate().filter(|(_, result)| !settled(&result.0, &result.1)) {
        if options.solo {
            again_alone(suite, place, result, &*run);
        }
        progress(&result.0, &result.1);
    }
    stop.send(()).ok();
    thread.join().ok();
    Ok(results)
}

/// How a case is run.
type RunOne = dyn Fn(&Suite, usize) -> Transcript + Send + Sync;

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

/// Threads that take one case after another.
struct Workers {
    suite: Arc<Suite>,
    options: Options,
    threads: usize,
    run: Arc<RunOne>,
    next: Arc<AtomicUsize>,
    sender: mpsc::Sender<(usize, Transcript)>,
    receiver: mpsc::Receiver<(usize, Transcript)>,
    done: Vec<Option<(Transcript, Judgement)>>,
}

impl Workers {
    fn new(suite: &Arc<Suite>, options: Options, threads: usize, run: Arc<RunOne>) -> Self {
        let (sender, receiver) = mpsc::channel();
        let done = suite.cases.iter().map(|_| None).collect();
        let threads = threads.min(suite.cases.len().max(1));
        Workers { suite: suite.clone(), options, threads, run, next: Arc::default(), sender, receiver, done }
    }

    fn all(&mut self, progress: &mut Progress) -> Vec<(Transcript, Judgement)> {
        (0..self.threads).for_each(|_| self.spawn());
        let mut missing = self.done.len();
        while missing > 0 {
            match self.receiver.recv_timeout(self.patience()) {
                Ok((place, transcript)) if self.done[place].is_none() => self.settle(place, transcript, progress),
                Ok(_) => {}
                // Every worker has been silent for so long: what they hold is stuck, and they cannot be stopped.
                Err(_) => {
                    self.give_up(progress);
                    (0..self.threads).for_each(|_| self.spawn());
                }
            }
            missing = self.done.iter().filter(|slot| slot.is_none()).count();
        }
        self.done.drain(..).flatten().collect()
    }

    fn spawn(&self) {
        let (suite, run, next, sender) = (self.suite.clone(), self.run.clone(), self.next.clone(), self.sender.clone());
        thread::spawn(move || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= suite.cases.len() || sender.send((place, run(&suite, place))).is_err() {
                    return;
                }
            }
        });
    }

    /// In true time, the longest case may say nothing for as long as its users may wait.
    fn patience(&self) -> Duration {
        let longest = self.suite.cases.iter().map(|case| case.policy.case_limit(false)).max().unwrap_or_default();
        match self.options.clock {
            ClockKind::Virtual => self.options.patience,
            ClockKind::Real => self.options.patience + longest,
        }
    }

    fn settle(&mut self, place: usize, transcript: Transcript, progress: &mut Progress) {
        let judgement = judge(&transcript);
        progress(&transcript, &judgement);
        self.done[place] = Some((transcript, judgement));
    }

    /// Gives up the cases that were begun and not finished: their client blocks its thread.
    fn give_up(&mut self, progress: &mut Progress) {
        let begun = self.next.load(Ordering::Relaxed).min(self.done.len());
        for place in 0..begun {
            if self.done[place].is_some() {
                continue;
            }
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

/// Whether the client's process ended while others were under way: this case may have had no part in it.
fn in_company(transcript: &Transcript) -> bool {
    transcript.process.as_ref().is_some_and(|process| process.company)
}

/// An upper bound counts only if it is broken again without company, with the harness in time; so does a crash.
fn again_alone(suite: &Suite, place: usize, result: &mut (Transcript, Judgement), run: &RunOne) {
    for _ in 0..SOLO {
        if !in_company(&result.0) && !rests_on_time(&result.1) {
            break;
        }
        let transcript = run(suite, place);
        let judgement = judge(&transcript);
        let settled = judgement.status != Status::Inconclusive;
        *result = (transcript, judgement);
        if settled {
            break;
        }
    }
}

/// Whether every breach is of a rule that a machine under load can make a correct client break.
fn rests_on_time(judgement: &Judgement) -> bool {
    let broken = judgement.verdicts.iter().filter(|verdict| !verdict.breaches.is_empty());
    let mut rules = broken.filter_map(|verdict| crate::rules::find(&verdict.rule)).peekable();
    rules.peek().is_some() && rules.all(|rule| rule.load == crate::rules::Load::Sensitive)
}
