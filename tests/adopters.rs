//! A client of any crate under test: which clock it gets, what is printed, what its baseline does.

mod support {
    pub mod guests;
    #[allow(dead_code, reason = "one of the two poles is enough here")]
    pub mod poles;
    pub mod suite;
}

use std::{fs, path::Path, sync::Arc};

use brownout::{
    TestMain,
    client::{Client, Factory, Policy},
    reference::Reference,
    run::{Clock, clock_check, run_alone},
    verdict::{Status, judge},
};
use support::{
    guests::{Elsewhere, Follower, Sleeper, Whimsical},
    suite,
};

fn checked<C: Client + 'static>(client: impl Fn(&Policy, u64) -> C + Send + Sync + 'static) -> Result<(), String> {
    let factory: Arc<Factory> = Arc::new(move |policy: &Policy, seed| std::rc::Rc::new(client(policy, seed)));
    clock_check(&factory, &Policy::default())
}

#[test]
fn a_client_on_tokios_clock_keeps_the_virtual_one() {
    assert_eq!(checked(Reference::new), Ok(()));
    assert_eq!(checked(|policy, _| Whimsical(policy.clone())), Ok(()), "its waits are its own to choose");
}

#[test]
fn a_client_that_sleeps_on_std_time_is_found_out() {
    let why = checked(|policy, _| Sleeper(policy.clone())).expect_err("it sleeps where the clock does not see it");
    // From one arrival to the next: the check's timeout of 300 ms, and in true time the sleep of 200 ms as well.
    assert!(why.starts_with("one timeout: attempt 2 at the primary after 0."), "{why}");
    assert!(why.ends_with(" s in true time, after 0.30 s on the virtual clock"), "{why}");
}

#[test]
fn a_client_on_threads_of_its_own_is_found_out() {
    let why = checked(|policy, _| Elsewhere(policy.clone())).expect_err("the clock leaps while it works");
    assert!(why.contains("on the virtual clock"), "{why}");
}

/// What a test program prints, and its exit status.
fn run(program: &TestMain, arguments: &str) -> (String, u8) {
    let mut out = Vec::new();
    let status = program.run_with(arguments.split_whitespace().map(Into::into), &mut out);
    (String::from_utf8(out).expect("text"), status)
}

/// The reference client with one vice.
fn impatient() -> TestMain {
    TestMain::new(|policy: &Policy, seed| {
        let mut vice = policy.clone();
        vice.retry_after.honour = false;
        Reference::new(&vice, seed)
    })
    .clock(Clock::Virtual)
}

#[test]
fn a_client_on_std_time_gets_real_time_and_the_run_says_so() {
    let sleeper = TestMain::new(|policy: &Policy, _| Sleeper(policy.clone()));
    let (out, status) = run(&sleeper, "--exact parser/ordinary-answer[plain]");
    assert!(out.starts_with("clock: real, since this client does not keep the virtual one (one "), "{out}");
    assert!(out.contains("test parser/ordinary-answer[plain] ... ok\n") && status == 0, "{out}");
    let (out, status) = run(&TestMain::new(Reference::new), "--exact parser/ordinary-answer[plain]");
    assert!(out.starts_with("clock: virtual, which this client keeps\n") && status == 0, "{out}");
}

#[test]
fn where_the_virtual_clock_is_pinned_the_check_is_a_trial() {
    let pinned = |program: TestMain| run(&program.clock(Clock::Virtual), "--exact clock-check");
    let (out, status) = pinned(TestMain::new(Reference::new));
    assert!(out.contains("test clock-check ... ok\n") && status == 0, "{out}");
    let (out, status) = pinned(TestMain::new(|policy: &Policy, _| Sleeper(policy.clone())));
    assert!(out.contains("test clock-check ... FAILED\n") && status == 101, "{out}");
}

#[test]
fn the_list_is_one_that_nextest_reads() {
    let (out, status) = run(&impatient(), "--list --format terse");
    let ids = suite::cases().into_iter().map(|case| format!("{}: test", case.id));
    assert_eq!(out.lines().collect::<Vec<_>>(), ids.chain(["clock-check: test".to_owned()]).collect::<Vec<_>>());
    assert_eq!((status, run(&impatient(), "--list --format terse --ignored")), (0, (String::new(), 0)));
}

#[test]
fn a_trial_that_fails_prints_its_report_and_how_to_run_it_again() {
    let (out, status) = run(&impatient(), "--exact rate-quota/retry-after[secs]");
    assert_eq!(status, 101, "{out}");
    for part in [
        "\nrunning 1 test\ntest rate-quota/retry-after[secs] ... FAILED\n",
        "\n---- rate-quota/retry-after[secs] ----\nFAIL rate-quota/retry-after[secs]\n  retry-after-honoured   user 0: attempt 2 came",
        "\n  again      cargo test --test adopters -- --exact 'rate-quota/retry-after[secs]'\n",
        "\n\nfailures:\n    rate-quota/retry-after[secs]\n",
        "\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; ",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
}

#[test]
fn what_a_client_does_not_claim_is_ignored() {
    let meek = TestMain::new(|policy: &Policy, _| support::poles::Meek(policy.clone())).clock(Clock::Virtual);
    let (out, status) = run(&meek, "--exact fallback/own-key-and-model parser/ordinary-answer[plain]");
    assert!(out.contains("test fallback/own-key-and-model ... ignored, the client does not claim: fallback"), "{out}");
    assert!(out.contains("ok. 1 passed; 0 failed; 1 ignored;") && status == 0, "{out}");
}

#[test]
fn bad_usage_and_bad_files_run_nothing() {
    let missing = || impatient().baseline("no/such/baseline.yaml");
    for (program, arguments, words) in [
        (impatient(), "--exat", "error: invalid option '--exat'"),
        (impatient(), "--write-baseline", "error: --write-baseline: the program names no file"),
        (missing(), "--list", "error: no/such/baseline.yaml: there is no such file"),
        (impatient().policy("no/policy.yaml"), "", "error: no/policy.yaml: there is no such file"),
        (impatient().scenarios("no/scenarios"), "", "error: no/scenarios"),
    ] {
        let (out, status) = run(&program, arguments);
        assert!(out.starts_with(words) && status == 2, "{arguments}: {status} {out}");
    }
}

/// From nothing to a baseline, and what becomes of it when the client changes.
#[test]
fn a_baseline_is_written_reasoned_kept_and_outlived() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("baseline.yaml");
    let program = || impatient().baseline(&file);
    let (out, status) = run(&program(), "rate-quota/retry-after[ --write-baseline");
    assert!(out.contains("has new entries: look at each, and write its reason") && status == 101, "{out}");
    let (out, status) = run(&program(), "rate-quota/retry-after[");
    assert!(out.contains("baseline.yaml:6:11: this is not written yet") && status == 2, "{out}");
    rewrite(&file, "TODO", "It is impatient.");
    let (out, status) = run(&program(), "rate-quota/retry-after[ --nocapture");
    assert!(out.contains("3 passed; 0 failed") && status == 0, "{out}");
    assert!(out.contains("WARN rate-quota/retry-after[secs]") && out.contains("known: It is impatient."), "{out}");
    // Nothing new to write: the file stays as it is.
    let before = fs::read_to_string(&file).expect("it is there");
    run(&program(), "rate-quota/retry-after[ --write-baseline");
    assert_eq!(fs::read_to_string(&file).expect("it is there"), before);
    let mended = TestMain::new(Reference::new).clock(Clock::Virtual).baseline(&file);
    let (out, status) = run(&mended, "--exact rate-quota/retry-after[date]");
    assert!(out.contains("baseline.yaml:1:11: stale: `retry-after-honoured` is kept in") && status == 101, "{out}");
}

#[test]
fn a_pattern_that_excuses_nothing_fails_once_all_it_means_has_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("baseline.yaml");
    let text = "- rules: [committed-answer]\n  scenarios: [rate-quota/retry-after]\n  reason: It was so once.\n";
    fs::write(&file, text).expect("it can be written");
    let program = TestMain::new(Reference::new).clock(Clock::Virtual).baseline(&file);
    let (out, status) = run(&program, "--exact rate-quota/retry-after[secs]");
    assert!(status == 0, "one of three tells nothing: {out}");
    let (out, status) = run(&program, "rate-quota/retry-after[");
    assert!(out.contains("---- baseline ----") && out.contains("baseline.yaml:2:15: stale:") && status == 101, "{out}");
}

fn rewrite(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("it is there");
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replace(from, to)).expect("it can be written");
}

/// What is judged of a client that follows redirects: its attempt ends where the redirect led, if it asked for the same there.
#[test]
fn a_redirect_that_is_followed_is_part_of_its_attempt() {
    let cases: Vec<_> = suite::cases();
    let redirects = cases.iter().filter(|case| case.id.starts_with("request-contract/redirected-post-stays-a-post"));
    let mut seen = 0;
    for case in redirects {
        seen += 1;
        for (as_get, broken) in [(false, Vec::new()), (true, vec!["redirect-guarded"])] {
            let transcript = run_alone(case, &move |_, _| std::rc::Rc::new(Follower { as_get }), 1);
            let judgement = judge(&transcript);
            let failed = judgement.verdicts.iter().filter(|verdict| verdict.status == Status::Fail);
            assert_eq!(failed.map(|verdict| verdict.rule.as_str()).collect::<Vec<_>>(), broken, "{} {as_get}", case.id);
            assert_eq!((transcript.attempts.len(), transcript.attempts[0].hops.len()), (1, 1));
        }
    }
    assert!(seen >= 3, "{seen} scenarios redirect");
}
