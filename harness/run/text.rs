//! Where delivered text came from: spans of what providers served, and characters that nobody did.

use crate::transcript::{Delivered, TextSpan};

/// Text that an attempt served.
#[derive(Debug, Clone, Copy)]
pub struct ServedText<'a> {
    /// The attempt's place in the transcript.
    pub attempt: usize,
    /// Whether it was served to the user whose delivery is traced.
    pub own: bool,
    /// The text.
    pub text: &'a str,
}

/// So many characters make a match worth following; shorter rests are matched whole.
const SEED: usize = 4;

/// Traces text to its sources. A text that is one source's from end to end is that source's, the latest of the user's own first.
pub fn trace(text: &str, sources: &[ServedText]) -> Delivered {
    let of = |own: bool| sources.iter().filter(move |source| source.own == own);
    if let Some(whole) = whole(text, of(true)).or_else(|| whole(text, of(false))) {
        return whole;
    }
    let text: Vec<char> = text.chars().collect();
    let sources: Vec<_> = sources.iter().map(|source| (*source, source.text.chars().collect())).collect();
    let mut delivered = Delivered { length: text.len(), ..Delivered::default() };
    let mut at = 0;
    while at < text.len() {
        match longest(&text[at..], &sources, delivered.spans.last()) {
            Some(span) => {
                at += span.to - span.from;
                delivered.spans.push(span);
            }
            None => {
                delivered.foreign += 1;
                at += 1;
            }
        }
    }
    delivered.spans = joined(delivered.spans);
    delivered
}

/// The text as one span, if it stands in a source as it is: the common case, and the only one that may be long.
fn whole<'a>(text: &str, sources: impl Iterator<Item = &'a ServedText<'a>>) -> Option<Delivered> {
    let length = text.chars().count();
    let spans = sources.filter_map(|source| {
        let from = source.text[..source.text.find(text)?].chars().count();
        let rank = (source.text.len() == text.len(), from == 0, source.attempt);
        Some((rank, TextSpan { attempt: source.attempt, from, to: from + length }))
    });
    let (_, span) = spans.filter(|_| length > 0).max_by_key(|(rank, _)| *rank)?;
    Some(Delivered { spans: vec![span], foreign: 0, length })
}

/// The longest piece of any source that the text begins with. Among equals: what goes on where the last span stopped, then the
/// user's own, then the latest.
fn longest(text: &[char], sources: &[(ServedText, Vec<char>)], last: Option<&TextSpan>) -> Option<TextSpan> {
    let pieces = sources.iter().filter_map(|(source, served)| {
        let resumes = last.filter(|span| span.attempt == source.attempt).map_or(0, |span| span.to);
        let (from, length) = piece(text, served, resumes)?;
        let rank = (length, from == resumes && resumes > 0, source.own, from == 0, source.attempt);
        Some((rank, TextSpan { attempt: source.attempt, from, to: from + length }))
    });
    pieces.max_by_key(|(rank, _)| *rank).map(|(_, span)| span)
}

/// Where the longest piece of `source` that begins `text` stands, and how long it is; of equals, the one at `resumes`.
fn piece(text: &[char], source: &[char], resumes: usize) -> Option<(usize, usize)> {
    let seed = &text[..SEED.min(text.len())];
    if seed.is_empty() || source.len() < seed.len() {
        return None;
    }
    let starts = (0..=source.len() - seed.len()).filter(|&from| source[from..].starts_with(seed));
    let lengths = starts.map(|from| (from, text.iter().zip(&source[from..]).take_while(|(a, b)| a == b).count()));
    lengths.max_by_key(|&(from, length)| (length, from == resumes, std::cmp::Reverse(from)))
}

/// Neighbouring spans that go on where the last one stopped are one.
fn joined(spans: Vec<TextSpan>) -> Vec<TextSpan> {
    let mut whole: Vec<TextSpan> = Vec::new();
    for span in spans {
        match whole.last_mut() {
            Some(last) if last.attempt == span.attempt && last.to == span.from => last.to = span.to,
            _ => whole.push(span),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served<'a>(texts: &[&'a str]) -> Vec<ServedText<'a>> {
        let source = |(attempt, text): (usize, &&'a str)| ServedText { attempt, own: true, text };
        texts.iter().enumerate().map(source).collect()
    }

    fn spans(text: &str, texts: &[&str]) -> (Vec<(usize, usize, usize)>, usize) {
        let delivered = trace(text, &served(texts));
        (delivered.spans.iter().map(|span| (span.attempt, span.from, span.to)).collect(), delivered.foreign)
    }

    #[test]
    fn a_whole_text_is_one_span_of_the_latest_attempt_that_served_it() {
        assert_eq!(spans("Fourteen", &["Four", "Fourteen"]), (vec![(1, 0, 8)], 0));
        assert_eq!(spans("Fourteen", &["Fourteen", "Fourteen"]), (vec![(1, 0, 8)], 0));
    }

    #[test]
    fn glued_text_shows_both_attempts() {
        assert_eq!(
            spans("u0.p1 Fouru0.f1 Fourteen", &["u0.p1 Four", "u0.f1 Fourteen"]),
            (vec![(0, 0, 10), (1, 0, 14)], 0)
        );
    }

    #[test]
    fn invented_text_is_foreign() {
        assert_eq!(spans("Fourteen!!", &["Fourteen"]), (vec![(0, 0, 8)], 2));
        assert_eq!(spans("zzz", &["Fourteen"]), (vec![], 3));
    }

    #[test]
    fn a_missing_middle_leaves_two_spans() {
        assert_eq!(spans("Four days", &["Fourteen days"]), (vec![(0, 0, 4), (0, 8, 13)], 0));
    }

    #[test]
    fn trimmed_text_is_one_span_inside() {
        assert_eq!(spans("Fourteen", &["  Fourteen "]), (vec![(0, 2, 10)], 0));
    }

    #[test]
    fn repeated_text_goes_on_where_it_stopped() {
        assert_eq!(spans("abcdabcd", &["abcdabcd"]), (vec![(0, 0, 8)], 0));
    }
}
