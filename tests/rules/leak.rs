//! The family `leak`.

use super::*;

#[rstest]
#[case::key_in_an_error("no-secret-leak", story().asks(0, Primary, status(401)).failed(20, Class::Auth).leak(Secret::Key(Primary)))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::no_leak("no-secret-leak", story().asks(0, Primary, good()).completed(20, 0).leak(Secret::Prompt))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}
