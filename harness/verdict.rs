//! What the facts mean: every rule asked, every answer filed under a failure mode, an owner and an action.

use serde::{Deserialize, Serialize};

use crate::{
    causes::{Causes, Mode, Remedy},
    rules::{self, Breach, Findings, Level, Load, Rule, View},
    scenario::Capability,
    transcript::{Micros, Transcript},
};

/// What became of a scenario, or of one rule in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Judged, and right.
    Pass,
    /// A should was broken.
    Warn,
    /// The client does not claim the capability.
    NotApplicable,
    /// The fault was never served.
    NotExercised,
    /// The run was ended before.
    NotRun,
    /// No verdict can be had from what was seen.
    Inconclusive,
    /// The harness or an adapter broke.
    Error,
    /// A must was broken.
    Fail,
}

impl Status {
    /// Whether a verdict was had.
    pub fn judged(self) -> bool {
        matches!(self, Status::Pass | Status::Warn | Status::Fail)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// What one rule says of one transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Verdict {
    /// The rule's name.
    pub rule: String,
    /// What it says.
    pub status: Status,
    /// The failure mode it is filed under.
    pub mode: Mode,
    /// Who acts.
    pub owner: String,
    /// How.
    pub action: String,
    /// What was wrong, all of it.
    pub breaches: Vec<Breach>,
    /// Why there is no verdict, where there is none.
    pub reason: Option<String>,
}

/// What all rules say of one transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// `family/slug[labels]`.
    pub scenario: String,
    /// The worst that was found.
    pub status: Status,
    /// The failure mode of the worst, else of the folder.
    pub mode: Mode,
    /// One a rule that had something to say.
    pub verdicts: Vec<Verdict>,
    /// Why there is no verdict, where there is none.
    pub reason: Option<String>,
}

/// Rules that rest on what the user got, or on a prompt of ours: of a command neither is known.
const UNSEEN: [&str; 24] = [
    "honest-success",
    "answer-belongs",
    "error-not-success",
    "valid-reply-accepted",
    "refusal-handled",
    "usage-true",
    "tool-calls-whole",
    "error-classified",
    "error-fit-for-users",
    "partial-labelled",
    "no-crash",
    "recovers",
    "attempts-true",
    "deadline-kept",
    "attempt-timeout-kept",
    "idle-timeout-kept",
    "healthy-stream-kept",
    "nothing-after-the-end",
    "cancel-propagates",
    "committed-answer",
    "effects-once",
    "no-prompt-leak",
    "telemetry-complete",
    "telemetry-true",
];

impl Verdict {
    /// Whether a must was broken that the baseline knows of: it only warns then, and says why. A gateway's estimates warn without.
    pub fn is_known(&self) -> bool {
        let must = || rules::find(&self.rule).is_some_and(|rule| rule.level == Level::Must);
        self.status == Status::Warn && self.reason.is_some() && !self.breaches.is_empty() && must()
    }
}

impl Judgement {
    /// Whether the baseline excuses something here.
    pub fn is_known(&self) -> bool {
        self.verdicts.iter().any(Verdict::is_known)
    }

    /// Whether nothing is wrong but what the baseline excuses.
    pub fn is_only_known(&self) -> bool {
        let warned = |verdict: &Verdict| verdict.status == Status::Warn && !verdict.is_known();
        self.status == Status::Warn && self.is_known() && !self.verdicts.iter().any(warned)
    }
}

/// The harness may be this late before an upper bound means nothing.
const LATE: Micros = 25_000;
/// The limit by which a request must have ended has seconds to spare.
const LATE_FOR_THE_END: Micros = 1_000_000;

/// Asks every rule.
pub fn judge(transcript: &Transcript) -> Judgement {
    judge_by(transcript, &rules::all().collect::<Vec<_>>())
}

/// Asks these rules.
pub fn judge_by(transcript: &Transcript, rules: &[&Rule]) -> Judgement {
    let table = Causes::embedded();
    if let Some(judgement) = unjudgeable(transcript, table) {
        return judgement;
    }
    let view = View::new(transcript, table);
    let verdicts: Vec<Verdict> = rules.iter().filter_map(|rule| ask(rule, &view)).collect();
    let worst = verdicts.iter().filter(|v| v.status != Status::NotApplicable).max_by_key(|v| v.status);
    let status = worst.map_or(Status::Pass, |verdict| verdict.status);
    let unserved = (!transcript.not_exercised.is_empty() && status < Status::Fail)
        .then(|| format!("never served: {}", transcript.not_exercised.join(", ")));
    let mode = worst.filter(|v| v.status == Status::Fail).map_or(transcript.family.mode(), |verdict| verdict.mode);
    let reason = unserved.clone().or_else(|| worst.and_then(|verdict| verdict.reason.clone()));
    let status = if unserved.is_some() { Status::NotExercised.max(status) } else { status };
    Judgement { scenario: transcript.scenario.clone(), status, mode, verdicts, reason }
}

/// Our own breakdown, and what the client does not claim, come before every rule.
fn unjudgeable(transcript: &Transcript, table: &Causes) -> Option<Judgement> {
    let missing: Vec<String> = transcript
        .needs
        .iter()
        .filter(|need| !transcript.capabilities.contains(need))
        .map(Capability::to_string)
        .collect();
    let (status, reason) = if !transcript.errors.is_empty() {
        (Status::Error, transcript.errors.join("; "))
    } else if let Some(why) = &transcript.not_run {
        (Status::NotRun, why.clone())
    } else if !missing.is_empty() {
        (Status::NotApplicable, format!("the client does not claim: {}", missing.join(", ")))
    } else if let Some(room) = transcript.room.filter(|room| !room.is_enough()) {
        let reason = format!("{} users at once, and the client takes {} user requests at once", room.users, room.takes);
        (Status::NotApplicable, reason)
    } else if let Some(why) = &transcript.unfit {
        (Status::NotApplicable, why.clone())
    } else {
        return None;
    };
    let mode = transcript.family.mode();
    debug_assert!(table.modes.contains_key(&mode), "every mode has a remedy");
    Some(Judgement { scenario: transcript.scenario.clone(), status, mode, verdicts: Vec::new(), reason: Some(reason) })
}

/// `None`: there was nothing to judge.
fn ask(rule: &Rule, view: &View) -> Option<Verdict> {
    if let Some(needs) = rule.needs
        && !view.can(needs)
    {
        return Some(verdict(
            rule,
            view,
            Status::NotApplicable,
            Vec::new(),
            Some(format!("the client does not claim: {needs}")),
        ));
    }
    if view.t.command.is_some() && UNSEEN.contains(&rule.slug) {
        let why = "a command's own outcomes are not seen, nor its prompts known".to_owned();
        return Some(verdict(rule, view, Status::NotApplicable, Vec::new(), Some(why)));
    }
    let unattributed = view.t.attempts.iter().filter(|attempt| attempt.user.is_none()).count();
    // An exit status belongs to no user.
    let of_exit = rule.slug == "as-expected" && view.t.command.as_ref().is_some_and(|c| c.expected_exit.is_some());
    if rule.per_user && unattributed > 0 && !of_exit {
        let reason = format!("{unattributed} attempts carry no mark of a user request");
        return Some(verdict(rule, view, Status::Inconclusive, Vec::new(), Some(reason)));
    }
    let Findings { judged, breaches, unseen } = (rule.judge)(view);
    if judged == 0 {
        return None;
    }
    let (status, reason) = match unseen.filter(|_| breaches.is_empty()) {
        Some(_) if view.t.command.is_some() => (Status::NotApplicable, Some("its output is not seen".to_owned())),
        Some(unseen) => (Status::NotExercised, Some(unseen.to_owned())),
        None => weigh(rule, view, &breaches),
    };
    Some(verdict(rule, view, status, breaches, reason))
}

fn weigh(rule: &Rule, view: &View, breaches: &[Breach]) -> (Status, Option<String>) {
    let tolerated = if rule.slug == "terminates" { LATE_FOR_THE_END } else { LATE };
    let late = view.t.lateness > tolerated && all_depend_on_time(rule, breaches, view);
    // A gateway reports usage where its provider served none: an estimate, and no lie about its own conduct.
    let estimates = view.t.by_status && rule.slug == "usage-true";
    match (breaches.is_empty(), if estimates { Level::Should } else { rule.level }) {
        (true, _) => (Status::Pass, None),
        (false, _) if late => {
            let reason = format!("the harness itself was up to {} ms late", view.t.lateness / 1000);
            (Status::Inconclusive, Some(reason))
        }
        (false, Level::Should) => (Status::Warn, None),
        (false, Level::Must) => (Status::Fail, None),
    }
}

/// Whether a machine under load may have decided each of these.
fn all_depend_on_time(rule: &Rule, breaches: &[Breach], view: &View) -> bool {
    breaches.iter().all(|breach| match breach.load.unwrap_or(rule.load) {
        Load::Immune => false,
        Load::Sensitive => true,
        Load::Choice => !view.unhurried(),
    })
}

/// Whether a machine under load may have decided that some rule was broken: only a second run can tell. A lone user whose request
/// never ended was not held up by it, if it was never so late.
pub fn rests_on_time(transcript: &Transcript, judgement: &Judgement) -> bool {
    let unending = matches!(&transcript.users[..], [user] if user.ended.is_none() && user.left.is_none());
    if unending && transcript.lateness <= LATE_FOR_THE_END {
        return false;
    }
    let view = View::new(transcript, Causes::embedded());
    let mut broken = judgement.verdicts.iter().filter(|verdict| !verdict.breaches.is_empty());
    broken.any(|verdict| {
        rules::find(&verdict.rule).is_some_and(|rule| all_depend_on_time(rule, &verdict.breaches, &view))
    })
}

fn verdict(rule: &Rule, view: &View, status: Status, breaches: Vec<Breach>, reason: Option<String>) -> Verdict {
    let filed = breaches.iter().find_map(|breach| breach.mode);
    let cause = breaches.iter().find_map(|breach| breach.attempt.and_then(|index| view.ended(index).cause));
    let cause = cause.filter(|_| filed.is_none());
    let mode = filed.or(cause.map(|cause| cause.mode)).unwrap_or(view.t.family.mode());
    let Remedy { owner, action } =
        cause.map_or_else(|| view.table.remedy_of_mode(mode), |cause| view.table.remedy(cause));
    Verdict { rule: rule.slug.to_owned(), status, mode, owner, action, breaches, reason }
}
