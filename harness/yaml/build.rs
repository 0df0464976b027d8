//! Builds the tree from the events of the parser and refuses what is YAML but not wanted.

use super::error::{Problem, line_number};
use super::node::{Key, Node, Span, Value};
use super::parse::Document;
use super::place;
use super::scalar::{TooLarge, resolve};
use granit_parser::{Event, ScalarStyle, Span as Mark};
use std::collections::BTreeMap;

const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 200_000;

/// The tree so far.
pub(super) struct Builder<'text> {
    text: &'text str,
    stack: Vec<Frame>,
    root: Option<Node>,
    comments: Vec<Span>,
    nodes: usize,
    documents: usize,
}

/// A list or map that is not complete yet.
struct Frame {
    start: Span,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Entries),
}

#[derive(Default)]
struct Entries {
    done: Vec<(Key, Node)>,
    // Where each key is, so that a second one is found without a walk over all of them.
    seen: BTreeMap<String, usize>,
    waiting: Option<Key>,
}

impl<'text> Builder<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        Self { text, stack: Vec::new(), root: None, comments: Vec::new(), nodes: 0, documents: 0 }
    }

    /// Takes the next event.
    pub(super) fn event(&mut self, event: Event<'_>, mark: Mark) -> Result<(), Problem> {
        let span = self.span(&mark);
        if event.tag().is_some() {
            let span = mark.tag_span().map_or(span, |tag| self.span(&tag));
            return Err(
                Problem::new(span, "tags are not allowed").help("remove the tag; quote a value to make it text")
            );
        }
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(..) => self.document(span),
            Event::Comment(..) => {
                self.comments.push(span);
                Ok(())
            }
            Event::Anchor(..) => Err(Problem::new(span, "anchors are not allowed").help(WRITE_AGAIN)),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                Err(Problem::new(span, "aliases are not allowed").help(WRITE_AGAIN))
            }
            Event::Scalar(text, style, ..) => self.scalar(&text, style, span),
            Event::SequenceStart(..) => self.open(self.list_start(span), Content::List(Vec::new())),
            Event::MappingStart(..) => self.open(span, Content::Map(Entries::default())),
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            // The parser may learn more of YAML; what this module has never seen, it does not accept.
            _ => Err(Problem::new(span, "this part of YAML is not supported")),
        }
    }

    /// The whole tree, after the last event.
    pub(super) fn finish(self) -> Result<Document, Problem> {
        let written = self.root.filter(|root| root.value != Value::Null || root.span.start < root.span.end);
        let root = written.ok_or_else(|| Problem::new(Span::default(), "the file has no content"))?;
        Ok(Document { root, comments: self.comments })
    }

    /// The innermost bracket that is still open.
    pub(super) fn open_bracket(&self) -> Option<usize> {
        self.stack.iter().rev().map(|frame| frame.start).find(|span| span.start < span.end).map(|span| span.start)
    }

    fn span(&self, mark: &Mark) -> Span {
        let range = mark.byte_range().unwrap_or(self.text.len()..self.text.len());
        Span::new(range.start, range.end)
    }

    fn document(&mut self, span: Span) -> Result<(), Problem> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        Err(Problem::new(span, "a second document begins here").help("put each document in a file of its own"))
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<(), Problem> {
        let value = match style {
            ScalarStyle::Plain => resolve(text).map_err(|TooLarge| too_large(text, span))?,
            _ => Value::Text(text.to_owned()),
        };
        if self.wants_key() {
            return self.key(text, &value, style, span);
        }
        self.add(Node::new(value, place::of_value(self.text, style, span)))
    }

    fn list_start(&self, span: Span) -> Span {
        let in_map = matches!(self.stack.last(), Some(Frame { content: Content::Map(_), .. }));
        if in_map && span.start == span.end { place::of_list(self.text, span) } else { span }
    }

    fn wants_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { content: Content::Map(entries), .. }) if entries.waiting.is_none())
    }

    fn key(&mut self, text: &str, value: &Value, style: ScalarStyle, span: Span) -> Result<(), Problem> {
        self.count(span)?;
        if style == ScalarStyle::Plain {
            check_key(text, value, span)?;
        }
        let source = self.text;
        let Some(Frame { content: Content::Map(entries), .. }) = self.stack.last_mut() else { return Ok(()) };
        if let Some(first) = entries.seen.insert(text.to_owned(), span.start) {
            return Err(duplicate(text, span, line_number(source, first)));
        }
        entries.waiting = Some(Key { text: text.to_owned(), span });
        Ok(())
    }

    fn open(&mut self, start: Span, content: Content) -> Result<(), Problem> {
        if self.wants_key() {
            return Err(Problem::new(start, "a list or a map cannot be a key").help("write a text before the `:`"));
        }
        if self.stack.len() >= MAX_DEPTH {
            let message = format!("lists and maps are nested deeper than {MAX_DEPTH}");
            return Err(Problem::new(start, message).help("write it flatter"));
        }
        self.stack.push(Frame { start, content });
        Ok(())
    }

    fn close(&mut self, mark: Span) -> Result<(), Problem> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let last = match &frame.content {
            Content::List(items) => items.last(),
            Content::Map(entries) => entries.done.last().map(|(_, node)| node),
        };
        // A block has no closing mark: the parser names the place where the next thing begins.
        let end = if mark.start < mark.end { mark.end } else { last.map_or(frame.start.end, |node| node.span.end) };
        let value = match frame.content {
            Content::List(items) => Value::List(items),
            Content::Map(entries) => Value::Map(entries.done),
        };
        self.add(Node::new(value, Span::new(frame.start.start, end)))
    }

    fn add(&mut self, node: Node) -> Result<(), Problem> {
        self.count(node.span)?;
        match self.stack.last_mut().map(|frame| &mut frame.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(entries)) => entries.done.extend(entries.waiting.take().map(|key| (key, node))),
        }
        Ok(())
    }

    fn count(&mut self, span: Span) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message = format!("the file has more than {MAX_NODES} keys and values");
        Err(Problem::new(span, message).help("split it into several files"))
    }
}

const WRITE_AGAIN: &str = "write the value out again";

fn too_large(text: &str, span: Span) -> Problem {
    let message = format!("the number {text} is too large");
    Problem::new(span, message).help("put it in quotes if it is meant as text")
}

fn check_key(text: &str, value: &Value, span: Span) -> Result<(), Problem> {
    if span.start == span.end {
        return Err(Problem::new(span, "there is no key before the `:`").help("write a key, or remove the line"));
    }
    if text == "<<" {
        return Err(Problem::new(span, "merge keys are not allowed").help("write the keys out again"));
    }
    if matches!(value, Value::Text(_)) {
        return Ok(());
    }
    Err(Problem::new(span, format!("the key `{text}` is not text")).help(format!("quote it: \"{text}\"")))
}

fn duplicate(text: &str, span: Span, first: usize) -> Problem {
    let help = format!("it is on line {first} already: keep one of them");
    Problem::new(span, format!("the key `{text}` is given twice")).help(help)
}
