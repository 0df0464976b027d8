//! The family `charge`.

use super::*;

#[rstest]
#[case::charged_twice_without_key("no-double-charge", charged().asks(0, Primary, silent(2000)).asked(no_key).asks(2100, Primary, good()).asked(no_key).completed(2120, 1))]
#[case::charged_twice_with_another_key("no-double-charge", charged().asks(0, Primary, silent(2000)).asks(2100, Primary, good()).asked(|r| r.idempotency = Some("another".to_owned())).completed(2120, 1))]
#[case::charged_at_both("no-double-charge", charged().asks(0, Primary, silent(2000)).asks(2100, Fallback, good()).completed(2120, 1))]
#[case::keys_do_not_deduplicate("no-double-charge", charged().policy(|p| p.charge.key_deduplicates = false).asks(0, Primary, status(500)).asks(100, Primary, good()).completed(120, 1))]
#[case::a_tool_runs_twice("effects-once", story().asks(0, Primary, good()).completed(20, 0).effect("pay", "call_1").effect("pay", "call_1"))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::same_key("no-double-charge", charged().asks(0, Primary, silent(2000)).asks(2100, Primary, good()).completed(2120, 1))]
#[case::two_honest_calls("effects-once", story().asks(0, Primary, good()).completed(20, 0).effect("pay", "call_1").effect("pay", "call_2").effect("mail", "call_1"))]
#[case::each_user_its_own("effects-once", story().asks(0, Primary, good()).completed(20, 0).effect("pay", "call_1").user(50).asks(50, Primary, good()).completed(70, 1).effect("pay", "call_1"))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::not_charged("no-double-charge", charged().asks(0, Primary, limited()).asks(100, Primary, good()).completed(120, 1), Some(Status::Pass))]
#[case::not_sensitive("no-double-charge", story().asks(0, Primary, silent(2000)).asks(2100, Primary, good()).completed(2120, 1), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}
