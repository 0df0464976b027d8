//! Several clients: who is known, how one is begun with, how they compare, and what their parsers make of replies.

use std::{fs, path::Path, process::Output};

use assert_cmd::Command;
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn brownout(folder: &Path, arguments: &[&str]) -> Output {
    let mut program = Command::cargo_bin("brownout").expect("the program is built with the tests");
    program.current_dir(folder).args(arguments).output().expect("it starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The exit status, and words that stand in either stream.
#[track_caller]
fn ends(output: &Output, status: i32, says: &[&str]) {
    let all = format!("{}\n{}", stdout(output), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{all}");
    says.iter().for_each(|part| assert!(all.contains(part), "no `{part}` in:\n{all}"));
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A cell of a table, by the first cell of its row and by the head of its column, in the table that holds the head.
fn cell(page: &str, row: &str, column: &str) -> String {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches(['|', ' ']).split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    let mut at = None;
    for line in page.lines() {
        let cells = cells(line);
        match (line.starts_with('|'), at) {
            (false, _) => at = None,
            (true, None) => at = cells.iter().position(|cell| cell == column),
            (true, Some(at)) if cells[0] == row => return cells[at].clone(),
            _ => {}
        }
    }
    panic!("no {row} under {column} in:\n{page}")
}

/// Transcripts of the reference client, and the same under another name, with what is replaced in them.
fn two_clients(folder: &Path, patterns: &[&str], replaced: &[(&str, &str)]) {
    let arguments: Vec<&str> = ["run", "--transcripts", "ours.jsonl"].iter().chain(patterns).copied().collect();
    ends(&brownout(folder, &arguments), 0, &[]);
    let ours = fs::read_to_string(folder.join("ours.jsonl")).expect("a file");
    let renamed =
        ours.replace(r#""client":{"name":"reference","version":""#, r#""client":{"name":"other","version":"9."#);
    let other = replaced.iter().fold(renamed, |text, (from, to)| text.replace(from, to));
    fs::write(folder.join("other.jsonl"), other).expect("a file");
}

#[test]
fn clients_stand_side_by_side_by_failure_mode_and_by_rule() {
    let folder = folder();
    // The other one passes off as completed what it should not.
    let lies = [(r#""outcome":{"result":"failed""#, r#""outcome":{"result":"completed""#)];
    two_clients(folder.path(), &["streaming/cut-mid-event", "parser/ordinary-answer"], &lies);
    let output = brownout(folder.path(), &["report", "ours.jsonl", "other.jsonl"]);
    ends(&output, 0, &[]);
    let page = stdout(&output);
    let version = concat!("9.", env!("CARGO_PKG_VERSION"));
    assert_eq!(cell(&page, "other", "version"), version);
    let day = cell(&page, "reference", "run on");
    assert!(day.len() == 10 && day.starts_with("20"), "{day}");
    assert_eq!(cell(&page, "reference", "all"), "0/6");
    assert_eq!(cell(&page, "other", "all"), "**4**/6");
    assert_eq!(cell(&page, "reference", "streaming"), "0/4");
    assert_eq!(cell(&page, "other", "streaming"), "**4**/4");
    assert_eq!(cell(&page, "other", "parser"), "0/2");
    assert!(cell(&page, "honest-success", "other").starts_with("**4**/"), "{page}");
    assert!(cell(&page, "honest-success", "reference").starts_with("0/"), "{page}");
    assert_eq!(cell(&page, "other", "cut streams passed off as complete"), "4");
    assert_eq!(cell(&page, "reference", "cut streams passed off as complete"), "0");
}

#[test]
fn numbers_are_those_of_the_wire() {
    let folder = folder();
    two_clients(folder.path(), &["provider-transient/waits-grow[none]", "rate-quota/retry-after[secs]"], &[]);
    let output = brownout(folder.path(), &["report", "ours.jsonl", "other.jsonl", "--format", "json"]);
    ends(&output, 0, &[]);
    let matrix: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(matrix["clients"].as_array().map(Vec::len), Some(2));
    let ours = matrix["clients"].as_array().expect("a list").iter().find(|row| row["client"] == "reference");
    let numbers = &ours.expect("it is there")["numbers"];
    assert_eq!(numbers["troubled"], 2);
    assert_eq!(numbers["failed"], 0);
    // 100 ms, then 200 ms, without jitter; and 2 s as asked for, give or take a wake-up.
    let near = |value: &Value, ms: u64| {
        let micros = value.as_u64().expect("a number");
        assert!((ms * 1000..ms * 1000 + 20_000 + ms * 100).contains(&micros), "{micros} is not {ms} ms");
    };
    assert_eq!(numbers["own_gaps"]["n"], 2);
    near(&numbers["own_gaps"]["least"], 100);
    near(&numbers["own_gaps"]["most"], 200);
    assert_eq!(numbers["named_gaps"]["n"], 1);
    near(&numbers["named_gaps"]["least"], 2000);
}

#[test]
fn of_several_runs_the_worst_counts_and_settings_are_told() {
    let folder = folder();
    fs::write(folder.path().join("policy.yaml"), "attempts: 2\n").expect("a file");
    let run =
        ["run", "parser/ordinary-answer", "--policy", "policy.yaml", "--repeat", "3", "--transcripts", "run.jsonl"];
    ends(&brownout(folder.path(), &run), 0, &[]);
    fs::create_dir_all(folder.path().join("known/reference")).expect("a folder");
    let known =
        "version: 1\nname: reference\nlanguage: rust\ncommand: [none]\ndefaults: { attempts: 5, deadline: 8s }\n";
    fs::write(folder.path().join("known/reference/client.yaml"), known.replace("5,", "\"5\",")).expect("a file");
    let page = stdout(&brownout(folder.path(), &["report", "run.jsonl", "--clients", "known"]));
    assert_eq!(cell(&page, "reference", "all"), "0/2");
    assert!(page.contains("Held to a policy with `attempts: 2`."), "{page}");
    assert!(page.contains("which the policy sets otherwise: `attempts: 5` (here 2)."), "{page}");
}

#[test]
fn what_is_no_transcript_is_refused() {
    let folder = folder();
    fs::write(folder.path().join("a.jsonl"), "{}\n").expect("a file");
    ends(&brownout(folder.path(), &["report", "a.jsonl"]), 2, &["a.jsonl:1:", "this is no transcript"]);
    ends(&brownout(folder.path(), &["report"]), 2, &["TRANSCRIPTS"]);
}

#[test]
fn snapshots_of_the_tests_are_those_of_the_program() {
    let output = brownout(Path::new(ROOT), &["run", "parser", "streaming", "--snapshots", "snapshots"]);
    ends(&output, 0, &[]);
}

#[test]
fn snapshots_are_compared_and_written_only_if_accepted() {
    let folder = folder();
    let run = ["run", "parser/ordinary-answer", "streaming/cut-mid-event", "--snapshots", "snaps"];
    let accept: Vec<&str> = run.iter().copied().chain(["--accept"]).collect();
    ends(&brownout(folder.path(), &run), 4, &["parser/ordinary-answer@plain.snap differs", "6 snapshots differ"]);
    assert!(!folder.path().join("snaps").exists(), "nothing is written");
    ends(&brownout(folder.path(), &accept), 0, &["6 snapshots were written"]);
    ends(&brownout(folder.path(), &run), 0, &[]);
    let file = folder.path().join("snaps/reference/parser/ordinary-answer@plain.snap");
    let text = fs::read_to_string(&file).expect("it was written");
    assert!(text.contains(r#""result": "completed""#), "{text}");
    fs::write(&file, text.replace("completed", "refused")).expect("a file");
    ends(
        &brownout(folder.path(), &run),
        4,
        &["-     \"result\": \"refused\"", "+     \"result\": \"completed\"", "1 snapshots differ"],
    );
    ends(&brownout(folder.path(), &["run", "parser", "--accept"]), 2, &["--snapshots"]);
}

fn thin() -> String {
    format!("{ROOT}/tests/adapters/thin.py")
}

/// A folder of clients, one of which is there.
fn known(folder: &Path) {
    let client = |name: &str, rest: &str| {
        fs::create_dir_all(folder.join("known").join(name)).expect("a folder");
        let text = format!("version: 1\nname: {name}\nlanguage: python\n{rest}\n");
        fs::write(folder.join("known").join(name).join("client.yaml"), text).expect("a file");
    };
    client(
        "mine",
        "command: [python3, ./ada*.py]\ninstalled: [python3, -c, \"print('1.2.3')\"]\npolicy: ./brownout.yaml\nbaseline: ../mine-known.yaml",
    );
    fs::copy(thin(), folder.join("known/mine/adapter.py")).expect("a copy");
    fs::write(folder.join("known/mine/brownout.yaml"), "attempts: 1\n").expect("a file");
    fs::write(folder.join("known/mine-known.yaml"), "[]\n").expect("a file");
    client("absent", "command: [../../nowhere/bin/python, ./adapter.py]");
    client("gate", "driver: gateway\ncommand: [python3]");
}

#[test]
fn known_clients_are_listed_with_what_is_installed() {
    let folder = folder();
    known(folder.path());
    let listed = stdout(&brownout(folder.path(), &["clients", "--clients", "known"]));
    let line = |name: &str| {
        listed.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {listed}")).to_owned()
    };
    assert!(line("absent").ends_with("nowhere/bin/python known/absent/adapter.py"), "{listed}");
    assert!(line("mine").contains("1.2.3") && line("mine").contains("known/mine/adapter.py"), "{listed}");
    assert!(line("absent").contains("not installed"), "{listed}");
    assert!(line("gate").contains("gateway"), "{listed}");
    assert!(line("reference").contains("our own"), "{listed}");
    let output = brownout(folder.path(), &["clients", "--clients", "known", "--format", "json"]);
    let versions: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((versions[0]["name"].as_str(), versions[0]["is_installed"].as_bool()), (Some("absent"), Some(false)));
    assert_eq!((versions[2]["name"].as_str(), versions[2]["version"].as_str()), (Some("mine"), Some("1.2.3")));
}

#[test]
fn every_adapter_of_ours_is_known() {
    let output = brownout(Path::new(ROOT), &["clients", "--format", "json"]);
    ends(&output, 0, &[]);
    let names: Vec<String> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["name"].as_str().expect("a name").to_owned())
        .collect();
    let adapters = Path::new(ROOT).join("harness/adapters");
    let mut folders: Vec<String> = [adapters.clone(), adapters.join("gateways")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.join("errors.yaml").is_file() || path.join("gateway.yaml").is_file())
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    folders.sort();
    assert_eq!(names, folders);
}

#[test]
fn a_known_client_is_run_by_its_name() {
    let folder = folder();
    known(folder.path());
    let run = |name: &str, more: &[&str]| {
        let arguments = ["run", "parser/ordinary-answer", "--clients", "known", "--client", name];
        brownout(folder.path(), &arguments.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let output = run("mine", &["--transcripts", "run.jsonl"]);
    ends(&output, 0, &["2 judged of 2"]);
    let saved = fs::read_to_string(folder.path().join("run.jsonl")).expect("a file");
    assert!(saved.contains(r#""attempts":1,"connect_timeout""#), "its policy was used: {saved}");
    ends(&run("mien", &[]), 2, &["there is no client `mien`", "did you mean `mine`?"]);
    ends(&run("absent", &[]), 2, &["`absent` is not installed", "nowhere/bin/python"]);
    ends(&run("gate", &[]), 2, &["gateway.yaml: there is no such file"]);
    ends(&run("mine", &["--", "python3"]), 2, &["has a command of its own"]);
}

#[test]
fn a_known_gateway_is_run_by_its_name() {
    let folder = folder();
    known(folder.path());
    let gate = folder.path().join("known/gate");
    for file in ["little.py", "config.json"] {
        fs::copy(Path::new(ROOT).join("tests/gateways").join(file), gate.join(file)).expect("a copy");
    }
    let client = "version: 1\nname: gate\nlanguage: python\ndriver: gateway\n\
                  command: [python3, -S, ./little.py, greedy, \"${config}\", /dev/null]\npolicy: ./brownout.yaml\n";
    fs::write(gate.join("client.yaml"), client).expect("a file");
    fs::write(gate.join("brownout.yaml"), "attempts: 2\n").expect("a file");
    // Its command stands in one place only.
    let description = "version: 1\nclient: { name: gate, version: '1' }\nconfig: config.json\n\
                       ready: { get: /health, within: 20s }\ncapabilities: [stream, fallback]\nconcurrency: 8\n";
    fs::write(gate.join("gateway.yaml"), description).expect("a file");
    let run = |scenario: &str, more: &[&str]| {
        let arguments = ["run", scenario, "--clients", "known", "--client", "gate"];
        brownout(folder.path(), &arguments.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let output = run("parser/ordinary-answer", &["--transcripts", "run.jsonl"]);
    ends(&output, 0, &["2 judged of 2"]);
    let saved = fs::read_to_string(folder.path().join("run.jsonl")).expect("a file");
    assert!(saved.contains(r#""attempts":2,"connect_timeout""#), "its policy was used: {saved}");
    // What fails is run again by its name, so that policy and baseline are those of this run.
    let failed = "provider-transient/injected-500[safe]";
    let again = format!("brownout run '{failed}' --client gate\n");
    ends(&run(failed, &[]), 1, &["bounded-attempts", &again]);
    // Known violations are read from where it says.
    fs::write(gate.join("client.yaml"), format!("{client}baseline: ../gate-known.yaml\n")).expect("a file");
    let excuse =
        format!("- rules: [bounded-attempts]\n  scenarios: ['{failed}']\n  reason: it is greedy\n  link: none\n");
    fs::write(folder.path().join("known/gate-known.yaml"), excuse).expect("a file");
    ends(&run(failed, &[]), 0, &[]);
}

#[test]
fn a_bad_client_file_is_refused_to_the_line() {
    let folder = folder();
    known(folder.path());
    let file = folder.path().join("known/mine/client.yaml");
    fs::write(&file, "version: 1\nname: mine\nlanguage: python\ncomand: [python3]\n").expect("a file");
    ends(&brownout(folder.path(), &["clients", "--clients", "known"]), 2, &["client.yaml:4:1", "unknown key `comand`"]);
}

#[test]
fn a_client_is_begun_with_by_what_was_measured() {
    let folder = folder();
    let (adapter, path) = (thin(), folder.path());
    let init = ["init", "--only", "parser/ordinary-answer", "--", "python3", &adapter];
    let output = brownout(path, &init);
    ends(&output, 0, &["2 judged of 2", "the policy explains all"]);
    let policy = fs::read_to_string(path.join("brownout.yaml")).expect("it was written");
    assert!(policy.contains("\nattempts: 1   # 1 attempts at a provider that only fails"), "{policy}");
    assert_eq!(fs::read_to_string(path.join("baseline.yaml")).expect("it was written"), "[]\n");
    ends(&brownout(path, &init), 2, &["brownout.yaml is there already"]);
    // What it wrote is read by a run.
    ends(
        &brownout(path, &["run", "parser/ordinary-answer", "--baseline", "baseline.yaml", "--", "python3", &adapter]),
        0,
        &[],
    );
}

#[test]
fn of_our_own_client_all_is_as_it_was_told() {
    let folder = folder();
    ends(&brownout(folder.path(), &["init", "--only", "parser"]), 0, &["the policy explains all"]);
    let policy = fs::read_to_string(folder.path().join("brownout.yaml")).expect("it was written");
    let stated: Vec<&str> = policy.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(stated, ["version: 1"], "{policy}");
    for comment in [
        "3 attempts at a provider",
        "a silent provider was given up after 2.00 s",
        "a stream that stalls was given up after 1.",
        "2 s that was asked for was waited out",
    ] {
        assert!(policy.contains(comment), "no `{comment}` in {policy}");
    }
}
