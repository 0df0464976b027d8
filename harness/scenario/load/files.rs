//! Which files are scenarios, and what their paths say.

use std::{fs, io, path::Path};

use super::super::Family;
use crate::yaml::{Problem, Source, SourceError, Span};

/// A file of a scenarios folder.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path inside the folder, with `/`: `streaming/cut-mid-event.yaml`.
    pub path: String,
    /// Its text, and the path it is shown by.
    pub source: Source,
}

/// What the path of a scenario says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `family/slug`.
    pub id: String,
    /// The folder.
    pub family: Family,
}

impl SourceFile {
    /// A file that is already read: `folder` is where it is shown to stand.
    pub fn new(folder: &str, path: &str, text: impl Into<String>) -> Self {
        let source = Source { path: format!("{folder}/{path}"), text: text.into() };
        SourceFile { path: path.to_owned(), source }
    }

    pub(super) fn identity(&self) -> Result<Identity, SourceError> {
        let wrong = |problem: Problem| {
            SourceError::whole(&self.source.path, problem.message).help(problem.help.unwrap_or_else(|| PATH.to_owned()))
        };
        identity(&self.path).map_err(wrong)
    }
}

const PATH: &str = "a scenario stands at <family>/<slug>.yaml, such as streaming/cut-mid-event.yaml";

fn identity(path: &str) -> Result<Identity, Problem> {
    let problem = |message: String| Problem::new(Span::default(), message);
    let Some(id) = path.strip_suffix(".yaml") else {
        return Err(problem("is no scenario: its name does not end in .yaml".to_owned()));
    };
    let Some((folder, slug)) = id.split_once('/') else {
        return Err(problem("stands in no family's folder".to_owned()));
    };
    let families = Family::ALL.map(|family| family.to_string());
    let known = || families.iter().map(String::as_str);
    let family = serde_json::from_value(folder.into())
        .map_err(|_| problem(format!("unknown family `{folder}`")).did_you_mean(folder, known()))?;
    if !is_words(slug) {
        return Err(problem(format!("`{slug}` is no slug")).help("write lower-case words with hyphens between them"));
    }
    Ok(Identity { id: id.to_owned(), family })
}

/// Lower-case words (or numbers) with hyphens between them.
pub(super) fn is_words(text: &str) -> bool {
    text.split('-').all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

pub(super) fn no_scenarios(folder: &str) -> SourceError {
    SourceError::whole(folder, "holds no scenario").help(PATH)
}

/// Reads the scenarios of a folder and its `replies.yaml`, in the order of their paths.
pub(super) fn walk(dir: &Path) -> Result<Vec<SourceFile>, SourceError> {
    let mut files = Vec::new();
    for (name, path) in entries(dir)? {
        match path.is_dir() {
            true if name == "profiles" => {}
            true => family(&name, &path, &mut files)?,
            false if is_schema(&name) => {}
            false => files.push(read(&name, &path)?),
        }
    }
    Ok(files)
}

fn family(name: &str, dir: &Path, files: &mut Vec<SourceFile>) -> Result<(), SourceError> {
    for (inner, path) in entries(dir)? {
        files.push(read(&format!("{name}/{inner}"), &path)?);
    }
    Ok(())
}

/// The schemas stand beside the scenarios, for editors.
fn is_schema(name: &str) -> bool {
    name.ends_with(".json") && name.contains("schema")
}

fn read(relative: &str, path: &Path) -> Result<SourceFile, SourceError> {
    let shown = path.display().to_string();
    if relative != "replies.yaml" {
        // The path is judged before the text: a file that is no scenario need not be text at all.
        let unread =
            SourceFile { path: relative.to_owned(), source: Source { path: shown.clone(), text: String::new() } };
        unread.identity()?;
    }
    Ok(SourceFile { path: relative.to_owned(), source: Source::read(path, &shown)? })
}

/// What a folder holds, by name, without what is hidden.
fn entries(dir: &Path) -> Result<Vec<(String, std::path::PathBuf)>, SourceError> {
    let failed = |error: io::Error| {
        SourceError::whole(&dir.display().to_string(), format!("cannot be read: {error}"))
            .help("name a folder of scenarios")
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

impl Identity {
    /// The id of a case: with the labels of its choice, if there are axes.
    pub(super) fn case(&self, labels: &[&str]) -> String {
        match labels {
            [] => self.id.clone(),
            labels => format!("{}[{}]", self.id, labels.join(",")),
        }
    }
}
