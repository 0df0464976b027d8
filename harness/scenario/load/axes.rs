//! The axes of a scenario: their values, their labels, and the product of them.

use super::{files::is_words, names::is_reserved};
use crate::yaml::{Node, Problem, Value};

/// More cases of one file are a mistake.
const MOST: usize = 500;

/// One axis.
#[derive(Debug)]
pub(super) struct Axis<'a> {
    pub name: &'a str,
    /// Labels with their values.
    pub values: Vec<(String, &'a Node)>,
}

/// A choice: the axis, the label and the value, for each axis.
pub(super) type Choice<'a> = Vec<(&'a str, &'a str, &'a Node)>;

/// The axes that stand under `vary`.
pub(super) fn read(root: &Node) -> Result<Vec<Axis<'_>>, Problem> {
    let Some(vary) = root.get("vary") else { return Ok(Vec::new()) };
    if !matches!(vary.value, Value::Map(_)) {
        return Err(
            Problem::new(vary.head(), "`vary` is a map").help("write axes with their values: { by: [close, reset] }")
        );
    }
    vary.entries()
        .iter()
        .map(|(key, node)| axis(&key.text, node).map_err(|problem| at_key(problem, vary, &key.text)))
        .collect()
}

/// A problem without a place of its own stands at the axis's key.
fn at_key(problem: Problem, vary: &Node, key: &str) -> Problem {
    match problem.span.end {
        0 => Problem { span: vary.key_span(key), ..problem },
        _ => problem,
    }
}

fn axis<'a>(name: &'a str, node: &'a Node) -> Result<Axis<'a>, Problem> {
    check_name(name, "axis")?;
    let values = match &node.value {
        Value::List(items) => items.iter().map(own_label).collect::<Result<Vec<_>, _>>()?,
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| Ok((label(&key.text, key.span)?, value))).collect::<Result<_, _>>()?
        }
        _ => {
            return Err(Problem::new(node.span, format!("the axis `{name}` has one value"))
                .help("write a list, or labels with values"));
        }
    };
    if values.is_empty() {
        return Err(
            Problem::new(Default::default(), format!("the axis `{name}` has no value")).help("give it two or more")
        );
    }
    for (at, (label, node)) in values.iter().enumerate() {
        if values[..at].iter().any(|(earlier, _)| earlier == label) {
            let problem = Problem::new(node.head(), format!("two values of `{name}` are labelled `{label}`"));
            return Err(problem.help("write labels of your own: { one: …, other: … }"));
        }
    }
    Ok(Axis { name, values })
}

/// Whether a scenario may declare a name.
pub(super) fn check_name(name: &str, what: &str) -> Result<(), Problem> {
    let problem = |message: String| Err(Problem::new(Default::default(), message));
    if is_reserved(name) {
        return problem(format!("`${name}` is the harness's own"))
            .map_err(|problem: Problem| problem.help("choose another name"));
    }
    match name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_lowercase())
    {
        true => Ok(()),
        false => problem(format!("`{name}` is no name of {what}"))
            .map_err(|problem: Problem| problem.help("begin with a small letter; go on with letters, digits and `_`")),
    }
}

fn own_label(node: &Node) -> Result<(String, &Node), Problem> {
    let text = match &node.value {
        Value::Text(text) => text.clone(),
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        _ => String::new(),
    };
    match is_words(&text) {
        true => Ok((text, node)),
        false => Err(Problem::new(node.head(), "this value needs a label")
            .help("only plain words and numbers label themselves: write { label: value }")),
    }
}

fn label(text: &str, span: crate::yaml::Span) -> Result<String, Problem> {
    match is_words(text) {
        true => Ok(text.to_owned()),
        false => Err(Problem::new(span, format!("`{text}` is no label"))
            .help("write lower-case words with hyphens between them")),
    }
}

/// Every choice of one value an axis, the last axis turning fastest.
pub(super) fn choices<'a>(axes: &'a [Axis<'a>], root: &Node) -> Result<Vec<Choice<'a>>, Problem> {
    let many: usize = axes.iter().map(|axis| axis.values.len()).fold(1, usize::saturating_mul);
    if many > MOST {
        let problem =
            Problem::new(root.key_span("vary"), format!("these axes make {many} cases; at most {MOST} are run"));
        return Err(problem.help("vary less, or split the file"));
    }
    let mut choices: Vec<Choice<'a>> = vec![Vec::new()];
    for axis in axes {
        choices = choices
            .iter()
            .flat_map(|choice| axis.values.iter().map(|(label, node)| chosen(choice, axis.name, label, node)))
            .collect();
    }
    Ok(choices)
}

fn chosen<'a>(choice: &Choice<'a>, axis: &'a str, label: &'a str, node: &'a Node) -> Choice<'a> {
    let mut longer = choice.clone();
    longer.push((axis, label, node));
    longer
}
