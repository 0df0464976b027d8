//! Every rule over hand-built transcripts: what breaks it, and what looks like it and does not.

mod support {
    pub mod story;
}

use brownout::{
    causes::{Body, Class, End, ResultWord, Wire},
    rules::RULES,
    scenario::{Capability, Count, Expect, ExpectedOutcome, Host},
    transcript::{AuthFact, Contact, Secret},
    verdict::{Status, judge},
};
use rstest::rstest;
use support::story::{Answer, Story, TEXT, cut_stream, good, silent, status, story};

use Host::{Fallback, Primary};

/// A stream whose text reached the user.
fn stream() -> Story {
    story().request(|request| request.stream = true)
}

/// A request that no other provider may answer.
fn alone() -> Story {
    story().request(|request| request.fallback_safe = false)
}

fn limited() -> Answer {
    status(429).code("rate_limit_exceeded")
}

#[rstest]
#[case::ping_pong("one-fallback", story().asks(0, Primary, status(500)).asks(100, Fallback, status(500)).asks(200, Primary, good()).completed(220, 2))]
#[case::race("one-fallback", story().asks(0, Primary, good().timed(Some(900), Some(900))).asks(300, Fallback, good()).completed(320, 1))]
#[case::after_a_bad_request("fallback-allowed", story().asks(0, Primary, status(400)).asks(50, Fallback, good()).completed(70, 1))]
#[case::after_a_good_answer("fallback-allowed", story().asks(0, Primary, good()).asks(50, Fallback, good()).completed(70, 1))]
#[case::unsafe_target("fallback-allowed", story().request(|r| r.fallback_safe = false).asks(0, Primary, status(500)).asks(50, Fallback, good()).completed(70, 1))]
#[case::gave_up_after_500("fallback-used", story().asks(0, Primary, status(500)).failed(20, Class::Server))]
#[case::gave_up_after_silence("fallback-used", story().asks(0, Primary, silent(2000)).failed(2010, Class::Timeout))]
#[case::second_attempt_after_text("committed-answer", stream().asks(0, Primary, cut_stream()).streamed(0, 8).asks(50, Primary, good()).failed(80, Class::StreamInterrupted))]
#[case::fallback_after_text("committed-answer", stream().asks(0, Primary, cut_stream()).streamed(0, 8).asks(50, Fallback, good()).failed(80, Class::StreamInterrupted))]
#[case::four_of_three("bounded-attempts", (0..4).fold(story(), |s, n| s.asks(n * 300, Primary, status(500))).failed(1300, Class::Server))]
#[case::four_at_the_fallback("bounded-attempts", (0..4).fold(story().asks(0, Primary, status(500)), |s, n| s.asks(100 + n * 300, Fallback, status(500))).failed(1600, Class::Server))]
#[case::quota("retry-only-retryable", story().asks(0, Primary, status(429).code("insufficient_quota")).asks(100, Primary, good()).completed(120, 1))]
#[case::comet_500("retry-only-retryable", story().asks(0, Primary, status(500).code("invalid_request")).asks(100, Primary, good()).completed(120, 1))]
#[case::after_good("retry-only-retryable", story().asks(0, Primary, good()).asks(100, Primary, good()).completed(120, 1))]
#[case::twice_after_once("retry-only-retryable", (0..3).fold(story(), |s, n| s.asks(n * 300, Primary, status(503).code("model_not_found"))).failed(1000, Class::Server))]
#[case::too_early("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(1500, Primary, good()).completed(1520, 1))]
#[case::early_by_3_ms("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(2002, Primary, good()).completed(2020, 1))]
#[case::late_outcome("deadline-kept", story().asks(0, Primary, silent(9000)).failed(9000, Class::Timeout))]
#[case::late_second_user("deadline-kept", story().asks(0, Primary, good()).completed(20, 0).user(1000).asks(1000, Primary, good()).completed(9100, 1))]
#[case::silent_too_long("attempt-timeout-kept", story().asks(0, Primary, silent(2100)).failed(2100, Class::Timeout))]
#[case::late_plain_body("attempt-timeout-kept", story().asks(0, Primary, good().timed(Some(100), Some(3000))).completed(3000, 0))]
#[case::late_fallback("attempt-timeout-kept", story().asks(0, Primary, status(500)).asks(50, Fallback, silent(1600)).failed(1650, Class::Timeout))]
#[case::still_open("attempt-timeout-kept", story().asks(0, Primary, silent(0).timed(None, None)).failed(2000, Class::Timeout))]
#[case::no_outcome("terminates", story().asks(0, Primary, good()))]
#[case::cut_stream_believed("honest-success", stream().asks(0, Primary, cut_stream()).completed(20, 0))]
#[case::bare_end_believed("honest-success", stream().asks(0, Primary, good().stream(End::Neither)).completed(20, 0))]
#[case::truncated_json("honest-success", story().asks(0, Primary, good().body(Body::Truncated)).completed_empty(20))]
#[case::half_the_text("honest-success", story().asks(0, Primary, good()).completed_with(20, &[(0, 0, 10)], 0))]
#[case::a_hole_in_the_text("honest-success", story().asks(0, Primary, good()).completed_with(20, &[(0, 0, 8), (0, 10, 20)], 0))]
#[case::completed_from_nothing("honest-success", story().completed_empty(20))]
#[case::invented("answer-belongs", story().asks(0, Primary, good()).completed_with(20, &[(0, 0, TEXT)], 3))]
#[case::glued("answer-belongs", story().asks(0, Primary, status(500)).asks(200, Primary, good()).completed_with(220, &[(0, 0, 4), (1, 0, TEXT)], 0))]
#[case::another_users("answer-belongs", story().asks(0, Primary, good()).user(0).asks(1, Primary, good()).completed(20, 0))]
#[case::error_on_200("error-not-success", story().asks(0, Primary, status(502).in_band(502)).completed_empty(20))]
#[case::error_status("error-not-success", story().asks(0, Primary, status(500)).completed_empty(20))]
#[case::good_answer_refused("valid-reply-accepted", story().asks(0, Primary, good()).failed(20, Class::MalformedResponse))]
#[case::wrong_path("endpoint-path", story().asks(0, Primary, good()).asked(|r| r.path = "/chat/completions".to_owned()).completed(20, 0))]
#[case::stray_path("endpoint-path", story().stray("POST", "/v1/v1/chat/completions").failed(20, Class::InvalidRequest))]
#[case::no_key("auth-header", story().asks(0, Primary, good()).asked(|r| r.auth = AuthFact::Missing).completed(20, 0))]
#[case::bare_key("auth-header", story().asks(0, Primary, good()).asked(|r| r.auth = AuthFact::Malformed).completed(20, 0))]
#[case::unknown_key("auth-header", story().asks(0, Primary, good()).asked(|r| r.auth = AuthFact::Unknown).completed(20, 0))]
#[case::charged_twice_without_key("no-double-charge", charged().asks(0, Primary, silent(2000)).asked(no_key).asks(2100, Primary, good()).asked(no_key).completed(2120, 1))]
#[case::charged_twice_with_another_key("no-double-charge", charged().asks(0, Primary, silent(2000)).asks(2100, Primary, good()).asked(|r| r.idempotency = Some("another".to_owned())).completed(2120, 1))]
#[case::charged_at_both("no-double-charge", charged().asks(0, Primary, silent(2000)).asks(2100, Fallback, good()).completed(2120, 1))]
#[case::keys_do_not_deduplicate("no-double-charge", charged().policy(|p| p.charge.key_deduplicates = false).asks(0, Primary, status(500)).asks(100, Primary, good()).completed(120, 1))]
#[case::key_in_an_error("no-secret-leak", story().asks(0, Primary, status(401)).failed(20, Class::Auth).leak(Secret::Key(Primary)))]
#[case::other_outcome("as-expected", story().asks(0, Primary, good()).completed(20, 0).expect(outcome(ResultWord::Failed, None)))]
#[case::other_class("as-expected", story().asks(0, Primary, status(400)).failed(20, Class::Server).expect(outcome(ResultWord::Failed, Some(Class::InvalidRequest))))]
#[case::other_count("as-expected", story().asks(0, Primary, good()).completed(20, 0).expect(attempts(2)))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    assert_eq!(story.says(rule), Some(Status::Fail), "{:#?}", judge(&story.t).verdicts);
}

#[rstest]
#[case::one_decision("one-fallback", story().asks(0, Primary, status(500)).asks(100, Primary, status(500)).asks(300, Fallback, good()).completed(320, 2))]
#[case::given_up_then_answered("one-fallback", story().asks(0, Primary, silent(2030)).asks(2000, Fallback, good()).completed(2020, 1))]
#[case::after_500("fallback-allowed", story().asks(0, Primary, status(500)).asks(50, Fallback, good()).completed(70, 1))]
#[case::may_cell("fallback-allowed", story().asks(0, Primary, status(401)).asks(50, Fallback, good()).completed(70, 1))]
#[case::used("fallback-used", story().asks(0, Primary, status(500)).asks(50, Fallback, status(500)).failed(70, Class::Server))]
#[case::recovered("retry-only-retryable", story().asks(0, Primary, status(500)).asks(50, Primary, good()).completed(70, 1))]
#[case::three_of_three("bounded-attempts", (0..3).fold(alone(), |s, n| s.asks(n * 300, Primary, status(500))).failed(1000, Class::Server))]
#[case::transient("retry-only-retryable", story().asks(0, Primary, status(500)).asks(100, Primary, good()).completed(120, 1))]
#[case::once("retry-only-retryable", (0..2).fold(story(), |s, n| s.asks(n * 300, Primary, status(503).code("model_not_found"))).failed(700, Class::Server))]
#[case::waited("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(2005, Primary, good()).completed(2020, 1))]
#[case::a_grain_early("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(2003, Primary, good()).completed(2020, 1))]
#[case::in_time("deadline-kept", alone().asks(0, Primary, silent(2000)).failed(8000, Class::Timeout))]
#[case::given_up("attempt-timeout-kept", alone().asks(0, Primary, silent(2000)).failed(2010, Class::Timeout))]
#[case::slow_stream("attempt-timeout-kept", stream().asks(0, Primary, good().timed(Some(100), Some(6000))).completed(6000, 0))]
#[case::ended("terminates", story().asks(0, Primary, good()).completed(20, 0))]
#[case::whole("honest-success", story().asks(0, Primary, good()).completed(20, 0))]
#[case::finish_without_done("honest-success", stream().asks(0, Primary, good().stream(End::Finish)).completed(20, 0))]
#[case::bare_end_by_policy("honest-success", stream().policy(|p| p.parser.stream_end = brownout::policy::StreamEnd::Eof).asks(0, Primary, good().stream(End::Neither)).completed(20, 0))]
#[case::own_text("answer-belongs", story().asks(0, Primary, status(500)).asks(200, Primary, good()).completed(220, 1))]
#[case::error_failed("error-not-success", alone().asks(0, Primary, status(502).in_band(502)).failed(20, Class::Server))]
#[case::accepted("valid-reply-accepted", story().asks(0, Primary, good()).completed(20, 0))]
#[case::pinned_path("endpoint-path", story().asks(0, Primary, good()).completed(20, 0))]
#[case::right_key("auth-header", story().asks(0, Primary, good()).completed(20, 0))]
#[case::same_key("no-double-charge", charged().asks(0, Primary, silent(2000)).asks(2100, Primary, good()).completed(2120, 1))]
#[case::no_leak("no-secret-leak", story().asks(0, Primary, good()).completed(20, 0).leak(Secret::Prompt))]
#[case::met("as-expected", story().asks(0, Primary, good()).completed(20, 0).expect(outcome(ResultWord::Completed, None)).expect(attempts(1)))]
#[case::text_then_error("committed-answer", stream().asks(0, Primary, cut_stream()).streamed(0, 8).failed(80, Class::StreamInterrupted))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    assert_eq!(story.says(rule), Some(Status::Pass), "{:#?}", judge(&story.t).verdicts);
    assert_eq!(story.failing(), Vec::<String>::new(), "a correct story breaks nothing else");
}

/// What a rule must not speak of, because another one does or because nobody can know.
#[rstest]
#[case::charge_is_not_a_retry("retry-only-retryable", charged().asks(0, Primary, silent(2000)).asked(no_key).asks(2100, Primary, good()).asked(no_key).completed(2120, 1), Some(Status::Pass))]
#[case::text_is_not_a_retry("retry-only-retryable", stream().asks(0, Primary, cut_stream()).streamed(0, 8).asks(50, Primary, good()).failed(80, Class::StreamInterrupted), None)]
#[case::not_charged("no-double-charge", charged().asks(0, Primary, limited()).asks(100, Primary, good()).completed(120, 1), Some(Status::Pass))]
#[case::not_sensitive("no-double-charge", story().asks(0, Primary, silent(2000)).asks(2100, Primary, good()).completed(2120, 1), None)]
#[case::too_little_left("fallback-used", story().asks(0, Primary, silent(2000)).asks(4700, Primary, silent(2000)).failed(6700, Class::Timeout), None)]
#[case::unsafe_is_not_demanded("fallback-used", story().request(|r| r.fallback_safe = false).asks(0, Primary, status(500)).failed(20, Class::Server), None)]
#[case::wait_of_an_unknown_header("retry-after-honoured", story().asks(0, Primary, limited()).asks(50, Primary, good()).completed(70, 1), None)]
#[case::a_500_names_no_wait("retry-after-honoured", story().asks(0, Primary, status(500).wait(2000)).asks(50, Primary, good()).completed(70, 1), None)]
#[case::unending_is_for_terminates("deadline-kept", story().asks(0, Primary, silent(2000)), None)]
#[case::error_payload_is_not_half_an_answer("honest-success", story().asks(0, Primary, status(502).in_band(502)).completed_empty(20), None)]
#[case::invented_text_is_for_answer_belongs("honest-success", story().asks(0, Primary, good()).completed_with(20, &[(0, 0, TEXT)], 3), None)]
#[case::broken_is_not_valid("valid-reply-accepted", story().asks(0, Primary, good().body(Body::NoChoices)).failed(20, Class::MalformedResponse), None)]
#[case::late_is_not_valid("valid-reply-accepted", story().asks(0, Primary, good().timed(Some(1999), Some(1999))).failed(2000, Class::Timeout), None)]
#[case::few_users_are_no_storm("no-storm", (0..9).fold(story(), |s, n| s.asks(n, Primary, status(500))).failed(20, Class::Server), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    assert_eq!(story.says(rule), says, "{:#?}", judge(&story.t).verdicts);
}

#[rstest]
#[case(Capability::Fallback, "fallback-used", story().asks(0, Primary, status(500)).failed(20, Class::Server))]
#[case(Capability::RetryAfter, "retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(100, Primary, good()).completed(120, 1))]
#[case(Capability::Deadline, "deadline-kept", story().asks(0, Primary, silent(2000)).failed(9000, Class::Timeout))]
#[case(Capability::Idempotency, "no-double-charge", charged().asks(0, Primary, silent(2000)).asks(2100, Fallback, good()).completed(2120, 1))]
#[case(Capability::Stream, "committed-answer", stream().asks(0, Primary, cut_stream()).streamed(0, 8).asks(50, Primary, good()).failed(80, Class::StreamInterrupted))]
fn a_capability_not_claimed_makes_a_rule_not_applicable(
    #[case] needs: Capability,
    #[case] rule: &str,
    #[case] story: Story,
) {
    assert_eq!(story.without(needs).says(rule), Some(Status::NotApplicable));
}

/// Fifty users, each with so many attempts at the primary.
fn outage(attempts: u64) -> Story {
    let one = |s: Story, at: u64| {
        (0..attempts).fold(s, |s, n| s.asks(at + n * 100, Primary, status(503))).failed(at + 900, Class::Server)
    };
    (1..50).fold(one(story(), 0), |s, n| one(s.user(n), n))
}

#[test]
fn a_storm_is_judged_against_the_budget_or_the_attempts() {
    assert_eq!(outage(1).says("no-storm"), Some(Status::Pass));
    assert_eq!(outage(2).says("no-storm"), Some(Status::Fail), "2 each is beyond 1.5");
    assert_eq!(
        outage(3).without(Capability::RetryBudget).says("no-storm"),
        Some(Status::Pass),
        "three attempts are the policy's"
    );
    assert_eq!(outage(4).without(Capability::RetryBudget).says("no-storm"), Some(Status::Fail));
    let unbudgeted = |story: Story| story.policy(|policy| policy.retry_budget = brownout::duration::OrNone::None);
    assert_eq!(
        unbudgeted(outage(3)).says("no-storm"),
        Some(Status::Pass),
        "a policy without a budget bounds by attempts"
    );
}

#[test]
fn a_storm_counts_connections_that_never_became_requests() {
    let contacts = |n: u64| (0..n).map(|at| Contact { host: Primary, accepted: at });
    assert_eq!(outage(1).facts(|t| t.contacts.extend(contacts(25))).says("no-storm"), Some(Status::Pass));
    assert_eq!(outage(1).facts(|t| t.contacts.extend(contacts(26))).says("no-storm"), Some(Status::Fail));
}

#[test]
fn a_storm_counts_what_is_open_at_once() {
    let narrow = |limit| outage(1).policy(|p| p.storm.in_flight = limit);
    // Ten milliseconds each, one a millisecond: ten are open at once.
    assert_eq!(narrow(10).says("no-storm"), Some(Status::Pass));
    assert_eq!(narrow(9).says("no-storm"), Some(Status::Fail));
}

#[test]
fn an_attempt_that_nobody_owns_makes_per_user_rules_inconclusive() {
    let anonymous = story().asks(0, Primary, good()).completed(20, 0).facts(|t| t.attempts[0].user = None);
    assert_eq!(anonymous.says("bounded-attempts"), Some(Status::Inconclusive));
    assert_eq!(anonymous.says("endpoint-path"), Some(Status::Pass), "what speaks of no user is judged");
    assert_eq!(judge(&anonymous.t).status, Status::Inconclusive);
}

#[test]
fn a_late_harness_makes_upper_bounds_inconclusive_and_nothing_else() {
    let late = |story: Story| story.facts(|t| t.lateness = 30_000);
    let slow = late(story().asks(0, Primary, silent(2100)).failed(2100, Class::Timeout));
    assert_eq!(slow.says("attempt-timeout-kept"), Some(Status::Inconclusive));
    let early = late(story().asks(0, Primary, limited().wait(2000)).asks(500, Primary, good()).completed(520, 1));
    assert_eq!(early.says("retry-after-honoured"), Some(Status::Fail), "a lower bound cannot be broken by lateness");
}

#[test]
fn what_was_never_served_is_not_exercised_and_what_broke_here_is_an_error() {
    let unserved =
        story().asks(0, Primary, good()).completed(20, 0).facts(|t| t.not_exercised.push("a cut".to_owned()));
    assert_eq!(judge(&unserved.t).status, Status::NotExercised);
    let failing = unserved.asks(30, Primary, good());
    assert_eq!(judge(&failing.t).status, Status::Fail, "a broken must outweighs it");
    let broken = failing.facts(|t| t.errors.push("no socket".to_owned()));
    assert_eq!(judge(&broken.t).status, Status::Error);
}

#[test]
fn every_verdict_names_mode_owner_and_action() {
    let verdict = story()
        .asks(0, Primary, limited().wait(2000))
        .asks(500, Primary, good())
        .completed(520, 1)
        .verdict("retry-after-honoured");
    let verdict = verdict.expect("it speaks");
    assert_eq!(verdict.mode.to_string(), "rate-quota", "the cause of the attempt decides");
    assert_eq!(verdict.owner, "platform or capacity owner");
    assert_eq!(verdict.action, "Adjust concurrency, backoff and traffic shaping");
}

#[test]
fn a_user_who_left_is_no_unending_request() {
    let left = story().asks(0, Primary, silent(500).wire(Wire::UserLeft)).facts(|t| t.users[0].left = Some(500_000));
    assert_eq!(left.says("terminates"), Some(Status::Pass));
}

#[test]
fn every_rule_is_tried_from_both_sides_in_this_file() {
    let text = include_str!("rules.rs");
    for rule in RULES {
        let rows = text.matches(&format!("\"{}\"", rule.slug)).count();
        assert!(rows >= 2, "`{}` stands in {rows} rows", rule.slug);
    }
}

fn charged() -> Story {
    story().request(|request| request.charge_sensitive = true)
}

fn no_key(request: &mut brownout::transcript::RequestFacts) {
    request.idempotency = None;
}

fn outcome(result: ResultWord, class: Option<Class>) -> Expect {
    Expect { outcome: vec![ExpectedOutcome { result, class }], ..Expect::default() }
}

fn attempts(n: u32) -> Expect {
    let mut expect = Expect::default();
    expect.attempts.insert(Primary, Count { from: n, to: Some(n) });
    expect
}
