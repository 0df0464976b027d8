//! Checks that are cases: one user request or a few, and what became of them.

use std::sync::Arc;

use super::{Finding, overheard::Words};
use crate::{
    client::{Class, ResultKind, stdio::Adapter},
    policy::Policy,
    run::{Clock, Options, Suite, run_suite},
    scenario::{
        Capability, Case,
        load::{self, SourceFile},
    },
    transcript::{Micros, Transcript},
    verdict::{Judgement, Status},
    yaml::Source,
};

/// Short, so that a check-up is; what the adapter is told of it is all that it must know.
const POLICY: &str = "{ attempts: 1, attempt_timeout: 2s, deadline: 3s, breaker: none, fallback: { reserve: 500ms, timeout: 500ms }, \
                      retry_after: { ceiling: 100ms }, backoff: { first: 100ms, factor: 1, cap: 100ms, jitter: none } }";
/// How long a provider thinks where cases are to overlap.
const THINKS: Micros = 400_000;

const SDK: &str = "Hand the SDK exactly the base_url, api_key and model of the first provider, call it once, and report what it returned";
const CANCEL: &str = "On `cancel`, cancel the SDK's call (close its stream or abort its request) and send the `outcome` that is still owed";

const BUSY: &str = "The machine was too busy to tell: run the doctor again when less goes on";

/// A check of an adapter that is ready.
pub type Examine = fn(&mut Patient) -> Finding;

/// In the order in which they build on each other.
pub const CHECKS: [(&str, Examine); 6] = [
    ("ordinary answer", ordinary),
    ("stream", stream),
    ("error", error),
    ("cancel", cancel),
    ("overlapping cases", overlapping),
    ("two sessions", sessions),
];

/// The adapter under examination.
pub struct Patient {
    adapter: Arc<Adapter>,
    words: Words,
    /// What it did wrong as an adapter, in all checks so far.
    pub errors: Vec<String>,
}

type Result = std::result::Result<String, (String, &'static str)>;

impl Patient {
    /// Nothing has been seen yet.
    pub fn new(adapter: Arc<Adapter>) -> Self {
        Patient { adapter, words: Words::default(), errors: Vec::new() }
    }

    fn can(&self, capability: Capability) -> bool {
        self.adapter.ready().known().contains(&capability)
    }

    /// Runs scenarios at once.
    fn run(&mut self, scenarios: &[&str]) -> Vec<(Transcript, Judgement)> {
        let suite = Suite { cases: cases(scenarios), factory: self.words.of(self.adapter.factory()) };
        self.words.take();
        let options = Options { solo: false, ..Options::new(Clock::Real, self.errors.len() as u64 + 1) };
        let results = run_suite(Arc::new(suite), options, &mut |_, _| ()).unwrap_or_default();
        self.errors.extend(results.iter().flat_map(|(transcript, _)| transcript.errors.clone()));
        results
    }

    /// What is wrong, with the words of the error that the client ended with.
    fn told(&self, what: String) -> String {
        self.words.take().map_or(what.clone(), |words| format!("{what}; it said `{words}`"))
    }

    /// Runs one scenario, in which nothing may be wrong.
    fn healthy(
        &mut self,
        scenario: &str,
        remedy: &'static str,
    ) -> std::result::Result<Transcript, (String, &'static str)> {
        let nothing = || ("it could not be run".to_owned(), remedy);
        let (mut transcript, mut judgement) = self.run(&[scenario]).pop().ok_or_else(nothing)?;
        for _ in 0..2 {
            if judgement.status == Status::Inconclusive {
                (transcript, judgement) = self.run(&[scenario]).pop().ok_or_else(nothing)?;
            }
        }
        match judgement.status {
            Status::Inconclusive => Err((words(&transcript, &judgement), BUSY)),
            Status::Fail | Status::Error | Status::NotRun => Err((self.told(words(&transcript, &judgement)), remedy)),
            _ => Ok(transcript),
        }
    }
}

fn cases(scenarios: &[&str]) -> Vec<Case> {
    let policy = Policy::parse(&Source::new("doctor", POLICY)).expect("a test examines an adapter by this policy");
    let file = |(n, steps): (usize, &&str)| {
        let text = format!("title: check {n}\nwhy: a check\nsources: [doctor]\n{steps}\n");
        SourceFile::new("doctor", &format!("parser/doctor-{n}.yaml"), text)
    };
    let files: Vec<_> = scenarios.iter().enumerate().map(file).collect();
    load::load(&files, &policy).expect("a test examines an adapter by these scenarios").cases
}

fn words(transcript: &Transcript, judgement: &Judgement) -> String {
    let breaches = judgement
        .verdicts
        .iter()
        .flat_map(|verdict| verdict.breaches.iter().map(|breach| format!("{} ({})", breach.actual, breach.expected)));
    let mut words: Vec<_> = judgement.reason.clone().into_iter().chain(breaches).take(3).collect();
    words.extend(transcript.process.iter().flat_map(|process| process.last_words.iter().rev().take(1).cloned()));
    words.join("; ")
}

fn ordinary(patient: &mut Patient) -> Finding {
    Finding::of(patient.healthy("primary: [ ok ]", SDK).map(|_| String::new()))
}

fn stream(patient: &mut Patient) -> Finding {
    if !patient.can(Capability::Stream) {
        return Finding::Skipped("it does not claim `stream`".to_owned());
    }
    let deltas = |transcript: Transcript| -> Result {
        match transcript.users[0].outcome.as_ref().and_then(|outcome| outcome.streamed.as_ref()) {
            Some(streamed) if streamed.foreign == 0 => Ok(String::new()),
            _ => Err((
                "`streamed` does not hold the deltas that were served".to_owned(),
                "Put each delta that the SDK hands over into `streamed`, in order, also when the stream fails later",
            )),
        }
    };
    let streamed = patient.healthy("request: { stream: true }\nprimary: [ ok ]", SDK);
    Finding::of(streamed.and_then(deltas))
}

/// A key that is refused is the error that every SDK has a type for. A client with a fallback is told not to use it.
fn error(patient: &mut Patient) -> Finding {
    let refused = "request: { fallback: unsafe }\nprimary: [ { status: 401, json: { error: { message: No, type: invalid_request_error, code: invalid_api_key } } } ]";
    let remedy = "Catch what the SDK raises; report `failed` with its type as `native`, its status and its message";
    let class = |transcript: Transcript| -> Result {
        let outcome = transcript.users[0].outcome.as_ref();
        let native = outcome.and_then(|outcome| outcome.native.clone()).unwrap_or_default();
        match outcome {
            Some(outcome) if outcome.result != ResultKind::Failed => {
                Err((format!("a refused key (401) ended as {}", outcome.result.word()), remedy))
            }
            Some(outcome) if outcome.class == Some(Class::Auth) && !native.is_empty() => {
                Ok(format!("{native} is auth"))
            }
            Some(outcome) => {
                let class = outcome.class.map_or_else(|| "no class".to_owned(), |class| class.to_string());
                let what = format!("a refused key (401) is {class}, as `{native}`, and not auth");
                Err((what, "Name the SDK's type in `native` and its status, and map it in the adapter's errors.yaml"))
            }
            None => Err(("a refused key (401) had no outcome".to_owned(), remedy)),
        }
    };
    let results = patient.run(&[refused]);
    let errors = results.iter().find(|(transcript, judgement)| {
        !transcript.errors.is_empty() || transcript.process.is_some() || judgement.status == Status::NotRun
    });
    Finding::of(match (errors, results.first()) {
        (Some((transcript, judgement)), _) => Err((patient.told(words(transcript, judgement)), remedy)),
        (None, Some((transcript, _))) => {
            class(transcript.clone()).map_err(|(what, remedy)| (patient.told(what), remedy))
        }
        (None, None) => Err(("it could not be run".to_owned(), remedy)),
    })
}

fn cancel(patient: &mut Patient) -> Finding {
    if !patient.can(Capability::Cancel) {
        return Finding::Skipped("it does not claim `cancel`".to_owned());
    }
    Finding::of(patient.healthy("cancel_after: 300ms\nprimary: [ silent ]", CANCEL).map(|_| String::new()))
}

fn overlapping(patient: &mut Patient) -> Finding {
    let users = patient.adapter.ready().concurrency.min(4);
    if users < 2 {
        return Finding::Skipped("it takes one case at a time".to_owned());
    }
    let remedy =
        "Begin each case without waiting for the one before (a task or a thread each), or say `concurrency: 1`";
    let in_turn = |transcript: Transcript| -> Result {
        let last = transcript.users.iter().filter_map(|user| user.ended).max().unwrap_or(0);
        let turns = THINKS * u64::from(users);
        if last >= turns {
            let seconds = |micros: Micros| micros as f64 / 1e6;
            let what = format!("{users} cases of {:.1} s at once took {:.1} s", seconds(THINKS), seconds(last));
            return Err((what, remedy));
        }
        Ok(format!("{users} at once of {}", patient.adapter.ready().concurrency))
    };
    let scenario = format!("users: {users}\nprimary: [ {{ reply: ok, head_after: {}ms }} ]", THINKS / 1000);
    let transcript = Patient::new(patient.adapter.clone()).healthy(&scenario, remedy);
    Finding::of(transcript.and_then(in_turn))
}

/// Each session has a provider, a key and a model of its own.
fn sessions(patient: &mut Patient) -> Finding {
    let scenario = "primary: [ { reply: ok, head_after: 200ms } ]";
    let results = patient.run(&[scenario, scenario]);
    let wrong = results.iter().find(|(_, judgement)| !matches!(judgement.status, Status::Pass | Status::Warn));
    Finding::of(match wrong {
        None => Ok(String::new()),
        Some((transcript, judgement)) => Err((
            patient.told(words(transcript, judgement)),
            "Make one client object a session, kept under its name until `end-session`; share none, and nothing global",
        )),
    })
}
