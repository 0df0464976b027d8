//! What the program knows of a client's violations: the baseline that it reads, and the one that it writes.

use std::{fs::OpenOptions, io::Write, path::PathBuf};

use brownout::{
    baseline::{Baseline, draft},
    scenario::Case,
    verdict::Judgement,
    yaml::{Source, SourceError},
};

use crate::{Failed, cli::Output, usage};

/// Known violations, and where new ones are written.
#[derive(Debug, Default)]
pub struct Known {
    baseline: Option<Baseline>,
    write: Option<PathBuf>,
}

impl Known {
    /// Reads what the arguments name; its patterns speak of these scenarios. One that is about to be added to may be unfinished.
    pub fn read(output: &Output, cases: &[Case]) -> Result<Self, Failed> {
        let (file, write) = (output.baseline.as_ref(), output.write_baseline.clone());
        let grows = write.is_some() && file == write.as_ref();
        if let Some(there) = write.as_ref().filter(|write| !grows && write.exists()) {
            let there = there.display();
            let help = format!("name it as `--baseline {there}` too, and what is new is added to it");
            return Err(usage(format_args!("{there} is there already\n  {help}")));
        }
        let read = if grows { Baseline::read_draft } else { Baseline::read };
        let file = file.filter(|file| !grows || file.exists());
        let source = file.map(|file| Source::read(file, &file.display().to_string())).transpose().map_err(usage)?;
        let baseline = source.map(|source| read(&source, cases)).transpose().map_err(usage)?;
        Ok(Known { baseline, write })
    }

    /// A judgement in the light of what is known, and what is stale there.
    pub fn weigh(&self, judgement: &Judgement) -> (Judgement, Vec<SourceError>) {
        match &self.baseline {
            None => (judgement.clone(), Vec::new()),
            Some(baseline) => baseline.weigh(judgement),
        }
    }

    /// What excuses nothing although all that it means was judged.
    pub fn idle(&self, judgements: &[Judgement]) -> Vec<SourceError> {
        self.baseline.as_ref().map(|baseline| baseline.idle(judgements)).unwrap_or_default()
    }

    /// Writes down what fails and is not known, if that is wanted; what is to be said of it.
    pub fn write(&self, judgements: &[Judgement]) -> Result<Option<String>, Failed> {
        let Some(file) = &self.write else { return Ok(None) };
        let (entries, shown) = (draft(judgements), file.display());
        // A list of nothing is a baseline too: it says that nothing is known to fail.
        let entries = if entries.is_empty() && self.baseline.is_none() { "[]\n".to_owned() } else { entries };
        let opened = OpenOptions::new().create(true).append(true).open(file);
        opened
            .and_then(|mut file| file.write_all(entries.as_bytes()))
            .map_err(|error| Failed::Broken(format!("error: {shown} cannot be written: {error}")))?;
        let new = judgements.iter().filter(|judgement| judgement.status == brownout::verdict::Status::Fail).count();
        Ok(Some(match new {
            0 => format!("{shown}: nothing to add"),
            new => format!("{shown}: {new} scenarios were added; look at each, and write its reason in place of TODO"),
        }))
    }
}
