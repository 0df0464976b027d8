//! The family `leak`.

use brownout::transcript::Place;

use super::*;

#[rstest]
#[case::key_in_an_error("no-secret-leak", story().asks(0, Primary, status(401)).failed(20, Class::Auth).leak(Secret::Key(Primary)))]
#[case::key_at_another_host("no-secret-leak", story().asks(0, Primary, good()).completed(20, 0).leak_in(Secret::Key(Primary), Place::Request(Elsewhere)))]
#[case::key_in_the_fallbacks_url("no-secret-leak", story().asks(0, Primary, status(500)).asks(50, Fallback, good()).completed(70, 1).leak_in(Secret::Key(Primary), Place::Url(Fallback)))]
#[case::no_fallback_is_claimed("no-secret-leak", story().without(Capability::Fallback).asks(0, Fallback, good()).asked(|r| r.foreign_keys.push(Primary)).completed(20, 0).leak_in(Secret::Key(Primary), Place::Request(Fallback)))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::no_leak("no-secret-leak", story().asks(0, Primary, good()).completed(20, 0).leak(Secret::Prompt))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::led_there("no-secret-leak", story().asks(0, Primary, good()).led_by(302, Elsewhere, "GET", true).completed(20, 0).leak_in(Secret::Key(Primary), Place::Request(Elsewhere)), Some(Status::Pass))]
#[case::led_to_the_other_provider("no-secret-leak", story().asks(0, Primary, good()).led_by(302, Fallback, "GET", true).completed(20, 0).leak_in(Secret::Key(Primary), Place::Request(Fallback)), Some(Status::Pass))]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}
