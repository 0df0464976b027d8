//! The family `retry`.

use brownout::policy::{Breaker, RetryBudget};

use super::*;

#[rstest]
#[case::four_of_three("bounded-attempts", (0..4).fold(story(), |s, n| s.asks(n * 300, Primary, status(500))).failed(1300, Class::Server))]
#[case::four_at_the_fallback("bounded-attempts", (0..4).fold(story().asks(0, Primary, status(500)), |s, n| s.asks(100 + n * 300, Fallback, status(500))).failed(1600, Class::Server))]
#[case::the_same_key_again("retry-only-retryable", story().asks(0, Primary, status(401)).asks(100, Primary, good()).completed(120, 1))]
#[case::quota("retry-only-retryable", story().asks(0, Primary, status(429).code("insufficient_quota")).asks(100, Primary, good()).completed(120, 1))]
#[case::comet_500("retry-only-retryable", story().asks(0, Primary, status(500).code("invalid_request")).asks(100, Primary, good()).completed(120, 1))]
#[case::after_good("retry-only-retryable", story().asks(0, Primary, good()).asks(100, Primary, good()).completed(120, 1))]
#[case::twice_after_once("retry-only-retryable", (0..3).fold(story(), |s, n| s.asks(n * 300, Primary, status(503).code("model_not_found"))).failed(1000, Class::Server))]
#[case::too_early("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(1500, Primary, good()).completed(1520, 1))]
#[case::early_by_3_ms("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(2002, Primary, good()).completed(2020, 1))]
#[case::beyond_the_ceiling("retry-after-ceiling", story().asks(0, Primary, limited().wait(4001)).asks(4010, Primary, good()).completed(4030, 1))]
#[case::shortened("retry-after-ceiling", story().asks(0, Primary, limited().wait(600_000)).asks(1000, Primary, good()).completed(1020, 1))]
#[case::slept_to_the_deadline("retry-after-ceiling", alone().asks(0, Primary, limited().wait(600_000)).failed(8000, Class::Deadline))]
#[case::slept_until_the_user_left("retry-after-ceiling", alone().asks(0, Primary, limited().wait(600_000)).left(3000))]
#[case::slept_before_the_fallback("retry-after-ceiling", story().asks(0, Primary, limited().wait(600_000)).asks(61, Fallback, good()).completed(80, 1))]
#[case::beyond_the_deadline("retry-after-ceiling", second(limited().wait(2441)).asks(4600, Primary, good()).completed(4620, 2))]
#[case::slept_at_the_last_attempt("retry-after-ceiling", alone().policy(|p| p.attempts = 1).asks(0, Primary, limited().wait(600_000)).failed(500, Class::RateLimited))]
#[case::gave_up_after_500("retry-transient", alone().asks(0, Primary, status(500)).failed(20, Class::Server))]
#[case::gave_up_after_429("retry-transient", alone().asks(0, Primary, limited()).failed(20, Class::RateLimited))]
#[case::gave_up_after_a_short_wait("retry-transient", alone().asks(0, Primary, limited().wait(1000)).failed(20, Class::RateLimited))]
#[case::gave_up_with_just_enough_left("retry-transient", alone().asks(3440, Primary, status(500)).failed(3460, Class::Server))]
#[case::tried_again_in_secret("retry-transient", alone().asks(0, Primary, status(500)).failed(20, Class::Server).asks(100, Primary, good()))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::recovered("retry-only-retryable", story().asks(0, Primary, status(500)).asks(50, Primary, good()).completed(70, 1))]
#[case::three_of_three("bounded-attempts", (0..3).fold(alone(), |s, n| s.asks(n * 150, Primary, status(500))).failed(1000, Class::Server))]
#[case::transient("retry-only-retryable", story().asks(0, Primary, status(500)).asks(100, Primary, good()).completed(120, 1))]
#[case::once("retry-only-retryable", (0..2).fold(story(), |s, n| s.asks(n * 150, Primary, status(503).code("model_not_found"))).failed(700, Class::Server))]
#[case::waited("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(2005, Primary, good()).completed(2020, 1))]
#[case::a_grain_early("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(2003, Primary, good()).completed(2020, 1))]
#[case::at_once_to_the_fallback("retry-after-ceiling", story().asks(0, Primary, limited().wait(600_000)).asks(60, Fallback, good()).completed(80, 1))]
#[case::at_once_to_the_user("retry-after-ceiling", alone().asks(0, Primary, limited().wait(600_000)).failed(60, Class::RateLimited))]
#[case::beyond_the_deadline_to_the_fallback("retry-after-ceiling", second(limited().wait(2441)).asks(2130, Fallback, good()).completed(2150, 2))]
#[case::equal_to_the_ceiling("retry-after-honoured", story().asks(0, Primary, limited().wait(4000)).asks(4010, Primary, good()).completed(4030, 1))]
#[case::tried_again("retry-transient", alone().asks(0, Primary, status(500)).asks(50, Primary, status(500)).failed(70, Class::Server))]
#[case::handed_over("retry-transient", story().asks(0, Primary, status(500)).asks(50, Fallback, good()).completed(70, 1))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::charge_is_not_a_retry("retry-only-retryable", charged().asks(0, Primary, silent(2000)).asked(no_key).asks(2100, Primary, good()).asked(no_key).completed(2120, 1), Some(Status::Pass))]
#[case::text_is_not_a_retry("retry-only-retryable", stream().asks(0, Primary, cut_stream()).streamed(0, 8).asks(50, Primary, good()).failed(80, Class::StreamInterrupted), None)]
#[case::wait_of_an_unknown_header("retry-after-honoured", story().asks(0, Primary, limited()).asks(50, Primary, good()).completed(70, 1), None)]
#[case::a_500_names_no_wait("retry-after-honoured", story().asks(0, Primary, status(500).wait(2000)).asks(50, Primary, good()).completed(70, 1), None)]
#[case::tried_after_the_deadline("retry-only-retryable", story().asks(0, Primary, silent(9000).wire(Wire::Deadline)).asks(9000, Primary, good()).completed(9020, 1), None)]
#[case::tried_after_the_outcome("retry-only-retryable", story().asks(0, Primary, status(400)).failed(20, Class::InvalidRequest).asks(100, Primary, good()), None)]
#[case::tried_for_nobody("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).left(500).asks(800, Primary, good()), None)]
#[case::a_wait_too_long_is_for_the_ceiling("retry-after-honoured", story().asks(0, Primary, limited().wait(600_000)).asks(1000, Primary, good()).completed(1020, 1), None)]
#[case::equal_is_not_beyond("retry-after-ceiling", story().asks(0, Primary, limited().wait(4000)).asks(4010, Primary, good()).completed(4030, 1), None)]
#[case::about_the_deadline_is_open("retry-after-ceiling", second(limited().wait(2440)).asks(4600, Primary, good()).completed(4620, 2), None)]
#[case::a_reserve_that_nobody_needs_is_open("retry-after-ceiling", second(limited().wait(3940)).request(|r| r.fallback_safe = false).asks(6100, Primary, good()).completed(6120, 2), None)]
#[case::a_deadline_that_nobody_knows("retry-after-ceiling", second(limited().wait(2441)).without(Capability::Deadline).asks(4600, Primary, good()).completed(4620, 2), None)]
#[case::not_honoured_at_all("retry-after-ceiling", story().policy(|p| p.retry_after.honour = false).asks(0, Primary, limited().wait(600_000)).asks(60, Primary, good()).completed(80, 1), None)]
#[case::a_500_names_no_wait("retry-after-ceiling", story().asks(0, Primary, status(500).wait(600_000)).asks(50, Primary, good()).completed(70, 1), None)]
#[case::never_retried_anyhow("retry-after-ceiling", story().policy(|p| p.parser.model_not_found_late_retry = false).asks(0, Primary, status(503).code("model_not_found").wait(600_000)).asks(50, Primary, good()).completed(70, 1), None)]
#[case::a_mended_body_is_no_retry("retry-after-ceiling", story().asks(0, Primary, status(413).code("rate_limit_exceeded").wait(600_000)).asks(50, Primary, good()).asked(|r| r.digest = "shorter".to_owned()).completed(70, 1), Some(Status::Pass))]
#[case::unending_is_for_terminates("retry-after-ceiling", alone().asks(0, Primary, limited().wait(600_000)), Some(Status::Pass))]
#[case::a_hidden_fallback_may_take_its_time("retry-after-ceiling", story().facts(|t| t.refusing.push(Fallback)).asks(0, Primary, limited().wait(600_000)).failed(500, Class::RateLimited), Some(Status::Pass))]
#[case::giving_up_is_for_fallback_used("retry-transient", story().asks(0, Primary, status(500)).failed(20, Class::Server), None)]
#[case::may_cell("retry-transient", alone().asks(0, Primary, status(409)).failed(20, Class::Server), None)]
#[case::one_attempt_by_policy("retry-transient", alone().policy(|p| p.attempts = 1).asks(0, Primary, status(500)).failed(20, Class::Server), None)]
#[case::late("retry-transient", alone().asks(3441, Primary, status(500)).failed(3461, Class::Server), None)]
#[case::a_named_wait_about_the_ceiling("retry-transient", alone().asks(0, Primary, limited().wait(3000)).failed(20, Class::RateLimited), None)]
#[case::not_alone("retry-transient", alone().asks(0, Primary, status(500)).failed(20, Class::Server).user(5).asks(5, Primary, status(500)).asks(60, Primary, good()).completed(80, 2), None)]
#[case::nothing_to_pay_with("retry-transient", alone().policy(|p| p.retry_budget = OrNone::Some(RetryBudget { ratio: 0.5, min_per_second: 0.4, cap: 9.0 })).asks(0, Primary, status(500)).failed(20, Class::Server), None)]
#[case::a_breaker_that_opens_at_once("retry-transient", alone().policy(|p| p.breaker = OrNone::Some(Breaker { failures: 1, ..p.breaker.as_ref().cloned().expect("there is one") })).asks(0, Primary, status(500)).failed(20, Class::Server), None)]
#[case::a_second_attempt_that_nobody_saw("retry-transient", alone().facts(|t| t.refusing.push(Primary)).asks(0, Primary, status(500)).failed(20, Class::Server), None)]
#[case::left_by_its_user("retry-transient", alone().asks(0, Primary, status(500)).left(20), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}

/// A second attempt, 2.11 s after the user's arrival, with 5.89 s left.
fn second(answer: Answer) -> Story {
    story().asks(0, Primary, silent(2000)).asks(2100, Primary, answer)
}
