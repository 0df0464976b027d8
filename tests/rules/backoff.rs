//! The family `backoff`.

use super::*;

#[rstest]
#[case::exact("backoff-spaced", jittered(Jitter::None).asks(0, Primary, status(500)).asks(102, Primary, good()).completed(120, 1))]
#[case::proportional("backoff-spaced", jittered(Jitter::Proportional).asks(0, Primary, status(500)).asks(77, Primary, good()).completed(100, 1))]
#[case::equal("backoff-spaced", jittered(Jitter::Equal).asks(0, Primary, status(500)).asks(52, Primary, good()).completed(100, 1))]
#[case::second_wait("backoff-spaced", exact().asks(0, Primary, status(500)).asks(105, Primary, status(500)).asks(307, Primary, good()).completed(320, 2))]
#[case::after_silence("backoff-spaced", exact().asks(0, Primary, silent(2000)).asks(2097, Primary, good()).completed(2120, 1))]
#[case::after_a_stall("backoff-spaced", exact().policy(|p| p.backoff.first = Span::ms(3000)).policy(|p| p.backoff.cap = Span::ms(3000)).asks(0, Primary, stalled(100, 1100)).asks(3097, Primary, good()).completed(3120, 1))]
#[case::a_hedge_is_no_wait("backoff-spaced", exact().asks(0, Primary, silent(2000)).asks(500, Primary, good()).completed(520, 1))]
#[case::too_long("backoff-spaced", story().asks(0, Primary, status(500)).asks(161, Primary, good()).completed(180, 1))]
#[case::beyond_the_cap("backoff-spaced", story().policy(|p| p.backoff.factor = 10.0).asks(0, Primary, status(500)).asks(100, Primary, status(500)).asks(1161, Primary, good()).completed(1180, 2))]
#[case::nobody_waits("backoff-spaced", herd(50, |_| 12))]
#[case::half_of_them_wait("backoff-spaced", herd(50, |n| (n % 2) * 24))]
#[case::two_hundred_wait_too_little("backoff-spaced", herd(200, |n| n * 62 / 199))]
#[case::all_at_once("backoff-jittered", herd(50, |_| 50))]
#[case::all_at_once_of_200("backoff-jittered", herd(200, |_| 50))]
#[case::in_two_crowds("backoff-jittered", herd(50, |n| 20 + (n % 2) * 60))]
#[case::one_more_than_chance("backoff-jittered", herd(50, |n| if n < 23 { 50 } else { 61 + n % 39 }))]
#[case::equal_jitter("backoff-jittered", herd(50, |_| 75).policy(|p| p.backoff.jitter = Jitter::Equal))]
#[case::equal_jitter_and_its_least("backoff-jittered", herd(50, |_| 48).policy(|p| p.backoff.jitter = Jitter::Equal))]
#[case::told_the_same("backoff-jittered", told_herd(50, &limited().wait(2000), |_| 2000))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::exact("backoff-spaced", jittered(Jitter::None).asks(0, Primary, status(500)).asks(103, Primary, good()).completed(120, 1))]
#[case::proportional("backoff-spaced", jittered(Jitter::Proportional).asks(0, Primary, status(500)).asks(78, Primary, good()).completed(100, 1))]
#[case::equal("backoff-spaced", jittered(Jitter::Equal).asks(0, Primary, status(500)).asks(53, Primary, good()).completed(100, 1))]
#[case::full("backoff-spaced", story().asks(0, Primary, status(500)).asks(10, Primary, good()).completed(30, 1))]
#[case::second_wait("backoff-spaced", exact().asks(0, Primary, status(500)).asks(105, Primary, status(500)).asks(308, Primary, good()).completed(320, 2))]
#[case::after_silence("backoff-spaced", exact().asks(0, Primary, silent(2000)).asks(2098, Primary, good()).completed(2120, 1))]
#[case::long_enough("backoff-spaced", story().asks(0, Primary, status(500)).asks(160, Primary, good()).completed(180, 1))]
#[case::up_to_the_cap("backoff-spaced", story().policy(|p| p.backoff.factor = 10.0).asks(0, Primary, status(500)).asks(100, Primary, status(500)).asks(1160, Primary, good()).completed(1180, 2))]
#[case::spread("backoff-jittered", herd(50, |n| 2 * n))]
#[case::spread_of_200("backoff-jittered", herd(200, |n| n / 2))]
#[case::no_more_than_chance("backoff-jittered", herd(50, |n| if n < 22 { 50 } else { 61 + n % 39 }))]
#[case::told_the_same("backoff-jittered", told_herd(50, &limited().wait(2000), |n| 2000 + 4 * n))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::a_named_wait_is_for_retry_after("backoff-spaced", exact().asks(0, Primary, limited().wait(1000)).asks(20, Primary, good()).completed(40, 1), None)]
#[case::a_wait_named_beside_a_500("backoff-spaced", exact().asks(0, Primary, status(500).wait(10)).asks(20, Primary, good()).completed(40, 1), None)]
#[case::a_stale_connection_waits_for_nothing("backoff-spaced", exact().asks(0, Primary, silent(1).wire(Wire::ClosedBeforeHead)).facts(|t| t.attempts[0].reused = true).asks(2, Primary, good()).completed(20, 1), None)]
#[case::a_stale_connection_that_took_no_request("backoff-spaced", exact().asks(0, Primary, silent(1).wire(Wire::ClosedBeforeRequest)).facts(|t| t.attempts[0].reused = true).asks(2, Primary, good()).completed(20, 1), None)]
#[case::a_refreshed_key_is_no_retry("backoff-spaced", exact().asks(0, Primary, status(401)).asked(|r| r.auth = AuthFact::Unknown).asks(20, Primary, good()).completed(40, 1), None)]
#[case::after_text_that_was_shown_nothing_may_follow("backoff-spaced", stream().policy(|p| p.backoff.jitter = Jitter::None).asks(0, Primary, cut_stream()).streamed(0, 8).asks(30, Primary, good()).failed(50, Class::StreamInterrupted), None)]
#[case::what_must_not_follow_has_its_rule("backoff-spaced", exact().asks(0, Primary, status(400)).asks(20, Primary, good()).completed(40, 1), None)]
#[case::what_comes_after_the_end_has_its_rule("backoff-spaced", exact().asks(0, Primary, status(500)).failed(12, Class::Server).asks(20, Primary, good()), None)]
#[case::named_waits_do_not_grow_the_backoff("backoff-spaced", exact().asks(0, Primary, limited().wait(500)).asks(510, Primary, status(500)).asks(615, Primary, good()).completed(640, 2), Some(Status::Pass))]
#[case::left_open_for_long("backoff-spaced", exact().asks(0, Primary, silent(5000)).asks(2098, Primary, good()).completed(2120, 1), Some(Status::Pass))]
#[case::a_crowd_may_wait_longer("backoff-spaced", story().asks(0, Primary, status(500)).asks(900, Primary, good()).completed(920, 1).user(0).asks(0, Primary, good()).completed(20, 2), Some(Status::Pass))]
#[case::a_fallback_in_between_takes_its_time("backoff-spaced", story().asks(0, Primary, status(500)).asks(20, Fallback, status(500)).asks(900, Primary, good()).completed(920, 2), Some(Status::Pass))]
#[case::forty_nine_say_nothing("backoff-spaced", herd(49, |_| 0), Some(Status::Pass))]
#[case::mean_just_above("backoff-spaced", herd(50, |_| 13), Some(Status::Pass))]
#[case::users_who_left_hide_long_waits("backoff-spaced", herd(50, |_| 0).user(0).left(100), Some(Status::Pass))]
#[case::forty_nine_say_nothing("backoff-jittered", herd(49, |_| 50), None)]
#[case::no_jitter_by_policy("backoff-jittered", herd(50, |_| 100).policy(|p| p.backoff.jitter = Jitter::None), None)]
#[case::no_wait_has_its_rule("backoff-jittered", herd(50, |_| 0), None)]
#[case::a_little_too_short_has_its_rule("backoff-jittered", herd(50, |_| 47).policy(|p| p.backoff.jitter = Jitter::Equal), None)]
#[case::too_short_has_its_rule("backoff-jittered", herd(50, |_| 30).policy(|p| p.backoff.jitter = Jitter::Equal), None)]
#[case::shortened_has_its_rule("backoff-jittered", told_herd(50, &limited().wait(2000), |_| 1000), None)]
#[case::no_spread_by_policy("backoff-jittered", told_herd(50, &limited().wait(2000), |_| 2000).policy(|p| p.retry_after.spread = 0.0), None)]
#[case::too_little_time_for_long_waits("backoff-jittered", herd(50, |_| 50).policy(|p| p.deadline = Span::ms(2500)), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}

fn jittered(jitter: Jitter) -> Story {
    story().policy(|policy| policy.backoff.jitter = jitter)
}
