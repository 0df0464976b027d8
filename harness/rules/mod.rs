//! Every rule: what is true of every client, whatever the scenario.
//!
//! A rule is one function over a [`View`] and one row in its family's file. It derives its demand from what was served, the table of
//! causes and the policy; it does no I/O and looks at no clock. A cell that says `may` is never judged.

mod answer;
mod backoff;
mod breaker;
mod chance;
mod charge;
mod deadline;
mod ending;
mod error;
mod expect;
mod fallback;
mod leak;
mod outcome;
mod request;
mod reserve;
mod retry;
mod silence;
mod storm;
mod telemetry;
mod time;
mod view;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use time::Fits;
pub use view::{Ended, View};

use crate::{causes::Mode, scenario::Capability};

/// Lower bounds allow this much: timers fire early by up to 0.8 ms (Node), in whole milliseconds.
pub const GRAIN: u64 = 2_000;

/// Upper bounds allow this much: a wake-up, a close and a read on a machine that does other things as well.
pub const ALLOWANCE: u64 = 50_000;

/// What a rule is.
pub struct Rule {
    /// Its permanent name.
    pub slug: &'static str,
    /// Must or should.
    pub level: Level,
    /// The capability without which it does not apply.
    pub needs: Option<Capability>,
    /// It speaks of one user's attempts, so it cannot be judged where some belong to nobody.
    pub per_user: bool,
    /// Whether a machine under load can make a correct client look wrong.
    pub load: Load,
    /// The contract, in a sentence.
    pub sentence: &'static str,
    /// Where the contract comes from.
    pub source: &'static str,
    /// What to do about a breach.
    pub remedy: &'static str,
    /// Judges.
    pub judge: fn(&View) -> Findings,
}

/// Must or should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A breach fails.
    Must,
    /// A breach warns.
    Should,
}

/// Whether a machine under load can make a correct client look wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// It can: the demand depends on when something happened.
    Sensitive,
    /// It can only where a timer of the client may have fired or its time run short: the demand depends on what the client chose to
    /// do, see [`View::unhurried`].
    Choice,
    /// It cannot: the demand depends on what happened only.
    Immune,
}

/// What a rule found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many things there were to judge; none: the rule says nothing.
    pub judged: usize,
    /// What was wrong.
    pub breaches: Vec<Breach>,
    /// What could not be seen of what the rule judges: then a clean finding is no pass.
    pub unseen: Option<&'static str>,
}

/// One thing that was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Breach {
    /// Whose user request.
    pub user: Option<usize>,
    /// Which attempt, by its place in the transcript: its cause names owner and action.
    pub attempt: Option<usize>,
    /// The failure mode, where the breach itself names owner and action: no cause is to blame for what the client sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// What happened.
    pub actual: String,
    /// What should have.
    pub expected: String,
    /// Whether a machine under load can be to blame, where that is not as for the rule's other breaches.
    #[serde(skip)]
    pub load: Option<Load>,
}

impl Findings {
    /// Counts one thing judged, and its breach if `wrong`.
    pub(crate) fn check(&mut self, wrong: bool, breach: impl FnOnce() -> Breach) {
        self.judged += 1;
        if wrong {
            self.breaches.push(breach());
        }
    }
}

impl Breach {
    /// A breach of one user request.
    pub(crate) fn of_user(user: usize, actual: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Breach { user: Some(user), ..Breach::of_all(actual, expected) }
    }

    /// A breach of nobody's in particular.
    pub(crate) fn of_all(actual: impl fmt::Display, expected: impl fmt::Display) -> Self {
        let (actual, expected) = (actual.to_string(), expected.to_string());
        Breach { user: None, attempt: None, mode: None, actual, expected, load: None }
    }

    /// The same, about this attempt.
    pub(crate) fn at(mut self, attempt: usize) -> Self {
        self.attempt = Some(attempt);
        self
    }

    /// The same, with a part of its own for a machine under load.
    pub(crate) fn under(mut self, load: Load) -> Self {
        self.load = Some(load);
        self
    }

    /// The same, filed under this failure mode.
    pub(crate) fn filed(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }
}

/// The rule of this name.
pub fn find(slug: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.slug == slug)
}

/// The families, in the order of reports. A family's rows stand in its file, beside the functions that judge.
static FAMILIES: &[&[Rule]] = &[
    fallback::RULES,
    reserve::RULES,
    retry::RULES,
    backoff::RULES,
    storm::RULES,
    breaker::RULES,
    deadline::RULES,
    silence::RULES,
    ending::RULES,
    outcome::RULES,
    answer::RULES,
    error::RULES,
    request::RULES,
    charge::RULES,
    leak::RULES,
    telemetry::RULES,
    expect::RULES,
];

/// Every rule, in the order of reports.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().copied().flatten()
}
