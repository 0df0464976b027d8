//! The family `outcome`.

use super::*;

#[rstest]
#[case::second_attempt_after_text("committed-answer", stream().asks(0, Primary, cut_stream()).streamed(0, 8).asks(50, Primary, good()).failed(80, Class::StreamInterrupted))]
#[case::fallback_after_text("committed-answer", stream().asks(0, Primary, cut_stream()).streamed(0, 8).asks(50, Fallback, good()).failed(80, Class::StreamInterrupted))]
#[case::cut_stream_believed("honest-success", stream().asks(0, Primary, cut_stream()).completed(20, 0))]
#[case::bare_end_believed("honest-success", stream().asks(0, Primary, good().stream(End::Neither)).completed(20, 0))]
#[case::truncated_json("honest-success", story().asks(0, Primary, good().body(Body::Truncated)).completed_empty(20))]
#[case::half_the_text("honest-success", story().asks(0, Primary, good()).completed_with(20, &[(0, 0, 10)], 0))]
#[case::a_hole_in_the_text("honest-success", story().asks(0, Primary, good()).completed_with(20, &[(0, 0, 8), (0, 10, 20)], 0))]
#[case::a_hole_as_long_as_the_white_space_around("honest-success", story().asks(0, Primary, good().facts(|r| r.trimmed = TEXT - 2)).completed_with(20, &[(0, 0, 8), (0, 10, TEXT)], 0))]
#[case::nothing_of_the_text("honest-success", story().asks(0, Primary, good()).completed_empty(20))]
#[case::completed_from_nothing("honest-success", story().completed_empty(20))]
#[case::invented("answer-belongs", story().asks(0, Primary, good()).completed_with(20, &[(0, 0, TEXT)], 3))]
#[case::glued("answer-belongs", story().asks(0, Primary, status(500)).asks(200, Primary, good()).completed_with(220, &[(0, 0, 4), (1, 0, TEXT)], 0))]
#[case::another_users("answer-belongs", story().asks(0, Primary, good()).user(0).asks(1, Primary, good()).completed(20, 0))]
#[case::error_on_200("error-not-success", story().asks(0, Primary, status(502).in_band(502)).completed_empty(20))]
#[case::error_status("error-not-success", story().asks(0, Primary, status(500)).completed_empty(20))]
#[case::good_answer_refused("valid-reply-accepted", story().asks(0, Primary, good()).failed(20, Class::MalformedResponse))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::whole("honest-success", story().asks(0, Primary, good()).completed(20, 0))]
#[case::finish_without_done("honest-success", stream().asks(0, Primary, good().stream(End::Finish)).completed(20, 0))]
#[case::bare_end_by_policy("honest-success", stream().policy(|p| p.parser.stream_end = brownout::policy::StreamEnd::Eof).asks(0, Primary, good().stream(End::Neither)).completed(20, 0))]
#[case::own_text("answer-belongs", story().asks(0, Primary, status(500)).asks(150, Primary, good()).completed(170, 1))]
#[case::error_failed("error-not-success", alone().asks(0, Primary, status(502).in_band(502)).failed(20, Class::Server))]
#[case::accepted("valid-reply-accepted", story().asks(0, Primary, good()).completed(20, 0))]
#[case::late_and_accepted("valid-reply-accepted", story().asks(0, Primary, good().timed(Some(1999), Some(1999))).completed(2000, 0))]
#[case::text_then_error("committed-answer", stream().asks(0, Primary, cut_stream()).streamed(0, 8).failed(80, Class::StreamInterrupted))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::error_payload_is_not_half_an_answer("honest-success", story().asks(0, Primary, status(502).in_band(502)).completed_empty(20), None)]
#[case::invented_text_is_for_answer_belongs("honest-success", story().asks(0, Primary, good()).completed_with(20, &[(0, 0, TEXT)], 3), None)]
#[case::broken_is_not_valid("valid-reply-accepted", story().asks(0, Primary, good().body(Body::NoChoices)).failed(20, Class::MalformedResponse), None)]
#[case::asked_for_after_the_end("valid-reply-accepted", alone().asks(0, Primary, status(500)).failed(20, Class::Server).asks(300, Primary, good()), None)]
#[case::late_is_not_valid("valid-reply-accepted", story().asks(0, Primary, good().timed(Some(1999), Some(1999))).failed(2000, Class::Timeout), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}
