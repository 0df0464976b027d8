//! The family `silence`.

use super::*;

#[rstest]
#[case::plain_stall("idle-timeout-kept", alone().asks(0, Primary, stalled(100, 1151)).failed(1151, Class::Timeout))]
#[case::stream_stall("idle-timeout-kept", stream().asks(0, Primary, left_stream(2000, 1051, 1051)).streamed(0, 8).failed(2000, Class::Timeout))]
#[case::keep_alives_only("idle-timeout-kept", stream().asks(0, Primary, left_stream(2000, 100, 1551)).streamed(0, 8).failed(2000, Class::Timeout))]
#[case::keep_alives_beyond_their_bound("idle-timeout-kept", queueing().asks(0, Primary, left_stream(5000, 100, 3051)).streamed(0, 8).failed(5000, Class::Timeout))]
#[case::silence_where_keep_alives_are_progress("idle-timeout-kept", queueing().asks(0, Primary, left_stream(5000, 1051, 1051)).streamed(0, 8).failed(5000, Class::Timeout))]
#[case::waited_out_a_gap("idle-timeout-kept", story().asks(0, Primary, good().timed(Some(100), Some(1500)).paced([1051, 0, 0, 0]).complete(1500)).completed(1510, 0))]
#[case::waited_out_a_gap_without_content("idle-timeout-kept", stream().asks(0, Primary, good().stream(End::Finish).timed(Some(100), Some(3000)).paced([500, 1551, 0, 0]).complete(3000)).completed(3010, 0))]
#[case::still_open("idle-timeout-kept", stream().asks(0, Primary, left_stream(2000, 18_000, 18_000).timed(Some(100), None)).streamed(0, 8).failed(3051, Class::Timeout))]
#[case::error_body("idle-timeout-kept", alone().asks(0, Primary, status(400).timed(Some(100), Some(1151)).paced([0, 0, 1051, 1051])).failed(1160, Class::InvalidRequest))]
#[case::at_the_fallback("idle-timeout-kept", story().asks(0, Primary, status(500)).asks(50, Fallback, stalled(100, 1151)).failed(1201, Class::Timeout))]
#[case::total_timeout("healthy-stream-kept", stream().asks(0, Primary, left_stream(2000, 100, 100)).streamed(0, 8).failed(2000, Class::Timeout))]
#[case::a_moment_too_early("healthy-stream-kept", stream().asks(0, Primary, left_stream(2000, 997, 997)).streamed(0, 8).failed(2000, Class::Timeout))]
#[case::content_a_moment_ago("healthy-stream-kept", stream().asks(0, Primary, left_stream(2000, 100, 1497)).streamed(0, 8).failed(2000, Class::Timeout))]
#[case::keep_alives_are_progress("healthy-stream-kept", queueing().asks(0, Primary, left_stream(2000, 100, 1600)).streamed(0, 8).failed(2000, Class::Timeout))]
#[case::nothing_yet_and_no_need_to_go("healthy-stream-kept", stream().asks(0, Primary, empty_stream(6497)).asks(6500, Fallback, good()).completed(6520, 1))]
#[case::at_the_fallback("healthy-stream-kept", stream().asks(0, Primary, status(500)).asks(50, Fallback, left_stream(2000, 100, 100)).streamed(1, 8).failed(2060, Class::Timeout))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::plain_stall("idle-timeout-kept", alone().asks(0, Primary, stalled(100, 1150)).failed(1150, Class::Timeout))]
#[case::stream_stall("idle-timeout-kept", stream().asks(0, Primary, left_stream(2000, 1050, 1050)).streamed(0, 8).failed(2000, Class::Timeout))]
#[case::keep_alives_only("idle-timeout-kept", stream().asks(0, Primary, left_stream(2000, 100, 1550)).streamed(0, 8).failed(2000, Class::Timeout))]
#[case::keep_alives_within_their_bound("idle-timeout-kept", queueing().asks(0, Primary, left_stream(5000, 100, 3050)).streamed(0, 8).failed(5000, Class::Timeout))]
#[case::a_gap_within("idle-timeout-kept", story().asks(0, Primary, good().timed(Some(100), Some(1500)).paced([1050, 0, 0, 0]).complete(1500)).completed(1510, 0))]
#[case::stalled("healthy-stream-kept", stream().asks(0, Primary, left_stream(2000, 998, 998)).streamed(0, 8).failed(2000, Class::Timeout))]
#[case::no_content("healthy-stream-kept", stream().asks(0, Primary, left_stream(2000, 100, 1498)).streamed(0, 8).failed(2000, Class::Timeout))]
#[case::bound_reached("healthy-stream-kept", queueing().asks(0, Primary, left_stream(5000, 100, 2998)).streamed(0, 8).failed(5000, Class::Timeout))]
#[case::read_to_its_end("healthy-stream-kept", stream().asks(0, Primary, good().stream(End::Finish).timed(Some(100), Some(6000)).paced([900, 900, 0, 0]).complete(6000)).completed(6010, 0))]
#[case::nothing_yet_at_the_reserve("healthy-stream-kept", stream().asks(0, Primary, empty_stream(6498)).asks(6500, Fallback, good()).completed(6520, 1))]
#[case::at_the_deadline("healthy-stream-kept", stream().asks(0, Primary, left_stream(8000, 100, 100).wire(Wire::Deadline)).streamed(0, 8).failed(8000, Class::Deadline))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::no_head_is_for_the_attempt("idle-timeout-kept", story().asks(0, Primary, silent(3000)).failed(3000, Class::Timeout), None)]
#[case::a_late_head_is_for_the_attempt("idle-timeout-kept", story().asks(0, Primary, stalled(1500, 2600)).failed(2600, Class::Timeout), Some(Status::Pass))]
#[case::a_gap_after_a_late_head_is_for_the_attempt("idle-timeout-kept", story().asks(0, Primary, good().timed(Some(1500), Some(3000)).paced([1100, 0, 0, 0]).complete(3000)).completed(3010, 0), Some(Status::Pass))]
#[case::after_the_signal_nothing_is_judged("idle-timeout-kept", stream().asks(0, Primary, good().stream(End::Finish).timed(Some(100), Some(9000)).paced([50, 50, 0, 0]).complete(300)).completed(310, 0), Some(Status::Pass))]
#[case::an_error_is_known_by_its_status("idle-timeout-kept", story().asks(0, Primary, status(500).timed(Some(5), Some(4000)).paced([0, 0, 3995, 3995])).asks(100, Primary, good()).completed(4100, 1), Some(Status::Pass))]
#[case::left_open_is_for_the_end("idle-timeout-kept", stream().asks(0, Primary, left_stream(2000, 18_000, 18_000).timed(Some(100), None)).streamed(0, 8).failed(3050, Class::Timeout), Some(Status::Pass))]
#[case::gaps_that_nobody_waited_for("idle-timeout-kept", story().asks(0, Primary, good().timed(Some(100), Some(9000)).paced([5000, 0, 0, 0]).complete(9000)).failed(1000, Class::Timeout), Some(Status::Pass))]
#[case::a_plain_reply_has_no_content("idle-timeout-kept", story().asks(0, Primary, good().timed(Some(100), Some(1900)).paced([900, 0, 0, 0]).complete(1900)).completed(1910, 0), Some(Status::Pass))]
#[case::no_pace_is_known("idle-timeout-kept", stream().asks(0, Primary, cut_stream()).streamed(0, 8).failed(80, Class::StreamInterrupted), None)]
#[case::flawed("healthy-stream-kept", stream().asks(0, Primary, left_stream(2000, 100, 100).flawed()).streamed(0, 8).failed(2000, Class::MalformedResponse), Some(Status::Pass))]
#[case::finished("healthy-stream-kept", stream().asks(0, Primary, left_stream(2000, 250, 250).facts(|r| r.finish.push("stop".to_owned()))).streamed(0, 8).failed(2000, Class::StreamInterrupted), Some(Status::Pass))]
#[case::cut_by_the_provider("healthy-stream-kept", stream().asks(0, Primary, left_stream(2000, 0, 0).wire(Wire::ClosedInStream)).streamed(0, 8).failed(2000, Class::StreamInterrupted), Some(Status::Pass))]
#[case::left_by_its_user("healthy-stream-kept", stream().asks(0, Primary, left_stream(2000, 100, 100).wire(Wire::UserLeft)).streamed(0, 8).left(2000), None)]
#[case::never_left("healthy-stream-kept", stream().asks(0, Primary, left_stream(2000, 100, 100).timed(Some(100), None)).streamed(0, 8).failed(2000, Class::Timeout), Some(Status::Pass))]
#[case::plain("healthy-stream-kept", story().asks(0, Primary, stalled(100, 500)).failed(500, Class::Timeout), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}

/// Keep-alives are progress, for three seconds.
fn queueing() -> Story {
    stream().policy(|policy| policy.parser.keepalive_is_progress = true)
}

/// A stream of reasoning, left after so many milliseconds.
fn empty_stream(end: u64) -> Answer {
    left_stream(end, 100, 100).facts(|reply| (reply.text, reply.trimmed) = (0, 0))
}
