//! The family `deadline`.

use super::*;
use brownout::transcript::ClockKind;

/// A circle of redirects, and after a pause one more hop, which may be an attempt of its own.
fn in_a_circle(pause_ms: u64) -> Story {
    let story =
        story().asks(0, Primary, status(307).timed(Some(2500), Some(2500))).led(Primary, "POST").led(Primary, "POST");
    story
        .failed(2510, Class::Server)
        .facts(|t| t.attempts[0].hops[1].arrived = t.attempts[0].hops[0].arrived + pause_ms * 1000)
}

#[rstest]
#[case::late_outcome("deadline-kept", story().asks(0, Primary, silent(9000)).failed(9000, Class::Timeout))]
#[case::late_second_user("deadline-kept", story().asks(0, Primary, good()).completed(20, 0).user(1000).asks(1000, Primary, good()).completed(9100, 1))]
#[case::a_circle_followed_without_a_pause("attempt-timeout-kept", in_a_circle(20))]
#[case::silent_too_long("attempt-timeout-kept", story().asks(0, Primary, silent(2100)).failed(2100, Class::Timeout))]
#[case::late_plain_body("attempt-timeout-kept", story().asks(0, Primary, good().timed(Some(100), Some(3000))).completed(3000, 0))]
#[case::late_fallback("attempt-timeout-kept", story().asks(0, Primary, status(500)).asks(50, Fallback, silent(1600)).failed(1650, Class::Timeout))]
#[case::still_open("attempt-timeout-kept", story().asks(0, Primary, silent(0).timed(None, None)).failed(2051, Class::Timeout))]
#[case::led_to_silence("attempt-timeout-kept", story().asks(0, Primary, status(307).timed(Some(3000), Some(3000))).led_back_after(10).failed(3010, Class::Other))]
#[case::never_a_whole_head("attempt-timeout-kept", stream().asks(0, Primary, silent(2051).timed(Some(10), Some(2051))).failed(2051, Class::Timeout))]
#[case::stalled_after_a_late_head("attempt-timeout-kept", story().asks(0, Primary, stalled(1500, 2600)).failed(2600, Class::Timeout))]
#[case::beyond_the_turns_of_a_crowd("attempt-timeout-kept", true_crowd(2071, 2050))]
#[case::a_crowd_of_which_all_are_late("attempt-timeout-kept", true_crowd(2056, 2051))]
#[case::virtual_crowds_take_no_time("attempt-timeout-kept", true_crowd(2051, 2000).facts(|t| t.clock = ClockKind::Virtual))]
#[case::no_outcome("terminates", story().asks(0, Primary, good()))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::in_time("deadline-kept", alone().asks(0, Primary, silent(2000)).failed(8000, Class::Timeout))]
#[case::a_circle_with_a_pause("attempt-timeout-kept", in_a_circle(1500))]
#[case::given_up("attempt-timeout-kept", alone().asks(0, Primary, silent(2000)).failed(2010, Class::Timeout))]
#[case::in_turn("attempt-timeout-kept", true_crowd(2070, 2050))]
#[case::slow_stream("attempt-timeout-kept", stream().asks(0, Primary, good().timed(Some(100), Some(6000))).completed(6000, 0))]
#[case::ended("terminates", story().asks(0, Primary, good()).completed(20, 0))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::led_in_a_circle("attempt-timeout-kept", story().asks(0, Primary, status(307).timed(Some(3000), Some(3000))).led_back_after(2990).failed(3010, Class::Other), Some(Status::Pass))]
#[case::left_open_is_for_the_end("attempt-timeout-kept", story().asks(0, Primary, silent(0).timed(None, None)).failed(2050, Class::Timeout), Some(Status::Pass))]
#[case::left_open_by_a_user_who_left("attempt-timeout-kept", story().asks(0, Primary, silent(0).timed(None, None)).left(1000), Some(Status::Pass))]
#[case::a_stall_is_for_the_idle_timeout("attempt-timeout-kept", story().asks(0, Primary, stalled(100, 3000)).failed(3000, Class::Timeout), Some(Status::Pass))]
#[case::unending_is_for_terminates("deadline-kept", story().asks(0, Primary, silent(2000)), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}

/// Two users of one process in true time, each given up after so long.
fn true_crowd(one: u64, other: u64) -> Story {
    let crowd = alone().facts(|t| t.clock = ClockKind::Real).asks(0, Primary, silent(one)).failed(one, Class::Timeout);
    crowd.user(0).request(|r| r.fallback_safe = false).asks(0, Primary, silent(other)).failed(other, Class::Timeout)
}
