//! Many cases against one client, on either clock, as many at once as the clock allows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tokio::{sync::Semaphore, task::LocalSet, time::sleep};

use super::{Home, facts, run_case};
use crate::{
    client::Factory,
    scenario::Case,
    transcript::{ClockKind, Transcript},
    verdict::{Judgement, Status, judge},
    wire::clock::{self, Heartbeat},
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
}

impl Options {
    /// The usual patience.
    pub fn new(clock: Clock, seed: u64) -> Self {
        Options { clock, seed, patience: Duration::from_secs(20) }
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
    let (sender, receiver) = mpsc::channel();
    let next = Arc::new(AtomicUsize::new(0));
    let threads = thread::available_parallelism().map_or(1, usize::from).min(suite.cases.len().max(1));
    for _ in 0..threads {
        spawn_worker(suite.clone(), options, next.clone(), sender.clone());
    }
    let mut done: Vec<Option<(Transcript, Judgement)>> = suite.cases.iter().map(|_| None).collect();
    let mut missing = suite.cases.len();
    while missing > 0 {
        let Ok((place, transcript)) = receiver.recv_timeout(options.patience) else {
            // Every worker has been silent for so long: what they hold is stuck, and they cannot be stopped.
            stuck(suite, options, &next, &mut done, progress);
            missing = done.iter().filter(|slot| slot.is_none()).count();
            (0..threads).for_each(|_| spawn_worker(suite.clone(), options, next.clone(), sender.clone()));
            continue;
        };
        if done[place].is_none() {
            let judgement = judge(&transcript);
            progress(&transcript, &judgement);
            done[place] = Some((transcript, judgement));
            missing -= 1;
        }
    }
    done.into_iter().flatten().collect()
}

fn spawn_worker(
    suite: Arc<Suite>,
    options: Options,
    next: Arc<AtomicUsize>,
    sender: mpsc::Sender<(usize, Transcript)>,
) {
    thread::spawn(move || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = suite.cases.get(place) else { return };
            if sender.send((place, run_alone(case, &suite.factory, seed(options, place)))).is_err() {
                return;
            }
        }
    });
}

/// Runs one case on a fresh virtual clock, on this thread.
pub fn run_alone(case: &Case, factory: &Factory, seed: u64) -> Transcript {
    match clock::virtual_runtime() {
        Ok(runtime) => LocalSet::new().block_on(&runtime, run_case(case, factory, seed, &Home::Here)),
        Err(error) => broken(case, factory, ClockKind::Virtual, seed, format!("no runtime: {error}")),
    }
}

fn broken(case: &Case, factory: &Factory, clock: Clock, seed: u64, error: String) -> Transcript {
    let client = factory(&case.policy, seed);
    let blank = facts::blank(case, client.about(), client.capabilities(), clock, seed);
    Transcript { errors: vec![error], ..blank }
}

/// Gives up the cases that were begun and not finished: their client blocks its thread.
fn stuck(
    suite: &Suite,
    options: Options,
    next: &AtomicUsize,
    done: &mut [Option<(Transcript, Judgement)>],
    progress: &mut Progress,
) {
    let begun = next.load(Ordering::Relaxed).min(done.len());
    for (place, slot) in done[..begun].iter_mut().enumerate().filter(|(_, slot)| slot.is_none()) {
        let why = format!(
            "the client blocked its thread for {:.1} s of true time; one that sleeps outside tokio needs `--clock real`",
            options.patience.as_secs_f64()
        );
        let transcript = broken(&suite.cases[place], &suite.factory, options.clock, options.seed, why);
        let judgement = judge(&transcript);
        progress(&transcript, &judgement);
        *slot = Some((transcript, judgement));
    }
}

/// All cases at once on one thread, the providers on another.
fn run_real(
    suite: &Arc<Suite>,
    options: Options,
    progress: &mut Progress,
) -> Result<Vec<(Transcript, Judgement)>, String> {
    let words = |error: std::io::Error| format!("no runtime: {error}");
    let providers = clock::real_runtime().map_err(words)?;
    let handle = providers.handle().clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let thread = thread::spawn(move || providers.block_on(async { stopped.await.ok() }));
    let clients = clock::real_runtime().map_err(words)?;
    let results = LocalSet::new().block_on(&clients, async {
        let home = Home::There(handle);
        let mut results = all_at_once(suite, options, &home, progress).await;
        for (place, result) in results.iter_mut().enumerate() {
            again_alone(suite, options, &home, place, result, progress).await;
        }
        results
    });
    stop.send(()).ok();
    thread.join().ok();
    Ok(results)
}

async fn all_at_once(
    suite: &Arc<Suite>,
    options: Options,
    home: &Home,
    progress: &mut Progress<'_>,
) -> Vec<(Transcript, Judgement)> {
    let connects = Arc::new(Semaphore::new(CONNECTS));
    let mut tasks = tokio::task::JoinSet::new();
    for place in 0..suite.cases.len() {
        let (suite, home, connects) = (suite.clone(), home.clone(), connects.clone());
        tasks.spawn_local(async move {
            sleep(STAGGER * u32::try_from(place).unwrap_or(0)).await;
            let case = &suite.cases[place];
            let together = u32::try_from(case.users.len().min(CONNECTS)).unwrap_or(1);
            let permit = connects.acquire_many(together).await;
            // Only those who are about to dial count.
            let dialled = async {
                sleep(DIALLING).await;
                drop(permit);
            };
            let (transcript, ()) = tokio::join!(beaten(case, &suite, options, place, &home), dialled);
            (place, transcript)
        });
    }
    let mut results: Vec<Option<(Transcript, Judgement)>> = suite.cases.iter().map(|_| None).collect();
    while let Some(joined) = tasks.join_next().await {
        let (place, transcript) = joined.expect("a case's task catches the client's panics");
        let judgement = judge(&transcript);
        if judgement.status != Status::Fail && judgement.status != Status::Inconclusive {
            progress(&transcript, &judgement);
        }
        results[place] = Some((transcript, judgement));
    }
    results.into_iter().flatten().collect()
}

/// A run beside which a heart beats: its worst delay is the harness's own lateness.
async fn beaten(case: &Case, suite: &Suite, options: Options, place: usize, home: &Home) -> Transcript {
    let here = Heartbeat::start();
    let there = home.run(async { Heartbeat::start() }).await;
    let mut transcript = run_case(case, &suite.factory, seed(options, place), home).await;
    let lateness = here.stop().max(there.stop());
    transcript.lateness = u64::try_from(lateness.as_micros()).unwrap_or(u64::MAX);
    transcript
}

/// An upper bound counts only if it is broken again without company, with the harness in time.
async fn again_alone(
    suite: &Suite,
    options: Options,
    home: &Home,
    place: usize,
    result: &mut (Transcript, Judgement),
    progress: &mut Progress<'_>,
) {
    if result.1.status != Status::Fail && result.1.status != Status::Inconclusive {
        return;
    }
    for _ in 0..SOLO {
        if !rests_on_time(&result.1) {
            break;
        }
        let transcript = beaten(&suite.cases[place], suite, options, place, home).await;
        let judgement = judge(&transcript);
        let settled = judgement.status != Status::Inconclusive;
        *result = (transcript, judgement);
        if settled {
            break;
        }
    }
    progress(&result.0, &result.1);
}

/// Whether every breach is of a rule that a machine under load can make a correct client break.
fn rests_on_time(judgement: &Judgement) -> bool {
    let broken = judgement.verdicts.iter().filter(|verdict| !verdict.breaches.is_empty());
    let mut rules = broken.filter_map(|verdict| crate::rules::find(&verdict.rule)).peekable();
    rules.peek().is_some() && rules.all(|rule| rule.load == crate::rules::Load::Sensitive)
}
