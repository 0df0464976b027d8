//! The family `ending`.

use super::*;

#[rstest]
#[case::one_more_attempt("nothing-after-the-end", alone().asks(0, Primary, status(500)).failed(20, Class::Server).asks(23, Primary, good()))]
#[case::a_late_fallback("nothing-after-the-end", story().asks(0, Primary, good()).completed(20, 0).asks(3000, Fallback, good()))]
#[case::never_left("nothing-after-the-end", alone().asks(0, Primary, silent(0).timed(None, None)).failed(2000, Class::Timeout))]
#[case::left_too_late("nothing-after-the-end", alone().asks(0, Primary, silent(2051)).failed(2000, Class::Timeout))]
#[case::abandoned_earlier("nothing-after-the-end", story().asks(0, Primary, silent(2200)).asks(2100, Primary, good()).completed(2149, 1))]
#[case::stream_read_by_nobody("nothing-after-the-end", stream().asks(0, Primary, left_stream(5000, 100, 100)).failed(1000, Class::MalformedResponse))]
#[case::completed_for_nobody("nothing-after-the-end", stream().asks(0, Primary, good().stream(End::Finish).timed(Some(100), Some(3000)).complete(3000)).failed(1000, Class::MalformedResponse))]
#[case::left_too_late("cancel-propagates", story().asks(0, Primary, silent(551).wire(Wire::UserLeft)).left(500))]
#[case::never_closed("cancel-propagates", story().asks(0, Primary, silent(0).timed(None, None)).left(500))]
#[case::stream_read_on("cancel-propagates", stream().asks(0, Primary, left_stream(2000, 100, 100).wire(Wire::UserLeft)).streamed(0, 8).left(500))]
#[case::read_to_its_end("cancel-propagates", stream().asks(0, Primary, good().stream(End::Finish).timed(Some(100), Some(3000)).complete(3000)).left(500))]
#[case::tried_again("cancel-propagates", story().asks(0, Primary, status(500)).left(500).asks(551, Primary, good()))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::on_its_way("nothing-after-the-end", alone().policy(|p| p.attempt_timeout = Span::ms(20)).asks(0, Primary, status(500)).failed(20, Class::Server).asks(22, Primary, silent(20)))]
#[case::left_in_time("nothing-after-the-end", alone().asks(0, Primary, silent(2050)).failed(2000, Class::Timeout))]
#[case::whole("nothing-after-the-end", story().asks(0, Primary, good()).completed(20, 0))]
#[case::drained("nothing-after-the-end", stream().asks(0, Primary, good().stream(End::Finish).timed(Some(100), Some(9000)).complete(300)).completed(310, 0))]
#[case::closed_in_time("cancel-propagates", story().asks(0, Primary, silent(550).wire(Wire::UserLeft)).left(500))]
#[case::stream_closed_in_time("cancel-propagates", stream().asks(0, Primary, left_stream(550, 100, 100).wire(Wire::UserLeft)).streamed(0, 8).left(500))]
#[case::during_backoff("cancel-propagates", story().asks(0, Primary, status(500)).left(500))]
#[case::on_its_way("cancel-propagates", story().asks(0, Primary, status(500)).asks(100, Primary, silent(20).wire(Wire::UserLeft)).left(80))]
#[case::complete_and_drained("cancel-propagates", stream().asks(0, Primary, good().stream(End::Finish).timed(Some(100), Some(9000)).complete(300)).left(310))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::an_error_is_no_generation("nothing-after-the-end", alone().asks(0, Primary, status(500).timed(Some(5), None).paced([0, 0, 20_000, 20_000])).failed(20, Class::Server), Some(Status::Pass))]
#[case::who_left_is_for_cancellation("nothing-after-the-end", story().asks(0, Primary, silent(0).timed(None, None)).left(500), None)]
#[case::who_stayed_is_not("cancel-propagates", story().asks(0, Primary, silent(0).timed(None, None)).failed(2000, Class::Timeout), None)]
#[case::unending("nothing-after-the-end", story().asks(0, Primary, silent(2000)), None)]
#[case::left_before_anything("cancel-propagates", story().left(0), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}
