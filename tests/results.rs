//! What becomes of results: baselines, JUnit, shards, as a person and a CI server meet them.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Output};

use assert_cmd::Command;
use serde_json::Value;

/// A folder with scenarios of its own, two of which fail.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Place(tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(place.path("scenarios/parser")).expect("a folder");
        place.scenario("one", "expect: { outcome: { failed: any } }");
        place.scenario("two", "expect: { attempts: { primary: 2 } }");
        place.scenario("three", "expect: { outcome: completed }");
        place.scenario("unclaimed", "client: { token_ttl: 1s }\nusers: 2\narrive: every 2s");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn scenario(&self, slug: &str, rest: &str) {
        let text = format!("title: {slug}\nwhy: a test\nsources: [a test]\nprimary: [ ok ]\n{rest}\n");
        fs::write(self.path(&format!("scenarios/parser/{slug}.yaml")), text).expect("a file");
    }

    fn baseline(&self, text: &str) {
        fs::write(self.path("known.yaml"), text).expect("a file");
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Runs the program in this folder, over its scenarios.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut program = Command::cargo_bin("brownout").expect("the program is built with the tests");
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--scenarios", "scenarios"]).collect();
        program.current_dir(self.0.path()).args(arguments).output().expect("it starts")
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// The exit status, and words that stand in either stream.
#[track_caller]
fn ends(output: &Output, status: i32, says: &[&str]) {
    let all = format!("{}\n{}", stdout(output), stderr(output));
    assert_eq!(output.status.code(), Some(status), "{all}");
    says.iter().for_each(|part| assert!(all.contains(part), "no `{part}` in:\n{all}"));
}

fn entry(scenarios: &str) -> String {
    format!("- rules: [as-expected]\n  scenarios: [{scenarios}]\n  reason: It is so.\n")
}

#[test]
fn what_is_known_is_green_and_told_of() {
    let place = Place::new();
    place.baseline(&entry("parser/one, parser/two"));
    let output = place.run(&["run", "--baseline", "known.yaml"]);
    ends(&output, 0, &["2 known to fail", "2 x known: It is so."]);
    assert!(!stdout(&output).contains("FAIL") && !stdout(&output).contains("WARN parser/one"), "{}", stdout(&output));
}

#[test]
fn what_is_not_known_is_red() {
    let place = Place::new();
    place.baseline(&entry("parser/one"));
    ends(&place.run(&["run", "--baseline", "known.yaml"]), 1, &["FAIL parser/two", "1 failed", "1 known to fail"]);
    // Without the list, both are.
    ends(&place.run(&["run"]), 1, &["FAIL parser/one", "2 failed"]);
}

#[test]
fn what_no_longer_fails_is_stale() {
    let place = Place::new();
    place.baseline(&entry("parser/one, parser/two, parser/three"));
    let output = place.run(&["run", "--baseline", "known.yaml"]);
    ends(
        &output,
        4,
        &["stale: `as-expected` is kept in parser/three", "known.yaml:1:", "1 entry of the baseline is stale"],
    );
    // What fails outweighs it.
    place.baseline(&entry("parser/one, parser/three"));
    ends(&place.run(&["run", "--baseline", "known.yaml"]), 1, &["stale", "FAIL parser/two"]);
}

#[test]
fn a_list_that_means_nothing_is_refused_before_anything_runs() {
    let place = Place::new();
    for (text, says) in [
        (entry("parser/onee"), "no scenario matches `parser/onee`"),
        (entry("parser/one").replace("as-expected", "as-expcted"), "did you mean `as-expected`?"),
        (entry("parser/one").replace("It is so.", "TODO"), "this is not written yet"),
    ] {
        place.baseline(&text);
        let output = place.run(&["run", "--baseline", "known.yaml"]);
        ends(&output, 2, &[says, "known.yaml:"]);
        assert_eq!(stdout(&output), "", "nothing ran");
    }
    ends(&place.run(&["run", "--baseline", "none.yaml"]), 2, &["none.yaml", "there is no such file"]);
}

#[test]
fn entries_outside_of_what_runs_are_left_alone() {
    let place = Place::new();
    // Of a whole run, three would be stale.
    place.baseline(&entry("parser/one, parser/two, parser/three"));
    ends(&place.run(&["run", "parser/one", "--baseline", "known.yaml"]), 0, &["1 known to fail"]);
    let exits: Vec<Option<i32>> = ["1/2", "2/2"]
        .iter()
        .map(|shard| place.run(&["run", "--shard", shard, "--baseline", "known.yaml"]).status.code())
        .collect();
    // The shard that holds parser/three finds it stale, the other one is fine.
    assert_eq!(exits.iter().filter(|exit| **exit == Some(4)).count(), 1, "{exits:?}");
    assert_eq!(exits.iter().filter(|exit| **exit == Some(0)).count(), 1, "{exits:?}");
}

#[test]
fn a_baseline_is_written_and_reads_back_once_its_reasons_are_there() {
    let place = Place::new();
    ends(
        &place.run(&["run", "parser/one", "--write-baseline", "known.yaml"]),
        1,
        &["write its reason in place of TODO"],
    );
    let written = place.text("known.yaml");
    assert_eq!(written, "- rules: [as-expected]\n  scenarios:\n    - parser/one\n  reason: TODO\n");
    ends(&place.run(&["run", "--baseline", "known.yaml"]), 2, &["this is not written yet"]);
    // It is not written over, only added to.
    ends(&place.run(&["run", "--write-baseline", "known.yaml"]), 2, &["is there already", "--baseline known.yaml"]);
    place.run(&["run", "--baseline", "known.yaml", "--write-baseline", "known.yaml"]);
    let grown = place.text("known.yaml");
    assert!(grown.starts_with(&written) && grown.contains("parser/two"), "{grown}");
    place.baseline(&grown.replace("TODO", "It is so."));
    ends(&place.run(&["run", "--baseline", "known.yaml"]), 0, &["2 known to fail"]);
}

#[test]
fn a_client_without_faults_gets_an_empty_list() {
    let place = Place::new();
    ends(&place.run(&["run", "parser/three", "--write-baseline", "known.yaml"]), 0, &["nothing to add"]);
    ends(&place.run(&["run", "parser/three", "--baseline", "known.yaml"]), 0, &[]);
}

#[test]
fn saved_transcripts_are_judged_by_a_baseline_too() {
    let place = Place::new();
    place.run(&["run", "--transcripts", "run.jsonl"]);
    place.baseline(&entry("parser/one, parser/two"));
    ends(&place.run(&["judge", "run.jsonl", "--baseline", "known.yaml"]), 0, &["2 known to fail"]);
    place.baseline(&entry("parser/one"));
    ends(&place.run(&["judge", "run.jsonl", "--baseline", "known.yaml"]), 1, &["FAIL parser/two"]);
}

#[test]
fn junit_is_read_back_by_another_hand() {
    let place = Place::new();
    // Its second step is never served: a verdict cannot be had.
    let never = "title: n\nwhy: a test\nsources: [a test]\nprimary: [ ok, { status: 500 } ]\n";
    fs::write(place.path("scenarios/parser/never.yaml"), never).expect("a file");
    place.baseline(&entry("parser/two"));
    let output = place.run(&["run", "--format", "junit", "--baseline", "known.yaml"]);
    let text = stdout(&output);
    let document = roxmltree::Document::parse(&text).expect("XML");
    let case = |id: &str| {
        let found =
            document.descendants().find(|node| node.has_tag_name("testcase") && node.attribute("name") == Some(id));
        found.unwrap_or_else(|| panic!("no {id} in {text}"))
    };
    let child = |id: &str, tag: &str| case(id).children().find(|node| node.has_tag_name(tag));
    let failure = child("parser/one", "failure").expect("it fails");
    assert!(failure.attribute("message").expect("a message").starts_with("as-expected: completed"), "{text}");
    assert!(failure.text().expect("the block").contains("timeline"), "{text}");
    assert_eq!(case("parser/one").attribute("classname"), Some("brownout.parser"));
    let known = child("parser/two", "system-out").expect("it is told of");
    assert!(known.text().expect("the block").contains("known: It is so."), "{text}");
    assert!(child("parser/two", "failure").is_none(), "{text}");
    assert!(!case("parser/three").children().any(|node| node.is_element()), "{text}");
    assert_eq!(child("parser/never", "error").expect("no verdict").attribute("type"), Some("not-exercised"), "{text}");
    let skipped = child("parser/unclaimed", "skipped").and_then(|node| node.attribute("message"));
    assert!(skipped.is_some_and(|why| why.contains("does not claim")), "{text}");
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
    let counts =
        ["name", "tests", "failures", "errors", "skipped"].map(|name| suite.attribute(name).unwrap_or_default());
    assert_eq!(counts, ["reference", "5", "1", "1", "1"]);
    // A parser of the format itself reads it too.
    quick_junit::Report::deserialize_from_str(&text).expect("JUnit");
}

#[test]
fn junit_of_the_whole_suite_holds_every_id_and_no_secret() {
    let output =
        Command::cargo_bin("brownout").expect("built").args(["run", "--format", "junit"]).output().expect("it runs");
    let text = stdout(&output);
    let document = roxmltree::Document::parse(&text).expect("XML");
    let cases = document.descendants().filter(|node| node.has_tag_name("testcase")).count();
    let listed = Command::cargo_bin("brownout").expect("built").arg("list").output().expect("it runs");
    assert_eq!(cases, stdout(&listed).lines().count());
    assert!(document.descendants().any(|node| node.has_tag_name("skipped")), "auth/key-expires is not applicable");
    for secret in ["sk-brownout", "fortnight is"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn the_shards_together_are_the_whole_and_none_holds_anothers() {
    let ids = |arguments: &[&str]| -> Vec<String> {
        let output = Command::cargo_bin("brownout").expect("built").args(arguments).output().expect("it runs");
        let id = |line: &str| {
            serde_json::from_str::<Value>(line).expect("JSON")["scenario"].as_str().expect("an id").to_owned()
        };
        stdout(&output).lines().map(id).collect()
    };
    let whole: BTreeSet<String> = ids(&["run", "streaming", "--format", "json"]).into_iter().collect();
    let parts: Vec<Vec<String>> = ["1/3", "2/3", "3/3"]
        .iter()
        .map(|shard| ids(&["run", "streaming", "--format", "json", "--shard", shard]))
        .collect();
    let together: Vec<String> = parts.iter().flatten().cloned().collect();
    assert_eq!(together.len(), whole.len(), "none twice");
    assert_eq!(together.into_iter().collect::<BTreeSet<_>>(), whole);
    // About equal parts.
    assert!(
        parts.iter().all(|part| part.len() * 5 > whole.len()),
        "{:?}",
        parts.iter().map(Vec::len).collect::<Vec<_>>()
    );
}

#[test]
fn a_shard_that_is_none_is_refused_and_an_empty_one_is_no_failure() {
    let place = Place::new();
    ends(&place.run(&["run", "--shard", "0/3"]), 2, &["1/4"]);
    let empty = (1..=50).map(|n| format!("{n}/50")).find(|shard| {
        let output = place.run(&["run", "parser/three", "--shard", shard]);
        stderr(&output).contains("holds none of these scenarios") && output.status.code() == Some(0)
    });
    assert!(empty.is_some());
}
