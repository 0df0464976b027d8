//! JSON as YAML in flow style: a failing schedule is a scenario file, ready to be saved.

use serde_json::Value as Json;

use super::Keys;

/// A line for each key.
pub fn text(keys: &Keys) -> String {
    keys.iter().map(|(key, value)| format!("{}: {}\n", scalar(key), flow(value))).collect()
}

fn flow(value: &Json) -> String {
    match value {
        Json::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Json::Object(entries) => {
            let entry = |(key, value): (&String, &Json)| format!("{}: {}", scalar(key), flow(value));
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Json::Array(items) => format!("[ {} ]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// Plain where no reader could take it for anything else, else quoted.
fn scalar(text: &str) -> String {
    let words = ["true", "false", "null", "yes", "no", "on", "off"];
    let safe = |c: char| c.is_ascii_alphanumeric() || "-._ ".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.contains(|c: char| c.is_ascii_lowercase())
        && text.chars().all(safe)
        && text.parse::<f64>().is_err()
        && !text.ends_with(' ')
        && !words.contains(&text);
    if plain { text.to_owned() } else { quoted(text) }
}

/// As JSON quotes it, with what YAML does not print escaped too.
fn quoted(text: &str) -> String {
    let unprintable =
        |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}'..='\u{ffff}');
    let escaped = |c: char| if unprintable(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Json::from(text).to_string().chars().map(escaped).collect()
}
