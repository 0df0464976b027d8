//! The family `charge`.

use super::*;

#[rstest]
#[case::charged_twice_without_key("no-double-charge", charged().asks(0, Primary, silent(2000)).asked(no_key).asks(2100, Primary, good()).asked(no_key).completed(2120, 1))]
#[case::charged_twice_with_another_key("no-double-charge", charged().asks(0, Primary, silent(2000)).asks(2100, Primary, good()).asked(|r| r.idempotency = Some("another".to_owned())).completed(2120, 1))]
#[case::charged_at_both("no-double-charge", charged().asks(0, Primary, silent(2000)).asks(2100, Fallback, good()).completed(2120, 1))]
#[case::keys_do_not_deduplicate("no-double-charge", charged().policy(|p| p.charge.key_deduplicates = false).asks(0, Primary, status(500)).asks(100, Primary, good()).completed(120, 1))]
#[case::a_tool_runs_twice("effects-once", story().asks(0, Primary, good()).completed(20, 0).effect("pay", "call_1").effect("pay", "call_1"))]
#[case::a_key_for_each_attempt("idempotency-stable", story().asks(0, Primary, status(500)).asks(100, Primary, good()).asked(key("another")).completed(120, 1))]
#[case::lost_on_the_retry("idempotency-stable", story().asks(0, Primary, status(500)).asks(100, Primary, good()).asked(no_key).completed(120, 1))]
#[case::found_on_the_retry("idempotency-stable", story().asks(0, Primary, status(500)).asked(no_key).asks(100, Primary, good()).completed(120, 1))]
#[case::at_the_fallback_too("idempotency-stable", story().asks(0, Fallback, status(500)).asks(100, Fallback, good()).asked(key("another")).completed(120, 1))]
#[case::sensitive_and_surely_not_charged("idempotency-stable", charged().asks(0, Primary, limited()).asks(100, Primary, good()).asked(key("another")).completed(120, 1))]
#[case::one_for_two_users("idempotency-stable", story().asks(0, Primary, good()).asked(key("one")).completed(20, 0).user(0).asks(0, Primary, good()).asked(key("one")).completed(20, 1))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::same_key("no-double-charge", charged().asks(0, Primary, silent(2000)).asks(2100, Primary, good()).completed(2120, 1))]
#[case::two_honest_calls("effects-once", story().asks(0, Primary, good()).completed(20, 0).effect("pay", "call_1").effect("pay", "call_2").effect("mail", "call_1"))]
#[case::each_user_its_own("effects-once", story().asks(0, Primary, good()).completed(20, 0).effect("pay", "call_1").user(50).asks(50, Primary, good()).completed(70, 1).effect("pay", "call_1"))]
#[case::kept("idempotency-stable", story().asks(0, Primary, status(500)).asks(100, Primary, good()).completed(120, 1))]
#[case::another_at_the_fallback("idempotency-stable", story().asks(0, Primary, status(500)).asks(50, Primary, status(500)).asks(300, Fallback, good()).asked(key("another")).completed(320, 2))]
#[case::the_same_at_the_fallback("idempotency-stable", story().asks(0, Primary, status(500)).asks(50, Primary, status(500)).asks(300, Fallback, good()).completed(320, 2))]
#[case::two_users("idempotency-stable", story().asks(0, Primary, good()).completed(20, 0).user(0).asks(0, Primary, good()).completed(20, 1))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::not_charged("no-double-charge", charged().asks(0, Primary, limited()).asks(100, Primary, good()).completed(120, 1), Some(Status::Pass))]
#[case::not_sensitive("no-double-charge", story().asks(0, Primary, silent(2000)).asks(2100, Primary, good()).completed(2120, 1), None)]
#[case::no_key_at_all("idempotency-stable", story().asks(0, Primary, status(500)).asked(no_key).asks(100, Primary, good()).asked(no_key).completed(120, 1), None)]
#[case::one_attempt("idempotency-stable", story().asks(0, Primary, good()).completed(20, 0), None)]
#[case::charged_work_has_its_own_rule("idempotency-stable", charged().asks(0, Primary, silent(2000)).asks(2100, Primary, good()).asked(key("another")).completed(2120, 1), None)]
#[case::same_key_at_two_providers("idempotency-stable", story().asks(0, Primary, good()).asked(key("one")).completed(20, 0).user(0).asks(0, Fallback, good()).asked(key("one")).completed(20, 1), Some(Status::Pass))]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}

fn key(name: &'static str) -> impl Fn(&mut RequestFacts) {
    move |request| request.idempotency = Some(name.to_owned())
}
