//! The policy as an adapter is told it: whole, with the key names of the policy's file, milliseconds and nulls.

use serde_json::{Value as Json, json};

use crate::{duration::Span, policy::Policy};

/// Where durations stand.
const DURATIONS: [&str; 14] = [
    "/connect_timeout",
    "/attempt_timeout",
    "/idle_timeout",
    "/semantic_idle_timeout",
    "/deadline",
    "/fallback/reserve",
    "/fallback/timeout",
    "/backoff/first",
    "/backoff/cap",
    "/retry_after/ceiling",
    "/breaker/window",
    "/breaker/open_for",
    "/parser/finish_grace",
    "/parser/keepalive_bound",
];

/// Where `none` means that there is nothing.
const NONES: [&str; 5] =
    ["/fallback/context", "/fallback/profile", "/retry_budget", "/breaker", "/charge/idempotency_header"];

/// The policy in the adapter's terms.
pub fn on_the_wire(policy: &Policy) -> Json {
    let mut json = serde_json::to_value(policy).expect("a policy has a JSON form");
    for place in NONES {
        if json.pointer(place).is_some_and(|value| value == "none") {
            set(&mut json, place, Json::Null);
        }
    }
    for place in DURATIONS {
        let span = json.pointer(place).and_then(Json::as_str).and_then(|text| text.parse::<Span>().ok());
        if let Some(span) = span {
            set(&mut json, place, json!(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)));
        }
    }
    json
}

fn set(json: &mut Json, place: &str, value: Json) {
    if let Some(slot) = json.pointer_mut(place) {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duration::OrNone;

    fn texts(json: &Json, place: &str, found: &mut Vec<(String, String)>) {
        match json {
            Json::String(text) => found.push((place.to_owned(), text.clone())),
            Json::Object(map) => map.iter().for_each(|(key, value)| texts(value, &format!("{place}/{key}"), found)),
            Json::Array(items) => items.iter().for_each(|item| texts(item, place, found)),
            _ => {}
        }
    }

    #[test]
    fn every_duration_is_a_number_and_every_none_a_null() {
        let mut policy = Policy::default();
        for breaker in [policy.breaker.clone(), OrNone::None] {
            policy.breaker = breaker;
            let mut found = Vec::new();
            texts(&on_the_wire(&policy), "", &mut found);
            for (place, text) in found {
                let word = place == "/backoff/jitter";
                assert!(text.parse::<Span>().is_err() && (text != "none" || word), "{place} is {text}");
            }
        }
        let told = on_the_wire(&Policy::default());
        assert_eq!((&told["deadline"], &told["fallback"]["context"]), (&json!(8000), &Json::Null));
        assert_eq!((&told["breaker"]["open_for"], &told["parser"]["finish_grace"]), (&json!(1000), &json!(250)));
    }
}
