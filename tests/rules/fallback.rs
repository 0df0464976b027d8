//! The family `fallback`.

use brownout::{
    duration::OrNone,
    policy::{
        Feature::{self, *},
        Profile,
    },
    transcript::{Place, ReplyFacts},
};

use super::*;

#[rstest]
#[case::a_race_with_an_error_to_come("one-fallback", story().asks(0, Primary, status(500).timed(Some(900), Some(900))).asks(300, Fallback, good()).completed(320, 1))]
#[case::ping_pong("one-fallback", story().asks(0, Primary, status(500)).asks(100, Fallback, status(500)).asks(200, Primary, good()).completed(220, 2))]
#[case::race("one-fallback", story().asks(0, Primary, good().timed(Some(900), Some(900))).asks(300, Fallback, good()).completed(320, 1))]
#[case::after_a_bad_request("fallback-allowed", story().asks(0, Primary, status(400)).asks(50, Fallback, good()).completed(70, 1))]
#[case::after_a_good_answer("fallback-allowed", story().asks(0, Primary, good()).asks(50, Fallback, good()).completed(70, 1))]
#[case::unsafe_target("fallback-allowed", story().request(|r| r.fallback_safe = false).asks(0, Primary, status(500)).asks(50, Fallback, good()).completed(70, 1))]
#[case::gave_up_after_500("fallback-used", story().asks(0, Primary, status(500)).failed(20, Class::Server))]
#[case::gave_up_after_silence("fallback-used", story().asks(0, Primary, silent(2000)).failed(2010, Class::Timeout))]
#[case::the_primarys_key("fallback-isolated", lost().asks(50, Fallback, good()).asked(|r| r.foreign_keys.push(Primary)).completed(70, 1))]
#[case::the_fallbacks_key("fallback-isolated", story().asks(0, Primary, good()).asked(|r| r.foreign_keys.push(Fallback)).completed(20, 0))]
#[case::the_primarys_model("fallback-isolated", lost().asks(50, Fallback, good()).asked(|r| r.model_is_hosts = false).completed(70, 1))]
#[case::without_the_tools("fallback-isolated", uses(lost(), &[Tools]).asks(50, Fallback, good()).completed(70, 1))]
#[case::with_one_choice("fallback-isolated", uses(lost(), &[SeveralChoices]).asks(50, Fallback, good()).completed(70, 1))]
#[case::refused_tools("fallback-request-valid", uses(refusing(&[Tools]).asks(50, Fallback, good()), &[Stream, Tools]).completed(70, 1))]
#[case::refused_role("fallback-request-valid", uses(refusing(&[Images, DeveloperRole]).asks(50, Fallback, good()), &[DeveloperRole]).completed(70, 1))]
#[case::far_beyond_the_window("fallback-request-valid", window(4000).asks(50, Fallback, good()).asked(|r| r.tokens = 5001).completed(70, 1))]
#[case::tools_that_are_taken("fallback-used", uses(lost(), &[Tools]).failed(20, Class::Server))]
#[case::other_features_are_refused("fallback-used", uses(refusing(&[Images]), &[Tools]).failed(20, Class::Server))]
#[case::well_within_the_window("fallback-used", window(4000).asked(|r| r.tokens = 3000).failed(20, Class::Server))]
#[case::attempt_in_the_reserve("fallback-in-time", patient(7000).asks(0, Primary, silent(6551)).asks(6551, Fallback, good()).completed(6571, 1))]
#[case::attempt_to_the_deadline("fallback-in-time", patient(9000).asks(0, Primary, silent(8000).wire(Wire::Deadline)).failed(8000, Class::Deadline))]
#[case::attempt_begun_in_the_reserve("fallback-in-time", story().asks(0, Primary, status(500)).asks(6600, Primary, status(500)).asks(6620, Fallback, good()).completed(6640, 2))]
#[case::wait_in_the_reserve("fallback-in-time", story().asks(0, Primary, status(500)).asks(6551, Fallback, good()).completed(6571, 1))]
#[case::keep_alives_in_the_reserve("fallback-in-time", stream().policy(|p| p.semantic_idle_timeout = Span::ms(9000)).asks(0, Primary, left_stream(7000, 100, 6900).facts(no_text)).asks(7000, Fallback, good()).completed(7020, 1))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::an_error_whose_body_drags_on("one-fallback", story().asks(0, Primary, status(500).timed(Some(100), Some(900))).asks(300, Fallback, good()).completed(320, 1))]
#[case::one_decision("one-fallback", story().asks(0, Primary, status(500)).asks(100, Primary, status(500)).asks(300, Fallback, good()).completed(320, 2))]
#[case::given_up_then_answered("one-fallback", story().asks(0, Primary, silent(2030)).asks(2000, Fallback, good()).completed(2020, 1))]
#[case::after_500("fallback-allowed", story().asks(0, Primary, status(500)).asks(50, Fallback, good()).completed(70, 1))]
#[case::may_cell("fallback-allowed", story().asks(0, Primary, status(401)).asks(50, Fallback, good()).completed(70, 1))]
#[case::used("fallback-used", story().asks(0, Primary, status(500)).asks(50, Fallback, status(500)).failed(70, Class::Server))]
#[case::its_own("fallback-isolated", lost().asks(50, Fallback, good()).completed(70, 1))]
#[case::tools_go_along("fallback-isolated", uses(uses(lost(), &[Tools]).asks(50, Fallback, good()), &[Tools]).completed(70, 1))]
#[case::a_role_is_translated("fallback-isolated", uses(uses(lost(), &[DeveloperRole]).asks(50, Fallback, good()), &[SystemRole]).completed(70, 1))]
#[case::events_are_not_asked_for("fallback-isolated", uses(lost(), &[Stream]).asks(50, Fallback, good()).completed(70, 1))]
#[case::what_is_refused_is_left_out("fallback-isolated", uses(refusing(&[Tools]), &[Tools]).asks(50, Fallback, good()).completed(70, 1))]
#[case::another_dialect("fallback-isolated", uses(lost(), &[SeveralChoices]).policy(|p| p.fallback.profile = OrNone::Some(Profile::Groq)).asks(50, Fallback, good()).completed(70, 1))]
#[case::nothing_refused_in_it("fallback-request-valid", uses(refusing(&[Tools]).asks(50, Fallback, good()), &[Stream]).completed(70, 1))]
#[case::about_the_window("fallback-request-valid", window(4000).asks(50, Fallback, good()).asked(|r| r.tokens = 5000).completed(70, 1))]
#[case::attempt_up_to_the_reserve("fallback-in-time", patient(7000).asks(0, Primary, silent(6550)).asks(6550, Fallback, good()).completed(6570, 1))]
#[case::wait_up_to_the_reserve("fallback-in-time", story().asks(0, Primary, status(500)).asks(6550, Fallback, good()).completed(6570, 1))]
#[case::left_open_after_moving_on("fallback-in-time", patient(7000).asks(0, Primary, silent(6600)).asks(6540, Fallback, good()).completed(6560, 1))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::too_little_left("fallback-used", story().asks(0, Primary, silent(2000)).asks(4700, Primary, silent(2000)).failed(6700, Class::Timeout), None)]
#[case::nobody_but_us_knows_that_nothing_was_read("fallback-used", charged().asks(0, Primary, silent(10).wire(Wire::ClosedBeforeRequest)).failed(20, Class::Connection), None)]
#[case::unsafe_is_not_demanded("fallback-used", story().request(|r| r.fallback_safe = false).asks(0, Primary, status(500)).failed(20, Class::Server), None)]
#[case::a_lone_primary("fallback-isolated", story().asks(0, Primary, good()).completed(20, 0), None)]
#[case::no_model_is_for_the_schema("fallback-isolated", lost().asks(50, Fallback, good()).asked(unread).completed(70, 1), Some(Status::Pass))]
#[case::nothing_is_refused("fallback-request-valid", uses(lost().asks(50, Fallback, good()), &[Tools]).completed(70, 1), None)]
#[case::the_primary_takes_it("fallback-request-valid", uses(refusing(&[Tools]), &[Tools]).failed(20, Class::Server), None)]
#[case::refused_is_not_demanded("fallback-used", uses(refusing(&[Tools]), &[Tools]).failed(20, Class::Server), None)]
#[case::several_choices_asked_by_the_user_only("fallback-used", refusing(&[SeveralChoices]).request(|r| r.n = 2).failed(20, Class::Server), None)]
#[case::asked_by_the_user_only("fallback-used", refusing(&[Tools]).request(|r| r.tools = true).failed(20, Class::Server), None)]
#[case::about_the_window_is_not_demanded("fallback-used", window(4000).asked(|r| r.tokens = 3001).failed(20, Class::Server), None)]
#[case::key_is_for_the_isolation("no-secret-leak", lost().asks(50, Fallback, good()).asked(|r| r.foreign_keys.push(Primary)).leak_in(Secret::Key(Primary), Place::Request(Fallback)).completed(70, 1), Some(Status::Pass))]
#[case::a_crowd_may_leave_it_no_turn("fallback-used", story().policy(|p| p.storm.in_flight = 0).asks(0, Primary, status(500)).failed(8000, Class::Server), None)]
#[case::a_tool_call_had_begun("fallback-used", stream().asks(0, Primary, left_stream(2000, 1000, 1000).facts(no_text).facts(|r| r.calls.push("call".to_owned()))).failed(2010, Class::Timeout), None)]
#[case::broken_before_the_head_may_be_charged("fallback-used", charged().asks(0, Primary, silent(1).wire(Wire::ClosedBeforeRequest)).failed(10, Class::Connection), None)]
#[case::asked_after_the_deadline("fallback-allowed", story().asks(0, Primary, silent(9000).wire(Wire::Deadline)).asks(9000, Fallback, good()).completed(9020, 1), None)]
#[case::asked_for_nobody("fallback-allowed", story().asks(0, Primary, status(400)).left(20).asks(100, Fallback, good()), None)]
#[case::unsafe_has_no_reserve("fallback-in-time", patient(9000).request(|r| r.fallback_safe = false).asks(0, Primary, silent(8000).wire(Wire::Deadline)).failed(8000, Class::Deadline), None)]
#[case::no_deadline_has_no_reserve("fallback-in-time", story().without(Capability::Deadline).asks(0, Primary, status(500)).asks(7000, Fallback, good()).completed(7020, 1), None)]
#[case::charged_has_no_reserve("fallback-in-time", patient(9000).request(|r| r.charge_sensitive = true).asks(0, Primary, silent(8000).wire(Wire::Deadline)).failed(8000, Class::Deadline), None)]
#[case::no_reserve_in_the_policy("fallback-in-time", patient(9000).policy(|p| p.fallback.reserve = Span::ms(0)).asks(0, Primary, silent(8000).wire(Wire::Deadline)).failed(8100, Class::Deadline), None)]
#[case::answered_by_the_primary("fallback-in-time", patient(9000).asks(0, Primary, good().timed(Some(7000), Some(7000))).completed(7010, 0), None)]
#[case::begun_is_not_for_the_reserve("fallback-in-time", stream().asks(0, Primary, cut_stream().timed(Some(100), Some(7000))).streamed(0, 8).failed(7010, Class::StreamInterrupted), None)]
#[case::text_served_late_is_a_beginning("fallback-in-time", stream().asks(0, Primary, left_stream(7000, 100, 100)).failed(7010, Class::Timeout), None)]
#[case::left_by_its_user("fallback-in-time", patient(9000).asks(0, Primary, silent(7000).wire(Wire::UserLeft)).left(7000), None)]
#[case::named_wait_is_for_the_ceiling("fallback-in-time", story().asks(0, Primary, limited().wait(600_000)).asks(7000, Fallback, good()).completed(7020, 1), Some(Status::Pass))]
#[case::overlong_attempt_is_for_its_timeout("fallback-in-time", story().asks(0, Primary, silent(7000)).asks(7000, Fallback, good()).completed(7020, 1), Some(Status::Pass))]
#[case::never_asked_is_for_fallback_used("fallback-in-time", story().asks(0, Primary, status(500)).failed(7000, Class::Server), Some(Status::Pass))]
#[case::a_may_cell_has_no_reserve("fallback-in-time", story().asks(0, Primary, status(409)).asks(7000, Fallback, good()).completed(7020, 1), Some(Status::Pass))]
#[case::a_crowd_holds_up("fallback-in-time", story().policy(|p| p.storm.in_flight = 0).asks(0, Primary, status(500)).asks(7000, Fallback, good()).completed(7020, 1), Some(Status::Pass))]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}

/// The primary is lost.
fn lost() -> Story {
    story().asks(0, Primary, status(500))
}

/// The primary is lost, and the fallback refuses this.
fn refusing(features: &[Feature]) -> Story {
    lost().policy(|p| p.fallback.refuses = features.to_vec())
}

/// The primary is lost, and the fallback has so many tokens of window.
fn window(tokens: u64) -> Story {
    lost().policy(|p| p.fallback.context = OrNone::Some(tokens))
}

/// The last attempt used this.
fn uses(story: Story, features: &[Feature]) -> Story {
    story.asked(|request| request.uses = features.to_vec())
}

/// A body without a model.
fn unread(request: &mut RequestFacts) {
    request.model_is_hosts = false;
    let (pointer, keyword, what) = ("/model".to_owned(), "required".to_owned(), "it is missing".to_owned());
    request.findings.push(Finding { pointer, keyword, what });
}

/// An attempt may last so long.
fn patient(ms: u64) -> Story {
    story().policy(|policy| policy.attempt_timeout = Span::ms(ms))
}

fn no_text(reply: &mut ReplyFacts) {
    (reply.text, reply.trimmed) = (0, 0);
}
