//! From text to the tree. What YAML allows and nobody reads rightly is refused: anchors, aliases, tags, merge keys, several
//! documents, keys that are no text, keys that stand twice.

use granit_parser::{Event, Parser, ScalarStyle};

use super::{Key, Node, Problem, Source, SourceError, Span, Value};

/// Deeper nesting is a mistake.
const DEEPEST: usize = 64;
/// So are more nodes.
const MOST: usize = 200_000;

/// A file's tree, and where its comments are.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The tree.
    pub root: Node,
    /// The places of all comments.
    pub comments: Vec<Span>,
}

/// Reads a file into a tree.
pub fn parse(source: &Source) -> Result<Document, SourceError> {
    Builder::default().build(&source.text).map_err(|problem| source.error(problem))
}

/// A collection that is not yet closed.
enum Open {
    List(Vec<Node>, usize),
    Map(Vec<(Key, Node)>, Option<Key>, usize),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    comments: Vec<Span>,
    nodes: usize,
    documents: usize,
}

impl Builder {
    fn build(mut self, text: &str) -> Result<Document, Problem> {
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| {
                let at = error.marker().byte_offset().unwrap_or(0);
                Problem::new(Span { start: at, end: at + 1 }, format!("this is not YAML: {}", error.info()))
                    .help("check indentation, quotes and brackets around here")
            })?;
            let range = span.byte_range().unwrap_or(0..0);
            self.event(event, Span { start: range.start, end: range.end }, text)?;
        }
        let root = self.root.filter(|root| root.value != Value::Null);
        let empty = || Problem::new(Span::default(), "this file is empty").help("begin with `title:` and `why:`, or remove the file");
        Ok(Document { root: root.ok_or_else(empty)?, comments: self.comments })
    }

    fn event(&mut self, event: Event, span: Span, text: &str) -> Result<(), Problem> {
        match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => Err(refused(span, "an alias", "write the value out again")),
            Event::DocumentStart(..) => self.document(span),
            Event::Comment(..) => {
                self.comments.push(span);
                Ok(())
            }
            Event::Scalar(value, style, anchor, tag) => {
                plainly(span, anchor, tag.is_some())?;
                self.scalar(&value, style, span)
            }
            Event::SequenceStart(_, anchor, tag) => {
                plainly(span, anchor, tag.is_some())?;
                self.push(Open::List(Vec::new(), span.start), span)
            }
            Event::MappingStart(_, anchor, tag) => {
                plainly(span, anchor, tag.is_some())?;
                self.push(Open::Map(Vec::new(), None, span.start), span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span, text),
            _ => Ok(()),
        }
    }

    fn document(&mut self, span: Span) -> Result<(), Problem> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(Problem::new(span, "a second document begins here").help("one file holds one document: split the file"));
        }
        Ok(())
    }

    fn push(&mut self, open: Open, span: Span) -> Result<(), Problem> {
        if let Some(Open::Map(_, None, _)) = self.open.last() {
            return Err(Problem::new(span, "a key must be text").help("quote it"));
        }
        if self.open.len() >= DEEPEST {
            return Err(Problem::new(span, format!("nested deeper than {DEEPEST}")).help("flatten it"));
        }
        self.open.push(open);
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<(), Problem> {
        let value = if style == ScalarStyle::Plain { resolve(text) } else { Value::Text(text.to_owned()) };
        if let Some(Open::Map(entries, key @ None, _)) = self.open.last_mut() {
            check_key(entries, text, &value, span)?;
            *key = Some(Key { text: text.to_owned(), span });
            return Ok(());
        }
        self.add(Node { value, span })
    }

    fn close(&mut self, span: Span, text: &str) -> Result<(), Problem> {
        let (value, start) = match self.open.pop() {
            Some(Open::List(items, start)) => (Value::List(items), start),
            Some(Open::Map(entries, _, start)) => (Value::Map(entries), start),
            None => return Ok(()),
        };
        // A block collection ends where the next thing begins: the white space between is not its own.
        let end = start + text[start..span.end.max(start)].trim_end().len();
        self.add(Node { value, span: Span { start, end } })
    }

    fn add(&mut self, node: Node) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > MOST {
            return Err(Problem::new(node.span, format!("more than {MOST} values")).help("use `repeat`"));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(items, _)) => items.push(node),
            Some(Open::Map(entries, key, _)) => entries.extend(key.take().map(|key| (key, node))),
        }
        Ok(())
    }
}

fn refused(span: Span, what: &str, help: &str) -> Problem {
    Problem::new(span, format!("{what} is not allowed here")).help(help)
}

fn plainly(span: Span, anchor: usize, tagged: bool) -> Result<(), Problem> {
    if anchor != 0 {
        return Err(refused(span, "an anchor", "write the value out where it is needed"));
    }
    if tagged {
        return Err(refused(span, "a tag", "write the value without its `!tag`"));
    }
    Ok(())
}

fn check_key(entries: &[(Key, Node)], text: &str, value: &Value, span: Span) -> Result<(), Problem> {
    if text == "<<" {
        return Err(refused(span, "a merge key", "write the keys out"));
    }
    if !matches!(value, Value::Text(_)) {
        return Err(Problem::new(span, format!("a key must be text, and `{text}` is not")).help(format!("quote it: \"{text}\"")));
    }
    if entries.iter().any(|(key, _)| key.text == text) {
        return Err(Problem::new(span, format!("the key `{text}` stands here a second time")).help("keep one of the two"));
    }
    Ok(())
}

/// What a plain scalar means.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" => return Value::Null,
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let decimal = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if decimal(digits) {
        return text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Int);
    }
    match digits.split_once('.') {
        Some((whole, fraction)) if decimal(whole) && decimal(fraction) => {
            text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Float)
        }
        _ => Value::Text(text.to_owned()),
    }
}
