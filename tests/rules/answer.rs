//! The family `answer`.

use super::*;
use brownout::{
    causes::Body,
    policy::{Policy, Refusal},
    transcript::OutcomeFacts,
};

/// A lone answer of this kind, and what the client made of it.
fn answered(answer: Answer, change: impl FnOnce(&mut OutcomeFacts)) -> Story {
    alone().asks(0, Primary, answer).completed(20, 0).outcome_is(change)
}

fn refusal() -> Answer {
    good().body(Body::Refusal)
}

fn refused(outcome: &mut OutcomeFacts) {
    (outcome.result, outcome.text) = (ResultKind::Refused, None);
}

fn text_is_allowed(policy: &mut Policy) {
    policy.parser.refusal = Refusal::Text;
}

fn filtered() -> Answer {
    good().finish("content_filter")
}

fn blank() -> Answer {
    good().body(Body::Blank).text(0)
}

fn usage(fields: &[(&str, u64)]) -> Option<std::collections::BTreeMap<String, u64>> {
    Some(fields.iter().map(|(field, count)| ((*field).to_owned(), *count)).collect())
}

fn counted() -> Answer {
    good().usage(&[("prompt_tokens", 12), ("total_tokens", 19)])
}

fn call(calls: &[&str]) -> Answer {
    good().calls(calls).finish("tool_calls").text(0)
}

fn calls(calls: &[&str]) -> Vec<String> {
    calls.iter().map(|call| (*call).to_owned()).collect()
}

fn without_text(outcome: &mut OutcomeFacts) {
    outcome.text = None;
    outcome.finish_reason = Some("tool_calls".to_owned());
}

#[rstest]
#[case::believed("refusal-handled", answered(refusal(), |_| ()))]
#[case::filtered_and_not_said("refusal-handled", answered(filtered(), |o| o.finish_reason = Some("stop".to_owned())))]
#[case::blank_and_filled("refusal-handled", answered(blank(), |_| ()))]
#[case::crash("refusal-handled", answered(refusal(), |o| o.result = ResultKind::Cancelled))]
#[case::invented("usage-true", answered(good(), |o| o.usage = usage(&[("total_tokens", 19)])))]
#[case::zeroes_for_nothing("usage-true", answered(good(), |o| o.usage = usage(&[("total_tokens", 0)])))]
#[case::another_count("usage-true", answered(counted(), |o| o.usage = usage(&[("prompt_tokens", 12), ("total_tokens", 20)])))]
#[case::another_field("usage-true", answered(counted(), |o| o.usage = usage(&[("completion_tokens", 7)])))]
#[case::dropped("usage-true", answered(counted(), |o| o.usage = None))]
#[case::prefix("tool-calls-whole", answered(call(&["a"]), |o| { without_text(o); o.calls = calls(&["half of a"]) }))]
#[case::one_of_two("tool-calls-whole", answered(call(&["a", "b"]), |o| { without_text(o); o.calls = calls(&["a"]) }))]
#[case::twice("tool-calls-whole", answered(call(&["a"]), |o| { without_text(o); o.calls = calls(&["a", "a"]) }))]
#[case::left_out("tool-calls-whole", answered(call(&["a"]), without_text))]
#[case::phantom("tool-calls-whole", answered(good(), |o| o.calls = calls(&["a"])))]
#[case::out_of_tokens("tool-calls-whole", answered(call(&["a"]).finish("length"), |o| { without_text(o); o.calls = calls(&["a"]) }))]
#[case::handed_over_with_an_error("tool-calls-whole", stream().asks(0, Primary, cut_stream().calls(&["a"])).failed(80, Class::StreamInterrupted).outcome_is(|o| o.calls = calls(&["a"])))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::typed("refusal-handled", answered(refusal(), refused))]
#[case::an_error("refusal-handled", alone().asks(0, Primary, refusal()).failed(20, Class::ContentPolicy))]
#[case::text_by_policy("refusal-handled", answered(refusal(), |_| ()).policy(text_is_allowed))]
#[case::filtered_and_said("refusal-handled", answered(filtered(), |o| o.finish_reason = Some("content_filter".to_owned())))]
#[case::blank_handed_on("refusal-handled", answered(blank(), |o| o.text = None))]
#[case::as_served("usage-true", answered(counted(), |o| o.usage = usage(&[("prompt_tokens", 12), ("total_tokens", 19)])))]
#[case::a_part_of_it("usage-true", answered(counted(), |o| o.usage = usage(&[("total_tokens", 19), ("cached_tokens", 0)])))]
#[case::none_for_none("usage-true", answered(good(), |o| o.usage = None))]
#[case::left_after_the_finish_reason("usage-true", stream().asks(0, Primary, counted().stream(End::Finish)).completed(20, 0))]
#[case::whole_in_any_order("tool-calls-whole", answered(call(&["a", "b"]), |o| { without_text(o); o.calls = calls(&["b", "a"]) }))]
#[case::out_of_tokens_and_left_out("tool-calls-whole", answered(good().calls(&["a"]).finish("length"), |o| o.finish_reason = Some("length".to_owned())))]
#[case::a_word_of_another_vocabulary_said_in_ours("honest-success", answered(good().finish("max_tokens").finish_also("unlisted"), |o| o.finish_reason = Some("length".to_owned())))]
#[case::a_word_in_other_letters("honest-success", answered(good().finish("STOP").finish_also("unlisted"), |o| o.finish_reason = Some("stop".to_owned())))]
#[case::a_word_that_may_name_a_guard("error-classified", alone().asks(0, Primary, good().finish("guardrail_intervened").finish_also("unlisted")).failed(20, Class::ContentPolicy).outcome_is(|o| (o.result, o.class) = (ResultKind::Refused, None)))]
#[case::failed_instead("tool-calls-whole", alone().asks(0, Primary, call(&["a"]).body(Body::BadToolCall)).failed(20, Class::MalformedResponse))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::nothing_refused("refusal-handled", answered(good(), |_| ()), None)]
#[case::failures_report_no_usage("usage-true", alone().asks(0, Primary, status(500)).failed(20, Class::Server), None)]
#[case::no_tools("tool-calls-whole", answered(good(), |_| ()), None)]
#[case::refusals_are_not_for_honest_success("honest-success", answered(refusal(), |_| ()), None)]
#[case::cut_answers_are("honest-success", answered(good().finish("length"), |o| o.finish_reason = Some("stop".to_owned())), Some(Status::Fail))]
#[case::unknown_words_are_kept("honest-success", answered(good().finish("eos").finish_also("unlisted"), |o| o.finish_reason = Some("stop".to_owned())), Some(Status::Fail))]
#[case::a_cut_said_to_be_a_stop("honest-success", answered(good().finish("max_tokens").finish_also("unlisted"), |o| o.finish_reason = Some("stop".to_owned())), Some(Status::Fail))]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}
