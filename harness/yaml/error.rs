//! Errors about a file: before they know the file, and after.

use super::node::Span;
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;

/// An error that knows the bytes at fault but not yet the file they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key or value at fault.
    pub span: Span,
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at this place, without help.
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    /// What to write instead, if anything known is close; else all that is known.
    #[must_use]
    pub fn did_you_mean<'known>(self, word: &str, known: impl IntoIterator<Item = &'known str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match closest(word, known.iter().copied()) {
            Some(close) => self.help(format!("did you mean `{close}`?")),
            None if known.is_empty() => self,
            None => self.help(format!("known: {}", known.join(", "))),
        }
    }

    /// The same problem, with what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The most similar known word, if a slip of the fingers could have made one of the other.
pub fn closest<'known>(word: &str, known: impl IntoIterator<Item = &'known str>) -> Option<&'known str> {
    let limit = |candidate: &str| (word.chars().count().max(candidate.chars().count()) / 3).max(1);
    let distances = known.into_iter().map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate));
    let near = distances.filter(|(distance, candidate)| *distance <= limit(candidate));
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// An error about a file, complete: it prints the place, the line and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// The file, as the user knows it.
    pub path: String,
    /// The line, from 1; 0 if the error is about the file as a whole.
    pub line: usize,
    /// The column in characters, from 1; 0 if the error is about the file as a whole.
    pub column: usize,
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    snippet: String,
}

impl SourceError {
    /// An error about the file as a whole: it cannot be read, or it is too large.
    pub fn whole(path: &str, message: impl Into<String>) -> Self {
        let (path, snippet) = (path.to_owned(), String::new());
        Self { path, line: 0, column: 0, message: message.into(), help: None, snippet }
    }

    /// The same error, with what to do instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Finds the line of a problem in `text` and renders it.
    pub(super) fn locate(path: &str, text: &str, problem: Problem) -> Self {
        let place = Place::find(text, problem.span);
        let snippet = place.render();
        let Place { number, column, .. } = place;
        let (message, help) = (problem.message, problem.help);
        Self { path: path.to_owned(), line: number, column, message, help, snippet }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        if !self.snippet.is_empty() {
            write!(f, "\n{}", self.snippet)?;
        }
        self.help.iter().try_for_each(|help| write!(f, "\nhelp: {help}"))
    }
}

impl std::error::Error for SourceError {}

/// The number of the line that holds byte `offset`, from 1.
pub(super) fn line_number(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// The line a span begins on.
struct Place<'text> {
    line: &'text str,
    number: usize,
    column: usize,
    marked: Range<usize>,
}

impl<'text> Place<'text> {
    fn find(text: &'text str, span: Span) -> Self {
        let offset = text.floor_char_boundary(span.start);
        let begin = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[offset..].find('\n').map_or(text.len(), |newline| offset + newline);
        let line = text[begin..end].trim_end_matches('\r');
        let from = (offset - begin).min(line.len());
        let column = line[..from].chars().count() + 1;
        let marked = from..mark_end(line, from, span.end.saturating_sub(begin));
        Self { line, number: line_number(text, offset), column, marked }
    }

    fn render(&self) -> String {
        let mark = AnnotationKind::Primary.span(self.marked.clone());
        let snippet = Snippet::source(self.line).line_start(self.number).annotation(mark);
        let group = Group::with_level(Level::ERROR).element(snippet);
        let rendered = Renderer::plain().decor_style(DecorStyle::Ascii).render(&[group]);
        rendered.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}

/// Only the first line of a longer span is marked: a map may go on for pages. A span of nothing marks one character.
fn mark_end(line: &str, from: usize, to: usize) -> usize {
    let to = line.floor_char_boundary(to);
    let written = line[from..to.max(from)].trim_end().len();
    let next = line[from..].chars().next().map_or(0, char::len_utf8);
    from + written.max(next)
}
