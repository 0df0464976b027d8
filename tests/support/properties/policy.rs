//! Policies whose durations fit together, with every switch in every place.

use proptest::{option, prelude::*};
use serde_json::{Value as Json, json};

use super::{Any, Keys, keys, value, word};

/// Durations in milliseconds, each longer than the one it holds.
fn durations() -> BoxedStrategy<Keys> {
    let steps = (1..6_u64, 0..6_u64, 0..6_u64, 0..6_u64, 0..6_u64, 0..4_u64);
    let fit = |(attempts, (idle, semantic, attempt, fallback, reserve, all), slack): (u64, _, u64)| {
        let idle: u64 = 250 * idle;
        let semantic = idle + 250 * semantic;
        let attempt = semantic + 250 * attempt;
        let (fallback, reserve) = (250 + 250 * fallback, 250 + 250 * (fallback + reserve));
        // The last attempts need not fit: then the deadline bounds them.
        let rounds = attempts.saturating_sub(all).max(1);
        let deadline = rounds * (attempt + 300) + reserve + slack;
        let ms = |n: u64| Json::from(format!("{n}ms"));
        let keys = json!({
            "attempts": attempts, "connect_timeout": ms(idle.min(500)), "attempt_timeout": ms(attempt), "idle_timeout": ms(idle),
            "semantic_idle_timeout": ms(semantic), "deadline": ms(deadline),
            "fallback": { "timeout": ms(fallback), "reserve": ms(reserve) },
        });
        keys.as_object().cloned().unwrap_or_default()
    };
    (1..5_u64, steps, prop_oneof![Just(200_u64), 0..4000_u64]).prop_map(fit).boxed()
}

/// A policy, as a scenario states it. It always states a deadline, so that steps may outlast it.
pub fn policy() -> BoxedStrategy<Keys> {
    let usual = json!({ "deadline": "8s" }).as_object().cloned().unwrap_or_default();
    let times = prop_oneof![Just(usual), durations()];
    let rest = keys(vec![
        ("backoff", 0.3, group(backoff())),
        ("retry_after", 0.3, group(retry_after())),
        ("retry_budget", 0.2, retry_budget()),
        ("breaker", 0.05, breaker()),
        ("charge", 0.3, group(charge())),
        ("parser", 0.5, group(parser())),
        ("endpoint", 0.05, endpoint()),
    ]);
    (times, rest, option::weighted(0.1, Just(json!([]))))
        .prop_map(|(mut times, rest, targets)| {
            times.extend(rest);
            if let Some(targets) = targets {
                times.entry("fallback").or_insert_with(|| json!({}))["targets"] = targets;
            }
            times
        })
        .boxed()
}

fn group(keys: BoxedStrategy<Keys>) -> Any {
    keys.prop_map(Json::from).boxed()
}

fn backoff() -> BoxedStrategy<Keys> {
    keys(vec![
        ("first", 0.5, word(&["100ms", "10ms", "300ms", "1s"])),
        ("factor", 0.5, value(vec![json!(2), json!(1), json!(1.5), json!(10)])),
        ("cap", 0.5, word(&["1s", "50ms", "5s"])),
        ("jitter", 0.8, word(&["none", "proportional", "equal", "full"])),
    ])
}

fn retry_after() -> BoxedStrategy<Keys> {
    keys(vec![
        ("honour", 0.3, value(vec![json!(true), json!(false)])),
        ("ceiling", 0.5, word(&["4s", "500ms", "20s"])),
        ("spread", 0.5, value(vec![json!(0), json!(0.1), json!(1)])),
    ])
}

fn retry_budget() -> Any {
    let some = keys(vec![
        ("ratio", 0.5, value(vec![json!(0), json!(0.2), json!(1)])),
        ("min_per_second", 0.5, value(vec![json!(0), json!(2), json!(100)])),
        ("cap", 0.5, value(vec![json!(0), json!(1), json!(20)])),
    ]);
    prop_oneof![Just(json!("none")), group(some)].boxed()
}

fn breaker() -> Any {
    let some = keys(vec![
        ("failures", 0.8, value(vec![json!(1), json!(2), json!(5)])),
        ("window", 0.3, word(&["15s", "1s"])),
        ("open_for", 0.3, word(&["1s", "100ms"])),
    ]);
    prop_oneof![Just(json!("none")), group(some)].boxed()
}

fn charge() -> BoxedStrategy<Keys> {
    keys(vec![
        ("idempotency_header", 0.5, word(&["none", "x-request-key"])),
        ("key_deduplicates", 0.7, value(vec![json!(true), json!(false)])),
    ])
}

/// The switches of the parser.
pub fn parser() -> BoxedStrategy<Keys> {
    keys(vec![
        ("stream_end", 0.6, word(&["either", "finish", "done", "eof"])),
        ("finish_grace", 0.2, word(&["10ms", "1s"])),
        ("unterminated_last_event", 0.3, word(&["use", "drop"])),
        ("usage_chunks", 0.3, word(&["last", "sum"])),
        ("malformed_event", 0.3, word(&["fail", "skip"])),
        ("refusal", 0.3, word(&["error", "text"])),
        ("keepalive_is_progress", 0.3, value(vec![json!(false), json!(true)])),
        ("keepalive_bound", 0.2, word(&["3s", "500ms"])),
        ("model_not_found_late_retry", 0.2, value(vec![json!(true), json!(false)])),
        ("x_should_retry", 0.3, word(&["either", "obey", "ignore"])),
    ])
}

fn endpoint() -> Any {
    let auth = value(vec![json!("bearer"), json!({ "header": "api-key" })]);
    group(keys(vec![
        ("path", 0.5, word(&["/v1/chat/completions", "/openai/v2/chat/completions"])),
        ("auth", 0.5, auth),
    ]))
}
