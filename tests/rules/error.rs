//! The family `error`.

use super::*;
use brownout::{
    causes::Body,
    client::Channel,
    transcript::{OutcomeFacts, Unfit},
};

/// A failure of a lone attempt, with something about it changed.
fn failing(change: impl FnOnce(&mut OutcomeFacts)) -> Story {
    alone().asks(0, Primary, status(500)).failed(20, Class::Server).outcome_is(change)
}

/// Half a stream, and then an error.
fn half(channel: Channel) -> Story {
    let story = stream().asks(0, Primary, cut_stream()).streamed(0, 8).failed(80, Class::StreamInterrupted);
    story.outcome_is(|outcome| outcome.channel = channel)
}

#[rstest]
#[case::another_class("error-classified", alone().asks(0, Primary, status(401)).failed(20, Class::Server))]
#[case::no_class("error-classified", failing(|o| o.class = None))]
#[case::the_first_cause_is_not_the_last("error-classified", story().asks(0, Primary, status(503)).asks(100, Fallback, status(401)).failed(120, Class::Server))]
#[case::exhausted_after_an_attempt("error-classified", alone().asks(0, Primary, status(500)).failed(20, Class::Exhausted))]
#[case::deadline_before_it_passed("error-classified", alone().asks(0, Primary, silent(2000)).failed(7990, Class::Deadline))]
#[case::refused_by_nobody("error-classified", failing(|o| o.result = ResultKind::Refused))]
#[case::cancelled_by_nobody("error-classified", failing(|o| o.result = ResultKind::Cancelled))]
#[case::throttling_inside_a_200("error-classified", alone().asks(0, Primary, status(429).in_band(429)).failed(20, Class::MalformedResponse))]
#[case::no_type("error-fit-for-users", failing(|o| (o.class, o.native, o.retryable) = (None, None, Some(false))))]
#[case::no_words("error-fit-for-users", failing(|o| o.message_length = 0))]
#[case::no_word_on_trying_again("error-fit-for-users", failing(|o| (o.class, o.native, o.retryable) = (None, Some("APIError".to_owned()), None)))]
#[case::a_page("error-fit-for-users", failing(|o| o.unfit = vec![Unfit::Html]))]
#[case::a_stack("error-fit-for-users", failing(|o| o.unfit = vec![Unfit::Stack]))]
#[case::only_a_callback_knows("partial-labelled", half(Channel::OutOfBand))]
#[case::a_null_dereference("no-crash", failing(|o| (o.result, o.native) = (ResultKind::Unusable, Some("NoneType".to_owned()))))]
#[case::an_unusable_value_of_no_type("no-crash", failing(|o| (o.result, o.native) = (ResultKind::Unusable, None)))]
#[case::a_panic_beside_the_call("no-crash", story().asks(0, Primary, good()).completed(20, 0).facts(|t| t.panics.push("src/a.rs:1".to_owned())))]
#[case::a_crash("no-crash", story().asks(0, Primary, good()).completed(20, 0).facts(|t| t.process = Some(ProcessEnd { crash: Some("signal 9".to_owned()), ..ProcessEnd::default() })))]
#[case::a_hang("no-crash", story().asks(0, Primary, good()).completed(20, 0).facts(|t| t.process = Some(ProcessEnd { hung: true, ..ProcessEnd::default() })))]
#[case::stuck_for_good("recovers", story().asks(0, Primary, good()).completed(20, 0).facts(|t| t.probe.as_mut().expect("there is one").result = Some(ResultKind::Failed)))]
#[case::silent_for_good("recovers", story().asks(0, Primary, good()).completed(20, 0).facts(|t| t.probe.as_mut().expect("there is one").result = None))]
#[case::one_too_few("attempts-true", alone().asks(0, Primary, status(500)).asks(300, Primary, status(500)).failed(320, Class::Server).outcome_is(|o| o.attempts = Some(1)))]
#[case::one_too_many("attempts-true", story().asks(0, Primary, good()).completed(20, 0).outcome_is(|o| o.attempts = Some(2)))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::its_class("error-classified", failing(|_| ()))]
#[case::the_last_cause("error-classified", story().asks(0, Primary, status(503)).asks(100, Fallback, status(401)).failed(120, Class::Auth))]
#[case::deadline_at_its_moment("error-classified", alone().asks(0, Primary, silent(2000)).failed(7998, Class::Deadline))]
#[case::a_filter_may_be_called_a_refusal("error-classified", alone().asks(0, Primary, status(400).code("content_filter")).failed(20, Class::ContentPolicy).outcome_is(|o| o.result = ResultKind::Refused))]
#[case::a_refused_connection_came_last("error-classified", alone().asks(0, Primary, status(500)).failed(400, Class::Connection).facts(|t| t.refusing.push(Primary)))]
#[case::native_and_retryable("error-fit-for-users", failing(|o| (o.native, o.retryable) = (Some("APIError".to_owned()), Some(true))))]
#[case::raised("partial-labelled", half(Channel::Raised))]
#[case::typed("no-crash", failing(|_| ()))]
#[case::another_cases_crash("no-crash", failing(|_| ()).facts(|t| t.process = Some(ProcessEnd { company: true, ..ProcessEnd::default() })))]
#[case::healthy("recovers", story().asks(0, Primary, good()).completed(20, 0))]
#[case::counted("attempts-true", alone().asks(0, Primary, status(500)).asks(90, Primary, status(500)).failed(110, Class::Server).outcome_is(|o| o.attempts = Some(2)))]
#[case::some_were_refused("attempts-true", alone().asks(0, Primary, status(500)).failed(400, Class::Server).outcome_is(|o| o.attempts = Some(3)).facts(|t| t.refusing.push(Primary)))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::good_is_for_valid_reply("error-classified", story().asks(0, Primary, good()).failed(20, Class::Other), None)]
#[case::nothing_was_attempted("error-classified", story().failed(20, Class::Exhausted), None)]
#[case::unusable_is_a_crash("error-classified", failing(|o| o.result = ResultKind::Unusable), None)]
#[case::who_left_is_told_nothing("error-classified", alone().asks(0, Primary, silent(500).wire(Wire::UserLeft)).failed(500, Class::Other).facts(|t| t.users[0].left = Some(500_000)), None)]
#[case::completed_is_for_others("error-classified", story().asks(0, Primary, good().body(Body::NoChoices)).completed(20, 0), None)]
#[case::no_text_came("partial-labelled", stream().asks(0, Primary, cut_stream()).failed(80, Class::StreamInterrupted).outcome_is(|o| o.channel = Channel::OutOfBand), None)]
#[case::no_probe("recovers", story().asks(0, Primary, good()).completed(20, 0).facts(|t| t.probe = None), None)]
#[case::no_claim("attempts-true", story().asks(0, Primary, good()).completed(20, 0), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}
