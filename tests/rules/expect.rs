//! The family `expect`.

use super::*;

#[rstest]
#[case::other_outcome("as-expected", story().asks(0, Primary, good()).completed(20, 0).expect(outcome(ResultWord::Failed, None)))]
#[case::other_class("as-expected", story().asks(0, Primary, status(400)).failed(20, Class::Server).expect(outcome(ResultWord::Failed, Some(Class::InvalidRequest))))]
#[case::other_count("as-expected", story().asks(0, Primary, good()).completed(20, 0).expect(attempts(2)))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::met("as-expected", story().asks(0, Primary, good()).completed(20, 0).expect(outcome(ResultWord::Completed, None)).expect(attempts(1)))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}
