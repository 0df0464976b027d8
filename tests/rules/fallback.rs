//! The family `fallback`.

use super::*;

#[rstest]
#[case::ping_pong("one-fallback", story().asks(0, Primary, status(500)).asks(100, Fallback, status(500)).asks(200, Primary, good()).completed(220, 2))]
#[case::race("one-fallback", story().asks(0, Primary, good().timed(Some(900), Some(900))).asks(300, Fallback, good()).completed(320, 1))]
#[case::after_a_bad_request("fallback-allowed", story().asks(0, Primary, status(400)).asks(50, Fallback, good()).completed(70, 1))]
#[case::after_a_good_answer("fallback-allowed", story().asks(0, Primary, good()).asks(50, Fallback, good()).completed(70, 1))]
#[case::unsafe_target("fallback-allowed", story().request(|r| r.fallback_safe = false).asks(0, Primary, status(500)).asks(50, Fallback, good()).completed(70, 1))]
#[case::gave_up_after_500("fallback-used", story().asks(0, Primary, status(500)).failed(20, Class::Server))]
#[case::gave_up_after_silence("fallback-used", story().asks(0, Primary, silent(2000)).failed(2010, Class::Timeout))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::one_decision("one-fallback", story().asks(0, Primary, status(500)).asks(100, Primary, status(500)).asks(300, Fallback, good()).completed(320, 2))]
#[case::given_up_then_answered("one-fallback", story().asks(0, Primary, silent(2030)).asks(2000, Fallback, good()).completed(2020, 1))]
#[case::after_500("fallback-allowed", story().asks(0, Primary, status(500)).asks(50, Fallback, good()).completed(70, 1))]
#[case::may_cell("fallback-allowed", story().asks(0, Primary, status(401)).asks(50, Fallback, good()).completed(70, 1))]
#[case::used("fallback-used", story().asks(0, Primary, status(500)).asks(50, Fallback, status(500)).failed(70, Class::Server))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::too_little_left("fallback-used", story().asks(0, Primary, silent(2000)).asks(4700, Primary, silent(2000)).failed(6700, Class::Timeout), None)]
#[case::nobody_but_us_knows_that_nothing_was_read("fallback-used", charged().asks(0, Primary, silent(10).wire(Wire::ClosedBeforeRequest)).failed(20, Class::Connection), None)]
#[case::unsafe_is_not_demanded("fallback-used", story().request(|r| r.fallback_safe = false).asks(0, Primary, status(500)).failed(20, Class::Server), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}
