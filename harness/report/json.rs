//! The report for programs: one JSON object a scenario id, one a line.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    causes::{Class, Mode, ResultWord},
    scenario::{Family, Host},
    transcript::{ClockKind, Micros, Transcript},
    verdict::{Judgement, Status, Verdict},
};

/// One scenario id. Times are microseconds since the first user's arrival.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Line {
    /// `family/slug[labels]`.
    pub scenario: String,
    /// The scenario's folder.
    pub family: Family,
    /// What it shows.
    pub title: String,
    /// Name of the client.
    pub client: String,
    /// Version of the client.
    pub client_version: String,
    /// Which clock ran.
    pub clock: ClockKind,
    /// Seed of the run.
    pub seed: u64,
    /// The worst that was found.
    pub status: Status,
    /// The failure mode it is filed under.
    pub mode: Mode,
    /// Why there is no verdict, where there is none.
    pub reason: Option<String>,
    /// One a rule that had something to say, with expected and actual of each breach.
    pub verdicts: Vec<Verdict>,
    /// What the client made of each user request.
    pub outcomes: Vec<OutcomeLine>,
    /// Attempts by provider, in order of arrival.
    pub attempts: BTreeMap<Host, Vec<AttemptLine>>,
}

/// What the client made of one user request.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct OutcomeLine {
    /// When the user arrived.
    pub arrived: Micros,
    /// When the outcome came, or the user left.
    pub ended: Option<Micros>,
    /// How it ended; nothing: never.
    pub result: Option<ResultWord>,
    /// The class of its error.
    pub class: Option<Class>,
    /// Attempts the client says it made.
    pub claims_attempts: Option<u32>,
}

/// One attempt.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct AttemptLine {
    /// Whose; nothing: unattributed.
    pub user: Option<usize>,
    /// When its request was whole.
    pub arrived: Micros,
    /// When the head was about to be sent.
    pub head: Option<Micros>,
    /// When it was over.
    pub ended: Option<Micros>,
    /// The status that was sent.
    pub status: Option<u16>,
    /// The step that was served.
    pub step: String,
}

/// The line of one scenario id.
pub fn line(transcript: &Transcript, judgement: &Judgement) -> String {
    serde_json::to_string(&of(transcript, judgement)).expect("plain values have a JSON form")
}

fn of(transcript: &Transcript, judgement: &Judgement) -> Line {
    Line {
        scenario: transcript.scenario.clone(),
        family: transcript.family,
        title: transcript.title.clone(),
        client: transcript.client.name.clone(),
        client_version: transcript.client.version.clone(),
        clock: transcript.clock,
        seed: transcript.seed,
        status: judgement.status,
        mode: judgement.mode,
        reason: judgement.reason.clone(),
        verdicts: judgement.verdicts.clone(),
        outcomes: outcomes(transcript),
        attempts: attempts(transcript),
    }
}

fn outcomes(transcript: &Transcript) -> Vec<OutcomeLine> {
    let outcome = |user: &crate::transcript::UserRequest| OutcomeLine {
        arrived: user.arrived,
        ended: user.ended.or(user.left),
        result: user.outcome.as_ref().map(|outcome| outcome.result.word()),
        class: user.outcome.as_ref().and_then(|outcome| outcome.class),
        claims_attempts: user.outcome.as_ref().and_then(|outcome| outcome.attempts),
    };
    transcript.users.iter().map(outcome).collect()
}

fn attempts(transcript: &Transcript) -> BTreeMap<Host, Vec<AttemptLine>> {
    let mut by_host: BTreeMap<Host, Vec<AttemptLine>> = BTreeMap::new();
    for attempt in &transcript.attempts {
        by_host.entry(attempt.host).or_default().push(AttemptLine {
            user: attempt.user,
            arrived: attempt.arrived,
            head: attempt.first_byte,
            ended: attempt.ended,
            status: attempt.reply.status,
            step: attempt.step.label.clone(),
        });
    }
    by_host
}
