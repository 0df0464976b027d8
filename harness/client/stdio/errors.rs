//! `errors.yaml`: which class an adapter's native errors are, reviewed as data.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{
    causes::{OneOrMany, Status},
    client::{Class, Failure},
    yaml::{self, Problem, Source, SourceError},
};

/// The table of one adapter. The first row that fits wins; then the status alone decides.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorMap {
    /// Version of this file's format: 1.
    pub version: u32,
    /// The rows.
    pub errors: Vec<Row>,
}

/// One row. What is left out fits everything.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// A name of the client's own types, or several.
    #[serde(default)]
    pub native: Option<OneOrMany<String>>,
    /// Statuses: numbers, or 4xx and 5xx.
    #[serde(default)]
    pub status: Vec<Status>,
    /// A code that the provider gave and the client hands on, or several.
    #[serde(default)]
    pub code: Option<OneOrMany<String>>,
    /// The class.
    pub class: Class,
}

impl ErrorMap {
    /// Reads a table.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        Self::parse(&Source::read(path, &path.display().to_string())?)
    }

    /// The same of a text that is already here.
    pub fn parse(source: &Source) -> Result<Self, SourceError> {
        let document = yaml::parse(source)?;
        let map: ErrorMap = yaml::from_node(&document.root).map_err(|problem| source.error(problem))?;
        match document.root.get("version").filter(|_| map.version != 1) {
            Some(node) => {
                Err(source.error(Problem::new(node.span, "there is only version 1").help("write `version: 1`")))
            }
            None => Ok(map),
        }
    }

    /// The table beside the adapter: in the folder of the first file of the command that has one.
    pub fn beside(command: &[String]) -> Option<PathBuf> {
        let files = command.iter().map(Path::new).filter(|word| word.is_file());
        files.map(|file| file.with_file_name("errors.yaml")).find(|table| table.is_file())
    }

    /// The class of an error that names none itself.
    pub fn class_of(&self, error: &Failure) -> Class {
        let fits = |row: &&Row| {
            let native = row.native.as_ref().is_none_or(|names| names.iter().any(|name| *name == error.native));
            let status = |wanted: &Status| error.status.is_some_and(|status| wanted.covers(status));
            let given = |name: &String| error.code.as_deref() == Some(name);
            let code = row.code.as_ref().is_none_or(|names| names.iter().any(given));
            native && code && (row.status.is_empty() || row.status.iter().any(status))
        };
        let by_status = || error.status.map_or(Class::Other, Class::of_status);
        self.errors.iter().find(fits).map_or_else(by_status, |row| row.class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<ErrorMap, String> {
        ErrorMap::parse(&Source::new("errors.yaml", text)).map_err(|error| error.to_string())
    }

    fn error(native: &str, status: Option<u16>) -> Failure {
        Failure { native: native.to_owned(), status, ..Failure::default() }
    }

    #[test]
    fn the_first_row_that_fits_wins_and_then_the_status() {
        let map = table(
            "version: 1\nerrors:\n- { native: RateLimitError, status: [402], class: quota }\n\
             - { native: [RateLimitError, Throttled], class: rate-limited }\n- { status: [5xx], class: server }\n",
        );
        let map = map.expect("it is right");
        for (native, status, class) in [
            ("RateLimitError", Some(402), Class::Quota),
            ("RateLimitError", None, Class::RateLimited),
            ("Throttled", Some(429), Class::RateLimited),
            ("Anything", Some(502), Class::Server),
            ("Anything", Some(401), Class::Auth),
            ("Anything", None, Class::Other),
        ] {
            assert_eq!(map.class_of(&error(native, status)), class, "{native} {status:?}");
        }
    }

    #[test]
    fn a_row_may_ask_for_the_code_that_the_client_hands_on() {
        let map = table(
            "version: 1\nerrors:\n- { native: APIError, code: [rate_limit_exceeded, '429'], class: rate-limited }\n\
             - { native: APIError, class: server }\n",
        );
        let map = map.expect("it is right");
        let coded = |code: &str| Failure { code: Some(code.to_owned()), ..error("APIError", None) };
        assert_eq!(map.class_of(&coded("429")), Class::RateLimited);
        assert_eq!(map.class_of(&coded("500")), Class::Server);
        assert_eq!(map.class_of(&error("APIError", None)), Class::Server);
    }

    #[test]
    fn mistakes_are_shown_where_they_stand() {
        for (text, says) in [
            ("version: 1\nerrors:\n- { native: X, clas: auth }\n", "did you mean `class`"),
            ("version: 1\nerrors:\n- { native: X, class: rate-limit }\n", "did you mean `rate-limited`"),
            ("version: 1\nerrors:\n- { native: X }\n", "class"),
            ("errors: []\n", "version"),
            ("version: 2\nerrors: []\n", "only version 1"),
        ] {
            let error = table(text).expect_err("it is wrong");
            assert!(error.contains(says) && error.contains("errors.yaml:"), "no `{says}` in {error}");
        }
    }
}
