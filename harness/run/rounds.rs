//! True time: all cases at once, and then again what our own load, or the company of others, may have decided.

use std::sync::Arc;

use super::{
    suite::{Options, Progress, Results, RunOne, Suite, Workers},
    wants_to_be_alone,
};
use crate::{
    transcript::{Micros, Transcript},
    verdict::{Judgement, Status, rests_on_time},
};

/// Cases that run at once in true time, each on a thread that mostly sleeps: so few that their own load decides no verdict.
const THREADS: usize = 96;
/// Runs at once of what may be our load's doing: they mostly sleep too, and few of them load no machine. Whether something did all
/// the same, the heartbeat tells, and then it is run again; at last with no other beside it.
const AGAIN: [usize; 2] = [4, 4];

/// A heartbeat as late as half the shortest timer: even what is in order then may be another case than the scripted one.
const TOO_LATE: Micros = 250_000;

/// A suite in true time.
pub struct Rounds<'a, 'p> {
    pub suite: &'a Arc<Suite>,
    pub options: Options,
    pub run: Arc<RunOne>,
    pub progress: &'a mut Progress<'p>,
}

impl Rounds<'_, '_> {
    /// Runs all, and those again whose verdict may not be the client's doing; each is told of once it is settled.
    pub fn all(&mut self) -> Results {
        let mut results = Results::new();
        let mut everything: Vec<usize> = (0..self.suite.cases.len()).collect();
        // Each of these waits until no other is under way: one after the other at the end, and not all over the place.
        everything.sort_by_key(|place| wants_to_be_alone(&self.suite.cases[*place]));
        if !self.options.solo {
            self.round(everything, THREADS, &mut results, |_, _| true);
            return results;
        }
        let settled = |t: &Transcript, j: &Judgement| in_time(t) && !in_company(t) && !rests_on_time(t, j);
        let open = self.round(everything, THREADS, &mut results, settled);
        let (company, mut open): (Vec<usize>, Vec<usize>) =
            open.into_iter().partition(|place| in_company(&results[place].0));
        for threads in AGAIN {
            open = self.round(open, threads, &mut results, stands);
        }
        open.extend(company);
        open = self.round(open, 1, &mut results, stands);
        self.round(open, 1, &mut results, |_, _| true);
        results
    }

    /// Runs these, and tells of those that are settled; the others.
    fn round(
        &mut self,
        places: Vec<usize>,
        threads: usize,
        results: &mut Results,
        settled: impl Fn(&Transcript, &Judgement) -> bool,
    ) -> Vec<usize> {
        let workers = Workers::new(self.suite, self.options, threads, self.run.clone());
        let done = workers.work(places, &mut |transcript, judgement| {
            if settled(transcript, judgement) {
                (self.progress)(transcript, judgement);
            }
        });
        let open = done.iter().filter(|(_, (t, j))| !settled(t, j)).map(|(place, _)| *place).collect();
        results.extend(done);
        open
    }
}

/// What a second run said counts, unless the harness was late again, or another case ended the process.
fn stands(transcript: &Transcript, judgement: &Judgement) -> bool {
    // Not the status alone: a violation beside it may be a known one.
    let inconclusive = judgement.verdicts.iter().any(|verdict| verdict.status == Status::Inconclusive);
    let late = inconclusive && rests_on_time(transcript, judgement);
    in_time(transcript) && !in_company(transcript) && !late
}

/// Whether the harness was itself: where it was not, a right answer proves as little as a wrong one.
fn in_time(transcript: &Transcript) -> bool {
    transcript.lateness < TOO_LATE
}

/// Whether the client's process ended while others were under way: this case may have had no part in it.
fn in_company(transcript: &Transcript) -> bool {
    transcript.process.as_ref().is_some_and(|process| process.company)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::{
        client::About,
        policy::Policy,
        run::{Clock, facts},
        scenario::load::{self, SourceFile},
    };

    /// How often a case ran, and what was told of it, if the harness is so late in each of its runs.
    fn told(lateness: &'static [Micros]) -> (usize, Vec<Micros>) {
        let text = "title: a\nwhy: a test\nsources: [a test]\nprimary: [ ok ]\n".to_owned();
        let file = SourceFile::new("test", "parser/one.yaml", text);
        let cases = load::load(&[file], &Policy::default()).expect("it is right").cases;
        let suite = Arc::new(Suite { cases, factory: Box::new(|_, _| unreachable!("no client is made")) });
        let runs = Arc::new(AtomicUsize::new(0));
        let count = runs.clone();
        let run = move |suite: &Suite, place: usize| {
            let about = About { name: "none".to_owned(), version: "1".to_owned() };
            let late = lateness[count.fetch_add(1, Ordering::Relaxed)];
            Transcript { lateness: late, ..facts::blank(&suite.cases[place], about, Vec::new(), Clock::Real, 1) }
        };
        let said = Mutex::new(Vec::new());
        let mut progress = |transcript: &Transcript, _: &Judgement| {
            said.lock().expect("nobody else").push(transcript.lateness);
        };
        let options = Options::new(Clock::Real, 1);
        Rounds { suite: &suite, options, run: Arc::new(run), progress: &mut progress }.all();
        (runs.load(Ordering::Relaxed), said.into_inner().expect("nobody else"))
    }

    #[test]
    fn where_the_harness_was_late_nothing_is_proved_and_the_case_runs_again() {
        assert_eq!(told(&[1000]), (1, vec![1000]));
        assert_eq!(told(&[900_000, 1000]), (2, vec![1000]));
        assert_eq!(told(&[900_000, 900_000, 900_000, 900_000, 300_000]), (5, vec![300_000]), "but not for ever");
    }
}
