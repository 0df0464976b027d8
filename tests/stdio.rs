//! The driver of clients in other processes: what each misdeed of an adapter becomes, that nothing of it goes on, and that the
//! other cases finish all the same.

#[path = "support/python.rs"]
mod python;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use brownout::{
    client::stdio::{Adapter, ErrorMap, Start},
    doctor::{Check, Finding, examine},
    gate::Exit,
    policy::Policy,
    run::{Clock, Options, Suite, run_alone, run_suite},
    scenario::load::{self, SourceFile},
    transcript::Transcript,
    verdict::{Judgement, Status, judge},
    yaml::Source,
};
use python::python;

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
    let (start, pids, folder) = described(what, startup);
    (Adapter::start(start), pids, folder)
}

fn described(what: &str, startup: Duration) -> (Start, PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let script = adapters().join("broken.py");
    let command = [python(), "-S", &script.to_string_lossy(), what, &pids.to_string_lossy()].map(str::to_owned);
    let errors = ErrorMap::read(&adapters().join("errors.yaml")).expect("the table is right");
    (Start { errors, startup, ..Start::new(command) }, pids, folder)
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
    for group in fs::read_to_string(pids).expect("they left their numbers").lines() {
        while is_alive(group) {
            assert!(Instant::now() < until, "the group {group} goes on");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Whether any process of the group is left, but for dead ones that nobody has taken away yet.
fn is_alive(group: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("Linux").flatten();
    processes.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok()).any(|stat| {
        // `pid (name) state parent group ...`, and the name may hold anything.
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        fields.next() != Some("Z") && fields.nth(1) == Some(group)
    })
}

fn words(judgement: &Judgement) -> String {
    let breaches = judgement
        .verdicts
        .iter()
        .flat_map(|verdict| verdict.breaches.iter().map(|breach| format!("{}: {}", verdict.rule, breach.actual)));
    judgement.reason.clone().into_iter().chain(breaches).collect::<Vec<_>>().join("; ")
}

/// What the adapter does, the guilty scenario, how that ends, and what is said of it.
type Row = (&'static str, &'static str, Status, &'static str);

/// The guilty scenario ends like this, and the others well; what the adapter is blamed for at its end.
fn check((what, guilty, status, says): Row) -> Vec<String> {
    let started = Started::new(what);
    // A machine that is too busy to tell says so, and is asked again.
    let inconclusive = |results: &Vec<(Transcript, Judgement)>| results[0].1.status == Status::Inconclusive;
    let results = (1..3).fold(
        started.run(guilty),
        |results, _| {
            if inconclusive(&results) { started.run(guilty) } else { results }
        },
    );
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
const STREAM: &str = "request: { stream: true }\nprimary: [ ok ]";
const LEAVES: &str = "cancel_after: 100ms\nprimary: [ silent ]";

/// A misdeed belongs to its case. All at once: each of them mostly waits.
fn all(rows: &[Row]) {
    thread::scope(|scope| {
        let checks: Vec<_> = rows.iter().map(|row| scope.spawn(move || (row.0, check(*row)))).collect();
        for check in checks {
            let (what, complaints) = check.join().expect("the row holds");
            assert_eq!(complaints, Vec::<String>::new(), "{what}: it belongs to the case");
        }
    });
}

#[test]
fn a_correct_adapter_passes_and_a_lying_one_does_not() {
    let limited = "primary: [ rate-limited ]\nexpect: { outcome: { failed: rate-limited } }";
    all(&[
        ("nothing", OK, Status::Pass, ""),
        ("nothing", STREAM, Status::Pass, ""),
        ("nothing", limited, Status::Pass, ""),
        ("nothing", CUT, Status::Pass, ""),
        ("nothing", LEAVES, Status::Pass, ""),
        ("long-outcome", STREAM, Status::Pass, ""),
        ("lies-about-attempts", limited, Status::Warn, "attempts-true"),
        ("lies-about-success", CUT, Status::Fail, "honest-success: completed after"),
        ("leaks", OK, Status::Fail, "no-secret-leak: the key of the primary stands in a log record"),
        ("charges-twice", OK, Status::Fail, "effects-once"),
    ]);
}

#[test]
fn what_an_adapter_does_wrong_is_never_the_clients_failure() {
    all(&[
        ("garbage", OK, Status::Error, "not the protocol's: it is not JSON"),
        ("half-line", OK, Status::Error, "in the middle of a line"),
        ("long-line", OK, Status::Error, "only an `outcome` may have more"),
        ("close-stdout", OK, Status::Error, "closed its output"),
        ("wrong-id", OK, Status::Error, "`c999`, which was never given"),
        ("duplicate", OK, Status::Error, "a second `outcome`"),
        ("nack", OK, Status::Error, "could not understand: no idea"),
    ]);
}

#[test]
fn a_crash_fails_the_case_that_does_it_alone_and_what_hangs_is_cancelled_and_then_ended() {
    all(&[
        ("crash", OK, Status::Fail, "no-crash: the client's process ended by itself: exit status 3"),
        ("dies-at-case", OK, Status::Fail, "signal 9 (killed)"),
        ("dies-at-telemetry", OK, Status::Fail, "signal 9 (killed)"),
        ("dies-at-effect", OK, Status::Fail, "signal 9 (killed)"),
        ("dies-at-outcome", OK, Status::Fail, "signal 9 (killed)"),
        ("dies-at-cancel", LEAVES, Status::Fail, "signal 9 (killed)"),
        ("hang", OK, Status::Fail, "no-crash: the client's process hung"),
        ("ignores-cancel", LEAVES, Status::Error, "its outcome never came"),
    ]);
}

#[test]
fn what_belongs_to_no_case_is_told_at_the_end() {
    let rows = [
        ("dies-at-end-session", "none of them did it alone: its process ended by itself: signal 9 (killed)"),
        ("after-the-end", "a second `outcome`"),
        ("dies-at-bye", "signal 9 (killed) after `bye`"),
    ];
    thread::scope(|scope| {
        for (what, says) in rows {
            scope.spawn(move || {
                let complaints = check((what, OK, Status::Pass, ""));
                assert!(complaints.iter().any(|why| why.contains(says)), "{what}: {complaints:?}");
            });
        }
    });
}

#[test]
fn an_adapter_that_is_never_ready_does_not_start() {
    for (what, says) in [("never-ready", "no `ready` within 1.5 s"), ("dies-at-hello", "before `ready`: signal 9")] {
        let (started, pids, _folder) = start(what, Duration::from_millis(1500));
        let why = started.expect_err("it is not ready");
        assert!(why.contains(says), "{what}: {why}");
        all_gone(&pids);
    }
    let why = Adapter::start(Start::new(["no-such-program"])).expect_err("there is none");
    assert!(why.contains("`no-such-program` does not start"), "{why}");
}

#[test]
fn an_adapter_that_never_lives_long_is_given_up_and_passes_nothing() {
    let started = Started::new("dies-at-ready");
    for round in 1..=3 {
        let judgements: Vec<_> = started.run(OK).into_iter().map(|(_, judgement)| judgement).collect();
        assert!(judgements.iter().all(|judgement| judgement.status >= Status::NotRun), "{judgements:?}");
        let given_up = |judgement: &Judgement| words(judgement).contains("started again 3 times");
        assert!(round < 3 || judgements.iter().all(given_up), "{judgements:?}");
    }
    let starts = fs::read_to_string(&started.pids).expect("numbers").lines().count();
    assert!(starts <= 7, "{starts} starts");
    started.adapter.finish();
    all_gone(&started.pids);
}

#[test]
fn the_last_words_of_a_crash_are_kept_without_its_secrets() {
    let started = Started::new("crash");
    let (transcript, _) = &started.run(OK)[0];
    let process = transcript.process.as_ref().expect("it ended");
    assert!(!process.company, "the last run was alone");
    assert_eq!(process.last_words, ["the last words", "(a line that may hold a canary)"]);
    let written = serde_json::to_string(transcript).expect("JSON");
    assert!(!written.contains("sk-brownout"), "{written}");
}

#[test]
fn effects_and_records_reach_their_user() {
    let started = Started::new("records");
    let (transcript, judgement) = &started.run(OK)[0];
    assert_eq!(judgement.status, Status::Pass, "{}", words(judgement));
    assert_eq!(transcript.users[0].effects.len(), 1);
    let record = &transcript.users[0].telemetry[0];
    assert_eq!(record["provider"].as_deref(), Some("primary"));
    assert_eq!(record["model"], None);
    assert_eq!(transcript.client.name, "thin");
}

#[test]
fn cases_wait_for_room_before_their_clock_starts_and_a_crowd_does_not_apply() {
    let started = Started::new("one-at-a-time");
    let results = started.run("users: 2\nprimary: [ ok ]");
    let (_, crowd) = &results[0];
    assert_eq!(crowd.status, Status::NotApplicable, "{}", words(crowd));
    assert!(words(crowd).contains("takes 1 user requests at once"), "{}", words(crowd));
    for (transcript, other) in &results[1..] {
        assert_eq!(other.status, Status::Pass, "{}: {}", other.scenario, words(other));
        assert!(transcript.attempts[0].arrived < 150_000, "its clock did not run while it waited");
    }
    started.adapter.finish();
    all_gone(&started.pids);
}

#[test]
fn a_client_in_another_process_does_not_get_the_virtual_clock() {
    let started = Started::new("nothing");
    let cases = load::embedded(&Policy::default()).unwrap_or_else(|error| panic!("{error}")).cases;
    let case = cases.into_iter().find(|case| case.id == "parser/ordinary-answer[plain]").expect("it is there");
    let judgement = judge(&run_alone(&case, &*started.adapter.factory(), 1));
    assert_eq!(judgement.status, Status::Error);
    assert!(words(&judgement).contains("`--clock real`"), "{}", words(&judgement));
}

/// What the doctor says of an adapter: the checks that found a problem, and the exit status.
fn examined(what: &str) -> (Vec<(&'static str, String)>, Exit) {
    let (start, pids, _folder) = described(what, Duration::from_secs(2));
    let mut problems = Vec::new();
    let exit = examine(&start, &mut |Check { name, finding }| {
        if let Finding::Problem(text, remedy) = finding {
            problems.push((*name, format!("{text}; {remedy}")));
        }
    });
    all_gone(&pids);
    (problems, exit)
}

#[test]
fn the_doctor_finds_what_is_wrong_and_says_what_to_do() {
    let rows = [
        ("misuses-its-sdk", "ordinary answer", "it said `TypeError: create() got an unexpected", Exit::Broken),
        ("in-turn", "overlapping cases", "at once took", Exit::Broken),
        ("shares-a-client", "two sessions", "one client object a session", Exit::Broken),
        ("strict", "unknown fields", "Ignore fields", Exit::Broken),
        ("ignores-unknown-types", "unknown type", "no `nack` came", Exit::Broken),
        ("lingers", "end of input", "did not exit within 3 s", Exit::Broken),
        ("misspells", "handshake", "unknown capabilities: rety", Exit::Broken),
        ("garbage", "stray text", "print and log to standard error", Exit::Broken),
        ("dies-at-bye", "bye", "signal 9", Exit::Broken),
        ("never-ready", "handshake", "answer `hello`", Exit::Unjudged),
        ("unflushed", "handshake", "Flush standard output", Exit::Unjudged),
        ("holds-back", "unflushed output", "Flush standard output", Exit::Broken),
    ];
    thread::scope(|scope| {
        for (what, name, says, wanted) in rows {
            scope.spawn(move || {
                let (problems, exit) = examined(what);
                assert_eq!(exit, wanted, "{what}: {problems:?}");
                let found = problems.iter().any(|(check, text)| *check == name && text.contains(says));
                assert!(found, "{what}: no `{says}` for {name} in {problems:?}");
            });
        }
        scope.spawn(|| assert_eq!(examined("nothing"), (Vec::new(), Exit::Fine)));
        scope.spawn(|| assert_eq!(examined("misuses-its-sdk").0.len(), 1, "what builds on the first is not asked"));
    });
}

fn brownout(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("brownout"));
    command.args(arguments);
    command
}

#[test]
fn the_program_runs_an_adapter_and_says_how_to_run_it_again() {
    let script = adapters().join("thin.py");
    let script = script.to_string_lossy();
    let output = brownout(&["run", "parser/ordinary-answer", "--", python(), &script]).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("2 judged of 2"), "{text}");
    for (arguments, says) in [
        (&["run", "--client", "stdio"][..], "needs the adapter's command"),
        (&["run", "--client", "reference", "--", "x"], "takes no command"),
        (&["run", "--clock", "virtual", "--", "x"], "true time"),
        (&["run", "--errors", "x.yaml"], "--errors belongs to an adapter"),
        (&["run", "--errors", "no-such.yaml", "--", "x"], "no-such.yaml"),
        (&["doctor"], "COMMAND"),
    ] {
        let output = brownout(arguments).output().expect("it starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(says), "{arguments:?}: {error}");
    }
}

#[test]
fn an_interrupted_program_takes_its_adapter_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let (script, named) = (adapters().join("broken.py"), pids.to_string_lossy());
    let arguments = ["run", "streaming", "--", python(), &script.to_string_lossy(), "nothing", &named];
    let mut program = brownout(&arguments);
    // The adapter refuses to live with a proxy.
    program.env("HTTPS_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9");
    let mut program = program.stdout(Stdio::null()).spawn().expect("it starts");
    while fs::read_to_string(&pids).unwrap_or_default().is_empty() {
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(300));
    rustix::process::kill_process(rustix::process::Pid::from_child(&program), rustix::process::Signal::INT)
        .expect("it lives");
    assert_eq!(program.wait().expect("it ends").code(), Some(130));
    all_gone(&pids);
}
