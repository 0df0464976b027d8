//! True time: all cases at once, and then again what our own load, or the company of others, may have decided.

use std::sync::Arc;

use super::suite::{Options, Progress, Results, RunOne, Suite, Workers};
use crate::{
    transcript::Transcript,
    verdict::{Judgement, Status, rests_on_time},
};

/// Cases that run at once in true time, each on a thread that mostly sleeps: so few that their own load decides no verdict.
const THREADS: usize = 96;
/// Runs at once of what may be our load's doing: they mostly sleep too, and few of them load no machine. Whether something did all
/// the same, the heartbeat tells, and then it is run again; at last with no other beside it.
const AGAIN: [usize; 2] = [4, 4];

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
        let everything: Vec<usize> = (0..self.suite.cases.len()).collect();
        if !self.options.solo {
            self.round(everything, THREADS, &mut results, |_, _| true);
            return results;
        }
        let open = self.round(everything, THREADS, &mut results, |t, j| !in_company(t) && !rests_on_time(t, j));
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
    let late = judgement.status == Status::Inconclusive && rests_on_time(transcript, judgement);
    !in_company(transcript) && !late
}

/// Whether the client's process ended while others were under way: this case may have had no part in it.
fn in_company(transcript: &Transcript) -> bool {
    transcript.process.as_ref().is_some_and(|process| process.company)
}
