//! No input makes the harness panic: files, requests, replies and saved transcripts, arbitrary or nearly right.

use std::{fs, path::Path, rc::Rc, sync::OnceLock, time::Duration};

use brownout::{
    client::{About, AnyClient, Call, Client, Outcome, ResultKind},
    policy::Policy,
    reference::Reference,
    reply,
    run::run_alone,
    scenario::{
        Capability, Host,
        load::{self, SourceFile},
    },
    transcript::Transcript,
    verdict::judge,
    wire::{Asked, Ending, Headers, Seen, Served},
    yaml::{Source, SourceError},
};
use libtest_mimic::Trial;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{cases, regressions, schedule, trial};
use crate::support::suite;

/// Inputs of each kind that keep `cargo test` quick.
const USUAL: u32 = 256;

pub fn trials() -> Vec<Trial> {
    random().into_iter().chain(known()).collect()
}

/// What was found, and is refused or survived since.
fn known() -> Vec<Trial> {
    let refused = |text: String, read: Result<(), SourceError>| match read {
        Ok(()) => Err("it is accepted".to_owned()),
        refused => is_read_or_placed(refused, &text),
    };
    let policies = regressions::POLICIES.iter().map(|(name, text)| {
        let read = || Policy::parse(&Source::new("brownout.yaml", *text)).map(|_| ());
        Trial::test(format!("a policy is refused: {name}"), move || Ok(refused((*text).to_owned(), read())?))
    });
    let scenarios = regressions::SCENARIOS.iter().map(|(name, keys)| {
        let text = schedule::headed(keys);
        Trial::test(format!("a scenario is refused: {name}"), move || Ok(refused(text.clone(), load_scenario(&text))?))
    });
    let request = || Ok(provider_stands(regressions::REQUEST.to_vec())?);
    policies.chain(scenarios).chain([Trial::test("a chunk of all that a number can say", request)]).collect()
}

fn random() -> Vec<Trial> {
    let each = cases(USUAL);
    vec![
        trial(
            "no scenario file makes the loader panic",
            each,
            || edited(scenarios()),
            |text| is_read_or_placed(load_scenario(&text), &text),
        ),
        trial("no text makes the loader panic", each, any_text, |text| is_read_or_placed(load_scenario(&text), &text)),
        trial(
            "no file of replies makes the loader panic",
            each,
            || edited(replies()),
            |text| is_read_or_placed(load_replies(&text), &text),
        ),
        trial("no policy file makes the reader panic", each, || edited(policies()), policy_is_obeyed_or_placed),
        trial("no request makes the provider panic", each, requests, provider_stands),
        trial("no reply makes the witness panic", each, reply_bytes, witness_reads),
        trial(
            "no saved transcript makes the judge panic",
            each,
            || edited(transcripts()),
            transcript_is_judged_or_refused,
        ),
    ]
}

// -- texts that are nearly right

/// A text, with the name of what it was made from.
type Named = (String, String);

/// A change to a text.
#[derive(Debug, Clone)]
enum Edit {
    Cut(Index, usize),
    Insert(Index, &'static str),
    Twice(Index),
    Swap(Index, Index),
}

/// What means something to a reader.
const TOKENS: [&str; 58] = [
    "\n",
    " ",
    "  ",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "#",
    " # ",
    "&a ",
    "*a",
    "!t ",
    "<<: ",
    "$mark",
    "$x",
    "$",
    "$$",
    "null",
    "~",
    "true",
    "-1",
    "0",
    "1",
    "17",
    "999999999999",
    "1e999",
    ".nan",
    ".inf",
    "1h",
    "0ms",
    "9 deadline",
    "1000 retry_after.ceiling",
    "\u{feff}",
    "\t",
    "\r",
    "\u{e9}",
    "\u{0}",
    "...",
    "---",
    "%YAML 1.2\n",
    "? ",
    "| ",
    "> ",
    ",",
    "forever",
    "refuse",
    "reset-on-accept",
    "accept",
    "none",
    "\\",
    "e4 b8",
    "repeat: { times: 99999999999, events: [ done ] }",
    "for: 1s",
    "/0",
];

fn edit() -> BoxedStrategy<Edit> {
    let place = || any::<Index>();
    prop_oneof![
        (place(), 1..40_usize).prop_map(|(at, length)| Edit::Cut(at, length)),
        (place(), select(&TOKENS[..])).prop_map(|(at, token)| Edit::Insert(at, token)),
        place().prop_map(Edit::Twice),
        (place(), place()).prop_map(|(one, other)| Edit::Swap(one, other)),
    ]
    .boxed()
}

impl Edit {
    fn of(&self, text: &str) -> String {
        let place = |at: &Index| text.floor_char_boundary(at.index(text.len() + 1));
        let line = |at: &Index| text[..place(at)].matches('\n').count();
        let mut lines: Vec<&str> = text.split('\n').collect();
        match self {
            Edit::Cut(at, length) => {
                let from = place(at);
                format!("{}{}", &text[..from], &text[text.floor_char_boundary((from + length).min(text.len()))..])
            }
            Edit::Insert(at, token) => format!("{}{token}{}", &text[..place(at)], &text[place(at)..]),
            Edit::Twice(at) => {
                lines.insert(line(at), lines[line(at)]);
                lines.join("\n")
            }
            Edit::Swap(one, other) => {
                lines.swap(line(one), line(other));
                lines.join("\n")
            }
        }
    }
}

/// One of these texts with a few edits.
fn edited(texts: &'static [Named]) -> BoxedStrategy<String> {
    let apply = |((_, text), edits): (Named, Vec<Edit>)| edits.iter().fold(text, |text, edit| edit.of(&text));
    (select(texts), vec(edit(), 1..4)).prop_map(apply).boxed()
}

fn any_text() -> BoxedStrategy<String> {
    let word = prop_oneof![4 => select(&TOKENS[..]).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from), 2 => "[a-z_]{1,8}"];
    vec(word, 0..60).prop_map(|words| words.concat()).boxed()
}

// -- files

fn folder(path: &Path, found: &mut Vec<Named>) {
    for entry in fs::read_dir(path).expect("the folder of scenarios") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            folder(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yaml") && !path.ends_with("replies.yaml") {
            found.push((path.display().to_string(), fs::read_to_string(&path).expect("a scenario")));
        }
    }
    found.sort();
}

fn scenarios() -> &'static [Named] {
    static TEXTS: OnceLock<Vec<Named>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let mut found = Vec::new();
        folder(&suite::root().join("scenarios"), &mut found);
        found
    })
}

fn replies() -> &'static [Named] {
    static TEXT: OnceLock<Named> = OnceLock::new();
    std::slice::from_ref(TEXT.get_or_init(|| named("scenarios/replies.yaml")))
}

fn policies() -> &'static [Named] {
    static TEXT: OnceLock<Named> = OnceLock::new();
    std::slice::from_ref(TEXT.get_or_init(|| named("harness/policy.yaml")))
}

fn named(path: &str) -> Named {
    (path.to_owned(), fs::read_to_string(suite::root().join(path)).expect("it is in the repository"))
}

fn load_scenario(text: &str) -> Result<(), SourceError> {
    load::load(&[SourceFile::new("scenarios", "streaming/random.yaml", text)], &Policy::default()).map(|library| {
        assert!(!library.cases.is_empty(), "loading never finds nothing");
    })
}

fn load_replies(text: &str) -> Result<(), SourceError> {
    let scenario = "title: a\nwhy: b\nsources: [c]\nprimary: [ok, server-error]\n";
    let files = [
        SourceFile::new("scenarios", "replies.yaml", text),
        SourceFile::new("scenarios", "streaming/random.yaml", scenario),
    ];
    load::load(&files, &Policy::default()).map(|_| ())
}

/// An error names a line and a column of the text.
fn is_read_or_placed(read: Result<(), SourceError>, text: &str) -> Result<(), String> {
    match read {
        Err(error) if error.message.is_empty() => Err(format!("an error without a message: {error:?}")),
        Err(error) if (1..=text.split('\n').count()).contains(&error.line) && error.column > 0 => Ok(()),
        // The stand-in scenario may name a reply that the text has no more.
        Err(error) if error.path.ends_with("random.yaml") && error.line == 4 => Ok(()),
        Err(error) => Err(format!("an error without a place: {error}")),
        Ok(()) => Ok(()),
    }
}

/// A policy that is accepted can be obeyed.
fn policy_is_obeyed_or_placed(text: String) -> Result<(), String> {
    let policy = match Policy::parse(&Source::new("brownout.yaml", text.as_str())) {
        Ok(policy) => policy,
        Err(error) => return is_read_or_placed(Err(error), &text),
    };
    let scenario = "title: a\nwhy: b\nsources: [c]\nprimary: [ { reply: rate-limited, headers: { retry-after: { secs: 1s } } }, server-error, ok ]\n";
    let file = SourceFile::new("scenarios", "streaming/random.yaml", scenario);
    let library = load::load(&[file], &policy).map_err(|error| error.to_string())?;
    let transcript = run_alone(&library.cases[0], &suite::reference, 1);
    judge(&transcript);
    is_clean(&transcript)
}

fn is_clean(transcript: &Transcript) -> Result<(), String> {
    match transcript.errors.is_empty() && transcript.panics.is_empty() {
        true => Ok(()),
        false => Err(format!("errors {:?}, panics {:?}", transcript.errors, transcript.panics)),
    }
}

// -- requests

/// Parts of requests: right, wrong and enormous.
fn requests() -> BoxedStrategy<Vec<u8>> {
    let part = select(vec![
        "POST /v1/chat/completions HTTP/1.1\r\n",
        "POST /v1/chat/completions?x=1 HTTP/1.0\r\n",
        "GET / HTTP/1.1\r\n",
        "PUT * HTTP/9.9\r\n",
        "host: a\r\n",
        "authorization: Bearer x\r\n",
        "content-length: 12\r\n",
        "content-length: 18446744073709551615\r\n",
        "content-length: -1\r\n",
        "transfer-encoding: chunked\r\n",
        "expect: 100-continue\r\n",
        "connection: close\r\n",
        "x-brownout-user: user-0\r\n",
        "\r\n",
        "\r\n\r\n",
        "5\r\nhello\r\n",
        "ffffffffffffffff\r\n",
        "fffffffffffffffe\r\nx",
        "0\r\n\r\n",
        "zz\r\n",
        "{\"model\":\"x\",\"messages\":[{\"content\":\"[u0:\"}]}",
        "[u999999999999999999999:x] user-99999999999999999999-x",
        "{\"stream\":true}",
        "\u{0}\u{1}",
    ]);
    let part = prop_oneof![8 => part.prop_map(|part| part.as_bytes().to_vec()), 1 => vec(any::<u8>(), 0..12)];
    vec(part, 0..10).prop_map(|parts| parts.concat()).boxed()
}

/// A client that sends these bytes, and asks properly when all is over.
struct Wild(Vec<u8>, Reference);

impl Client for Wild {
    fn about(&self) -> About {
        Client::about(&self.1)
    }

    fn capabilities(&self) -> Vec<Capability> {
        Vec::new()
    }

    async fn call(&self, call: Call) -> Outcome {
        let first = call.user.starts_with("user-0-");
        if !first {
            return Client::call(&self.1, call).await;
        }
        let address =
            call.providers[0].base_url.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        // The provider may have closed already.
        stream.write_all(&self.0).await.ok();
        let mut reply = Vec::new();
        timeout(Duration::from_secs(1), stream.read_to_end(&mut reply)).await.ok();
        Outcome::new(ResultKind::Failed)
    }
}

fn provider_stands(bytes: Vec<u8>) -> Result<(), String> {
    let case = schedule::case("title: a\nwhy: b\nsources: [c]\nprimary: [ { reply: server-error, if_reused: ok } ]\n")?;
    let wild = move |policy: &Policy, seed: u64| -> Rc<dyn AnyClient> {
        Rc::new(Wild(bytes.clone(), Reference::new(policy, seed)))
    };
    let transcript = run_alone(&case, &wild, 1);
    judge(&transcript);
    is_clean(&transcript)?;
    let well = transcript.probe.as_ref().and_then(|probe| probe.result) == Some(ResultKind::Completed);
    if well { Ok(()) } else { Err(format!("the provider does not serve any more: {:?}", transcript.probe)) }
}

// -- replies

fn reply_bytes() -> BoxedStrategy<Vec<u8>> {
    let part = select(vec![
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 429 Too Many\r\n",
        "HTTP/1.1 999 x\r\n",
        "content-type: text/event-stream\r\n",
        "content-type: application/json\r\n",
        "content-encoding: gzip\r\n",
        "content-length: 12\r\n",
        "content-length: 18446744073709551616\r\n",
        "transfer-encoding: chunked\r\n",
        "retry-after: 1e400\r\n",
        "location: ://\r\n",
        "\r\n",
        "5\r\nhello\r\n",
        "ffffffffffffffff\r\nx",
        "0\r\n\r\n",
        "data: {\"choices\":[{\"index\":99999999999,\"delta\":{\"content\":\"a\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":18446744073709551615}]}}]}\r\r",
        "data: {\"usage\":{\"a\":18446744073709551615}}\n\n",
        "data: [DONE]\n\n",
        "event: error\ndata\n\n",
        ":\n",
        "{\"choices\":[{\"message\":{\"content\":[[]]}}]}",
        "{\"error\":{\"code\":-1}}",
        "[[[[[[",
        "\u{feff}",
        "\r",
    ]);
    let part = prop_oneof![8 => part.prop_map(|part| part.as_bytes().to_vec()), 1 => vec(any::<u8>(), 0..12)];
    vec(part, 0..12).prop_map(|parts| parts.concat()).boxed()
}

/// Every prefix is read too: that is what the pace of a reply is told by.
fn witness_reads(sent: Vec<u8>) -> Result<(), String> {
    let now = Instant::now();
    let body = br#"{"stream":true}"#.to_vec();
    let asked = Asked { method: "POST".to_owned(), target: "/".to_owned(), headers: Headers::default(), body };
    let length = sent.len() as u64;
    let seen = Seen {
        host: Host::Primary,
        connection: 0,
        reused: false,
        accepted: now,
        requested: Some(now),
        request: Some(asked),
        user: Some(0),
        served: Served::Step,
        step: String::new(),
        index: 0,
        own_script: false,
        faulty: true,
        first_byte: Some(now),
        last_byte: Some(now),
        ended: Some(now),
        ending: Ending::Done,
        cut_after: None,
        sent_len: length,
        sent,
        wait_asked: None,
        sends: Vec::new(),
    };
    reply::read(&seen, &Policy::default(), &["quota".to_owned()]);
    let moments = (1..=length.min(200)).map(|n| (n, n)).collect();
    reply::pace(&seen, &Policy::default(), &reply::Sends { moments, end: length + 1 });
    Ok(())
}

// -- transcripts

fn transcripts() -> &'static [Named] {
    static TEXTS: OnceLock<Vec<Named>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let ids = [
            "provider-transient/injected-500",
            "streaming/stall-after-text",
            "parser/tool-call",
            "rate-quota/retry-after",
            "client-timeout/user-leaves",
        ];
        let all = suite::cases();
        let told = |case: &brownout::scenario::Case| {
            let transcript = run_alone(case, &suite::reference, 1);
            // A line for each value, so that lines can change places.
            (case.id.clone(), serde_json::to_string_pretty(&transcript).expect("plain values have a JSON form"))
        };
        all.iter().filter(|case| ids.iter().any(|id| case.id.starts_with(id))).map(told).collect()
    })
}

fn transcript_is_judged_or_refused(text: String) -> Result<(), String> {
    if let Ok(transcript) = serde_json::from_str::<Transcript>(&text)
        && transcript.check().is_ok()
    {
        judge(&transcript);
    }
    Ok(())
}
