//! Checks of a scenario's head: title, why, where it comes from.

use super::context::{at, at_key};
use crate::{
    scenario::file,
    yaml::{Document, Node, Problem, Source},
};

/// The incident catalogue's ids, one a line.
const INCIDENTS: &str = include_str!("../incidents.txt");
/// A scenario that needs more incidents is several.
const MOST_INCIDENTS: usize = 4;

/// A `#` after a space silently ends a title.
pub(super) fn check_comments(document: &Document, source: &Source) -> Result<(), Problem> {
    for key in ["title", "why"] {
        let Some(node) = document.root.get(key) else { continue };
        let end = node.span.end.min(source.text.len());
        let line_end = source.text[end..].find('\n').map_or(source.text.len(), |at| end + at);
        if let Some(comment) = document.comments.iter().find(|comment| (end..=line_end).contains(&comment.start)) {
            let problem = Problem::new(*comment, format!("`{key}` ends here: the rest of the line is a comment"));
            return Err(problem.help("quote it, or move the comment to a line of its own"));
        }
    }
    Ok(())
}

/// What the types of the head cannot say.
pub(super) fn check(scenario: &file::Scenario, node: &Node) -> Result<(), Problem> {
    for (key, text) in [("title", &scenario.title), ("why", &scenario.why)] {
        if text.trim().is_empty() {
            return Err(at(node, key, format!("`{key}` is empty")).help("write a sentence"));
        }
    }
    if scenario.sources.is_empty() && scenario.incidents.is_empty() {
        let key = if node.get("sources").is_some() { "sources" } else { "title" };
        return Err(at_key(node, key, "this scenario comes from nowhere").help("name `sources` or `incidents`"));
    }
    incidents(scenario, node)
}

fn incidents(scenario: &file::Scenario, node: &Node) -> Result<(), Problem> {
    let place = |index: usize| node.get("incidents").and_then(|list| list.items().get(index)).unwrap_or(node).head();
    for (index, id) in scenario.incidents.iter().enumerate() {
        if index >= MOST_INCIDENTS {
            let problem = Problem::new(place(index), format!("more than {MOST_INCIDENTS} incidents"));
            return Err(problem.help("serve each one's stimulus in a scenario of its own"));
        }
        if !INCIDENTS.lines().any(|known| known == id) {
            let problem = Problem::new(place(index), format!("unknown incident `{id}`"));
            return Err(match crate::yaml::closest(id, INCIDENTS.lines()) {
                Some(close) => problem.help(format!("did you mean `{close}`?")),
                None => problem.help("the known ones stand in harness/scenario/incidents.txt"),
            });
        }
    }
    Ok(())
}
