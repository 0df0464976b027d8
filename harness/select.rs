//! Which scenarios a pattern means.

use crate::scenario::Case;

/// The cases that any of the patterns means, in order; no pattern means all. An error names the pattern that means nothing.
pub fn select<'a>(cases: &'a [Case], patterns: &[String]) -> Result<Vec<&'a Case>, String> {
    for pattern in patterns {
        if !cases.iter().any(|case| means(pattern, &case.id)) {
            return Err(no_match(pattern, cases));
        }
    }
    let wanted = |case: &&Case| patterns.is_empty() || patterns.iter().any(|pattern| means(pattern, &case.id));
    Ok(cases.iter().filter(wanted).collect())
}

/// `*` is any text; a name without labels means all its variants, a folder all in it.
fn means(pattern: &str, id: &str) -> bool {
    let name = id.split('[').next().unwrap_or(id);
    let folder = id.split('/').next().unwrap_or(id);
    pattern.trim_end_matches('/') == folder || glob(pattern, id) || glob(pattern, name)
}

fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| glob(rest, &text[at..]))
        }),
    }
}

fn no_match(pattern: &str, cases: &[Case]) -> String {
    let names = cases.iter().map(|case| case.id.split('[').next().unwrap_or(&case.id));
    let distance = |name: &str| {
        let slug = name.split('/').next_back().unwrap_or(name);
        strsim::jaro_winkler(pattern, name).max(strsim::jaro_winkler(pattern, slug))
    };
    let closest = names.max_by(|a, b| distance(a).total_cmp(&distance(b)));
    let hint = closest
        .map_or_else(String::new, |name| format!("\n  did you mean `{name}`? `brownout list` shows all of them"));
    format!("no scenario matches `{pattern}`{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_it_says() {
        let id = "rate-quota/retry-after[secs]";
        for pattern in
            [id, "rate-quota/retry-after", "rate-quota", "rate-quota/", "*retry*", "rate-quota/*", "*[secs]", "*"]
        {
            assert!(means(pattern, id), "{pattern}");
        }
        for pattern in ["retry-after", "rate", "rate-quota/retry-after[ms]", "rate-quota/retry", ""] {
            assert!(!means(pattern, id), "{pattern}");
        }
    }
}
