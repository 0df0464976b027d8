//! Canaries where they must not be: raw, percent-encoded, JSON-escaped or in base64.

use std::collections::{BTreeSet, HashMap};

use base64::{Engine, alphabet::STANDARD, engine::GeneralPurpose, engine::general_purpose::PAD};

/// This many consecutive characters of a canary are a leak.
const WINDOW: usize = 12;

/// Takes the end of a run for what it is worth.
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, PAD.with_decode_allow_trailing_bits(true));

/// All canaries of a run, ready to be looked for in one pass over a text.
#[derive(Debug)]
pub struct Canaries<S> {
    windows: HashMap<[u8; WINDOW], S>,
    /// Bytes that some canary has: only runs of these can hold one.
    alphabet: [bool; 256],
}

impl<S: Copy + Ord> Canaries<S> {
    /// Canaries, and what each stands for.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (S, &'a str)>) -> Self {
        let windows: HashMap<_, _> = secrets
            .into_iter()
            .flat_map(|(what, secret)| windows(secret.as_bytes()).map(move |window| (window, what)))
            .collect();
        let mut alphabet = [false; 256];
        windows.keys().flatten().for_each(|byte| alphabet[usize::from(*byte)] = true);
        Canaries { windows, alphabet }
    }

    /// What the text gives away, in any encoding.
    pub fn in_text(&self, text: &str) -> BTreeSet<S> {
        let mut found = BTreeSet::new();
        self.look(text.as_bytes(), &mut found);
        if text.contains('%') {
            self.look(&percent_decoded(text), &mut found);
        }
        if text.contains("\\u") {
            self.look(unescaped(text).as_bytes(), &mut found);
        }
        self.look_in_base64(text, &mut found);
        found
    }

    fn look(&self, bytes: &[u8], found: &mut BTreeSet<S>) {
        let runs = bytes.split(|byte| !self.alphabet[usize::from(*byte)]);
        found.extend(runs.flat_map(windows).filter_map(|window| self.windows.get(&window)));
    }

    /// Decodes every run that may be base64, of either alphabet, from each of its four possible beginnings.
    fn look_in_base64(&self, text: &str, found: &mut BTreeSet<S>) {
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
        // A shorter one holds no whole window.
        let runs = text.as_bytes().split(|byte| !is_base64(byte)).filter(|run| run.len() >= WINDOW * 4 / 3);
        let (mut standard, mut decoded) = (Vec::new(), Vec::new());
        for run in runs {
            standard.clear();
            standard.extend(run.iter().map(|byte| {
                if *byte == b'-' {
                    b'+'
                } else if *byte == b'_' {
                    b'/'
                } else {
                    *byte
                }
            }));
            for from in 0..4 {
                let part = &standard[from..from + (standard.len() - from) / 4 * 4];
                decoded.clear();
                if BASE64.decode_vec(part, &mut decoded).is_ok() {
                    self.look(&decoded, found);
                }
            }
        }
    }
}

fn windows(bytes: &[u8]) -> impl Iterator<Item = [u8; WINDOW]> {
    bytes.windows(WINDOW).filter_map(|window| window.try_into().ok())
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let hex = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let (bytes, mut at, mut decoded) = (text.as_bytes(), 0, Vec::new());
    while at < bytes.len() {
        match bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(hex) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// `\u0073` and its kin undone.
fn unescaped(text: &str) -> String {
    let mut pieces = text.split("\\u");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        match code {
            Some(c) => plain.extend(std::iter::once(c).chain(piece[4..].chars())),
            None => plain.push_str(piece),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    fn holds(text: &str, secret: &str) -> bool {
        Canaries::new([((), secret)]).in_text(text).contains(&())
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn every_encoding_is_seen_through() {
        let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let escaped: String = SECRET.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
        let base64 = BASE64_STANDARD.encode(format!("user:sk-{SECRET}"));
        let urls = BASE64_URL_SAFE_NO_PAD.encode(format!("{SECRET}\u{fb}\u{ff}\u{fe}{SECRET}"));
        assert!(urls.contains(['-', '_']));
        for text in [SECRET.to_owned(), percent, escaped, base64, urls] {
            assert!(holds(&format!("before {text} after"), SECRET), "{text}");
        }
    }

    #[test]
    fn twelve_characters_are_a_leak_and_eleven_are_not() {
        assert!(holds("key 456789abcdef!", SECRET));
        assert!(!holds("key 56789abcdef!", SECRET));
    }

    #[test]
    fn text_with_percent_signs_and_umlauts_does_not_panic() {
        assert!(!holds("100 %ä und \\u00 \\uzzzz %f", SECRET));
    }
}
