//! Which scenarios a pattern means, and which part of them a shard holds.

use std::str::FromStr;

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

/// One of several parts of a suite, written `m/n`: the m-th of n, from 1. A scenario's id alone decides which part holds it, so a
/// new scenario moves no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    part: u64,
    of: u64,
}

impl Shard {
    /// Whether this part holds the scenario: the 64-bit FNV-1a hash of its id, modulo n, is m - 1.
    pub fn holds(self, id: &str) -> bool {
        fnv_1a(id) % self.of == self.part - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Shard { part, of }),
            _ => Err("write which part of how many, such as 1/4".to_owned()),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// A hash that is the same on every machine and for ever.
fn fnv_1a(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_in_one_shard_and_stays_there() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].iter().map(|text| text.parse().expect("a shard")).collect();
        for n in 0..600 {
            let id = format!("rate-quota/wait-{n}[date]");
            assert_eq!(shards.iter().filter(|shard| shard.holds(&id)).count(), 1, "{id}");
        }
        // Known values of the hash, so that no release moves a scenario.
        assert_eq!(
            (fnv_1a(""), fnv_1a("a"), fnv_1a("foobar")),
            (0xCBF2_9CE4_8422_2325, 0xAF63_DC4C_8601_EC8C, 0x8594_4171_F739_67E8)
        );
    }

    #[test]
    fn a_shard_is_one_of_so_many() {
        for text in ["0/3", "4/3", "1/0", "1", "a/b", "1/3/5", "-1/3", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!("2/8".parse::<Shard>().map(|shard| shard.to_string()), Ok("2/8".to_owned()));
    }

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
