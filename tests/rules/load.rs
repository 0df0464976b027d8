//! What a machine under load may have decided: only that is asked a second time, and only that is inconclusive where the harness was late.

use brownout::{transcript::CommandFacts, verdict::rests_on_time};

use super::*;

/// A quota that is retried: the client's choice, made on what it read.
fn quota_retried() -> Story {
    story().asks(0, Primary, status(429).code("insufficient_quota")).asks(100, Primary, good()).completed(120, 1)
}

/// The same after a wait of a second, on the connection of the first attempt.
fn on_a_kept_connection() -> Story {
    let story =
        story().asks(0, Primary, status(429).code("insufficient_quota")).asks(1000, Primary, good()).completed(1020, 1);
    story.facts(|t| {
        t.attempts[1].accepted = t.attempts[0].accepted;
        t.attempts[1].reused = true;
    })
}

fn late(story: Story, ms: u64) -> Story {
    story.facts(|t| t.lateness = ms * 1000)
}

/// Its second attempt took the connection of the first.
fn on_one_connection() -> Story {
    let story =
        story().asks(0, Primary, status(429).code("insufficient_quota")).asks(1500, Primary, good()).completed(1520, 1);
    story.facts(|t| (t.attempts[1].reused, t.attempts[1].accepted) = (true, t.attempts[0].accepted))
}

#[rstest]
#[case::a_choice_on_a_connection_used_again("retry-only-retryable", on_one_connection())]
#[case::a_choice("retry-only-retryable", quota_retried())]
#[case::a_choice_while_the_harness_was_late("retry-only-retryable", late(quota_retried(), 300))]
#[case::a_choice_on_a_connection_older_than_any_timer("retry-only-retryable", late(on_a_kept_connection(), 30))]
#[case::a_wait_that_was_too_short("backoff-spaced", exact().asks(0, Primary, status(500)).asks(40, Primary, good()).completed(60, 1))]
#[case::a_wait_cut_short("retry-after-ceiling", story().asks(0, Primary, limited().wait(600_000)).asks(1000, Primary, good()).completed(1020, 1))]
#[case::a_late_choice_of_a_client_without_a_deadline("retry-only-retryable", story().without(Capability::Deadline).asks(4000, Primary, status(429).code("insufficient_quota")).asks(4100, Primary, good()).completed(4120, 1))]
fn the_client_alone_decided(#[case] rule: &str, #[case] story: Story) {
    let judgement = judge(&story.t);
    let verdict = judgement.verdicts.iter().find(|verdict| verdict.rule == rule).expect("it is judged");
    assert_eq!(verdict.status, Status::Fail, "{verdict:?}");
    assert!(!rests_on_time(&story.t, &judgement), "{judgement:?}");
}

#[rstest]
#[case::the_deadline("deadline-kept", alone().asks(0, Primary, silent(9000)).failed(9000, Class::Timeout))]
#[case::a_wait_that_was_too_long("backoff-spaced", exact().asks(0, Primary, status(500)).asks(400, Primary, good()).completed(420, 1))]
#[case::slept_to_the_deadline("retry-after-ceiling", alone().asks(0, Primary, limited().wait(600_000)).failed(8000, Class::Deadline))]
#[case::a_choice_after_a_timer("retry-only-retryable", story().asks(0, Primary, silent(2000)).asks(2100, Primary, status(429).code("insufficient_quota")).asks(2200, Primary, good()).completed(2220, 1))]
#[case::a_choice_with_little_time_left("retry-only-retryable", story().asks(4000, Primary, status(429).code("insufficient_quota")).asks(4100, Primary, good()).completed(4120, 1))]
#[case::a_choice_beside_others("retry-only-retryable", quota_retried().user(200).asks(200, Primary, good()).completed(220, 1))]
fn load_may_have_decided(#[case] rule: &str, #[case] story: Story) {
    let judgement = judge(&story.t);
    let status = |judgement: &brownout::verdict::Judgement| {
        judgement.verdicts.iter().find(|verdict| verdict.rule == rule).map(|verdict| verdict.status)
    };
    assert_eq!(status(&judgement), Some(Status::Fail), "{judgement:?}");
    assert!(rests_on_time(&story.t, &judgement), "{judgement:?}");
    // A harness that was late itself says nothing.
    assert_eq!(status(&judge(&late(story, 30).t)), Some(Status::Inconclusive));
}

#[test]
fn a_harness_so_late_that_a_timer_may_have_fired_says_nothing_of_choices() {
    let story = late(quota_retried(), 1000);
    let judgement = judge(&story.t);
    assert_eq!(judgement.status, Status::Inconclusive, "{judgement:?}");
    assert!(rests_on_time(&story.t, &judgement));
}

#[test]
fn a_request_that_never_ended_is_not_excused_by_milliseconds() {
    let status = |ms| {
        let judgement = judge(&late(story().asks(0, Primary, good()), ms).t);
        judgement.verdicts.iter().find(|verdict| verdict.rule == "terminates").map(|verdict| verdict.status)
    };
    assert_eq!(status(900), Some(Status::Fail));
    assert_eq!(status(1100), Some(Status::Inconclusive));
}

#[test]
fn a_command_that_had_to_be_ended_was_not_held_up_by_load() {
    let command = CommandFacts { took: 60_000_000, ..CommandFacts::default() };
    let overran = story().asks(0, Primary, good()).facts(|t| t.command = Some(command.clone()));
    assert_eq!(late(overran, 2000).says("terminates"), Some(Status::Fail));
}

#[test]
fn what_never_ends_is_not_asked_again_unless_the_harness_was_very_late() {
    let unending = || story().asks(0, Primary, silent(2000));
    for (late, again) in [(0, false), (1000, false), (1001, true)] {
        let story = unending().facts(|t| t.lateness = late * 1000);
        let judgement = judge(&story.t);
        assert_eq!(story.says("terminates") == Some(Status::Fail), !again, "{judgement:?}");
        assert_eq!(rests_on_time(&story.t, &judgement), again, "{late} ms late: {judgement:?}");
    }
    let beside_another = unending().user(0).asks(0, Primary, good()).completed(20, 1);
    assert!(rests_on_time(&beside_another.t, &judge(&beside_another.t)));
}

#[test]
fn what_is_fine_rests_on_nothing() {
    let story = story().asks(0, Primary, good()).completed(20, 0);
    assert!(!rests_on_time(&story.t, &judge(&story.t)));
}

/// The estimate of a gateway is no lie about its own conduct: it warns, and no baseline needs to know of it.
#[test]
fn a_gateways_estimate_of_usage_warns_and_is_nothing_known() {
    let mut story = story().asks(0, Primary, good()).completed(20, 0);
    let outcome = story.t.users[0].outcome.as_mut().expect("it completed");
    outcome.usage = Some([("total_tokens".to_owned(), 19)].into());
    for (by_status, status) in [(false, Status::Fail), (true, Status::Warn)] {
        story.t.by_status = by_status;
        let judgement = judge(&story.t);
        assert_eq!((judgement.status, judgement.is_known()), (status, false));
    }
}
