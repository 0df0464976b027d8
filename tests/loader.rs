//! The scenario language: what is refused, exactly where and with what help; what good files become.

use std::{fs, path::Path, time::Duration};

use brownout::{
    causes::{Class, ResultWord},
    duration::OrNone,
    policy::Policy,
    scenario::{
        By, Capability, Case, Content, Count, Cut, Event, ExpectedOutcome, Host, Point, Script,
        load::{Library, SourceFile, embedded, load, load_dir},
        schema,
    },
    yaml::{Source, SourceError},
};
use rstest::rstest;
use serde_json::Value;

const HEAD: &str = "title: T\nwhy: W\nsources: [s]\n";

fn loaded(files: &[(&str, &str)]) -> Result<Library, SourceError> {
    let files: Vec<SourceFile> = files.iter().map(|(path, text)| SourceFile::new("scenarios", path, *text)).collect();
    load(&files, &Policy::default())
}

/// A file whose fourth line begins the text.
fn scenario(text: &str) -> Result<Library, SourceError> {
    loaded(&[("streaming/x.yaml", &format!("{HEAD}{text}\n"))])
}

#[track_caller]
fn refused(result: Result<Library, SourceError>, place: (usize, usize), message: &str, help: &str) {
    let error = result.err().unwrap_or_else(|| panic!("accepted, and `{message}` was expected"));
    assert_eq!((error.line, error.column, error.message.as_str()), (place.0, place.1, message), "{error}");
    let said = error.help.clone().unwrap_or_default();
    assert!(said.contains(help), "help: {said}");
    let shown = error.to_string();
    assert!(shown.starts_with(&format!("{}:{}:{}: ", error.path, place.0, place.1)) && shown.contains('^'), "{shown}");
}

#[rstest]
// keys and words
#[case::unknown_key("primry: [ ok ]", (4, 1), "unknown key `primry`", "did you mean `primary`?")]
#[case::unknown_key_in_a_step("primary: [ { reply: ok, head_aftr: 1s } ]", (4, 25), "unknown key `head_aftr`", "did you mean `head_after`?")]
#[case::unknown_key_in_a_cut("primary: [ { reply: ok, cut: { after: end, bye: close } } ]", (4, 44), "unknown key `bye`", "did you mean `by`?")]
#[case::unknown_key_in_if_reused("primary: [ { reply: ok, if_reused: { reply: ok, pase: 1s } } ]", (4, 49), "unknown key `pase`", "did you mean `pace`?")]
#[case::unknown_item("primary: [ { events: [ finsh: stop ] } ]", (4, 24), "unknown key `finsh`", "did you mean `finish`?")]
#[case::second_alternative("expect: [ { outcome: completed }, { outcom: refused } ]", (4, 37), "unknown key `outcom`", "did you mean `outcome`?")]
#[case::unknown_by("primary: [ { reply: ok, cut: { after: end, by: rst } } ]", (4, 48), "unknown value `rst`", "reset")]
#[case::unknown_class("expect: { outcome: { failed: time-out } }", (4, 30), "unknown value `time-out`", "did you mean `timeout`?")]
#[case::unknown_capability("needs: [retri]", (4, 9), "unknown value `retri`", "did you mean `retry`?")]
#[case::unknown_host("expect: { attempts: { secondary: 1 } }", (4, 23), "unknown value `secondary`", "primary")]
#[case::duplicate_key("primary: [ ok ]\nprimary: [ ok ]", (5, 1), "the key `primary` is given twice", "line 4")]
#[case::two_tags_in_one_item("primary: [ { events: [ { text: a, finish: stop } ] } ]", (4, 35), "one of `text` and `finish`, not both", "list")]
#[case::unknown_policy_key("policy: { deadlin: 2s }", (4, 11), "unknown key `deadlin`", "did you mean `deadline`?")]
// types
#[case::number_for_text("primary: [ { body: 42 } ]", (4, 20), "expected a string, found the integer 42", "quote it")]
#[case::text_for_number("primary: [ { status: \"500\" } ]", (4, 22), "expected a status from 200 to 599, found the string \"500\"", "")]
#[case::no_status("primary: [ { status: 99 } ]", (4, 22), "99 is no status of a reply", "write 200 to 599")]
#[case::list_for_map("request: [ stream ]", (4, 10), "expected a map, found a list", "")]
#[case::yes_is_no_boolean("request: { stream: yes }", (4, 20), "expected a boolean, found the string \"yes\"", "")]
#[case::no_value("primary:", (4, 1), "`primary` has no value", "give it a value")]
// durations, points, counts
#[case::no_duration("primary: [ { reply: ok, head_after: 2 } ]", (4, 37), "`2` is not a duration", "250ms, 2s, 10m or 1h")]
#[case::no_policy_duration("primary: [ { reply: ok, head_after: 2 atempt_timeout } ]", (4, 37), "the policy has no duration `atempt_timeout`", "did you mean `attempt_timeout`?")]
#[case::no_point("primary: [ { reply: ok, cut: { after: 3 evnts, by: close } } ]", (4, 39), "`3 evnts` is no point of a reply", "3 events")]
#[case::no_count("expect: { attempts: { primary: two } }", (4, 32), "`two` is no count", "1..2")]
#[case::empty_range("expect: { attempts: { primary: 3..2 } }", (4, 32), "`3..2` holds no number", "smaller one first")]
#[case::no_arrival("users: 2\narrive: 2s", (5, 9), "`2s` does not say when users arrive", "every 30s")]
#[case::no_wait("primary: [ { reply: rate-limited, headers: { retry-after: { sec: 2s } } } ]", (4, 61), "unknown key `sec`", "did you mean `secs`?")]
// replies and steps
#[case::unknown_reply("primary: [ sever-error ]", (4, 12), "unknown reply `sever-error`", "did you mean `server-error`?")]
#[case::two_bodies("primary: [ { json: {}, body: a } ]", (4, 24), "`body` and `json` exclude each other", "keep one")]
#[case::body_beside_reply("primary: [ { reply: ok, body: a } ]", (4, 25), "`body` stands beside `reply`", "set")]
#[case::nothing_at_all("primary: [ { pace: 1s } ]", (4, 14), "this step sends nothing and ends nothing", "`cut` alone")]
#[case::set_leads_nowhere("primary: [ { reply: ok, set: { /choces/0/index: 1 } } ]", (4, 32), "`/choces/0/index` leads nowhere: there is no `/choces/0`", "")]
#[case::set_on_a_stream("request: { stream: true }\nprimary: [ { reply: ok, set: { /id: a } } ]", (5, 25), "`set` changes a JSON body, and this reply has none", "write the events out")]
#[case::cut_beyond_the_events("request: { stream: true }\nprimary: [ { reply: ok, cut: { after: 9 events, by: close } } ]", (5, 39), "the reply has 8 events only", "cut inside the reply")]
#[case::cut_beyond_the_body("primary: [ { body: four, cut: { after: 5 bytes, by: close } } ]", (4, 40), "the body has 4 bytes only", "cut inside the reply")]
#[case::events_of_a_plain_reply("primary: [ { reply: ok, cut: { after: 3 events, by: close } } ]", (4, 39), "this reply has no events", "stream: true")]
#[case::cut_of_nothing("primary: [ { cut: { after: head, by: close } } ]", (4, 21), "nothing is sent, so there is no such point", "accept")]
#[case::step_outlasts_the_deadline("primary: [ { reply: ok, head_after: 9s } ]", (4, 14), "this step lasts 9.0 s, and the deadline is 8s", "policy")]
#[case::pieces_outlast_the_deadline("bytes: { a: { repeat: { bytes: x, times: 9000 } } }\nprimary: [ { body: $a, pieces: 1 } ]", (5, 14), "this step lasts 9.0 s, and the deadline is 8s", "policy")]
#[case::reused_inside_reused("primary: [ { reply: ok, if_reused: { reply: ok, if_reused: ok } } ]", (4, 49), "`if_reused` inside `if_reused`", "keep one")]
// scripts and users
#[case::steps_and_phases("primary: [ { reply: ok, for: 1s }, ok, ok ]", (4, 36), "steps and phases do not mix", "`for`")]
#[case::last_phase_ends("primary: [ { reply: ok, for: 1s }, { reply: ok, for: 1s } ]", (4, 49), "the last phase has no end", "leave `for` out")]
#[case::empty_script("primary: []", (4, 10), "a script without a step", "leave it out")]
#[case::refuse_among_steps("primary: [ refuse, ok ]", (4, 12), "nobody can count connections that are refused", "`for`")]
#[case::accept_among_users("users: 2\nprimary: [ reset-on-accept, ok ]", (5, 12), "nobody is known yet when a connection is accepted", "`for`")]
#[case::refusals_counted("primary: [ refuse ]\nexpect: { attempts: { primary: 2 } }", (5, 11), "attempts at the primary cannot be counted: refused connections are never seen", "outcome")]
#[case::nobody_asks("users: 0", (4, 8), "nobody asks anything", "1 or more")]
#[case::too_many_together("users: 600", (4, 1), "600 users arrive at one instant; at most 512 may", "arrive: every")]
#[case::total_of_an_alternative("users: 2\nexpect: [ { total: { primary: 2 } }, { outcome: refused } ]", (5, 13), "`total` speaks of all users, and cannot be an alternative", "one map")]
// axes
#[case::undeclared("primary: [ $replay ]\nvary: { reply: [ ok, server-error ] }", (4, 12), "nothing is called `$replay`", "did you mean `reply`?")]
#[case::unused("primary: [ ok ]\nvary: { by: [ close, reset ] }", (5, 9), "`$by` is never used", "leave it out")]
#[case::shadows("primary: [ $key ]\nvary: { key: [ ok, server-error ] }", (5, 9), "`$key` is the harness's own", "another name")]
#[case::equal_labels("primary: [ $r ]\nvary: { r: [ ok, ok ] }", (5, 18), "two values of `r` are labelled `ok`", "labels of your own")]
#[case::needs_a_label("primary: [ $r ]\nvary: { r: [ { reply: ok }, ok ] }", (5, 16), "this value needs a label", "{ label: value }")]
#[case::no_field("primary: [ $r.step ]\nvary: { r: { a: { stp: ok } } }", (4, 12), "`r` has no field `step` where it is `a`", "did you mean `stp`?")]
#[case::error_inside_a_value("primary: [ { reply: ok, cut: { after: 10 bytes, by: $by } } ]\nvary: { by: [ close, rst ] }", (5, 22), "unknown value `rst`", "")]
#[case::error_deep_inside_a_value("primary: [ $step ]\nvary:\n  step:\n    good: ok\n    bad: { reply: ok, hed_after: 1s }", (8, 23), "unknown key `hed_after`", "did you mean `head_after`?")]
#[case::bare_dollar("primary: [ { body: \"5 $ each\" } ]", (4, 20), "this `$` begins no name", "write `$$`")]
// yaml that reads wrongly
#[case::alias("primary: [ &a ok, *a ]", (4, 12), "anchors are not allowed", "write the value")]
#[case::tag("primary: [ !x ok ]", (4, 12), "tags are not allowed", "")]
#[case::merge_key("request: { <<: { stream: true } }", (4, 12), "merge keys are not allowed", "")]
#[case::second_document("---\ntitle: U", (4, 1), "a second document begins here", "")]
fn bad_scenarios(#[case] text: &str, #[case] place: (usize, usize), #[case] message: &str, #[case] help: &str) {
    refused(scenario(text), place, message, help);
}

#[rstest]
#[case::title_cut_by_a_comment("title: Issue #7\nwhy: W\nsources: [s]\n", (1, 14), "`title` ends here: the rest of the line is a comment", "quote it")]
#[case::no_why("title: T\nsources: [s]\n", (1, 1), "missing key `why`", "")]
#[case::empty_title("title: \"\"\nwhy: W\nsources: [s]\n", (1, 8), "`title` is empty", "write a sentence")]
#[case::from_nowhere("title: T\nwhy: W\n", (1, 1), "this scenario comes from nowhere", "name `sources` or `incidents`")]
#[case::unknown_incident("title: T\nwhy: W\nincidents: [ra-ignored-vercl]\n", (3, 13), "unknown incident `ra-ignored-vercl`", "did you mean `ra-ignored-vercel`?")]
#[case::five_incidents("title: T\nwhy: W\nincidents: [ra-ignored-vercel, sse-crlf, sse-bom, sse-cr-only, sse-data-no-space]\n", (3, 64), "more than 4 incidents", "of its own")]
fn bad_heads(#[case] text: &str, #[case] place: (usize, usize), #[case] message: &str, #[case] help: &str) {
    refused(loaded(&[("streaming/x.yaml", text)]), place, message, help);
}

#[rstest]
#[case::unknown_family("stremaing/x.yaml", "unknown family `stremaing`", "did you mean `streaming`?")]
#[case::no_family("x.yaml", "stands in no family's folder", "<family>/<slug>.yaml")]
#[case::bad_slug("streaming/Cut_1.yaml", "`Cut_1` is no slug", "lower-case words")]
#[case::no_yaml("streaming/x.txt", "is no scenario: its name does not end in .yaml", "<family>/<slug>.yaml")]
fn bad_paths(#[case] path: &str, #[case] message: &str, #[case] help: &str) {
    let error = loaded(&[(path, HEAD)]).expect_err("the path is wrong");
    assert_eq!(
        (error.path.as_str(), error.line, error.message.as_str()),
        (format!("scenarios/{path}").as_str(), 0, message)
    );
    assert!(error.help.clone().unwrap_or_default().contains(help), "{error}");
}

fn titled(title: &str, rest: &str) -> String {
    format!("title: {title}\nwhy: W\nsources: [s]\n{rest}")
}

#[test]
fn pairs_point_at_each_other() {
    let pair =
        |a: &str, b: &str| loaded(&[("streaming/a.yaml", &titled("A", a)), ("streaming/b.yaml", &titled("B", b))]);
    assert!(pair("pair: streaming/b\n", "pair: streaming/a\n").is_ok());
    refused(pair("pair: streaming/b\n", ""), (4, 7), "`streaming/b` does not point back", "pair: streaming/a");
    refused(pair("pair: streaming/c\n", ""), (4, 7), "there is no scenario `streaming/c`", "did you mean");
    refused(pair("pair: streaming/a\n", ""), (4, 7), "a scenario cannot be its own pair", "opposite mistake");
}

#[test]
fn ids_and_titles_are_unique() {
    let twice = loaded(&[("streaming/a.yaml", &titled("A", "")), ("streaming/b.yaml", &titled("A", ""))]);
    refused(twice, (1, 8), "`streaming/a` has this title too", "what is special");
    let error = loaded(&[("streaming/a.yaml", &titled("A", "")), ("streaming/a.yaml", &titled("B", ""))])
        .expect_err("one id twice");
    assert_eq!(error.message, "`streaming/a` is read twice");
}

#[test]
fn replies_are_checked_like_scenarios() {
    let with = |text: &str| loaded(&[("replies.yaml", text), ("streaming/x.yaml", HEAD)]);
    refused(with("ok: { about: a, status: 200, jsn: {} }\n"), (1, 30), "unknown key `jsn`", "did you mean `json`?");
    refused(with("ok: { about: a, plain: { body: a } }\n"), (1, 17), "`stream` is missing", "write both");
    refused(with("ok: { body: a }\n"), (1, 1), "`ok` does not say what it is", "about");
    refused(with("Ok: { about: a, body: a }\n"), (1, 1), "`Ok` is no name of a reply", "lower-case");
    refused(with("ok: { about: a, body: a }\n"), (1, 1), "there is no reply `rate-limited`", "add it");
}

#[test]
fn folders_and_files_that_are_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let load = || load_dir(folder.path(), &Policy::default()).expect_err("nothing good is in it");
    assert_eq!(load().message, "holds no scenario");
    fs::create_dir(folder.path().join("parser")).expect("a folder");
    assert_eq!(load().message, "holds no scenario");
    let file = folder.path().join("parser/x.yaml");
    fs::write(&file, b"title: caf\xe9\n").expect("a file");
    let error = load();
    assert_eq!((error.line, error.column, error.message.as_str()), (1, 11, "the byte 0xe9 is not UTF-8"));
    fs::write(&file, vec![b'#'; 10 << 20]).expect("a file");
    assert!(load().message.contains("too large") && load().message.contains("1 MiB"), "{}", load());
    fs::write(&file, "").expect("a file");
    assert!(load().message.contains("no content"), "{}", load());
    let bomb = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: &d [*c, *c, *c, *c]\n";
    fs::write(&file, bomb).expect("a file");
    assert_eq!((load().line, load().column), (1, 4), "{}", load());
    let missing = load_dir(Path::new("no/such/folder"), &Policy::default()).expect_err("there is none");
    assert!(missing.message.starts_with("cannot be read"), "{missing}");
}

fn cases(text: &str) -> Vec<Case> {
    scenario(text).unwrap_or_else(|error| panic!("{error}")).cases
}

fn steps(case: &Case, host: Host) -> &[brownout::scenario::Step] {
    match &case.hosts[&host] {
        Script::Steps(steps) => steps,
        Script::Phases(_) => panic!("these are phases"),
    }
}

#[test]
fn axes_multiply_in_the_order_written() {
    let cases = cases(
        "primary: [ { status: $s, headers: { x: \"$k-$$-$mark\" } } ]\nvary: { s: [ 500, 503 ], k: { one: a, two: b } }",
    );
    let ids: Vec<_> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["streaming/x[500,one]", "streaming/x[500,two]", "streaming/x[503,one]", "streaming/x[503,two]"]);
    let step = &steps(&cases[3], Host::Primary)[0];
    assert!(matches!(step.content, Content::Reply { status: 503, .. }));
    assert_eq!(step.headers, [("x".to_owned(), brownout::scenario::HeaderValue::Text("b-$$-$mark".to_owned()))]);
}

#[test]
fn the_library_loads_for_a_client_that_has_neither_budget_nor_breaker() {
    let text = "retry_budget: none\nbreaker: none\nfallback: { targets: [], reserve: 0ms }\n";
    let policy = Policy::parse(&Source::new("brownout.yaml", text)).unwrap_or_else(|error| panic!("{error}"));
    let cases = |policy| embedded(policy).unwrap_or_else(|error| panic!("{error}")).cases;
    let ids = |cases: &[Case]| cases.iter().map(|case| case.id.clone()).collect::<Vec<_>>();
    let bare = cases(&policy);
    assert!(bare.iter().any(|case| case.policy.breaker == OrNone::None), "what no scenario states stays as it was");
    assert_eq!(ids(&bare), ids(&cases(&Policy::default())));
}

#[test]
fn durations_follow_the_scenarios_own_policy() {
    let case = &cases(
        "policy: { attempt_timeout: 3s }\nprimary: [ { reply: ok, head_after: 1.5 attempt_timeout, body_after: 250ms } ]",
    )[0];
    let deliver = &steps(case, Host::Primary)[0].deliver;
    assert_eq!((deliver.head_after, deliver.body_after), (Duration::from_millis(4500), Duration::from_millis(250)));
    assert_eq!(*case.policy.attempt_timeout, Duration::from_secs(3));
    assert_eq!(case.needs, [Capability::ConfigurableTimeouts]);
}

#[test]
fn a_named_reply_follows_the_request_and_errors_are_plain() {
    let stream = &cases("request: { stream: true }\nprimary: [ ok, server-error ]")[0];
    let bodies: Vec<bool> = steps(stream, Host::Primary)
        .iter()
        .map(|step| matches!(&step.content, Content::Reply { body: brownout::scenario::Body::Events(_), .. }))
        .collect();
    assert_eq!(bodies, [true, false]);
    let faulty: Vec<bool> = steps(stream, Host::Primary).iter().map(|step| step.faulty).collect();
    assert_eq!(faulty, [false, true], "a plain good answer is what everything else differs from");
}

#[test]
fn users_inherit_what_they_leave_out() {
    let case = &cases(
        "request: { stream: true }\nusers:\n  - { request: { stream: false } }\n  - { count: 2, at: 1s, arrive: every 100ms, cancel_after: 3 events + 50ms }\nprimary: [ ok ]",
    )[0];
    let at: Vec<_> = case.users.iter().map(|user| user.at.as_millis()).collect();
    assert_eq!(at, [0, 1000, 1100]);
    assert!(!case.users[0].request.stream && case.users[1].request.stream);
    assert!(
        case.users[0].scripts.contains_key(&Host::Primary),
        "a plain request needs the common script in plain form"
    );
    let cancel = case.users[2].cancel.expect("it leaves");
    assert_eq!((cancel.point, cancel.after), (Some(Point::Events(3, 0)), Duration::from_millis(50)));
}

#[test]
fn expectations_are_all_of_any_of() {
    let case = &cases(
        "expect: [ { outcome: [ completed, { failed: any } ], attempts: { primary: ..2 } }, { outcome: refused } ]",
    )[0];
    let group = &case.users[0].expect[0];
    assert_eq!(group.len(), 2);
    assert_eq!(group[0].outcome[1], ExpectedOutcome { result: ResultWord::Failed, class: None });
    assert_eq!(group[0].attempts[&Host::Primary], Count { from: 0, to: Some(2) });
    let lone = &cases("expect: { outcome: { failed: quota }, attempts: { fallback: 1, primary: 2.. } }")[0];
    assert_eq!(lone.users[0].expect[0][0].outcome[0].class, Some(Class::Quota));
    assert_eq!(lone.needs, [Capability::Retry, Capability::Fallback], "derived from the counts");
}

#[test]
fn bytes_go_where_text_cannot() {
    let case = &cases(
        "request: { stream: true }\nbytes: { half: { hex: e4 b8 }, many: { repeat: { bytes: ab, times: 3 } } }\nprimary: [ { events: [ data: \"x$half\", raw: $many, done ] } ]",
    )[0];
    let Content::Reply { body: brownout::scenario::Body::Events(events), .. } = &steps(case, Host::Primary)[0].content
    else {
        panic!("events")
    };
    let bytes: Vec<Vec<u8>> = events
        .iter()
        .filter_map(|event| match event {
            Event::Data(bytes) | Event::Raw(bytes) => Some(bytes.to_vec()),
            _ => None,
        })
        .collect();
    assert_eq!(bytes, [b"x\xe4\xb8".to_vec(), b"ababab".to_vec()]);
}

/// The ten models of the language, and the cases they make.
#[test]
fn the_ten_models_are_28_cases() {
    let models: [(&str, &str, usize); 10] = [
        (
            "rate-quota/retry-after.yaml",
            "needs: [retry]\nprimary: [ { reply: rate-limited, headers: $wait }, ok ]\nexpect: { outcome: completed, attempts: { primary: 2 } }\nvary: { wait: { seconds: { retry-after: { secs: 2s } }, ms: { retry-after-ms: { ms: 2s } }, date: { retry-after: { date: 2s } } } }",
            3,
        ),
        (
            "streaming/cut-mid-event.yaml",
            "request: { stream: true }\nprimary: [ { reply: ok, cut: { after: 3 events + 17 bytes, by: $by } } ]\nfallback: [ ok ]\nexpect: { outcome: { failed: stream-interrupted }, attempts: { primary: 1, fallback: 0 } }\nvary: { by: [close, reset, stall] }",
            3,
        ),
        (
            "fallback/breaker-four-phases.yaml",
            "needs: [breaker]\npolicy: { breaker: { failures: 5, open_for: 1s, probes: 1 } }\nusers: 400\narrive: every 10ms\nprimary: [ { reply: server-error, for: 2.5 breaker.open_for }, ok ]\nfallback: [ ok ]\nexpect: { outcome: completed }",
            1,
        ),
        (
            "streaming/errors-stay-with-their-stream.yaml",
            "request: { stream: true }\nusers:\n  - { primary: [ { reply: ok-long, pace: 100ms } ], expect: { attempts: { primary: 1, fallback: 0 } } }\n  - { at: 250ms, primary: [ server-error ], expect: { attempts: { fallback: 1 } } }\nfallback: [ ok ]\nexpect: { outcome: completed }",
            1,
        ),
        (
            "auth/redirect-carries-no-key.yaml",
            "policy: { endpoint: { auth: { header: $name } } }\nprimary: [ { status: $status, headers: { location: \"$url.elsewhere/v1/chat/completions\" } } ]\nelsewhere: [ ok ]\nexpect: { outcome: { failed: invalid-request } }\nvary: { status: [302, 307, 308], name: [authorization, api-key, x-api-key] }",
            9,
        ),
        (
            "side-effect/stale-connection-charged.yaml",
            "request: { charge_sensitive: true }\nusers: 2\narrive: every 30s\nprimary: [ { reply: ok, if_reused: { cut: { after: request, by: reset } } } ]",
            1,
        ),
        (
            "streaming/invalid-utf8.yaml",
            "request: { stream: true }\nbytes: { half: { hex: e4 b8 } }\nprimary: [ { events: [ text: Four, data: '{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"$half\"}}]}', text: teen, finish: stop, done ] } ]\nexpect: { outcome: completed, answer: { text: \"Four\\uFFFDteen\" } }",
            1,
        ),
        (
            "client-timeout/heartbeats-after-finish.yaml",
            "request: { stream: true }\nprimary: [ { events: [ text: Fourteen, finish: stop, repeat: { times: forever, events: [ comment: ping ] } ], pace: 0.5 idle_timeout } ]\nexpect: { outcome: completed, within: 3 idle_timeout }",
            1,
        ),
        (
            "client-timeout/the-configured-timeout-is-the-one.yaml",
            "policy: { attempts: 1, attempt_timeout: $limit, deadline: 700s }\nrequest: { stream: true }\nprimary: [ { reply: ok, head_after: $side.delay } ]\nexpect: { outcome: $side.outcome }\nvary:\n  limit: [10s, 600s]\n  side:\n    within: { delay: 0.9 attempt_timeout, outcome: completed }\n    beyond: { delay: 1.1 attempt_timeout, outcome: { failed: timeout } }",
            4,
        ),
        (
            "request-contract/redirected-post-stays-a-post.yaml",
            "primary: [ { status: $status, headers: { location: \"$url.primary/v2/chat/completions\" } }, ok ]\nexpect: { outcome: [ { failed: invalid-request }, completed ], attempts: { primary: 1 } }\nvary: { status: [301, 302, 307, 308] }",
            4,
        ),
    ];
    let files: Vec<(&str, String)> =
        models.iter().enumerate().map(|(n, (path, text, _))| (*path, titled(&format!("Model {n}"), text))).collect();
    let library = loaded(&files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>())
        .unwrap_or_else(|error| panic!("{error}"));
    for (path, _, count) in models {
        let id = path.trim_end_matches(".yaml");
        let found = library.cases.iter().filter(|case| case.id.split('[').next() == Some(id)).count();
        assert_eq!(found, count, "{path}");
    }
    assert_eq!(library.cases.len(), 28);
    let cut = library.cases.iter().find(|case| case.id == "streaming/cut-mid-event[stall]").expect("it is there");
    assert_eq!(
        steps(cut, Host::Primary)[0].cut,
        Some(Cut { after: Point::Events(3, 17), by: By::Stall, wait: Duration::ZERO })
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files = entries.flat_map(|path| if path.is_dir() { yaml_files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

fn as_json(text: &str) -> Value {
    let source = brownout::yaml::Source::new("test", text);
    brownout::yaml::parse(&source).unwrap_or_else(|error| panic!("{error}")).root.to_json()
}

/// The committed schemas are those of the types; `brownout schema NAME` prints them.
#[rstest]
#[case("scenarios/schema.json", schema::scenario())]
#[case("scenarios/replies.schema.json", schema::replies())]
#[case("harness/policy.schema.json", schema::policy())]
#[case("harness/causes.schema.json", schema::causes())]
#[case("harness/report/report.schema.json", schema::report())]
fn committed_schemas_are_those_of_the_types(#[case] path: &str, #[case] generated: Value) {
    let committed = fs::read_to_string(root().join(path)).unwrap_or_default();
    let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
    assert!(committed == generated, "{path} is out of date: `brownout schema` prints what belongs there");
}

#[test]
fn every_file_of_the_library_fits_its_schema() {
    let scenario = jsonschema::validator_for(&schema::scenario()).expect("a schema");
    let replies = jsonschema::validator_for(&schema::replies()).expect("a schema");
    let mut seen = 0;
    for path in yaml_files(&root().join("scenarios")) {
        let json = as_json(&fs::read_to_string(&path).expect("a file"));
        let validator = if path.ends_with("replies.yaml") { &replies } else { &scenario };
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        seen += 1;
    }
    assert!(seen > 30);
}

#[rstest]
#[case("primry: [ ok ]")]
#[case("primary: [ { reply: ok, head_aftr: 1s } ]")]
#[case("primary: [ { reply: ok, cut: { after: end, by: rst } } ]")]
#[case("primary: [ { reply: ok, head_after: 2 } ]")]
#[case("primary: [ { status: 99 } ]")]
#[case("expect: { outcome: { failed: time-out } }")]
#[case("request: { stream: maybe }")]
#[case("policy: { deadlin: 2s }")]
fn an_editor_sees_the_same_mistakes(#[case] text: &str) {
    let validator = jsonschema::validator_for(&schema::scenario()).expect("a schema");
    assert!(!validator.is_valid(&as_json(&format!("{HEAD}{text}\n"))));
}
