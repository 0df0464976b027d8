//! Templates: what stands for `${name}`.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::{client::Provider, policy::Policy, yaml::closest};

/// Values by name.
#[derive(Debug, Clone, Default)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// One more value.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.insert(name.to_owned(), value.to_string());
        self
    }

    /// Where the providers are, and their keys and models.
    pub fn of_providers(self, providers: &[Provider]) -> Self {
        providers.iter().fold(self, |values, provider| {
            let name = provider.name;
            values
                .with(&format!("{name}.base_url"), &provider.base_url)
                .with(&format!("{name}.api_key"), &provider.api_key)
                .with(&format!("{name}.model"), &provider.model)
        })
    }

    /// What a policy asks for, in the units that gateways are told them in.
    pub fn of_policy(self, policy: &Policy) -> Self {
        let (attempt, fallback) = (*policy.attempt_timeout, *policy.fallback.timeout);
        let values = self
            .with("policy.retries", policy.attempts.saturating_sub(1))
            .with("policy.attempt_timeout", attempt.as_secs_f64())
            .with("policy.attempt_timeout_ms", attempt.as_millis())
            .with("policy.fallback_timeout", fallback.as_secs_f64())
            .with("policy.fallback_timeout_ms", fallback.as_millis())
            .with("policy.deadline", policy.deadline.as_secs_f64())
            .with("policy.deadline_ms", policy.deadline.as_millis());
        // Where there is to be no breaker, one that never opens.
        let breaker = policy.breaker.as_ref().map(|breaker| (breaker.failures, breaker.open_for.as_secs_f64()));
        let (failures, open_for) = breaker.unwrap_or((1_000_000, 0.0));
        values
            .with("policy.breaker_failures_less_one", failures.saturating_sub(1))
            .with("policy.breaker_open_for", open_for)
    }

    /// The text with its values. An error names what is not known.
    pub fn fill(&self, text: &str) -> Result<String, String> {
        let mut pieces = text.split("${");
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let Some((name, rest)) = piece.split_once('}').filter(|(name, _)| is_name(name)) else {
                filled.push_str("${");
                filled.push_str(piece);
                continue;
            };
            filled.push_str(self.0.get(name).ok_or_else(|| self.unknown(name))?);
            filled.push_str(rest);
        }
        Ok(filled)
    }

    fn unknown(&self, name: &str) -> String {
        let close = closest(name, self.0.keys().map(String::as_str));
        let hint = close.map_or_else(String::new, |close| format!(": did you mean `${{{close}}}`?"));
        format!("there is no `${{{name}}}`{hint}")
    }
}

/// What else stands between the braces is the gateway's own.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain)
}

/// Whether a template names a provider, so that it says where they are.
pub fn names_providers(text: &str) -> bool {
    text.contains("${primary.") || text.contains("${fallback.")
}

/// A text as the value of a header: JSON without its white space, any other text with its lines joined.
pub fn on_one_line(text: &str) -> String {
    let compact = |json: Json| json.to_string();
    let joined = |_| text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    serde_json::from_str(text).map_or_else(joined, compact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_unknown_ones_told() {
        let values = Values::default().with("port", 4000).of_policy(&Policy::default());
        assert_eq!(values.fill("http://x:${port}/${policy.retries}$").as_deref(), Ok("http://x:4000/2$"));
        assert_eq!(values.fill("${policy.attempt_timeout}").as_deref(), Ok("2"));
        assert_eq!(values.fill("${prot}").expect_err("a slip"), "there is no `${prot}`: did you mean `${port}`?");
        assert_eq!(values.fill("${...} ${port ${}").as_deref(), Ok("${...} ${port ${}"));
    }

    #[test]
    fn a_header_has_one_line() {
        assert_eq!(on_one_line("{\n  \"a\": 1\n}\n"), "{\"a\":1}");
        assert_eq!(on_one_line("a\n  b\n"), "a b");
    }
}
