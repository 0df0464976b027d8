//! What reviewers forget: the pure column does no I/O, everything is exercised, the default build carries no TLS.

mod support {
    pub mod suite;
}

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    sync::{Arc, Mutex},
};

use brownout::{
    client::AnyClient,
    policy::Policy,
    reference::{Hooks, Outgoing, Reference},
    rules,
    run::run_alone,
    verdict::{Status, judge},
};
use serde_json::json;
use support::suite;

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files of the pure column; those that read files from disk are named, since somebody must.
#[test]
fn the_pure_column_does_no_io() {
    let reads_files = ["scenario/load/files.rs", "yaml/source.rs"];
    let column = [
        "scenario",
        "policy",
        "causes",
        "contract",
        "reply",
        "rules",
        "report",
        "yaml",
        "transcript.rs",
        "verdict.rs",
        "gate.rs",
        "baseline.rs",
        "duration.rs",
        "select.rs",
    ];
    let root = suite::root().join("harness");
    let mut seen = 0;
    for part in column {
        let path = root.join(part);
        for file in if path.is_dir() { files(&path, ".rs") } else { vec![path] } {
            if file.ends_with("tests.rs") {
                continue;
            }
            seen += 1;
            let name = file.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
            let text = text(&file);
            for word in [
                "tokio::",
                "std::fs",
                "std::net",
                "std::process",
                "std::thread",
                "println!",
                "eprintln!",
                "SystemTime",
                "Instant",
            ] {
                let allowed = word == "std::fs" && reads_files.contains(&name.as_str());
                let imported = text.contains(word) || (word == "std::fs" && text.contains("use std::{fs") && !allowed);
                assert!(allowed || !imported, "{name} uses {word}");
            }
        }
    }
    assert!(seen > 30, "only {seen} files were looked at");
}

/// Nothing above uses what stands below it.
#[test]
fn arrows_point_one_way() {
    let order = [
        "yaml",
        "duration",
        "scenario",
        "reply",
        "transcript",
        "contract",
        "rules",
        "verdict",
        "baseline",
        "gate",
        "report",
    ];
    let root = suite::root().join("harness");
    for (place, module) in order.iter().enumerate() {
        let path = root.join(module);
        for file in if path.is_dir() { files(&path, ".rs") } else { vec![root.join(format!("{module}.rs"))] } {
            let text = text(&file);
            for below in &order[place + 1..] {
                // The pure reading of a reply fills in the facts it is read for.
                let filling = (*module, *below) == ("reply", "transcript");
                assert!(filling || !text.contains(&format!("crate::{below}::")), "{} uses {below}", file.display());
            }
            for ring in ["run", "client::", "wire::provider", "reference"] {
                let facts_of_claims = ring == "client::" && ["transcript", "rules", "report"].contains(module);
                assert!(facts_of_claims || !text.contains(&format!("crate::{ring}")), "{} uses {ring}", file.display());
            }
        }
    }
}

/// Programs print, the library does not; a test of an adopter is a program.
#[test]
fn nothing_prints_but_programs() {
    // The driver of other processes speaks of their output, not of ours.
    let programs = [
        "main.rs",
        "run_command.rs",
        "doctor_command.rs",
        "registry.rs",
        "client/stdio/",
        "client/program.rs",
        "client/gateway/start.rs",
        "exec_command.rs",
        "serve_command.rs",
        "style.rs",
        "test_main/mod.rs",
        "examples/",
        "benches/",
    ];
    let root = suite::root().join("harness");
    let printing: Vec<_> = files(&root, ".rs")
        .into_iter()
        .filter(|file| ["stdout", "stderr", "println!", "print!"].iter().any(|word| text(file).contains(word)))
        .map(|file| file.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned())
        .filter(|name| !programs.iter().any(|program| name.starts_with(program)))
        .collect();
    assert_eq!(printing, Vec::<String>::new());
}

/// Keys and prompts in the names of fields, where a finding must point, in values and in headers: none comes out.
#[test]
fn nothing_of_a_request_stands_in_a_transcript() {
    let case = suite::cases().into_iter().find(|case| case.id == "request-contract/documented-fields[plain]");
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let telling = told.clone();
    let factory = move |policy: &Policy, seed: u64| -> Rc<dyn AnyClient> {
        let told = telling.clone();
        let send = move |mut outgoing: Outgoing| {
            let key = outgoing.headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.clone());
            let key = key.expect("it is sent").replace("Bearer ", "");
            let prompt = outgoing.body["messages"][0]["content"].as_str().expect("a text").to_owned();
            for secret in [key, prompt] {
                // Short and plain enough to be taken for the name of a field.
                let canary = secret.trim_end_matches(']').rsplit([' ', '-', ':']).next().unwrap_or_default().to_owned();
                outgoing.body[&canary] = json!(secret);
                outgoing.body[&secret] = json!(secret);
                outgoing.body["metadata"] = json!({ &secret: [secret] });
                outgoing.body["stop"] = json!({ "text": secret });
                let kinds = outgoing.headers.iter_mut().filter(|(name, _)| name == "content-type");
                kinds.for_each(|(_, kind)| kind.clone_from(&canary));
                told.lock().expect("no thread panicked").push(canary);
            }
            outgoing
        };
        Rc::new(Reference::with_hooks(policy, seed, Hooks { send: Rc::new(send), ..Hooks::default() }))
    };
    let transcript = run_alone(&case.expect("it is there"), &factory, 1);
    let (written, told) = (serde_json::to_string(&transcript).expect("JSON"), told.lock().expect("no thread panicked"));
    let findings = &transcript.attempts[0].request.as_ref().expect("it was read").findings;
    assert!(findings.len() >= 4 && told.len() >= 2, "{findings:?}");
    for secret in told.iter() {
        assert!(secret.len() >= 16 && !written.contains(secret), "{secret} stands in {written}");
    }
}

#[test]
fn every_rule_passes_somewhere_in_the_suite() {
    let mut passed = BTreeSet::new();
    for case in suite::cases() {
        let judgement = judge(&run_alone(&case, &suite::reference, 1));
        passed.extend(judgement.verdicts.into_iter().filter(|v| v.status == Status::Pass).map(|v| v.rule));
    }
    let rules: BTreeSet<_> = rules::all().map(|rule| rule.slug.to_owned()).collect();
    assert_eq!(passed, rules);
}

#[test]
fn rules_cite_incidents_that_exist() {
    let known: BTreeSet<String> =
        text(&suite::root().join("harness/scenario/incidents.txt")).lines().map(str::to_owned).collect();
    let is_id = |word: &&str| word.contains('-') && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    for rule in rules::all() {
        for cited in rule.source.split([';', ',']).map(str::trim).filter(is_id) {
            assert!(known.contains(cited), "`{}` cites {cited}", rule.slug);
        }
    }
}

fn library() -> String {
    let scenarios = files(&suite::root().join("scenarios"), ".yaml");
    let scenarios = scenarios.iter().filter(|file| !file.ends_with("replies.yaml"));
    scenarios.map(|file| text(file)).collect()
}

fn says(text: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_none_or(|c| !is_word(c));
        before && text[at + word.len()..].chars().next().is_none_or(|c| !is_word(c))
    })
}

#[test]
fn every_named_reply_is_served_by_a_scenario() {
    let replies = text(&suite::root().join("scenarios/replies.yaml"));
    let names = replies
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.strip_suffix(':'));
    let library = library();
    // Served where no script says what: on a wrong path.
    let stock = ["not-found"];
    let unused: Vec<_> = names.filter(|name| !says(&library, name) && !stock.contains(name)).collect();
    assert!(unused.is_empty(), "no scenario uses {unused:?}");
}

#[test]
fn every_fault_and_delivery_of_the_grammar_is_used_by_a_scenario() {
    let library = library();
    let words = [
        "refuse",
        "raw",
        "body",
        "json",
        "events",
        "set",
        "unset",
        "secs",
        "ms",
        "date",
        "head_after",
        "body_after",
        "pace",
        "pieces",
        "framing",
        "longer",
        "shorter",
        "chunked",
        "length",
        "close",
        "encoding",
        "crlf",
        "cr",
        "lf",
        "cut",
        "reset",
        "stall",
        "half-close",
        "wait",
        "if_reused",
        "for",
        "done",
        "text",
        "delta",
        "finish",
        "usage",
        "error",
        "chunk",
        "data",
        "comment",
        "named",
        "pause",
        "repeat",
        "forever",
        "accept",
        "request",
        "head",
        "bytes",
        "end",
        "cancel_after",
        "arrive",
        "at",
        "count",
        "capacity",
        "copies",
        "token_ttl",
        "base_url",
        "key",
        "elsewhere",
        "pair",
        "needs",
        "vary",
        "within",
        "answer",
        "sent",
        "total",
        "charge_sensitive",
        "unsafe",
        "size",
        "messages",
        "instructions",
        "tools",
        "hex",
        "times",
    ];
    let unused: Vec<_> = words.into_iter().filter(|word| !says(&library, word)).collect();
    assert!(unused.is_empty(), "no scenario uses {unused:?}");
}

#[test]
fn every_scenario_says_why_and_where_from() {
    for case in suite::cases() {
        assert!(!case.why.is_empty() && (!case.sources.is_empty() || !case.incidents.is_empty()), "{}", case.id);
    }
}

#[test]
fn the_default_build_carries_no_tls() {
    let lock = text(&suite::root().join("Cargo.lock"));
    for name in ["rustls", "native-tls", "openssl", "ring", "aws-lc-rs", "boring"] {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is in the lock file");
    }
}

/// What a crate gets that has the library as a dev-dependency.
#[test]
fn without_features_the_library_is_light() {
    let arguments = "tree --offline --locked --edges no-dev --no-default-features --prefix none --format {p}";
    let tree = Command::new(env!("CARGO")).args(arguments.split(' ')).current_dir(suite::root()).output();
    let tree = tree.expect("cargo runs");
    let tree = String::from_utf8(tree.stdout).expect("names of crates");
    let crates: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("brownout") && crates.contains("tokio"), "{tree}");
    for heavy in ["clap", "libtest-mimic", "miette", "minijinja", "askama", "wiremock", "hyper", "reqwest", "rustls"] {
        assert!(!crates.contains(heavy), "{heavy} comes with the library");
    }
}

#[test]
fn public_documents_speak_of_files_that_exist() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let text = text(&suite::root().join(document));
        for (_, rest) in text.match_indices("](").map(|(at, _)| (at, &text[at + 2..])) {
            let target = rest.split([')', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") {
                assert!(suite::root().join(target).exists(), "{document} links to {target}");
            }
        }
    }
}
