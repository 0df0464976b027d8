//! The family `fallback`.

use brownout::{
    duration::OrNone,
    policy::{
        Feature::{self, *},
        Profile,
    },
    transcript::Place,
};

use super::*;

#[rstest]
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
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
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
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::too_little_left("fallback-used", story().asks(0, Primary, silent(2000)).asks(4700, Primary, silent(2000)).failed(6700, Class::Timeout), None)]
#[case::unsafe_is_not_demanded("fallback-used", story().request(|r| r.fallback_safe = false).asks(0, Primary, status(500)).failed(20, Class::Server), None)]
#[case::a_lone_primary("fallback-isolated", story().asks(0, Primary, good()).completed(20, 0), None)]
#[case::no_model_is_for_the_schema("fallback-isolated", lost().asks(50, Fallback, good()).asked(unread).completed(70, 1), Some(Status::Pass))]
#[case::nothing_is_refused("fallback-request-valid", uses(lost().asks(50, Fallback, good()), &[Tools]).completed(70, 1), None)]
#[case::the_primary_takes_it("fallback-request-valid", uses(refusing(&[Tools]), &[Tools]).failed(20, Class::Server), None)]
#[case::refused_is_not_demanded("fallback-used", uses(refusing(&[Tools]), &[Tools]).failed(20, Class::Server), None)]
#[case::asked_by_the_user_only("fallback-used", refusing(&[Tools]).request(|r| r.tools = true).failed(20, Class::Server), None)]
#[case::about_the_window_is_not_demanded("fallback-used", window(4000).asked(|r| r.tokens = 3001).failed(20, Class::Server), None)]
#[case::key_is_for_the_isolation("no-secret-leak", lost().asks(50, Fallback, good()).asked(|r| r.foreign_keys.push(Primary)).leak_in(Secret::Key(Primary), Place::Request(Fallback)).completed(70, 1), Some(Status::Pass))]
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
