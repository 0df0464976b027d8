//! The table read from its file, and what it says of remedies.

use std::{collections::BTreeSet, sync::OnceLock};

use super::{Cause, Causes, Mode, Remedy};
use crate::yaml::{self, Problem, Source, SourceError};

/// The table that the crate carries.
const TABLE: &str = include_str!("../causes.yaml");

impl Causes {
    /// The table that the crate carries.
    pub fn embedded() -> &'static Causes {
        static PARSED: OnceLock<Causes> = OnceLock::new();
        PARSED.get_or_init(|| {
            let source = Source { path: "harness/causes.yaml".to_owned(), text: TABLE.to_owned() };
            Causes::parse(&source).expect("a test reads the embedded table")
        })
    }

    /// Reads a table.
    pub fn parse(source: &Source) -> Result<Causes, SourceError> {
        let document = yaml::parse(source)?;
        let causes: Causes = yaml::from_node(&document.root).map_err(|problem| source.error(problem))?;
        check(&causes, &document.root).map_err(|problem| source.error(problem))?;
        Ok(causes)
    }

    /// The row of this name.
    pub fn row(&self, id: &str) -> Option<&Cause> {
        self.causes.iter().find(|cause| cause.id == id)
    }

    /// Who acts on a cause, and how.
    pub fn remedy(&self, cause: &Cause) -> Remedy {
        let Remedy { owner, action } = self.remedy_of_mode(cause.mode);
        Remedy { owner: cause.owner.clone().unwrap_or(owner), action: cause.action.clone().unwrap_or(action) }
    }

    /// Who acts on a failure mode, and how.
    pub fn remedy_of_mode(&self, mode: Mode) -> Remedy {
        let unknown = || Remedy { owner: "nobody yet".to_owned(), action: format!("Name an owner for {mode}") };
        self.modes.get(&mode).cloned().unwrap_or_else(unknown)
    }
}

fn check(causes: &Causes, root: &yaml::Node) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for (n, cause) in causes.causes.iter().enumerate() {
        if !seen.insert(&cause.id) {
            let place = root.at(&format!("causes[{n}].id")).span;
            return Err(Problem::new(place, format!("the cause `{}` stands here a second time", cause.id))
                .help("ids are unique"));
        }
    }
    Ok(())
}
