//! From text to a tree: the events of the parser, and its errors.

use super::build::Builder;
use super::error::{Problem, SourceError, line_number};
use super::node::{Node, Span};
use super::source::Source;
use granit_parser::{Options, Parser, ScanError};

// Above our own limits, which have clearer messages, but low enough to bound the parser. It looks ahead in a flow
// collection, so it can meet its limit before it has told us of the first bracket.
const PARSER_NESTING: usize = 2048;
// A file of nothing but comments, each one byte and a line break, still fits.
const PARSER_COMMENTS: usize = 1024 * 1024;

/// A parsed file.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The whole content.
    pub root: Node,
    /// Where the comments are, from the `#` to the end of the line.
    pub comments: Vec<Span>,
}

/// Parses the one document of a file.
///
/// # Errors
///
/// The text is not YAML, or it uses a part of YAML that is refused here: anchors, aliases, tags, merge keys, duplicate
/// keys, keys that are not text, several documents, no document, very deep nesting or very many nodes.
pub fn parse(source: &Source) -> Result<Document, SourceError> {
    let mut builder = Builder::new(&source.text);
    build(&mut builder, &source.text).and_then(|()| builder.finish()).map_err(|problem| source.error(problem))
}

fn build(builder: &mut Builder<'_>, text: &str) -> Result<(), Problem> {
    for event in Parser::new_from_str_with_options(text, options()) {
        let (event, span) = event.map_err(|error| scan_problem(&error, builder, text))?;
        builder.event(event, span)?;
    }
    Ok(())
}

fn options() -> Options {
    granit_parser::options! {
        disallow_directives: true,
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        flow_nesting_limit: PARSER_NESTING,
        block_nesting_limit: PARSER_NESTING,
        max_buffered_comment_events: PARSER_COMMENTS,
    }
}

fn scan_problem(error: &ScanError, builder: &Builder<'_>, text: &str) -> Problem {
    let marked = error.marker().byte_offset().unwrap_or(text.len());
    let offset = if error.info().contains("tab") { tab_near(text, marked) } else { marked };
    let problem = Problem::new(Span::new(offset, offset), error.info());
    let help = scan_help(&problem.message).or_else(|| bracket_help(text, builder.open_bracket()?, offset));
    Problem { help, ..problem }
}

/// The parser complains of a tab at the text before it, or at the character after it.
fn tab_near(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or_default();
    let blank = before.len() - before.trim_end_matches('\t').len();
    let after = text.get(offset..).and_then(|rest| rest.find('\t'));
    if blank > 0 { offset - blank } else { offset + after.unwrap_or(0) }
}

fn scan_help(message: &str) -> Option<String> {
    let help = match message {
        _ if message.contains("tab") => "indent with spaces, not with tabs",
        _ if message.contains("mapping values are not allowed") => {
            "put the text in quotes if it has `: ` in it; else check the indentation"
        }
        _ if message.contains("unclosed bracket") => "close it",
        _ if message.contains("quote") => "end the text with the quote it begins with",
        _ => return None,
    };
    Some(help.to_owned())
}

/// An open bracket on an earlier line is the likely cause of an error here, which says nothing about it.
fn bracket_help(text: &str, bracket: usize, offset: usize) -> Option<String> {
    let (opened, failed) = (line_number(text, bracket), line_number(text, offset));
    let char = text.get(bracket..)?.chars().next()?;
    (opened < failed).then(|| format!("the `{char}` on line {opened} is not closed before this"))
}
