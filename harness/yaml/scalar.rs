//! What an unquoted scalar means. Far fewer words mean something than in YAML 1.1, so that nothing surprises.

use super::node::Value;

/// A number that is written correctly but does not fit its type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// The value of an unquoted scalar: what is not exactly null, a boolean or a decimal number is text.
pub(super) fn resolve(text: &str) -> Result<Value, TooLarge> {
    match text {
        "" | "~" | "null" => Ok(Value::Null),
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        _ => number(text).unwrap_or_else(|| Ok(Value::Text(text.to_owned()))),
    }
}

fn number(text: &str) -> Option<Result<Value, TooLarge>> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        None if is_whole(unsigned) => Some(text.parse().map(Value::Int).map_err(|_| TooLarge)),
        Some((whole, rest)) if is_whole(whole) && is_digits(rest) => Some(float(text)),
        _ => None,
    }
}

fn float(text: &str) -> Result<Value, TooLarge> {
    text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float).ok_or(TooLarge)
}

/// A leading zero would be an octal number to other readers of YAML, so such a scalar stays text.
fn is_whole(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
