//! The driver of clients in other processes: what each misdeed of an adapter becomes, that nothing of it goes on, and that the
//! other cases finish all the same.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use brownout::{
    client::stdio::{Adapter, ErrorMap, Start},
    policy::Policy,
    run::{Clock, Options, Suite, run_suite},
    scenario::load::{self, SourceFile},
    transcript::Transcript,
    verdict::{Judgement, Status},
    yaml::Source,
};
use rstest::rstest;
use rustix::process::{Pid, test_kill_process_group};

/// A case lasts at most 2.8 s, and is watched for 100 ms.
const POLICY: &str = "{ connect_timeout: 100ms, attempt_timeout: 300ms, idle_timeout: 150ms, semantic_idle_timeout: 200ms, \
                      deadline: 800ms, breaker: none, fallback: { reserve: 300ms, timeout: 200ms }, \
                      parser: { finish_grace: 50ms, keepalive_bound: 200ms }, \
                      retry_after: { ceiling: 100ms }, \
                      backoff: { first: 100ms, factor: 1, cap: 100ms, jitter: none } }";

fn policy() -> Policy {
    Policy::parse(&Source::new("policy", POLICY)).unwrap_or_else(|error| panic!("{error}"))
}

const OK: &str = "primary: [ ok ]";
/// The others take their time, so that they are under way when the guilty one goes wrong.
const OTHERS: [&str; 3] = [
    "primary: [ { reply: ok, head_after: 200ms } ]",
    "primary: [ { reply: ok, head_after: 100ms } ]",
    "request: { stream: true }\nprimary: [ ok ]",
];

fn adapters() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/adapters"))
}

/// An adapter of a test, and where its processes leave their numbers.
struct Started {
    adapter: Arc<Adapter>,
    pids: PathBuf,
    _folder: tempfile::TempDir,
}

fn start(what: &str, startup: Duration) -> (Result<Arc<Adapter>, String>, PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let script = adapters().join("broken.py");
    let command = ["python3", &script.to_string_lossy(), what, &pids.to_string_lossy()].map(str::to_owned);
    let errors = ErrorMap::read(&adapters().join("errors.yaml")).expect("the table is right");
    let started = Adapter::start(Start { errors, startup, ..Start::new(command) });
    (started, pids, folder)
}

impl Started {
    fn new(what: &str) -> Self {
        let (adapter, pids, folder) = start(what, Duration::from_secs(30));
        Started { adapter: adapter.expect("it is ready"), pids, _folder: folder }
    }

    /// Runs the guilty scenario among others.
    fn run(&self, guilty: &str) -> Vec<(Transcript, Judgement)> {
        let file = |slug: String, steps: &str| {
            let text = format!("title: {slug}\nwhy: a test\nsources: [a test]\n{steps}\n");
            SourceFile::new("test", &format!("parser/{slug}.yaml"), text)
        };
        let others = OTHERS.iter().enumerate().map(|(n, steps)| file(format!("other-{n}"), steps));
        let files: Vec<_> = [file("guilty".to_owned(), guilty)].into_iter().chain(others).collect();
        let cases = load::load(&files, &policy()).unwrap_or_else(|error| panic!("{error}")).cases;
        let suite = Suite { cases, factory: self.adapter.factory() };
        run_suite(Arc::new(suite), Options::new(Clock::Real, 1), &mut |_, _| ()).expect("it runs")
    }
}

/// No process of any life is left, nor anything that one started.
#[track_caller]
fn all_gone(pids: &PathBuf) {
    let until = Instant::now() + Duration::from_secs(2);
    for pid in fs::read_to_string(pids).expect("they left their numbers").lines() {
        let pid = Pid::from_raw(pid.parse().expect("a number")).expect("a process");
        while test_kill_process_group(pid).is_ok() {
            assert!(Instant::now() < until, "the group {pid:?} goes on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn words(judgement: &Judgement) -> String {
    let breaches = judgement
        .verdicts
        .iter()
        .flat_map(|verdict| verdict.breaches.iter().map(|breach| format!("{}: {}", verdict.rule, breach.actual)));
    judgement.reason.clone().into_iter().chain(breaches).collect::<Vec<_>>().join("; ")
}

/// The guilty scenario ends like this, and the others well; what the adapter is blamed for at its end.
#[track_caller]
fn check(what: &str, guilty: &str, status: Status, says: &str) -> Vec<String> {
    let started = Started::new(what);
    let results = started.run(guilty);
    let (_, first) = &results[0];
    assert_eq!(first.status, status, "{what}: {}", words(first));
    assert!(words(first).contains(says), "{what}: no `{says}` in: {}", words(first));
    for (_, other) in &results[1..] {
        assert_eq!(other.status, Status::Pass, "{what}, {}: {}", other.scenario, words(other));
    }
    let complaints = started.adapter.finish();
    all_gone(&started.pids);
    complaints
}

const CUT: &str = "request: { stream: true }\nprimary: [ { reply: ok, cut: { after: 3 events, by: close } } ]";
const LEAVES: &str = "cancel_after: 100ms\nprimary: [ silent ]";

#[rstest]
#[case::nothing("nothing", OK, Status::Pass, "")]
#[case::a_stream("nothing", "request: { stream: true }\nprimary: [ ok ]", Status::Pass, "")]
#[case::an_error(
    "nothing",
    "primary: [ rate-limited ]\nexpect: { outcome: { failed: rate-limited } }",
    Status::Pass,
    ""
)]
#[case::a_broken_stream("nothing", CUT, Status::Pass, "")]
#[case::a_cancel("nothing", LEAVES, Status::Pass, "")]
#[case::garbage("garbage", OK, Status::Error, "not the protocol's: it is not JSON")]
#[case::half_a_line("half-line", OK, Status::Error, "in the middle of a line")]
#[case::a_long_line("long-line", OK, Status::Error, "only an `outcome` may have more")]
#[case::closed_output("close-stdout", OK, Status::Error, "closed its output")]
#[case::a_wrong_id("wrong-id", OK, Status::Error, "`c999`, which was never given")]
#[case::a_second_outcome("duplicate", OK, Status::Error, "a second `outcome`")]
#[case::a_nack("nack", OK, Status::Error, "could not understand: no idea")]
#[case::an_outcome_that_is_owed("ignores-cancel", LEAVES, Status::Error, "its outcome never came")]
#[case::a_crash("crash", OK, Status::Fail, "no-crash: the client's process ended by itself: exit status 3")]
#[case::a_hang("hang", OK, Status::Fail, "terminates: no outcome")]
#[case::a_lie_about_attempts("lies-about-attempts", "primary: [ rate-limited ]", Status::Warn, "attempts-true")]
#[case::a_lie_about_success("lies-about-success", CUT, Status::Fail, "honest-success: completed after")]
#[case::killed_at_case("dies-at-case", OK, Status::Fail, "signal 9 (killed)")]
#[case::killed_at_telemetry("dies-at-telemetry", OK, Status::Fail, "signal 9 (killed)")]
#[case::killed_at_effect("dies-at-effect", OK, Status::Fail, "signal 9 (killed)")]
#[case::killed_at_outcome("dies-at-outcome", OK, Status::Fail, "signal 9 (killed)")]
#[case::killed_at_cancel("dies-at-cancel", LEAVES, Status::Fail, "signal 9 (killed)")]
fn a_misdeed_is_judged(#[case] what: &str, #[case] guilty: &str, #[case] status: Status, #[case] says: &str) {
    let complaints = check(what, guilty, status, says);
    assert_eq!(complaints, Vec::<String>::new(), "it belongs to the case");
}

/// What belongs to no case is told at the end.
#[rstest]
#[case::killed_at_end_session("dies-at-end-session", "signal 9")]
#[case::killed_at_bye("dies-at-bye", "signal 9 (killed) after `bye`")]
fn what_belongs_to_no_case_is_told(#[case] what: &str, #[case] says: &str) {
    let complaints = check(what, OK, Status::Pass, "");
    assert!(complaints.iter().any(|why| why.contains(says)), "{what}: {complaints:?}");
}
