//! The files that a test program is told of.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
};

use super::TestMain;
use crate::{
    baseline::Baseline,
    policy::Policy,
    scenario::{Case, load},
    verdict::Judgement,
    yaml::{Source, SourceError},
};

/// What is run, and what is known of it.
pub struct Setup {
    pub policy: Policy,
    pub cases: Vec<Case>,
    pub baseline: Option<Baseline>,
    baseline_file: Option<PathBuf>,
}

impl Setup {
    /// Reads all files; if the baseline is to be written, what is there of it may be unfinished.
    pub fn read(told: &TestMain, write_baseline: bool) -> Result<Setup, String> {
        let words = |error: SourceError| error.to_string();
        let policy = policy(told.policy.as_deref()).map_err(words)?;
        let library = match &told.scenarios {
            None => load::embedded(&policy),
            Some(dir) => load::load_dir(dir, &policy),
        };
        let cases = library.map_err(words)?.cases;
        let file = told.baseline.as_deref();
        if write_baseline && file.is_none() {
            return Err("--write-baseline: the program names no file, with `TestMain::baseline`".to_owned());
        }
        // The file may be about to be made.
        let there = file.filter(|file| !write_baseline || file.exists());
        let read = if write_baseline { Baseline::read_draft } else { Baseline::read };
        let baseline = there.map(|file| read(&source(file)?, &cases)).transpose().map_err(words)?;
        Ok(Setup { policy, cases, baseline, baseline_file: told.baseline.clone() })
    }

    /// A judgement in the light of what is known, and what is wrong with the baseline there.
    pub fn weigh(&self, judgement: &Judgement) -> (Judgement, Vec<SourceError>) {
        match &self.baseline {
            None => (judgement.clone(), Vec::new()),
            Some(baseline) => baseline.weigh(judgement),
        }
    }

    /// Adds entries to the baseline; says so.
    pub fn write(&self, entries: &str) -> Result<String, String> {
        let Some(file) = self.baseline_file.as_deref().filter(|_| !entries.is_empty()) else {
            return Ok(String::new());
        };
        let shown = file.display();
        let opened = OpenOptions::new().create(true).append(true).open(file);
        opened
            .and_then(|mut file| file.write_all(entries.as_bytes()))
            .map_err(|error| format!("{shown} cannot be written: {error}"))?;
        Ok(format!("\n{shown} has new entries: look at each, and write its reason\n"))
    }
}

fn source(file: &Path) -> Result<Source, SourceError> {
    Source::read(file, &file.display().to_string())
}

fn policy(told: Option<&Path>) -> Result<Policy, SourceError> {
    let here = Path::new("brownout.yaml");
    match told.or_else(|| here.is_file().then_some(here)) {
        None => Ok(Policy::default()),
        Some(file) => Policy::parse(&source(file)?),
    }
}
