//! The errors of deserialising: what serde reports, in the words of the file, and the place it belongs to.

use super::error::Problem;
use super::error::closest;
use super::node::{Node, Span, Value};
use serde::de::{self, Expected, Unexpected};
use std::fmt;

/// The mark before the help in the text of a custom error.
const HELP: &str = "\nhelp: ";

/// An error that may not have its place yet; the node being read gives it one on the way out.
#[derive(Debug)]
pub(super) struct Fault {
    span: Option<Span>,
    about: About,
    message: String,
    help: Option<String>,
}

/// What of the node is at fault, until the span is known.
#[derive(Debug, PartialEq, Eq)]
enum About {
    Whole,
    /// A scalar that is not of the wanted type; a text was wanted, or something else.
    Type {
        text: bool,
    },
    /// The name in the place of a key or a value.
    Name(String),
    /// Something that is not there.
    Missing,
}

impl Fault {
    fn new(about: About, message: String) -> Self {
        Self { span: None, about, message, help: None }
    }

    /// A fault at a known place.
    pub(super) fn at(span: Span, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { span: Some(span), help: Some(help.into()), ..Self::new(About::Whole, message.into()) }
    }

    /// A name that is not among the known ones; `what` it is: a key or a value.
    pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> Self {
        let help = match closest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("no {what} is known here"),
            None => format!("known {what}s: {}", known.join(", ")),
        };
        let message = format!("unknown {what} `{name}`");
        Self { help: Some(help), ..Self::new(About::Name(name.to_owned()), message) }
    }

    /// Gives the fault the place of the node that was being read, unless an inner one already did.
    pub(super) fn or_at(mut self, node: &Node) -> Self {
        if self.span.is_some() {
            return self;
        }
        self.span = Some(match &self.about {
            About::Name(name) => node.span_of_key(name).unwrap_or(node.span),
            About::Missing => first_key(node),
            About::Whole | About::Type { .. } => node.span,
        });
        if let About::Type { text } = self.about {
            self.help = self.help.or_else(|| type_help(node, text));
        }
        self
    }

    /// Gives the fault the place of a key.
    pub(super) fn or_at_key(mut self, span: Span) -> Self {
        if self.span.is_none() {
            self.span = Some(span);
            // A variant that is written as a key is a key to the reader, whatever serde calls it.
            if let Some(name) = self.message.strip_prefix("unknown value ") {
                self.message = format!("unknown key {name}");
                self.help = self.help.map(|help| help.replacen("known values: ", "known keys: ", 1));
            }
        }
        self
    }

    /// Gives the fault the place of a text.
    pub(super) fn or_at_text(mut self, span: Span) -> Self {
        self.span = self.span.or(Some(span));
        self
    }

    /// The problem, for a fault that was raised while `root` was read.
    pub(super) fn into_problem(self, root: &Node) -> Problem {
        let fault = self.or_at(root);
        Problem { span: fault.span.unwrap_or(root.span), message: fault.message, help: fault.help }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        // Helps to survive an impl that makes a custom error of the text of another error.
        self.help.iter().try_for_each(|help| write!(f, "{HELP}{help}"))
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        match text.split_once(HELP) {
            Some((message, help)) => {
                Self { help: Some(help.to_owned()), ..Self::new(About::Whole, message.to_owned()) }
            }
            None => Self::new(About::Whole, text),
        }
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let wanted = wanted.to_string();
        let about = About::Type { text: wanted.contains("string") || wanted.contains("text") };
        Self::new(about, format!("expected {}, found {}", plainly(&wanted), describe(found)))
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let wanted = wanted.to_string();
        Self::new(About::Whole, format!("expected {}, found {}", plainly(&wanted), describe(found)))
    }

    fn invalid_length(length: usize, wanted: &dyn Expected) -> Self {
        let wanted = wanted.to_string();
        // serde has several ways to say it, with one number in each: "a tuple of size 2".
        let count = wanted.split(' ').find(|word| word.parse::<usize>().is_ok());
        let wanted = count.map_or_else(|| plainly(&wanted).to_owned(), |count| format!("a list of length {count}"));
        Self::new(About::Whole, format!("expected {wanted}, found one of length {length}"))
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("value", variant, known)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("key", field, known)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(About::Missing, format!("missing key `{field}`"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(About::Name(field.to_owned()), format!("the key `{field}` is given twice"))
    }
}

/// What serde calls the wanted type, in the words of the file.
fn plainly(wanted: &str) -> &str {
    match wanted {
        "u8" => "an integer from 0 to 255",
        "u16" => "an integer from 0 to 65535",
        "u32" => "an integer from 0 to 4294967295",
        "u64" | "u128" | "usize" => "an integer of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "an integer",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "unit" => "null",
        _ if wanted.starts_with("struct ") => "a map",
        _ if ["tuple ", "a tuple ", "an array "].iter().any(|start| wanted.starts_with(start)) => "a list",
        _ => wanted,
    }
}

fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(flag) => format!("the boolean {flag}"),
        Unexpected::Signed(number) => format!("the integer {number}"),
        Unexpected::Unsigned(number) => format!("the integer {number}"),
        Unexpected::Float(number) => format!("the number {number:?}"),
        Unexpected::Str(text) => format!("the string {}", shortened(text)),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("\"{}...\"", text[..end].escape_debug()),
        None => format!("\"{}\"", text.escape_debug()),
    }
}

fn type_help(node: &Node, wants_text: bool) -> Option<String> {
    let written = match &node.value {
        Value::Text(_) | Value::List(_) | Value::Map(_) => return None,
        _ if !wants_text => return None,
        Value::Null if node.span.start == node.span.end => return Some("write \"\" for an empty text".to_owned()),
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
    };
    // `1.50` is the number 1.5: only a value of the same length was surely written like this.
    let same = written.len() == node.span.end - node.span.start;
    Some(if same { format!("quote it: \"{written}\"") } else { "put it in quotes".to_owned() })
}

/// A missing key has no place: the first key of the map stands for it, or the mark that begins the map.
fn first_key(node: &Node) -> Span {
    let start = node.span.start;
    let first = node.entries().first();
    first.map_or(Span::new(start, start + 1), |(key, _)| key.span)
}
