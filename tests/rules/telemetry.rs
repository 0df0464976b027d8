//! The family `telemetry`.

use super::*;
use brownout::transcript::Telemetry;

fn record(host: Host, retry_attempt: u32, status: Option<u16>, fallback: &str) -> Telemetry {
    let fields = [
        ("provider", Some(host.to_string())),
        ("endpoint_class", Some("chat-completions".to_owned())),
        ("model", Some("m".to_owned())),
        ("mode", Some("plain".to_owned())),
        ("status_code", status.map(|status| status.to_string())),
        ("error_code", None),
        ("latency_bucket", Some("<100ms".to_owned())),
        ("retry_attempt", Some(retry_attempt.to_string())),
        ("fallback_decision", Some(fallback.to_owned())),
        ("timeout_source", None),
        ("parser_outcome", Some("ok".to_owned())),
        ("usage_present", Some("false".to_owned())),
        ("correlation_id", Some("c".to_owned())),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A record with one field changed.
fn with(mut record: Telemetry, field: &str, value: Option<&str>) -> Telemetry {
    record.insert(field.to_owned(), value.map(str::to_owned));
    record
}

fn without(mut record: Telemetry, field: &str) -> Telemetry {
    record.remove(field);
    record
}

fn says(records: impl IntoIterator<Item = Telemetry>) -> Story {
    story().asks(0, Primary, good()).completed(20, 0).telemetry(records)
}

fn fine() -> Telemetry {
    record(Primary, 0, Some(200), "none")
}

/// A failure at the primary and a good answer of the fallback.
fn fell_back(first: Answer, records: [Telemetry; 2]) -> Story {
    story().asks(0, Primary, first).asks(100, Fallback, good()).completed(120, 1).telemetry(records)
}

fn lost(status: u16) -> Telemetry {
    record(Primary, 0, Some(status), "used")
}

fn there() -> Telemetry {
    record(Fallback, 0, Some(200), "none")
}

#[rstest]
#[case::nothing_written("telemetry-complete", says([]))]
#[case::a_field_is_missing("telemetry-complete", says([without(fine(), "correlation_id")]))]
#[case::the_fallback_is_missing("telemetry-complete", story().asks(0, Primary, status(500)).asks(100, Fallback, good()).completed(120, 1).telemetry([lost(500)]))]
#[case::another_status("telemetry-true", says([with(fine(), "status_code", Some("500"))]))]
#[case::no_status("telemetry-true", says([with(fine(), "status_code", None)]))]
#[case::another_mode("telemetry-true", says([with(fine(), "mode", Some("stream"))]))]
#[case::another_number("telemetry-true", says([with(fine(), "retry_attempt", Some("1"))]))]
#[case::an_invented_code("telemetry-true", says([with(fine(), "error_code", Some("oops"))]))]
#[case::a_quota_like_any_500("telemetry-true", fell_back(status(503).code("slow_down"), [lost(503), there()]))]
#[case::a_timeout_unsaid("telemetry-true", fell_back(silent(2000), [with(lost(0), "status_code", None), there()]))]
#[case::a_timeout_invented("telemetry-true", says([with(fine(), "timeout_source", Some("idle"))]))]
#[case::a_timeout_of_no_kind("telemetry-true", fell_back(silent(2000), [with(with(lost(0), "status_code", None), "timeout_source", Some("patience")), there()]))]
#[case::usage_invented("telemetry-true", says([with(fine(), "usage_present", Some("true"))]))]
#[case::usage_unsaid("telemetry-true", story().asks(0, Primary, good().usage(&[("total_tokens", 1)])).completed(20, 0).telemetry([fine()]))]
#[case::usage_null("telemetry-true", says([with(fine(), "usage_present", None)]))]
#[case::a_fallback_unsaid("telemetry-true", fell_back(status(500), [record(Primary, 0, Some(500), "none"), there()]))]
#[case::a_fallback_invented("telemetry-true", says([with(fine(), "fallback_decision", Some("used"))]))]
#[case::a_decision_of_no_kind("telemetry-true", says([with(fine(), "fallback_decision", Some("perhaps"))]))]
#[case::an_attempt_invented("telemetry-true", says([fine(), record(Primary, 1, Some(200), "none")]))]
#[case::two_correlations("telemetry-true", fell_back(status(500), [lost(500), with(there(), "correlation_id", Some("d"))]))]
#[case::no_correlation("telemetry-true", says([with(fine(), "correlation_id", None)]))]
#[case::one_correlation_for_two_users("telemetry-true", says([fine()]).user(50).asks(50, Primary, good()).completed(70, 1).telemetry([fine()]))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::all_there("telemetry-complete", says([fine()]))]
#[case::the_truth("telemetry-true", fell_back(status(503).code("slow_down"), [with(lost(503), "error_code", Some("slow_down")), there()]))]
#[case::a_number_for_a_code("telemetry-true", fell_back(status(502).in_band(502), [with(lost(502), "error_code", Some("502")), there()]))]
#[case::the_wire_status_of_a_promoted_error("telemetry-true", fell_back(status(502).in_band(502), [with(lost(200), "error_code", Some("502")), there()]))]
#[case::a_timeout("telemetry-true", fell_back(silent(90), [with(with(lost(0), "status_code", None), "timeout_source", Some("attempt")), there()]))]
#[case::two_users("telemetry-true", says([fine()]).user(50).asks(50, Primary, good()).completed(70, 1).telemetry([with(fine(), "correlation_id", Some("d"))]))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::missing_is_for_complete("telemetry-true", says([]), Some(Status::Pass))]
#[case::more_is_for_true("telemetry-complete", says([fine(), record(Primary, 1, Some(200), "none")]), Some(Status::Pass))]
#[case::refused_attempts_are_not_counted("telemetry-true", says([record(Primary, 3, Some(200), "none")]).facts(|t| t.refusing.push(Primary)), Some(Status::Pass))]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}
