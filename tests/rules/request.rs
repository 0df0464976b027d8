//! The family `request`.

use super::*;

#[rstest]
#[case::wrong_path("endpoint-path", story().asks(0, Primary, good()).asked(|r| r.path = "/chat/completions".to_owned()).completed(20, 0))]
#[case::stray_path("endpoint-path", story().stray("POST", "/v1/v1/chat/completions").failed(20, Class::InvalidRequest))]
#[case::no_key("auth-header", story().asks(0, Primary, good()).asked(|r| r.auth = AuthFact::Missing).completed(20, 0))]
#[case::bare_key("auth-header", story().asks(0, Primary, good()).asked(|r| r.auth = AuthFact::Malformed).completed(20, 0))]
#[case::unknown_key("auth-header", story().asks(0, Primary, good()).asked(|r| r.auth = AuthFact::Unknown).completed(20, 0))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::pinned_path("endpoint-path", story().asks(0, Primary, good()).completed(20, 0))]
#[case::right_key("auth-header", story().asks(0, Primary, good()).completed(20, 0))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}
