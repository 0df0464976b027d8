//! Where a reader sees a value, for the cases in which the parser names another place.

use super::node::Span;
use granit_parser::ScalarStyle;

/// The place of a scalar that is a value.
pub(super) fn of_value(text: &str, style: ScalarStyle, span: Span) -> Span {
    match style {
        ScalarStyle::Literal => block(text, '|', span),
        ScalarStyle::Folded => block(text, '>', span),
        _ if span.start == span.end => after_colon(text, span),
        _ => span,
    }
}

/// A list that is not indented more than its key begins, to the parser, behind its first dash.
pub(super) fn of_list(text: &str, span: Span) -> Span {
    let before = text.get(..span.start).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let dash = text[line..].find(|char| char != ' ').map_or(line, |blank| line + blank);
    if text[dash..].starts_with('-') { Span::new(dash, dash) } else { span }
}

/// The parser counts the blank lines after a block scalar as part of it, and names the next line if it is empty.
fn block(text: &str, header: char, span: Span) -> Span {
    let written = text.get(span.start..span.end).unwrap_or_default().trim_end().len();
    if written > 0 {
        return Span::new(span.start, span.start + written);
    }
    let found = text.get(..span.start).and_then(|before| before.rfind(header));
    found.map_or(span, |start| Span::new(start, start + header.len_utf8()))
}

/// The parser puts a value that is not written before the colon of its key.
fn after_colon(text: &str, span: Span) -> Span {
    let rest = text.get(span.start..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start_matches(' ').len();
    let start = span.start + if rest[blank..].starts_with(':') { blank + 1 } else { 0 };
    Span::new(start, start)
}
