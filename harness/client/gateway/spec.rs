//! `gateway.yaml`: how a gateway is started and asked, and what it claims; reviewed as data.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value as Json;

use crate::{
    duration::Span,
    scenario::Capability,
    yaml::{self, Problem, Source, SourceError},
};

/// The description of a gateway. Every text may hold `${...}`, which is filled in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Version of this file's format: 1.
    pub version: u32,
    /// Who it is.
    pub client: Who,
    /// Program and arguments, unless they are given elsewhere.
    #[serde(default)]
    pub command: Vec<String>,
    /// Variables of its environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Its own configuration, a template beside this file; filled in, it is `${config}`.
    #[serde(default)]
    pub config: Option<PathBuf>,
    /// When it is ready.
    #[serde(default)]
    pub ready: Ready,
    /// How it is asked.
    #[serde(default)]
    pub request: Request,
    /// What it can do or be told. What it keeps from one user request to another it shares among all scenarios.
    pub capabilities: Vec<Capability>,
    /// User requests that it is given at once.
    pub concurrency: u32,
    /// The folder that it stands in.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// Who a gateway is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Who {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
    /// A command that prints it.
    #[serde(default)]
    pub version_command: Vec<String>,
}

/// When a gateway is ready.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ready {
    /// A path that is answered with a status below 300; without one, a connection is enough.
    pub get: Option<String>,
    /// After so long it is not.
    pub within: Span,
}

impl Default for Ready {
    fn default() -> Self {
        Ready { get: None, within: Span(super::STARTUP) }
    }
}

/// How a gateway is asked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    /// The path of its chat completions.
    pub path: String,
    /// The model to ask it for.
    pub model: String,
    /// Headers of each request.
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are files beside this one: templates, filled in for each request and put on one line.
    pub header_files: BTreeMap<String, PathBuf>,
    /// What says of a request that no other provider may answer it; without it, scenarios with such requests are not applicable.
    #[serde(rename = "unsafe")]
    pub only_here: Option<OnlyHere>,
}

/// How a gateway is told that no other provider may answer a request.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnlyHere {
    /// More fields of the body.
    pub body: BTreeMap<String, Json>,
    /// Headers in place of those of any other request.
    pub headers: BTreeMap<String, String>,
    /// Likewise, as files.
    pub header_files: BTreeMap<String, PathBuf>,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            path: "/v1/chat/completions".to_owned(),
            model: "brownout".to_owned(),
            headers: BTreeMap::new(),
            header_files: BTreeMap::new(),
            only_here: None,
        }
    }
}

impl Spec {
    /// Reads a description.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        let spec = Self::parse(&Source::read(path, &path.display().to_string())?)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok(Spec { folder: folder.unwrap_or(Path::new(".")).to_owned(), ..spec })
    }

    /// The same of a text that is already here.
    pub fn parse(source: &Source) -> Result<Self, SourceError> {
        let document = yaml::parse(source)?;
        let spec: Spec = yaml::from_node(&document.root).map_err(|problem| source.error(problem))?;
        let wrong = |key: &str, what: &str, help: &str| {
            let span = document.root.get(key).map_or(document.root.span, |node| node.span);
            source.error(Problem::new(span, what.to_owned()).help(help.to_owned()))
        };
        if spec.version != 1 {
            return Err(wrong("version", "there is only version 1", "write `version: 1`"));
        }
        if spec.concurrency == 0 {
            return Err(wrong("concurrency", "a gateway takes at least one request at once", "write `concurrency: 1`"));
        }
        Ok(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Result<Spec, String> {
        Spec::parse(&Source::new("gateway.yaml", text)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_is_usual() {
        let spec = spec("version: 1\nclient: { name: x, version: '1' }\ncapabilities: [stream]\nconcurrency: 4\n");
        let spec = spec.expect("it is right");
        assert_eq!((spec.request.path.as_str(), *spec.ready.within), ("/v1/chat/completions", super::super::STARTUP));
        assert_eq!(spec.capabilities, [Capability::Stream]);
    }

    #[test]
    fn mistakes_are_shown_where_they_stand() {
        let rest = "client: { name: x }\nconcurrency: 4\n";
        for (text, says) in [
            (format!("version: 1\ncapabilities: [streams]\n{rest}"), "did you mean `stream`"),
            (format!("version: 2\ncapabilities: []\n{rest}"), "only version 1"),
            (format!("version: 1\ncapabilties: []\n{rest}"), "did you mean `capabilities`"),
            ("version: 1\nclient: { name: x }\ncapabilities: []\nconcurrency: 0\n".to_owned(), "at least one"),
        ] {
            let error = spec(&text).expect_err("it is wrong");
            assert!(error.contains(says) && error.contains("gateway.yaml:"), "no `{says}` in {error}");
        }
    }
}
