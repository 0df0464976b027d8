//! `exec` and `serve`: whole commands against the provider, judged by the wire, by what they print and, if asked, by how they end.

#![cfg(unix)]

#[path = "support/python.rs"]
mod python;
use python::python;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Output, Stdio},
};

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value as Json, json};

/// Runs `exec` with these arguments over a command of this kind.
fn exec(arguments: &[&str], kind: &str) -> (i32, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/command/ask.py");
    let output: Output = Command::new(cargo_bin("brownout"))
        .arg("exec")
        .args(arguments)
        .args(["--", python(), "-S", script, kind])
        .env("http_proxy", "http://127.0.0.1:1")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().expect("it exits"), text)
}

const BAD_KEY: [&str; 2] = ["--scenario", "auth/bad-key"];

#[test]
fn a_good_command_passes_the_smoke_set() {
    let (status, text) = exec(&[], "good");
    assert_eq!(status, 0, "{text}");
    assert!(text.starts_with("12 judged of 12\n"), "{text}");
}

#[test]
fn a_command_that_tries_too_often_is_caught_and_its_exit_status_is_judged_only_if_asked() {
    let (status, text) = exec(&BAD_KEY, "stubborn");
    assert!(status == 1 && text.contains("bounded-attempts       user 0: 5 attempts at the primary"), "{text}");
    assert!(text.contains("command   exit status 3") && !text.contains("exit status 3  (exit status 0)"), "{text}");
    let (status, text) = exec(&["--expect-exit", "0", BAD_KEY[0], BAD_KEY[1]], "stubborn");
    assert!(status == 1 && text.contains("as-expected            exit status 3  (exit status 0)"), "{text}");
}

#[test]
fn a_key_in_the_output_is_a_leak() {
    let (status, text) = exec(&BAD_KEY, "talkative");
    assert!(status == 1 && text.contains("no-secret-leak"), "{text}");
    assert!(!text.contains("sk-brownout"), "the key itself stands in {text}");
}

#[test]
fn without_a_mark_rules_of_one_user_are_inconclusive() {
    let (status, text) = exec(&BAD_KEY, "unmarked");
    assert!(status == 3 && text.contains("1 attempts carry no mark of a user request"), "{text}");
    let (status, text) = exec(&["--one-request", BAD_KEY[0], BAD_KEY[1]], "unmarked");
    assert_eq!(status, 0, "{text}");
    let (_, text) = exec(&["--expect-exit", "7", BAD_KEY[0], BAD_KEY[1]], "unmarked");
    assert!(text.contains("as-expected            exit status 3  (exit status 7)"), "{text}");
}

#[test]
fn a_command_that_does_not_end_is_ended_and_fails() {
    let (status, text) = exec(&["--timeout", "700ms", BAD_KEY[0], BAD_KEY[1]], "endless");
    assert!(status == 1 && text.contains("terminates             the command had not ended after 0.7"), "{text}");
}

#[test]
fn what_does_not_start_is_no_verdict() {
    let output =
        Command::new(cargo_bin("brownout")).args(["exec", BAD_KEY[0], BAD_KEY[1], "--", "/no/such/program"]).output();
    assert_eq!(output.expect("it runs").status.code(), Some(3));
}

/// `serve` under way.
struct Served {
    child: Child,
    told: Json,
}

impl Served {
    fn new(arguments: &[&str]) -> Self {
        let mut child = Command::new(cargo_bin("brownout"))
            .arg("serve")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Served { child, told }
    }

    fn control(&self, method: &str, path: &str, body: &str) -> (u16, Json) {
        send(self.told["control"].as_str().expect("a URL"), method, path, "", body)
    }

    /// A chat completion, with a mark.
    fn ask(&self) -> u16 {
        let headers = format!(
            "authorization: Bearer {}\r\ncontent-type: application/json\r\nx-brownout-user: 0\r\n",
            self.told["api_key"].as_str().expect("a key")
        );
        let body = json!({ "model": self.told["model"], "messages": [{ "role": "user", "content": "How long is a fortnight?" }] });
        send(self.told["base_url"].as_str().expect("a URL"), "POST", "/chat/completions", &headers, &body.to_string()).0
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn send(base: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, Json) {
    let (host, before) =
        base.trim_start_matches("http://").split_once('/').unwrap_or((base.trim_start_matches("http://"), ""));
    let path = if before.is_empty() { path.to_owned() } else { format!("/{before}{path}") };
    let mut stream = TcpStream::connect(host).expect("it listens");
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn one_scenario_after_another_is_armed_and_judged_at_the_same_doors() {
    let served = Served::new(&[]);
    assert_eq!(served.control("GET", "/verdict", "").0, 409);
    // Nothing is armed: a healthy provider.
    assert_eq!(served.ask(), 200);
    for (scenario, answer, asked, status) in [
        ("auth/bad-key", 401, 1, "pass"),
        ("rate-quota/payment-required", 402, 3, "fail"),
        ("auth/bad-key", 401, 0, "not-exercised"),
    ] {
        let (armed, place) = served.control("POST", "/arm", &json!({ "scenario": scenario }).to_string());
        assert_eq!((armed, &place["base_url"]), (200, &served.told["base_url"]));
        for _ in 0..asked {
            assert_eq!(served.ask(), answer);
        }
        let (_, verdict) = served.control("GET", "/verdict", "");
        assert_eq!(verdict["status"], status, "{verdict}");
        let (_, transcript) = served.control("GET", "/transcript", "");
        assert_eq!(transcript["attempts"].as_array().map(Vec::len), Some(asked));
    }
    let (status, why) = served.control("POST", "/arm", r#"{"scenario":"auth/bad-kye"}"#);
    assert!(
        status == 404 && why["error"].as_str().is_some_and(|why| why.contains("did you mean `auth/bad-key`")),
        "{why}"
    );
}
