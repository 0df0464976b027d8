//! The independent witness: what plain HTTP can express is also served by the crate wiremock, in true time, and every verdict is
//! the one that our own provider leads to.

mod support {
    #[allow(dead_code, reason = "what mutants may do elsewhere is for another test")]
    pub mod mutants;
    pub mod suite;
    pub mod witness;
}

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use brownout::{
    client::Factory,
    report,
    run::{Home, Listening, run_alone, run_case_on},
    scenario::{Capability, Case},
    transcript::{Attempt, Hop, Micros, Pace, Transcript},
    verdict::{Judgement, Status, judge},
    wire::clock,
};
use support::{
    mutants, suite,
    witness::{Witness, plain},
};
use tokio::{sync::oneshot, task::LocalSet};

/// Of all ids, at least so many in a hundred have a witness.
const SHARE: usize = 40;
/// So many cases at once; then those that differed, in less company and in none.
const COMPANY: [usize; 3] = [64, 8, 1];
/// If more than so many differ it is not for the company.
const NOISE: usize = 24;
const SEED: u64 = 1;
/// More users at once are more than one thread of true time can serve without being late.
const MOST: usize = 100;
/// Cases that last longer than so many microseconds have no witness: nobody waits minutes for a test.
const LONGEST: Micros = 10_000_000;

/// A client in a case.
struct Trial {
    name: String,
    case: Case,
    client: Box<Factory>,
}

type Judged = (Transcript, Judgement);

fn judged(transcript: Transcript) -> Judged {
    let judgement = judge(&transcript);
    (transcript, judgement)
}

/// On our provider, in virtual time.
fn ours(trial: &Trial) -> Judged {
    judged(run_alone(&trial.case, &trial.client, SEED))
}

/// On the witness, in true time; the witness on a thread of its own.
fn theirs(trial: &Trial) -> Judged {
    let listening = Listening::start();
    let client = clock::real_runtime(listening.on_further_threads()).expect("there are files");
    let provider = clock::real_runtime(|| ()).expect("there are files");
    let home = Home::There(provider.handle().clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = thread::spawn(move || provider.block_on(stopped).ok());
    let run = run_case_on::<Witness>(&trial.case, &trial.client, SEED, &home);
    let transcript = LocalSet::new().block_on(&client, run);
    stop.send(()).expect("the provider's thread waits for it");
    thread.join().expect("no provider panics");
    judged(transcript)
}

/// Where the two differ. What was seen alone is the last word: in company, true time is not the client's own.
#[expect(clippy::print_stdout, reason = "how much the company mattered is part of the result")]
fn contradictions(trials: &[Trial], ours: &[Judged]) -> Vec<String> {
    clock::raise_file_limit();
    let mut open: BTreeMap<usize, String> = (0..trials.len()).map(|place| (place, String::new())).collect();
    for (nth, together) in COMPANY.into_iter().enumerate() {
        if nth > 0 && open.len() > NOISE {
            break;
        }
        let (places, found) = (Mutex::new(open.into_keys()), Mutex::new(BTreeMap::new()));
        thread::scope(|scope| {
            for _ in 0..together {
                scope.spawn(|| {
                    while let Some(place) = next(&places) {
                        let differs = differences(&ours[place], &theirs(&trials[place]), together == 1);
                        let differs = differs.map(|differs| format!("{}\n{differs}", trials[place].name));
                        found.lock().expect("no trial panics").extend(differs.map(|differs| (place, differs)));
                    }
                });
            }
        });
        open = found.into_inner().expect("no trial panics");
        println!("{:5} differ with {together} at once", open.len());
    }
    open.into_values().collect()
}

fn next(places: &Mutex<impl Iterator<Item = usize>>) -> Option<usize> {
    places.lock().expect("no trial panics").next()
}

/// Alone, a machine that is too busy to tell contradicts nobody; in company it is asked again. So at most `NOISE` go untold.
fn differences(ours: &Judged, theirs: &Judged, alone: bool) -> Option<String> {
    let (expected, got) = (verdicts(&ours.1), verdicts(&theirs.1));
    let untold = |status: Status| alone && status == Status::Inconclusive;
    let alike =
        |(ours, theirs): (&(&str, Status), &(&str, Status))| ours == theirs || (ours.0 == theirs.0 && untold(theirs.1));
    let same = expected.len() == got.len()
        && expected.iter().zip(&got).all(alike)
        && (ours.1.status == theirs.1.status || untold(theirs.1.status));
    let unlike = unlike(&ours.0, &theirs.0);
    (!same || unlike.is_some()).then(|| {
        let blocks = [ours, theirs].map(|(transcript, judgement)| report::text::block(transcript, judgement));
        format!("  ours:   {expected:?}\n  theirs: {got:?}\n{}\n{}", unlike.unwrap_or_default(), blocks.join("\n"))
    })
}

/// In true time nobody waits for a breaker's long hold before the healthy request, so that `recovers` may have nothing to say.
fn verdicts(judgement: &Judgement) -> Vec<(&str, Status)> {
    let spoken = judgement.verdicts.iter().map(|verdict| (verdict.rule.as_str(), verdict.status));
    spoken.filter(|spoken| *spoken != ("recovers", Status::Pass)).collect()
}

/// Until the last user had an outcome, or was given up, and the last attempt had begun.
fn lasts(transcript: &Transcript) -> Micros {
    let given_up = transcript.policy.case_limit(|claim| claim == Capability::Fallback).as_micros() as Micros;
    let users = transcript.users.iter().map(|user| user.ended.or(user.left).unwrap_or(user.arrived + given_up));
    users.chain(transcript.attempts.iter().map(|attempt| attempt.arrived)).max().unwrap_or(0)
}

/// The first attempt of a lone user that is not the same on both sides. Those of several depend on who comes first.
fn unlike(ours: &Transcript, theirs: &Transcript) -> Option<String> {
    if ours.users.len() > 1 {
        return None;
    }
    let (ours, theirs) = (timeless(ours), timeless(theirs));
    let place = (0..ours.len().max(theirs.len())).find(|place| ours.get(*place) != theirs.get(*place))?;
    Some(format!("  attempt {place}\n  ours:   {:?}\n  theirs: {:?}\n", ours.get(place), theirs.get(place)))
}

/// Attempts without what a clock and a server's own headers decide: whether there was a time is left, and whether bytes were sent.
fn timeless(transcript: &Transcript) -> Vec<Attempt> {
    let was = |moment: Option<Micros>| moment.map(|_| 0);
    let timeless = |attempt: &Attempt| Attempt {
        // Whether a connection is used again depends on what came with its last bytes.
        connection: 0,
        reused: false,
        accepted: 0,
        arrived: 0,
        first_byte: was(attempt.first_byte),
        last_byte: was(attempt.last_byte),
        ended: was(attempt.ended),
        sent: attempt.sent.min(1),
        pace: attempt.pace.map(|pace| Pace { complete: was(pace.complete), ..Pace::default() }),
        hops: attempt.hops.iter().map(|hop| Hop { arrived: 0, ..hop.clone() }).collect(),
        ..attempt.clone()
    };
    transcript.attempts.iter().map(timeless).collect()
}

/// One test at a time: those beside it would be the load that true time suffers from.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
#[expect(clippy::print_stdout, reason = "how many have a witness, and why others have none, is part of the result")]
fn the_witness_comes_to_the_same_verdicts() {
    let _alone = alone();
    let (cases, mut without) = (suite::cases(), BTreeMap::<&str, usize>::new());
    let (total, mut trials, mut expected) = (cases.len(), Vec::new(), Vec::new());
    for case in cases {
        if case.users.len() > MOST {
            *without.entry("it has too many users for true time").or_default() += 1;
            continue;
        }
        let trial = Trial { name: case.id.clone(), case, client: Box::new(suite::reference) };
        let served = plain::obstacle(&trial.case).map_or_else(|| Ok(ours(&trial)), Err);
        match served {
            Ok((_, judgement)) if judgement.status == Status::NotApplicable => {
                *without.entry("the reference client cannot do what is asked").or_default() += 1;
            }
            Ok(judged) if lasts(&judged.0) > LONGEST => {
                *without.entry("it lasts too long for true time").or_default() += 1
            }
            Ok(judged) => {
                trials.push(trial);
                expected.push(judged);
            }
            Err(obstacle) => *without.entry(obstacle).or_default() += 1,
        }
    }
    println!("{} of {total} witnessed", trials.len());
    without.iter().for_each(|(why, count)| println!("{count:5} not: {why}"));
    let wrong = contradictions(&trials, &expected);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(trials.len() * 100 >= total * SHARE, "fewer than {SHARE} in a hundred have a witness: {without:?}");
}

/// A broken client breaks its rule before the witness too.
#[test]
#[expect(clippy::print_stdout, reason = "how many were caught is part of the result")]
fn the_witness_sees_broken_clients_break_the_same_rules() {
    let _alone = alone();
    let cases = suite::cases();
    let (mut trials, mut expected) = (Vec::new(), Vec::new());
    for mutant in mutants::all() {
        let home = cases.iter().find(|case| case.id == mutant.home && plain::obstacle(case).is_none());
        let Some(case) = home.cloned() else { continue };
        let trial = Trial { name: format!("{} in {}", mutant.name, case.id), case, client: Box::new(mutant.make) };
        let judged = ours(&trial);
        let broken =
            |(rule, status): &(&str, Status)| *rule == mutant.rule && matches!(status, Status::Fail | Status::Warn);
        assert!(verdicts(&judged.1).iter().any(broken), "{}", trial.name);
        if lasts(&judged.0) > LONGEST || trial.case.users.len() > MOST {
            continue;
        }
        trials.push(trial);
        expected.push(judged);
    }
    println!("{} of {} broken clients witnessed", trials.len(), mutants::all().count());
    let wrong = contradictions(&trials, &expected);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A witness that agrees with whatever it is shown would be none: other verdicts are noticed, and other facts under equal verdicts.
#[test]
fn a_provider_that_serves_something_else_is_contradicted() {
    let _alone = alone();
    let cases = suite::cases();
    let case = |id: &str| cases.iter().find(|case| case.id == id).unwrap_or_else(|| panic!("no scenario {id}")).clone();
    let trial = |case: Case| Trial { name: case.id.clone(), case, client: Box::new(suite::reference) };
    let (mut trials, mut expected) = (Vec::new(), Vec::new());
    for (scripted, served) in [
        ("parser/ordinary-answer[plain]", "parser/error-in-200[whole]"),
        ("parser/legal-shapes[unknown-fields]", "parser/legal-shapes[null-usage]"),
    ] {
        expected.push(ours(&trial(case(scripted))));
        trials.push(trial(Case { hosts: case(served).hosts, ..case(scripted) }));
    }
    let found = contradictions(&trials, &expected);
    assert_eq!(found.len(), trials.len(), "{}", found.join("\n"));
}
