//! Puts a choice of axis values into a scenario's tree, before it is typed.

use std::{cell::RefCell, collections::BTreeSet};

use super::{
    axes::Choice,
    names::{Piece, built_ins, is_built_in, is_reserved, pieces, whole},
};
use crate::yaml::{Key, Node, Problem, Value};

/// Words about all cases: they stay as written.
const WORDS: [&str; 4] = ["title", "why", "sources", "pair"];
/// Keys whose value is JSON of any kind, `null` too.
const FREE: [&str; 9] = ["json", "set", "delta", "usage", "error", "chunk", "data", "answer", "telemetry"];

/// What `$name`s may stand for.
pub(super) struct Scope<'a> {
    pub choice: &'a Choice<'a>,
    pub bytes: &'a [&'a str],
    used: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Scope<'a> {
    pub fn new(choice: &'a Choice<'a>, bytes: &'a [&'a str]) -> Self {
        Scope { choice, bytes, used: RefCell::default() }
    }

    /// The scenario without its axes, each `$axis` in it replaced.
    pub fn scenario(&self, root: &Node) -> Result<Node, Problem> {
        let mut entries = Vec::new();
        for (key, node) in root.entries().iter().filter(|(key, _)| key.text != "vary") {
            let node = if WORDS.contains(&key.text.as_str()) { node.clone() } else { self.value(&key.text, node)? };
            entries.push((key.clone(), filled(key, node)?));
        }
        Ok(Node { value: Value::Map(entries), span: root.span })
    }

    /// The names that were never used, axes and bytes alike.
    pub fn unused(&self) -> Option<&'a str> {
        let used = self.used.borrow();
        let axes = self.choice.iter().map(|(axis, ..)| *axis);
        axes.chain(self.bytes.iter().copied()).find(|name| !used.contains(name))
    }

    /// The value under a key; below a free key, `null` is a value.
    fn value(&self, key: &str, node: &Node) -> Result<Node, Problem> {
        self.node(node, FREE.contains(&key))
    }

    fn node(&self, node: &Node, free: bool) -> Result<Node, Problem> {
        let value = match &node.value {
            Value::Text(text) => return self.text(text, node),
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.node(item, free)).collect::<Result<_, _>>()?)
            }
            Value::Map(entries) => {
                Value::Map(entries.iter().map(|(key, value)| self.entry(key, value, free)).collect::<Result<_, _>>()?)
            }
            plain => plain.clone(),
        };
        Ok(Node { value, span: node.span })
    }

    fn entry(&self, key: &Key, node: &Node, free: bool) -> Result<(Key, Node), Problem> {
        self.check_key(key)?;
        let free = free || FREE.contains(&key.text.as_str());
        let node = self.node(node, free)?;
        Ok((key.clone(), if free { node } else { filled(key, node)? }))
    }

    /// Keys stay as written, so an axis in one would be served as text.
    fn check_key(&self, key: &Key) -> Result<(), Problem> {
        let is_axis = |name: &&str| self.choice.iter().any(|(axis, ..)| axis == name);
        let named = pieces(&key.text).into_iter().find_map(|piece| match piece {
            Piece::Name(name) => name.split('.').next().filter(is_axis),
            _ => None,
        });
        match named {
            Some(axis) => Err(Problem::new(key.span, format!("the axis `{axis}` cannot stand in a key"))
                .help("let the axis be the whole map")),
            None => Ok(()),
        }
    }

    fn text(&self, text: &str, node: &Node) -> Result<Node, Problem> {
        if let Some(value) = whole(text).map(|name| self.lookup(name, node)).transpose()?.flatten() {
            self.check_axis_value(value)?;
            return Ok(value.clone());
        }
        let mut filled = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Bare => {
                    return Err(Problem::new(node.span, "this `$` begins no name").help("write `$$` for a dollar"));
                }
                Piece::Name(name) => match self.lookup(name, node)? {
                    None => filled.extend(["$", name]),
                    Some(value) => filled.push_str(&inserted(name, value, node)?),
                },
            }
        }
        Ok(Node { value: Value::Text(filled), span: node.span })
    }

    /// The node that an axis puts here; nothing for what is filled in later.
    fn lookup(&self, name: &str, node: &Node) -> Result<Option<&'a Node>, Problem> {
        if is_built_in(name) {
            return Ok(None);
        }
        let (head, field) = name.split_once('.').map_or((name, None), |(head, field)| (head, Some(field)));
        if let Some(bytes) = self.bytes.iter().find(|bytes| **bytes == name) {
            self.used.borrow_mut().insert(bytes);
            return Ok(None);
        }
        let Some((axis, label, value)) = self.choice.iter().find(|(axis, ..)| *axis == head) else {
            return Err(self.undeclared(name, node));
        };
        self.used.borrow_mut().insert(axis);
        match field {
            None => Ok(Some(value)),
            Some(field) => match value.get(field) {
                Some(inner) => Ok(Some(inner)),
                None => Err(no_field(axis, label, field, value, node)),
            },
        }
    }

    fn undeclared(&self, name: &str, node: &Node) -> Problem {
        let problem = Problem::new(node.span, format!("nothing is called `${name}`"));
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return problem.help("write `$$` for a dollar");
        }
        let axes = self.choice.iter().map(|(axis, ..)| (*axis).to_owned());
        let declared: Vec<String> = axes.chain(self.bytes.iter().map(|name| (*name).to_owned())).collect();
        let known: Vec<String> = declared.into_iter().chain(built_ins()).collect();
        problem.did_you_mean(name, known.iter().map(String::as_str))
    }

    /// An axis value may use what is filled in later, but no other axis.
    fn check_axis_value(&self, value: &Node) -> Result<(), Problem> {
        static NO_AXES: Choice<'static> = Vec::new();
        let without_axes = Scope { choice: &NO_AXES, bytes: self.bytes, used: RefCell::default() };
        let checked = without_axes.node(value, true).map(|_| ());
        self.used.borrow_mut().extend(without_axes.used.into_inner());
        checked
    }
}

/// The text of an axis value inside a longer text.
fn inserted(name: &str, value: &Node, place: &Node) -> Result<String, Problem> {
    match &value.value {
        Value::Text(text) => Ok(text.clone()),
        Value::Int(n) => Ok(n.to_string()),
        Value::Float(n) => Ok(n.to_string()),
        Value::Bool(b) => Ok(b.to_string()),
        _ => {
            let problem = Problem::new(place.span, format!("`${name}` is no text here: its value is a map or a list"));
            Err(problem.help("let it stand alone, or name a field of it"))
        }
    }
}

fn no_field(axis: &str, label: &str, field: &str, value: &Node, place: &Node) -> Problem {
    let problem = Problem::new(place.span, format!("`{axis}` has no field `{field}` where it is `{label}`"));
    let fields: Vec<&str> = value.entries().iter().map(|(key, _)| key.text.as_str()).collect();
    match fields.is_empty() {
        true => problem.help(format!("write `${axis}`, or give its values fields")),
        false => problem.did_you_mean(field, fields),
    }
}

fn filled(key: &Key, node: Node) -> Result<Node, Problem> {
    match node.value {
        Value::Null => Err(Problem::new(key.span, format!("`{}` has no value", key.text))
            .help("give it a value, or leave the key out")),
        _ => Ok(node),
    }
}

/// The names of a scenario's bytes.
pub(super) fn bytes_names(root: &Node) -> Result<Vec<&str>, Problem> {
    let Some(bytes) = root.get("bytes") else { return Ok(Vec::new()) };
    for (key, _) in bytes.entries() {
        let at = |problem: Problem| Problem { span: key.span, ..problem };
        super::axes::check_name(&key.text, "bytes").map_err(at)?;
        let axis = root.get("vary").and_then(|vary| vary.get(&key.text));
        if axis.is_some() && !is_reserved(&key.text) {
            return Err(Problem::new(key.span, format!("`{}` is an axis too", key.text)).help("choose another name"));
        }
    }
    Ok(bytes.entries().iter().map(|(key, _)| key.text.as_str()).collect())
}
