//! The family `storm`.

use super::*;

#[rstest]
#[case::few_users_are_no_storm("no-storm", (0..9).fold(story(), |s, n| s.asks(n, Primary, status(500))).failed(20, Class::Server), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}
