//! Snapshots of what a client's parser made of each reply: a file a scenario below the client's folder, compared or accepted.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use brownout::{report::snapshot, transcript::Transcript, verdict::Judgement};

use crate::{Failed, style};

/// Where snapshots are kept, and whether what differs is written there.
pub struct Snapshots {
    folder: PathBuf,
    accept: bool,
    differing: usize,
    written: usize,
}

impl Snapshots {
    /// Below this folder.
    pub fn new(folder: &Path, accept: bool) -> Self {
        Snapshots { folder: folder.to_owned(), accept, differing: 0, written: 0 }
    }

    /// Compares what was judged, or accepts it.
    pub fn check(&mut self, transcript: &Transcript, judgement: &Judgement) -> Result<(), Failed> {
        if !judgement.status.judged() || !snapshot::is_stable(transcript) {
            return Ok(());
        }
        let client: String = transcript.client.name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
        let path = self.folder.join(client).join(snapshot::file_name(&transcript.scenario));
        let now = snapshot::written(transcript);
        match fs::read_to_string(&path) {
            Ok(kept) if snapshot::body(&kept) == snapshot::body(&now) => return Ok(()),
            Ok(kept) if !self.accept => self.differs(&path, &snapshot::difference(&kept, &now)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.accept => {
                self.differs(&path, &snapshot::difference("", &now));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&path, &error)),
            _ => {
                let folder = path.parent().unwrap_or(&path);
                fs::create_dir_all(folder)
                    .and_then(|()| fs::write(&path, now))
                    .map_err(|error| failed(&path, &error))?;
                self.written += 1;
            }
        }
        Ok(())
    }

    fn differs(&mut self, path: &Path, difference: &str) {
        self.differing += 1;
        style::error(&format!("snapshot {} differs\n{}", path.display(), difference.trim_end()));
    }

    /// Whether any differed; says how many.
    pub fn finish(&self) -> bool {
        if self.differing > 0 {
            style::error(&format!("{} snapshots differ: read them, then `--accept` writes them", self.differing));
        }
        if self.written > 0 {
            style::note(&format!("{} snapshots were written below {}", self.written, self.folder.display()));
        }
        self.differing > 0
    }
}

/// A client may call itself anything, and its folder is below ours.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_".contains(c)
}

fn failed(path: &Path, error: &io::Error) -> Failed {
    Failed::Broken(format!("error: {}: {error}", path.display()))
}
