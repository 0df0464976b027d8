//! The program as a person meets it: exit statuses, messages, both formats, no colours where nobody sees them.

use std::{fs, process::Output};

use assert_cmd::Command;
use serde_json::Value;

fn brownout(arguments: &[&str]) -> Output {
    Command::cargo_bin("brownout")
        .expect("the program is built with the tests")
        .args(arguments)
        .output()
        .expect("it starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

#[track_caller]
fn refused(arguments: &[&str], says: &[&str]) {
    let output = brownout(arguments);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    for part in says {
        assert!(stderr(&output).contains(part), "no `{part}` in:\n{}", stderr(&output));
    }
    assert_eq!(stdout(&output), "", "nothing ran");
}

#[test]
fn a_bare_run_judges_everything_and_exits_0() {
    let output = brownout(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let text = stdout(&output);
    let summary = text.lines().find(|line| line.contains("judged of")).expect("a summary");
    let numbers: Vec<usize> =
        summary.split_whitespace().filter_map(|word| word.trim_end_matches(',').parse().ok()).collect();
    assert!(numbers[0] * 100 >= numbers[1] * 95, "{summary}");
    for family in [
        "auth",
        "request-contract",
        "rate-quota",
        "provider-transient",
        "client-timeout",
        "parser",
        "fallback",
        "streaming",
    ] {
        assert!(
            text.lines().any(|line| line.trim_start().starts_with("PASS") && line.contains(family)),
            "a line for {family}:\n{text}"
        );
    }
}

#[test]
fn there_are_no_colours_in_a_pipe() {
    assert!(!stdout(&brownout(&["run", "parser"])).contains('\u{1b}'));
}

#[test]
fn json_is_one_object_a_scenario_id() {
    let output = brownout(&["run", "rate-quota/retry-after[secs]", "parser/ordinary-answer", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3, "one id and two variants");
    let waited = lines.iter().find(|line| line["scenario"] == "rate-quota/retry-after[secs]").expect("it is there");
    assert_eq!(waited["status"], "pass");
    let primary = waited["attempts"]["primary"].as_array().expect("a list");
    let gap = primary[1]["arrived"].as_u64().expect("a time") - primary[0]["head"].as_u64().expect("a time");
    assert!(gap >= 2_000_000, "{gap} microseconds");
    assert_eq!(waited["outcomes"][0]["result"], "completed");
}

#[test]
fn every_line_of_the_json_report_fits_its_schema() {
    let schema: Value = serde_json::from_str(&stdout(&brownout(&["schema", "report"]))).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for line in stdout(&brownout(&["run", "--format", "json"])).lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        assert!(
            validator.is_valid(&line),
            "{:?}",
            validator.iter_errors(&line).map(|e| e.to_string()).collect::<Vec<_>>()
        );
    }
}

#[test]
fn wrong_words_get_a_suggestion_and_exit_2() {
    refused(&["--clok", "real"], &["--clok", "--clock"]);
    refused(&["rum"], &["rum", "run"]);
    refused(&["run", "--clock", "rael"], &["rael", "real"]);
    refused(
        &["run", "rate-quota/retry-aftr"],
        &["no scenario matches `rate-quota/retry-aftr`", "did you mean `rate-quota/retry-after`?"],
    );
    refused(&["run", "parser", "nothing-like-it"], &["no scenario matches `nothing-like-it`"]);
    refused(&["list", "stream"], &["no scenario matches `stream`"]);
    refused(
        &["explain", "rate-limitd"],
        &["there is no rule, scenario, failure mode or cause `rate-limitd`", "did you mean `rate-limited`?"],
    );
    refused(&["run", "--min-judged", "120"], &["--min-judged", "0 to 100"]);
    refused(&["run", "--repeat", "0"], &["--repeat"]);
}

#[test]
fn bad_files_say_where_and_exit_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("policy.yaml");
    fs::write(&path, "attempts: 3\ndeadlin: 8s\n").expect("a file");
    let policy = path.to_str().expect("UTF-8");
    refused(&["run", "--policy", policy], &["policy.yaml:2:1", "unknown key `deadlin`", "did you mean `deadline`?"]);
    refused(&["run", "--policy", "no/such/file"], &["no/such/file", "there is no such file"]);
    refused(&["run", "--scenarios", folder.path().to_str().expect("UTF-8")], &["policy.yaml"]);
    fs::remove_file(&path).expect("it was there");
    refused(&["run", "--scenarios", folder.path().to_str().expect("UTF-8")], &["holds no scenario"]);
}

#[test]
fn a_folder_of_ones_own_runs_and_a_broken_must_exits_1() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("parser")).expect("a folder");
    let scenario = "title: Expects the impossible\nwhy: A failing report is wanted.\nsources: [a test]\nprimary: [ ok ]\nexpect: { outcome: { failed: any } }\n";
    fs::write(folder.path().join("parser/impossible.yaml"), scenario).expect("a file");
    let output = brownout(&["run", "--scenarios", folder.path().to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    for part in [
        "FAIL parser/impossible",
        "as-expected",
        "completed",
        "timeline",
        "why",
        "owner",
        "action",
        "brownout run 'parser/impossible'",
        "1 judged of 1, 1 failed",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
}

#[test]
fn too_little_judged_exits_3() {
    let output = brownout(&["run", "auth/key-expires", "--min-judged", "50"]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    assert!(stderr(&output).contains("--min-judged"), "{}", stderr(&output));
}

#[test]
fn saved_transcripts_can_be_judged_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.jsonl");
    let file = file.to_str().expect("UTF-8");
    let run = brownout(&["run", "streaming", "--transcripts", file, "--format", "json"]);
    let judged = brownout(&["judge", file, "--format", "json"]);
    assert_eq!(judged.status.code(), Some(0));
    let sorted = |output: &Output| {
        let mut lines: Vec<String> = stdout(output).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&run), sorted(&judged));
    let saved = fs::read_to_string(file).expect("a file");
    assert!(!saved.contains("sk-brownout") && !saved.contains("fortnight is"), "neither keys nor prompts are saved");
    fs::write(file, "{}\n").expect("a file");
    refused(&["judge", file], &["run.jsonl:1:", "this is no transcript"]);
}

#[test]
fn causes_rules_modes_and_scenarios_are_explained() {
    let row = stdout(&brownout(&["explain", "rate-limited"]));
    for part in [
        "cause rate-limited",
        "rate-quota",
        "retry       must",
        "waits       retry-after",
        "platform or capacity owner",
    ] {
        assert!(row.contains(part), "no `{part}` in:\n{row}");
    }
    assert!(stdout(&brownout(&["explain", "one-fallback"])).contains("At most one fallback decision"));
    assert!(stdout(&brownout(&["explain", "streaming"])).contains("failure mode streaming"));
    assert!(stdout(&brownout(&["explain", "rate-quota/retry-after"])).contains("rate-quota/retry-after[date]"));
}

#[test]
fn repeats_are_compared() {
    let output = brownout(&["run", "parser", "rate-quota", "--repeat", "5"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("5 rounds: 0 of"), "{}", stdout(&output));
}

#[test]
fn list_names_every_id_and_survives_a_closed_pipe() {
    let listed = stdout(&brownout(&["list"])).lines().count();
    let judged = stdout(&brownout(&[]));
    assert!(judged.contains(&format!("judged of {listed}")), "{listed}: {judged}");
}
