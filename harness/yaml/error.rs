//! Errors that say where, what, and what to write instead.

use std::{fmt, fs, path::Path};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::Span;

/// A file larger than this is no file of ours.
const LARGEST: u64 = 1 << 20;

/// A file's text and the name it is shown by.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name it is shown by.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What is wrong at a place, before it is known in which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The place.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Problem {
    /// Something wrong at a place.
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Problem { span, message: message.into(), help: None }
    }

    /// What to write instead.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What to write instead, if anything is known to be close.
    pub fn did_you_mean<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match closest(word, known.iter().copied()) {
            Some(close) => self.help(format!("did you mean `{close}`?")),
            None if known.is_empty() => self,
            None => self.help(format!("known: {}", known.join(", "))),
        }
    }
}

/// The known word that is close enough to be meant.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|known| (strsim::damerau_levenshtein(word, known), known));
    let (distance, known) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + word.chars().count() / 4).then_some(known)
}

/// What is wrong with a file: where, what, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// The file.
    pub path: String,
    /// The line, from 1; 0 where the file as a whole is at fault.
    pub line: usize,
    /// The column in characters, from 1; 0 where the file as a whole is at fault.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    rendered: String,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rendered)
    }
}

impl std::error::Error for SourceError {}

impl SourceError {
    /// Something wrong with a file, or a folder, as a whole.
    pub fn whole(path: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        let (message, help) = (message.into(), help.into());
        let rendered = format!("error: {message}\n --> {path}\nhelp: {help}");
        SourceError { path: path.to_owned(), line: 0, column: 0, message, help: Some(help), rendered }
    }
}

impl Source {
    /// Reads a file that is text and not too large.
    pub fn read(file: &Path, shown: &str) -> Result<Self, SourceError> {
        let failed = |error: std::io::Error| SourceError::whole(shown, format!("cannot be read: {error}"), "check the path");
        let about = fs::metadata(file).map_err(failed)?;
        if about.is_dir() {
            return Err(SourceError::whole(shown, "is a folder, not a file", "name a file"));
        }
        if about.len() > LARGEST {
            let message = format!("has {} bytes; at most {LARGEST} are read", about.len());
            return Err(SourceError::whole(shown, message, "generate long bodies with `bytes: { name: { repeat: … } }`"));
        }
        Source::of_bytes(shown, fs::read(file).map_err(failed)?)
    }

    fn of_bytes(path: &str, bytes: Vec<u8>) -> Result<Self, SourceError> {
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return Err(not_utf8(path, &error)),
        };
        let text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
        Ok(Source { path: path.to_owned(), text })
    }

    /// The problem as an error of this file.
    pub fn error(&self, problem: Problem) -> SourceError {
        let Problem { span, message, help } = problem;
        let start = floor(&self.text, span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        SourceError {
            path: self.path.clone(),
            line: self.text[..start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            rendered: render(&self.path, &self.text, start..one_line(&self.text, start, span.end), &message, help.as_deref()),
            message,
            help,
        }
    }
}

fn not_utf8(path: &str, error: &std::string::FromUtf8Error) -> SourceError {
    let good = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let source = Source { path: path.to_owned(), text };
    let problem = Problem::new(Span { start: good, end: good + 1 }, "this byte is not UTF-8");
    source.error(problem.help("save the file as UTF-8; to serve such bytes, write `bytes: { name: { hex: e4 b8 } }`"))
}

/// The carets stay on the first line of what they mark.
fn one_line(text: &str, start: usize, end: usize) -> usize {
    let end = floor(text, end).max(start);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    end.min(line_end)
}

/// The nearest character boundary at or before a place.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

fn render(path: &str, text: &str, at: std::ops::Range<usize>, message: &str, help: Option<&str>) -> String {
    let snippet = Snippet::source(text).path(path).annotation(AnnotationKind::Primary.span(at));
    let mut report: Vec<Group> = vec![Level::ERROR.primary_title(message).element(snippet)];
    if let Some(help) = help {
        report.push(Group::with_title(Level::HELP.secondary_title(help)));
    }
    Renderer::plain().term_width(140).render(&report)
}
