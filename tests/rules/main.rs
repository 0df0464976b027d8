//! Every rule over hand-built transcripts: what breaks it, and what looks like it and does not.

#[path = "../support/story.rs"]
mod story;

mod answer;
mod backoff;
mod breaker;
mod charge;
mod deadline;
mod ending;
mod error;
mod expect;
mod fallback;
mod leak;
mod load;
mod outcome;
mod request;
mod retry;
mod silence;
mod storm;
mod telemetry;

use brownout::{
    causes::{Body, Class, End, Location, ResultWord, Wire},
    client::ResultKind,
    duration::{OrNone, Span},
    policy::Jitter,
    rules::{self, Level},
    scenario::{Capability, Count, Expect, ExpectedOutcome, Host},
    transcript::{AuthFact, Contact, Finding, Place, ProcessEnd, RequestFacts, Secret, Transcript},
    verdict::{Status, judge},
};
use rstest::rstest;
use story::{Answer, Story, TEXT, cut_stream, good, silent, status, story};

use Host::{Elsewhere, Fallback, Primary};

/// A stream whose text reached the user.
fn stream() -> Story {
    story().request(|request| request.stream = true)
}

/// A request that no other provider may answer.
fn alone() -> Story {
    story().request(|request| request.fallback_safe = false)
}

/// A wait that is no matter of chance.
fn exact() -> Story {
    story().policy(|policy| policy.backoff.jitter = Jitter::None)
}

/// So many users are limited at once, and come back after so many milliseconds each.
fn herd(users: u64, wait: impl Fn(u64) -> u64) -> Story {
    told_herd(users, &limited(), wait)
}

/// The same, with another answer than a limit that names no wait.
fn told_herd(users: u64, answer: &Answer, wait: impl Fn(u64) -> u64) -> Story {
    let first = story().policy(|policy| policy.retry_budget = OrNone::None);
    (0..users).fold(first, |story, n| {
        let (story, place) = (if n == 0 { story } else { story.user(0) }, 2 * n as usize);
        let back = 5 + wait(n);
        story.asks(0, Primary, answer.clone()).asks(back, Primary, good()).completed(back + 20, place + 1)
    })
}

/// A stream that the client left after so many milliseconds, so long after its last byte and its last content.
fn left_stream(end: u64, since_byte: u64, since_content: u64) -> Answer {
    let stream = good().stream(End::Neither).wire(Wire::GaveUpInStream);
    stream.timed(Some(100), Some(end)).paced([50, 50, since_byte, since_content])
}

/// A plain reply that brought nothing after its head, until the client left.
fn stalled(head: u64, end: u64) -> Answer {
    let silence = end - head;
    good().wire(Wire::GaveUpInBody).timed(Some(head), Some(end)).paced([0, 0, silence, silence])
}

fn limited() -> Answer {
    status(429).code("rate_limit_exceeded")
}

/// What breaks a rule.
#[track_caller]
fn breaks(rule: &str, story: &Story) {
    let broken = match rules::find(rule).expect("it is a rule").level {
        Level::Must => Status::Fail,
        Level::Should => Status::Warn,
    };
    assert_eq!(story.says(rule), Some(broken), "{:#?}", judge(&story.t).verdicts);
    for breach in &story.verdict(rule).expect("it was just there").breaches {
        let Some(attempt) = breach.attempt else { continue };
        assert_eq!(breach.user, story.t.attempts[attempt].user, "a breach names the user of its attempt: {breach:?}");
    }
}

/// What looks like it and does not, and breaks nothing else either.
#[track_caller]
fn keeps(rule: &str, story: &Story) {
    assert_eq!(story.says(rule), Some(Status::Pass), "{:#?}", judge(&story.t).verdicts);
    assert_eq!(story.failing(), Vec::<String>::new(), "a correct story breaks nothing else");
}

/// What a rule must not speak of, because another one does or because nobody can know.
#[track_caller]
fn leaves_alone(rule: &str, story: &Story, says: Option<Status>) {
    assert_eq!(story.says(rule), says, "{:#?}", judge(&story.t).verdicts);
}

#[rstest]
#[case(Capability::Fallback, "fallback-used", story().asks(0, Primary, status(500)).failed(20, Class::Server))]
#[case(Capability::RetryAfter, "retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(100, Primary, good()).completed(120, 1))]
#[case(Capability::Fallback, "fallback-in-time", story().asks(0, Primary, status(500)).asks(7000, Fallback, good()).completed(7020, 1))]
#[case(Capability::RetryAfter, "retry-after-ceiling", story().asks(0, Primary, limited().wait(600_000)).failed(7000, Class::RateLimited))]
#[case(Capability::Retry, "retry-transient", alone().asks(0, Primary, status(500)).failed(20, Class::Server))]
#[case(Capability::Retry, "backoff-spaced", exact().asks(0, Primary, status(500)).asks(20, Primary, good()).completed(40, 1))]
#[case(Capability::Retry, "backoff-jittered", herd(50, |_| 50))]
#[case(Capability::Stream, "healthy-stream-kept", stream().asks(0, Primary, left_stream(2000, 100, 100)).streamed(0, 8).failed(2000, Class::Timeout))]
#[case(Capability::Cancel, "cancel-propagates", story().asks(0, Primary, silent(2000)).left(500))]
#[case(Capability::Deadline, "deadline-kept", story().asks(0, Primary, silent(2000)).failed(9000, Class::Timeout))]
#[case(Capability::Idempotency, "no-double-charge", charged().asks(0, Primary, silent(2000)).asks(2100, Fallback, good()).completed(2120, 1))]
#[case(Capability::Breaker, "breaker-opens", (0..7).fold(story(), |s, n| s.user(n * 100).asks(n * 100, Primary, status(500)).failed(n * 100 + 20, Class::Server)))]
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
    let unbudgeted = |story: Story| story.policy(|policy| policy.retry_budget = OrNone::None);
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
    let at_once = |t: &mut Transcript| t.attempts.iter_mut().for_each(|a| (a.arrived, a.ended) = (7, Some(7)));
    assert_eq!(narrow(0).facts(at_once).says("no-storm"), Some(Status::Pass), "what takes no time is never open");
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
    let text = [
        include_str!("answer.rs"),
        include_str!("error.rs"),
        include_str!("telemetry.rs"),
        include_str!("fallback.rs"),
        include_str!("retry.rs"),
        include_str!("backoff.rs"),
        include_str!("silence.rs"),
        include_str!("ending.rs"),
        include_str!("storm.rs"),
        include_str!("breaker.rs"),
        include_str!("deadline.rs"),
        include_str!("outcome.rs"),
        include_str!("request.rs"),
        include_str!("charge.rs"),
        include_str!("leak.rs"),
        include_str!("expect.rs"),
        include_str!("main.rs"),
    ]
    .concat();
    for rule in rules::all() {
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

fn within(ms: u64) -> Expect {
    Expect { within: Some(std::time::Duration::from_millis(ms)), ..Expect::default() }
}

fn at_most_taken(bytes: u64) -> Expect {
    Expect { sent: [(Primary, bytes)].into(), ..Expect::default() }
}

fn attempts(n: u32) -> Expect {
    let mut expect = Expect::default();
    expect.attempts.insert(Primary, Count { from: n, to: Some(n) });
    expect
}
