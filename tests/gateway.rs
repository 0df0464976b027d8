//! The driver of gateways, with little ones that are right, too eager, dishonest, or dead.

#![cfg(unix)]

#[path = "support/python.rs"]
mod python;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use brownout::{
    client::gateway::{Gateway, Spec},
    policy::Policy,
    run::{Clock, Options, Suite, run_suite},
    scenario::load::{self, SourceFile},
    transcript::Transcript,
    verdict::{Judgement, Status},
    yaml::Source,
};
use python::python;

/// A case lasts at most 2.8 s, and is watched for 100 ms.
const POLICY: &str = "{ connect_timeout: 100ms, attempt_timeout: 300ms, idle_timeout: 150ms, semantic_idle_timeout: 200ms, \
                      deadline: 800ms, breaker: none, fallback: { reserve: 300ms, timeout: 200ms }, \
                      parser: { finish_grace: 50ms, keepalive_bound: 200ms }, \
                      retry_after: { ceiling: 100ms }, \
                      backoff: { first: 100ms, factor: 1, cap: 100ms, jitter: full } }";

fn policy() -> Policy {
    Policy::parse(&Source::new("policy", POLICY)).unwrap_or_else(|error| panic!("{error}"))
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateways"))
}

/// Starts a gateway of this kind, with this to say otherwise in its description.
fn start(kind: &str, pids: &Path, within: &str, capabilities: &str) -> Result<Arc<Gateway>, String> {
    let text = format!(
        "version: 1\nclient: {{ name: little, version: '1' }}\nconfig: config.json\nready: {{ get: /health, within: {within} }}\n\
         request: {{ headers: {{ x-told: '${{gateway.model}}' }} }}\ncapabilities: [{capabilities}]\nconcurrency: 8\n"
    );
    let spec = Spec::parse(&Source::new("gateway.yaml", text)).unwrap_or_else(|error| panic!("{error}"));
    let script = folder().join("little.py");
    let command = [python(), "-S", &script.to_string_lossy(), kind, "${config}", &pids.to_string_lossy()];
    Gateway::start(Spec { folder: folder(), ..spec }, &command.map(str::to_owned), &policy())
}

type Results = Vec<(Transcript, Judgement)>;

/// Runs scenarios, all at once, against a gateway of this kind; what it complained of at the end.
fn run(kind: &str, scenarios: &[(&str, &str)]) -> (Results, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let gateway = start(kind, &pids, "20s", "stream, fallback").unwrap_or_else(|why| panic!("{kind}: {why}"));
    let file = |(slug, steps): &(&str, &str)| {
        let text = format!("title: {slug}\nwhy: a test\nsources: [a test]\n{steps}\n");
        SourceFile::new("test", &format!("parser/{slug}.yaml"), text)
    };
    let files: Vec<_> = scenarios.iter().map(file).collect();
    let cases = load::load(&files, &policy()).unwrap_or_else(|error| panic!("{error}")).cases;
    let suite = Suite { cases, factory: gateway.factory() };
    let results = run_suite(Arc::new(suite), Options::new(Clock::Real, 1), &mut |_, _| ()).expect("it runs");
    let complaints = gateway.finish();
    all_gone(&pids);
    (results, complaints)
}

/// No process of any life is left.
#[track_caller]
fn all_gone(pids: &Path) {
    let until = Instant::now() + Duration::from_secs(2);
    for pid in fs::read_to_string(pids).expect("they left their numbers").lines() {
        let alive = || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        };
        while alive() {
            assert!(Instant::now() < until, "the process {pid} goes on");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[track_caller]
fn broken_rules(result: &(Transcript, Judgement)) -> Vec<&str> {
    let broken = result.1.verdicts.iter().filter(|verdict| !verdict.breaches.is_empty());
    broken.map(|verdict| verdict.rule.as_str()).collect()
}

fn words(result: &(Transcript, Judgement)) -> String {
    brownout::report::text::block(&result.0, &result.1)
}

const LOST: (&str, &str) =
    ("lost", "primary: [ server-error ]\nexpect: { outcome: completed, attempts: { primary: 1, fallback: 1 } }");
const CUT: (&str, &str) =
    ("cut", "request: { stream: true }\nprimary: [ { reply: ok, cut: { after: 3 events, by: reset } } ]");

/// Cases overlap, and each is served by its own script: their requests are told apart by their canaries.
#[test]
fn a_right_one_keeps_the_rules_and_cases_overlap() {
    let mut scenarios = vec![LOST, CUT];
    scenarios.extend([("plain", "primary: [ ok ]"), ("stream", "request: { stream: true }\nprimary: [ ok ]")]);
    scenarios.push(("refused", "primary: [ refuse ]\nexpect: { outcome: completed, attempts: { fallback: 1 } }"));
    scenarios.push((
        "at-accept",
        "primary: [ { reply: ok, cut: { after: accept, by: reset } } ]\nexpect: { outcome: completed }",
    ));
    scenarios.push(("unsafe", "request: { fallback: unsafe }\nprimary: [ server-error ]"));
    scenarios.push(("copies", "client: { copies: 3 }\nprimary: [ ok ]"));
    let (results, complaints) = run("plain", &scenarios);
    assert_eq!(complaints, Vec::<String>::new());
    for result in &results {
        let told = ["parser/unsafe", "parser/copies"].contains(&result.0.scenario.as_str());
        let right = if told { Status::NotApplicable } else { Status::Pass };
        assert_eq!(result.1.status, right, "{}", words(result));
    }
    let attempts = |id: &str| {
        let result = results.iter().find(|(transcript, _)| transcript.scenario == id).expect("it ran");
        result.0.attempts.iter().map(|attempt| (attempt.host.to_string(), attempt.user)).collect::<Vec<_>>()
    };
    assert_eq!(attempts("parser/lost"), [("primary".to_owned(), Some(0)), ("fallback".to_owned(), Some(0))]);
    assert_eq!(attempts("parser/stream"), [("primary".to_owned(), Some(0))]);
}

#[test]
fn one_that_tries_too_often_is_caught_by_its_amplification() {
    let (results, _) = run("greedy", &[LOST]);
    assert!(broken_rules(&results[0]).contains(&"bounded-attempts"), "{}", words(&results[0]));
    assert_eq!(results[0].0.attempts.len(), 6);
}

#[test]
fn one_that_calls_a_cut_stream_whole_is_caught() {
    let (results, _) = run("liar", &[CUT, ("whole", "request: { stream: true }\nprimary: [ ok ]")]);
    assert!(broken_rules(&results[0]).contains(&"honest-success"), "{}", words(&results[0]));
    assert_eq!(results[1].1.status, Status::Pass, "{}", words(&results[1]));
}

#[test]
fn one_that_writes_prompts_to_its_log_is_caught() {
    let (results, _) = run("talkative", &[("plain", "primary: [ ok ]"), ("other", "primary: [ ok ]")]);
    for result in &results {
        assert_eq!(broken_rules(result), ["no-prompt-leak"], "{}", words(result));
    }
}

#[test]
fn one_that_dies_fails_its_case_and_is_started_again() {
    let (results, _) = run("dies", &[("plain", "primary: [ ok ]")]);
    assert!(broken_rules(&results[0]).contains(&"no-crash"), "{}", words(&results[0]));
    let process = results[0].0.process.as_ref().expect("it ended");
    assert!(process.last_words.iter().any(|line| line.contains("the last words")), "{process:?}");
}

#[test]
fn requests_of_nobody_are_answered_and_kept_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let gateway = start("background", &pids, "20s", "").expect("it is ready");
    let background = gateway.background();
    assert_eq!(background.get("primary: GET /v1/models"), Some(&1), "{background:?}");
    // The harness's own first requests, plain and as a stream.
    assert_eq!(background.get("primary: POST /v1/chat/completions"), Some(&2), "{background:?}");
    drop(gateway);
    all_gone(&pids);
}

/// Neither at doors that a case shares nor at those that it has to itself.
#[test]
fn what_is_left_of_earlier_users_is_no_part_of_a_case() {
    let refused = ("refused", "primary: [ refuse ]\nexpect: { outcome: completed, attempts: { fallback: 1 } }");
    let (results, complaints) = run("straggler", &[refused, LOST]);
    assert_eq!(complaints, Vec::<String>::new());
    for result in &results {
        assert_eq!(result.1.status, Status::Pass, "{}", words(result));
        assert!(result.0.attempts.iter().all(|attempt| attempt.user == Some(0)), "{}", words(result));
    }
}

/// Each is led to the same place at the same time, by a request that carries no canary any more.
#[test]
fn two_that_are_led_to_one_place_are_told_apart() {
    let moved =
        "primary: [ { status: 302, head_after: 100ms, headers: { location: \"$url.primary/v2\" }, body: moved }, ok ]";
    let (results, _) = run("follows", &[("one", moved), ("other", moved)]);
    for result in &results {
        assert!(broken_rules(result).contains(&"redirect-guarded"), "{}", words(result));
        let hops: Vec<_> = result.0.attempts.iter().map(|attempt| attempt.hops.len()).collect();
        assert_eq!(hops, [1], "{}", words(result));
    }
}

#[test]
fn one_that_never_gets_ready_is_told_and_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    for (kind, says) in [
        ("never-ready", "`GET /health` is answered 503"),
        ("dies-at-once", "it said last:\n    there is nothing to see here"),
    ] {
        let pids = folder.path().join(kind);
        let why = start(kind, &pids, "1500ms", "").expect_err("it is not ready");
        assert!(why.contains(says), "{why}");
        all_gone(&pids);
    }
}

#[test]
fn a_slip_in_a_description_is_told_before_anything_starts() {
    let text = "version: 1\nclient: { name: x }\ncommand: [\"true\", \"${prot}\"]\ncapabilities: []\nconcurrency: 1\n";
    let spec = Spec::parse(&Source::new("gateway.yaml", text)).expect("it can be read");
    let why = Gateway::start(spec, &[], &policy()).expect_err("a slip");
    assert!(why.contains("did you mean `${port}`"), "{why}");
}
