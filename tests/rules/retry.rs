//! The family `retry`.

use super::*;

#[rstest]
#[case::four_of_three("bounded-attempts", (0..4).fold(story(), |s, n| s.asks(n * 300, Primary, status(500))).failed(1300, Class::Server))]
#[case::four_at_the_fallback("bounded-attempts", (0..4).fold(story().asks(0, Primary, status(500)), |s, n| s.asks(100 + n * 300, Fallback, status(500))).failed(1600, Class::Server))]
#[case::quota("retry-only-retryable", story().asks(0, Primary, status(429).code("insufficient_quota")).asks(100, Primary, good()).completed(120, 1))]
#[case::comet_500("retry-only-retryable", story().asks(0, Primary, status(500).code("invalid_request")).asks(100, Primary, good()).completed(120, 1))]
#[case::after_good("retry-only-retryable", story().asks(0, Primary, good()).asks(100, Primary, good()).completed(120, 1))]
#[case::twice_after_once("retry-only-retryable", (0..3).fold(story(), |s, n| s.asks(n * 300, Primary, status(503).code("model_not_found"))).failed(1000, Class::Server))]
#[case::too_early("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(1500, Primary, good()).completed(1520, 1))]
#[case::early_by_3_ms("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(2002, Primary, good()).completed(2020, 1))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::recovered("retry-only-retryable", story().asks(0, Primary, status(500)).asks(50, Primary, good()).completed(70, 1))]
#[case::three_of_three("bounded-attempts", (0..3).fold(alone(), |s, n| s.asks(n * 300, Primary, status(500))).failed(1000, Class::Server))]
#[case::transient("retry-only-retryable", story().asks(0, Primary, status(500)).asks(100, Primary, good()).completed(120, 1))]
#[case::once("retry-only-retryable", (0..2).fold(story(), |s, n| s.asks(n * 300, Primary, status(503).code("model_not_found"))).failed(700, Class::Server))]
#[case::waited("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(2005, Primary, good()).completed(2020, 1))]
#[case::a_grain_early("retry-after-honoured", story().asks(0, Primary, limited().wait(2000)).asks(2003, Primary, good()).completed(2020, 1))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::charge_is_not_a_retry("retry-only-retryable", charged().asks(0, Primary, silent(2000)).asked(no_key).asks(2100, Primary, good()).asked(no_key).completed(2120, 1), Some(Status::Pass))]
#[case::text_is_not_a_retry("retry-only-retryable", stream().asks(0, Primary, cut_stream()).streamed(0, 8).asks(50, Primary, good()).failed(80, Class::StreamInterrupted), None)]
#[case::wait_of_an_unknown_header("retry-after-honoured", story().asks(0, Primary, limited()).asks(50, Primary, good()).completed(70, 1), None)]
#[case::a_500_names_no_wait("retry-after-honoured", story().asks(0, Primary, status(500).wait(2000)).asks(50, Primary, good()).completed(70, 1), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}
