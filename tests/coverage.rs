//! What the suite covers, in tables that a reader can check: every cause, every row of the mission's tables, both mistakes.

mod support {
    pub mod suite;
}

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::LazyLock,
};

use brownout::{
    causes::{Causes, Class},
    client::{About, AnyClient, Call, Channel, Client, Failure, Outcome, ResultKind},
    policy::Policy,
    reference::Reference,
    rules::View,
    run::run_alone,
    scenario::{Capability, Case, Family},
    verdict::{Status, judge},
};
use support::suite;

/// One id, run with the reference client.
struct Run {
    case: Case,
    status: Status,
    causes: BTreeSet<String>,
}

static SUITE: LazyLock<Vec<Run>> = LazyLock::new(|| suite::cases().into_iter().map(run).collect());

fn run(case: Case) -> Run {
    let transcript = run_alone(&case, &suite::reference, 1);
    let view = View::new(&transcript, Causes::embedded());
    let causes = (0..transcript.attempts.len()).filter_map(|attempt| view.ended(attempt).cause);
    let causes = causes.map(|cause| cause.id.clone()).collect();
    Run { case, status: judge(&transcript).status, causes }
}

/// Causes that no attempt can end in here, and why. An attempt is what a provider on loopback has seen.
const OUT_OF_REACH: &[(&str, &str)] = &[
    ("unscripted", "a request on a wrong path takes no step and is no attempt; `endpoint-path` judges it"),
    ("connect-refused", "nobody sees a refused connection; provider-transient/connection-refused judges the outcome"),
    ("connect-timeout", "loopback accepts or refuses, and does either at once; nobody would see the attempt"),
    ("dns-failed", "clients are told an address of loopback, which needs no name server"),
    ("certificate-refused", "the default build carries no TLS"),
    ("tls-failed", "the default build carries no TLS"),
];

#[test]
fn every_cause_is_met_by_an_attempt_of_the_suite_or_says_why_not() {
    let met: BTreeSet<&str> = SUITE.iter().flat_map(|run| &run.causes).map(String::as_str).collect();
    let excused: BTreeSet<&str> = OUT_OF_REACH.iter().map(|(cause, _)| *cause).collect();
    let table = &Causes::embedded().causes;
    let missing: Vec<_> = table.iter().map(|cause| cause.id.as_str()).filter(|id| !met.contains(id)).collect();
    assert_eq!(missing, table.iter().map(|c| c.id.as_str()).filter(|id| excused.contains(id)).collect::<Vec<_>>());
    assert_eq!(excused.len(), OUT_OF_REACH.len(), "each reason once");
}

/// Rows of a table of the mission, and the scenarios that show them.
type Rows = &'static [(&'static str, &'static [&'static str])];

/// Step 3 of the review, classification: typical evidence of each failure mode.
const FAILURE_MODES: Rows = &[
    ("auth: 401-like status", &["auth/bad-key"]),
    ("auth: 403-like status", &["auth/forbidden", "auth/refused-in-other-words"]),
    ("auth: key rotation event", &["auth/rotated-before-it-was-deployed"]),
    ("auth: missing or malformed header", &["auth/key-in-the-pinned-header", "auth/key-with-whitespace"]),
    ("request contract: 400-like status", &["request-contract/bad-request", "request-contract/unlisted-4xx"]),
    ("request contract: validation error", &["request-contract/unprocessable", "request-contract/context-too-long"]),
    ("request contract: unsupported field", &["request-contract/refused-field"]),
    ("rate or quota: throttle-like status", &["rate-quota/limited-once", "rate-quota/limit-on-a-503"]),
    ("rate or quota: burst traffic", &["rate-quota/fifty-told-the-same"]),
    ("rate or quota: queue growth", &["rate-quota/busy-host"]),
    ("provider: 5xx-like status", &["provider-transient/server-error", "provider-transient/unlisted-5xx"]),
    ("provider: elevated latency", &["client-timeout/fourteen-of-fifteen", "streaming/slow-and-healthy"]),
    (
        "provider: intermittent success",
        &["provider-transient/one-bad-moment", "provider-transient/sick-beside-healthy"],
    ),
    ("client timeout: cancelled before the reply", &["client-timeout/silent-provider", "client-timeout/user-leaves"]),
    ("parser: success status, application error", &["parser/legal-shapes", "parser/broken-shapes"]),
    ("fallback: the fallback fails too", &["fallback/both-fail", "fallback/silent-fallback-is-given-up"]),
    ("fallback: it loops", &["fallback/both-fail"]),
];

/// Contract details to verify.
const AREAS: Rows = &[
    ("endpoint paths", &["request-contract/endpoint", "request-contract/comet-wrong-path"]),
    ("auth headers", &["auth/key-in-the-pinned-header", "auth/redirect-carries-no-key", "fallback/own-key-and-model"]),
    ("request fields", &["request-contract/refused-field", "request-contract/too-large"]),
    ("response fields", &["parser/legal-shapes", "parser/another-models-name", "parser/refusal-and-filter"]),
    ("error behavior", &["request-contract/comet-500-invalid-request", "provider-transient/comet-500-without-a-code"]),
    (
        "rate limits or billing",
        &["rate-quota/retry-after", "rate-quota/comet-quota-as-403", "rate-quota/quota-exhausted"],
    ),
    ("timeouts: client", &["client-timeout/the-configured-timeout-is-the-one"]),
    (
        "timeouts: proxy and load balancer",
        &["client-timeout/proxy-gives-up-first", "client-timeout/edge-cuts-a-long-answer"],
    ),
    ("timeouts: fallback", &["fallback/slow-fallback-is-waited-for", "fallback/silent-fallback-is-given-up"]),
    ("streaming: chunks", &["streaming/split-anywhere", "streaming/legal-chunks"]),
    ("streaming: termination", &["streaming/bare-end", "streaming/one-signal-is-enough"]),
    ("streaming: parser errors", &["streaming/bad-event", "streaming/error-mid-stream"]),
];

/// Step 4: retry and timeout budgets together.
const BUDGETS: Rows = &[
    ("max attempts", &["provider-transient/server-error", "provider-transient/documents-disagree"]),
    ("per-attempt timeout", &["client-timeout/fourteen-of-fifteen", "client-timeout/body-that-stalls-or-drips"]),
    ("total deadline", &["client-timeout/three-times-fifteen", "client-timeout/late-failure-leaves-little"]),
    ("backoff strategy", &["client-timeout/deadline-during-backoff", "rate-quota/waits-that-add-up"]),
    ("jitter", &["provider-transient/herd-after-one-503", "rate-quota/fifty-told-the-same"]),
    ("circuit-break threshold", &["fallback/bad-requests-cool-no-provider", "fallback/flap-with-steady-traffic"]),
    ("fallback timeout", &["fallback/primary-eats-the-deadline", "client-timeout/all-that-the-budget-allows"]),
    ("cancellation propagation", &["client-timeout/user-leaves-while-nothing-comes", "client-timeout/user-leaves"]),
];

#[test]
fn every_row_of_the_mission_has_scenarios_that_the_reference_client_passes() {
    let mut passed: BTreeMap<&str, bool> = BTreeMap::new();
    for run in SUITE.iter() {
        let slug = run.case.id.split('[').next().unwrap_or(&run.case.id);
        *passed.entry(slug).or_default() |= run.status == Status::Pass;
    }
    let rows = FAILURE_MODES.iter().chain(AREAS).chain(BUDGETS);
    let shown = rows.flat_map(|(row, scenarios)| scenarios.iter().map(move |scenario| (row, scenario)));
    let wrong: Vec<_> = shown.filter(|(_, scenario)| passed.get(*scenario) != Some(&true)).collect();
    assert!(wrong.is_empty(), "no such scenario, or not passed: {wrong:?}");
}

/// The reference client with its outcome replaced.
struct Replacing(Reference, fn(Outcome) -> Outcome);

impl Client for Replacing {
    fn about(&self) -> About {
        Client::about(&self.0)
    }

    fn capabilities(&self) -> Vec<Capability> {
        Client::capabilities(&self.0)
    }

    async fn call(&self, call: Call) -> Outcome {
        (self.1)(Client::call(&self.0, call).await)
    }
}

/// One attempt, no fallback, and no answer is good enough.
fn gives_up(policy: &Policy, seed: u64) -> Rc<dyn AnyClient> {
    let mut policy = policy.clone();
    policy.attempts = 1;
    policy.fallback.targets.clear();
    let failed = |outcome: Outcome| {
        let error = Failure {
            class: Some(Class::Other),
            native: "GaveUp".to_owned(),
            status: None,
            code: None,
            message: "gave up".to_owned(),
            retryable: Some(false),
            channel: Channel::default(),
        };
        Outcome { result: ResultKind::Failed, error: Some(error), ..outcome }
    };
    Rc::new(Replacing(Reference::new(&policy, seed), failed))
}

/// Whatever came is an answer.
fn never_admits(policy: &Policy, seed: u64) -> Rc<dyn AnyClient> {
    let completed = |outcome| Outcome { result: ResultKind::Completed, error: None, ..outcome };
    Rc::new(Replacing(Reference::new(policy, seed), completed))
}

/// Whether a client fails some variant of a scenario.
fn caught(scenario: &str, client: &brownout::client::Factory) -> bool {
    let variants = SUITE.iter().filter(|run| run.case.id.split('[').next() == Some(scenario));
    variants.map(|run| judge(&run_alone(&run.case, client, 1))).any(|judgement| judgement.status == Status::Fail)
}

#[test]
fn every_family_has_a_pair_that_punishes_both_mistakes() {
    let mut pairs: BTreeSet<(&str, &str)> = BTreeSet::new();
    for run in SUITE.iter() {
        pairs.extend(run.case.pair.as_deref().map(|pair| (run.case.id.split('[').next().unwrap_or_default(), pair)));
    }
    let punishes = |(go_on, stop): &&(&str, &str)| caught(go_on, &gives_up) && caught(stop, &never_admits);
    let both: Vec<_> = pairs.iter().filter(punishes).collect();
    for family in Family::ALL {
        let folder = format!("{family}/");
        let own = both.iter().find(|(go_on, stop)| go_on.starts_with(&folder) || stop.starts_with(&folder));
        assert!(own.is_some(), "no pair of {family} punishes both a client that gives up and one that never admits it");
    }
}
