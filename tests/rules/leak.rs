//! The family `leak`.

use super::*;
use brownout::policy::Permission;

#[rstest]
#[case::key_in_an_error("no-secret-leak", story().asks(0, Primary, status(401)).failed(20, Class::Auth).leak(Secret::Key(Primary)))]
#[case::key_in_a_log("no-secret-leak", story().asks(0, Primary, good()).completed(20, 0).leak_in(Secret::Key(Primary), Place::Log))]
#[case::key_in_a_url("no-secret-leak", story().asks(0, Primary, good()).completed(20, 0).leak_in(Secret::Key(Primary), Place::Url(Primary)))]
#[case::key_elsewhere("no-secret-leak", story().asks(0, Primary, good()).completed(20, 0).leak_in(Secret::Key(Primary), Place::Request(Host::Elsewhere)))]
#[case::prompt_in_an_error("no-prompt-leak", story().asks(0, Primary, status(400)).failed(20, Class::InvalidRequest).leak(Secret::Prompt))]
#[case::prompt_in_telemetry("no-prompt-leak", story().asks(0, Primary, good()).completed(20, 0).leak_in(Secret::Prompt, Place::Telemetry))]
#[case::user_in_a_log("no-prompt-leak", story().asks(0, Primary, good()).completed(20, 0).leak_in(Secret::User, Place::Log))]
#[case::key_at_another_host("no-secret-leak", story().asks(0, Primary, good()).completed(20, 0).leak_in(Secret::Key(Primary), Place::Request(Elsewhere)))]
#[case::key_in_the_fallbacks_url("no-secret-leak", story().asks(0, Primary, status(500)).asks(50, Fallback, good()).completed(70, 1).leak_in(Secret::Key(Primary), Place::Url(Fallback)))]
#[case::no_fallback_is_claimed("no-secret-leak", story().without(Capability::Fallback).asks(0, Fallback, good()).asked(|r| r.foreign_keys.push(Primary)).completed(20, 0).leak_in(Secret::Key(Primary), Place::Request(Fallback)))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::no_leak("no-secret-leak", story().asks(0, Primary, good()).completed(20, 0))]
#[case::prompt_permitted("no-prompt-leak", story().policy(|p| p.logs.prompts = Permission::Allowed).asks(0, Primary, good()).completed(20, 0).leak_in(Secret::Prompt, Place::Log))]
#[case::user_permitted("no-prompt-leak", story().policy(|p| p.logs.user_ids = Permission::Allowed).asks(0, Primary, good()).completed(20, 0).leak_in(Secret::User, Place::Log))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::a_prompt_is_no_key("no-secret-leak", story().asks(0, Primary, good()).completed(20, 0).leak(Secret::Prompt), Some(Status::Pass))]
#[case::a_key_is_no_prompt("no-prompt-leak", story().asks(0, Primary, good()).completed(20, 0).leak(Secret::Key(Primary)), Some(Status::Pass))]
#[case::permission_for_one_is_none_for_the_other("no-prompt-leak", story().policy(|p| p.logs.prompts = Permission::Allowed).asks(0, Primary, good()).completed(20, 0).leak(Secret::User), Some(Status::Fail))]
#[case::unheard_logs_prove_nothing("no-secret-leak", unheard(), Some(Status::NotExercised))]
#[case::nor_of_prompts("no-prompt-leak", unheard(), Some(Status::NotExercised))]
#[case::what_was_found_counts_all_the_same("no-secret-leak", unheard().leak(Secret::Key(Primary)), Some(Status::Fail))]
#[case::led_there("no-secret-leak", story().asks(0, Primary, good()).led_by(302, Elsewhere, "GET", true).completed(20, 0).leak_in(Secret::Key(Primary), Place::Request(Elsewhere)), Some(Status::Pass))]
#[case::led_to_the_other_provider("no-secret-leak", story().asks(0, Primary, good()).led_by(302, Fallback, "GET", true).completed(20, 0).leak_in(Secret::Key(Primary), Place::Request(Fallback)), Some(Status::Pass))]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}

fn unheard() -> Story {
    story().asks(0, Primary, good()).completed(20, 0).facts(|t| t.logs_heard = false)
}
