//! From files to cases, or to an error that says exactly what to mend.
//!
//! A scenario file is read into a tree; each choice of its axes is put into a copy of that tree (`axes`, `substitute`); the
//! copy is typed by the [grammar](super::file) and then resolved: replies, durations, users, headers, bytes. So an error in an
//! axis value is shown where that value was written. Loading stops at the first error, and never finds nothing.

mod axes;
mod body;
mod builder;
mod bytes;
mod checks;
mod context;
mod deliver;
mod expect;
mod files;
mod head;
mod label;
mod names;
mod needs;
mod pairs;
mod pointer;
mod replies;
mod script;
mod step;
mod substitute;
mod users;

use std::path::Path;

pub use files::SourceFile;
pub use replies::Replies;

use super::Case;
use crate::{
    policy::Policy,
    yaml::{SourceError, parse},
};

/// All scenarios of a folder, and the replies that they name.
#[derive(Debug, Clone)]
pub struct Library {
    /// Every case, by file and then by axes.
    pub cases: Vec<Case>,
    /// The named replies.
    pub replies: Replies,
}

include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

/// Loads the suite that the crate carries.
pub fn embedded(policy: &Policy) -> Result<Library, SourceError> {
    let files: Vec<SourceFile> = FILES.iter().map(|(path, text)| SourceFile::new("scenarios", path, *text)).collect();
    load(&files, policy)
}

/// Loads files that are already read: scenarios, and perhaps their `replies.yaml`; without it, the suite's own replies are used.
pub fn load(files: &[SourceFile], policy: &Policy) -> Result<Library, SourceError> {
    let (replies, scenarios): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.path == "replies.yaml");
    let replies = match replies.first() {
        Some(file) => Replies::read(file.source.clone(), policy)?,
        None => Replies::embedded()?,
    };
    let mut cases = Vec::new();
    let mut read = Vec::new();
    for file in scenarios {
        let identity = file.identity()?;
        let document = parse(&file.source)?;
        let built = builder::cases(&document, &identity, &file.source, policy, &replies);
        let found = built.map_err(|problem| file.source.error(problem))?;
        read.push(pairs::Read::new(file, identity, document.root));
        cases.extend(found);
    }
    pairs::check(&read)?;
    match cases.is_empty() {
        true => Err(files::no_scenarios(".")),
        false => Ok(Library { cases, replies }),
    }
}

/// Loads a folder of scenarios: `<family>/<slug>.yaml`, and perhaps `replies.yaml`.
pub fn load_dir(dir: &Path, policy: &Policy) -> Result<Library, SourceError> {
    let files = files::walk(dir)?;
    if files.iter().all(|file| file.path == "replies.yaml") {
        return Err(files::no_scenarios(&dir.display().to_string()));
    }
    load(&files, policy)
}
