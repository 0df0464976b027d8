//! What can only be checked over all files: ids, titles and pairs.

use super::files::{Identity, SourceFile};
use crate::yaml::{Node, Problem, SourceError};

/// A file that was read.
pub(super) struct Read<'a> {
    file: &'a SourceFile,
    id: String,
    root: Node,
}

impl<'a> Read<'a> {
    pub fn new(file: &'a SourceFile, identity: Identity, root: Node) -> Self {
        Read { file, id: identity.id, root }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.root.get(key).and_then(Node::as_text)
    }

    fn error(&self, key: &str, message: String, help: &str) -> SourceError {
        self.file.source.error(Problem::new(self.root.at(key).head(), message).help(help))
    }
}

/// No id and no title twice; pairs point at each other.
pub(super) fn check(read: &[Read<'_>]) -> Result<(), SourceError> {
    for (at, file) in read.iter().enumerate() {
        if let Some(earlier) = read[..at].iter().find(|earlier| earlier.id == file.id) {
            let message = format!("`{}` is read twice", earlier.id);
            return Err(SourceError::whole(&file.file.source.path, message).help("name each file once"));
        }
        if let Some(earlier) = read[..at].iter().find(|earlier| earlier.text("title") == file.text("title")) {
            let message = format!("`{}` has this title too", earlier.id);
            return Err(file.error("title", message, "say what is special about this one"));
        }
    }
    read.iter().try_for_each(|file| pair(file, read))
}

fn pair(file: &Read<'_>, read: &[Read<'_>]) -> Result<(), SourceError> {
    let Some(pair) = file.text("pair") else { return Ok(()) };
    if pair == file.id {
        return Err(file.error(
            "pair",
            "a scenario cannot be its own pair".to_owned(),
            "name the one that punishes the opposite mistake",
        ));
    }
    let Some(other) = read.iter().find(|other| other.id == pair) else {
        let problem = Problem::new(file.root.at("pair").head(), format!("there is no scenario `{pair}`"));
        return Err(file.file.source.error(problem.did_you_mean(pair, read.iter().map(|other| other.id.as_str()))));
    };
    match other.text("pair") == Some(&file.id) {
        true => Ok(()),
        false => {
            let help = format!("write `pair: {}` there", file.id);
            Err(file.error("pair", format!("`{pair}` does not point back"), &help))
        }
    }
}
