//! A scenario does not know which clock runs: the whole suite gets equal verdicts on both.

mod support {
    pub mod suite;
}

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use brownout::{
    client::{About, AnyClient, Call, Client, Outcome, ResultKind},
    policy::Policy,
    report,
    run::{Options, Suite, run_suite},
    scenario::{Capability, Case},
    transcript::{ClockKind, Transcript},
    verdict::{Judgement, Status},
    wire::clock,
};
use support::suite;

/// Cases that last longer are left to the virtual clock: nobody waits a quarter of an hour for a test.
const LONGEST: u64 = 10_000_000;
/// More users of one case, beside all the other cases, are more than one thread of true time can serve without being late.
const MOST: usize = 100;

fn run(clock: ClockKind, cases: Vec<Case>) -> Vec<(Transcript, Judgement)> {
    let suite = Arc::new(Suite { cases, factory: Box::new(suite::reference) });
    run_suite(suite, Options::new(clock, 1), &mut |_, _| ()).expect("the suite runs")
}

/// The cases that true time has room for; how long each lasts is what it lasted on the virtual clock.
fn fit_for_true_time() -> Vec<Case> {
    let leaping = run(ClockKind::Virtual, suite::cases());
    let lasts = |transcript: &Transcript| moments(transcript).last().copied().unwrap_or(0);
    let short = leaping.iter().map(|(transcript, _)| lasts(transcript) <= LONGEST);
    let fit = suite::cases().into_iter().zip(short).filter(|(case, short)| *short && case.users.len() <= MOST);
    fit.map(|(case, _)| case).collect()
}

/// How two judgements of one scenario compare.
#[derive(Debug, PartialEq)]
enum Compared {
    Equal,
    /// A rule passed on one clock and had nothing to judge on the other: jitter and breakers decide by the millisecond what is
    /// tried, and in true time nobody waits for a breaker's long hold before the healthy request.
    Silent,
    /// The machine was too busy to tell in true time, and the run says so.
    Unsure,
    Different,
}

fn compare(leaping: &Judgement, real: &Judgement) -> Compared {
    let verdicts = |judgement: &Judgement| -> BTreeMap<String, Status> {
        judgement.verdicts.iter().map(|verdict| (verdict.rule.clone(), verdict.status)).collect()
    };
    let (leaping, real) = (verdicts(leaping), verdicts(real));
    let rules: BTreeSet<_> = leaping.keys().chain(real.keys()).collect();
    let pairs: Vec<_> = rules.into_iter().map(|rule| (leaping.get(rule), real.get(rule))).collect();
    let one = |pair: &(Option<&Status>, Option<&Status>)| match pair {
        (leaping, real) if leaping == real => Compared::Equal,
        (_, Some(Status::Inconclusive)) => Compared::Unsure,
        (Some(Status::Pass), None) | (None, Some(Status::Pass)) => Compared::Silent,
        _ => Compared::Different,
    };
    let worst = |any: Compared| pairs.iter().any(|pair| one(pair) == any).then_some(any);
    [Compared::Different, Compared::Unsure, Compared::Silent].into_iter().find_map(worst).unwrap_or(Compared::Equal)
}

#[test]
#[expect(clippy::print_stdout, reason = "how many were compared is part of the result")]
fn the_whole_suite_gets_equal_verdicts_on_both_clocks() {
    let _alone = alone();
    let cases = fit_for_true_time();
    let (all, fit) = (suite::cases().len(), cases.len());
    let (leaping, real) = (run(ClockKind::Virtual, cases.clone()), run(ClockKind::Real, cases));
    assert_eq!((leaping.len(), real.len()), (fit, fit));
    let (mut wrong, mut silent, mut unsure) = (Vec::new(), 0, 0);
    for ((_, expected), (transcript, judgement)) in leaping.iter().zip(&real) {
        assert_eq!(expected.scenario, judgement.scenario);
        match compare(expected, judgement) {
            Compared::Equal => {}
            Compared::Silent => silent += 1,
            Compared::Unsure => unsure += 1,
            Compared::Different => wrong.push(report::text::block(transcript, judgement)),
        }
    }
    println!(
        "{fit} scenario ids compared on both clocks, {} are too long or too large for true time; in {silent} a rule had something \
         to judge on one clock only, in {unsure} the machine was too busy to tell",
        all - fit
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(silent * 50 <= fit, "{silent} of {fit} are not compared in full");
    assert!(unsure * 10 <= fit, "{unsure} of {fit} could not be told");
    assert!(fit * 10 >= all * 9, "too many are left to the virtual clock");
}

#[test]
fn the_virtual_clock_keeps_its_known_trace() {
    assert_eq!(clock::canary(), Ok(()));
}

/// One test at a time: those beside it would be the load that true time suffers from.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A client that sleeps on std time, and so stops everything on its thread.
struct Blocking;

impl Client for Blocking {
    fn about(&self) -> About {
        About { name: "blocking".to_owned(), version: "1".to_owned() }
    }

    fn capabilities(&self) -> Vec<Capability> {
        Vec::new()
    }

    async fn call(&self, _: Call) -> Outcome {
        std::thread::sleep(Duration::from_secs(3));
        Outcome::new(ResultKind::Failed)
    }
}

#[test]
fn a_client_that_blocks_its_thread_is_given_up_and_the_others_finish() {
    let _alone = alone();
    let cases: Vec<_> =
        suite::cases().into_iter().filter(|case| case.id.starts_with("request-contract/endpoint")).collect();
    let blocks = |policy: &Policy, seed: u64| -> Rc<dyn AnyClient> {
        static FIRST: AtomicBool = AtomicBool::new(true);
        if FIRST.swap(false, Ordering::Relaxed) { Rc::new(Blocking) } else { suite::reference(policy, seed) }
    };
    let suite = Arc::new(Suite { cases, factory: Box::new(blocks) });
    let options = Options { patience: Duration::from_millis(500), ..Options::new(ClockKind::Virtual, 1) };
    let results = run_suite(suite, options, &mut |_, _| ()).expect("the suite runs");
    let mut statuses: Vec<Status> = results.iter().map(|(_, judgement)| judgement.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [Status::Pass, Status::Error]);
    let reason = results.iter().find_map(|(_, judgement)| judgement.reason.clone()).expect("the error says why");
    assert!(reason.contains("blocked its thread") && reason.contains("--clock real"), "{reason}");
}

#[test]
fn virtual_time_repeats_itself_to_the_microsecond() {
    let _alone = alone();
    let times = || -> Vec<_> {
        run(ClockKind::Virtual, suite::cases()).into_iter().map(|(t, _)| (t.scenario.clone(), moments(&t))).collect()
    };
    let (first, second) = (times(), times());
    // A date is written by the system clock, so what it asks for depends on the moment.
    let exact = |(name, _): &&(String, Vec<u64>)| !name.contains("date");
    let pairs = first.iter().filter(exact).zip(second.iter().filter(exact));
    for (a, b) in pairs {
        assert_eq!(a, b);
    }
}

/// Arrivals of attempts and ends of user requests, in order.
fn moments(transcript: &Transcript) -> Vec<u64> {
    let mut moments: Vec<u64> = transcript.attempts.iter().map(|attempt| attempt.arrived).collect();
    moments.extend(transcript.users.iter().filter_map(|user| user.ended));
    moments.sort_unstable();
    moments
}
