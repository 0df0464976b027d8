//! What follows from verdicts: one exit status.

use serde::{Deserialize, Serialize};

use crate::verdict::{Judgement, Status};

/// What the program ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// Everything was judged or does not apply, and no must was broken.
    Fine = 0,
    /// A must was broken.
    Broken = 1,
    /// Arguments, scenarios or policy were at fault; nothing ran.
    Usage = 2,
    /// Some verdict could not be had.
    Unjudged = 3,
    /// All is fine but the baseline: it lists what is not, or is no longer, broken.
    Stale = 4,
}

impl Exit {
    /// The same, unless all is fine and the baseline is stale.
    #[must_use]
    pub fn with_stale(self, stale: bool) -> Exit {
        if stale && self == Exit::Fine { Exit::Stale } else { self }
    }
}

/// How many ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Judged: pass, warn or fail.
    pub judged: usize,
    /// Of all.
    pub of: usize,
    /// Failed.
    pub failed: usize,
    /// Warned.
    pub warned: usize,
    /// Of those that warned: a must was broken, and the baseline says why.
    pub known: usize,
    /// Not applicable.
    pub not_applicable: usize,
    /// Error, inconclusive, not exercised or not run.
    pub unjudged: usize,
}

impl Tally {
    /// Counts.
    pub fn of<'a>(judgements: impl IntoIterator<Item = &'a Judgement>) -> Self {
        let mut tally = Tally::default();
        for judgement in judgements {
            tally.of += 1;
            tally.judged += usize::from(judgement.status.judged());
            tally.known += usize::from(judgement.status == Status::Warn && judgement.is_known());
            *match judgement.status {
                Status::Fail => &mut tally.failed,
                Status::Warn => &mut tally.warned,
                Status::NotApplicable => &mut tally.not_applicable,
                Status::Pass => continue,
                Status::NotExercised | Status::NotRun | Status::Inconclusive | Status::Error => &mut tally.unjudged,
            } += 1;
        }
        tally
    }

    /// Share judged, in percent.
    pub fn percent(&self) -> f64 {
        if self.of == 0 { 0.0 } else { 100.0 * self.judged as f64 / self.of as f64 }
    }
}

/// A client may not go green by claiming nothing: at least this share must be judged, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MinJudged(pub f64);

/// Weighs. A broken must outweighs what could not be judged.
pub fn gate(tally: &Tally, min: Option<MinJudged>) -> Exit {
    let too_few = min.is_some_and(|MinJudged(percent)| tally.percent() < percent);
    if tally.failed > 0 {
        Exit::Broken
    } else if tally.unjudged > 0 || tally.of == 0 || too_few {
        Exit::Unjudged
    } else {
        Exit::Fine
    }
}
