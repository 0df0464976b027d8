//! Reading a file, within limits.

use super::error::{Problem, SourceError};
use super::node::Span;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

const LIMIT: u64 = 1024 * 1024;
const BOM: &str = "\u{feff}";

/// The text of a file and the name its errors give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file, as the user knows it.
    pub path: String,
    /// Its whole text, without a byte order mark.
    pub text: String,
}

impl Source {
    /// A source that is already in memory.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Reads a file of at most 1 MiB of UTF-8; errors call it `shown`.
    ///
    /// # Errors
    ///
    /// The file is missing, not a file, not readable, too large, or not UTF-8.
    pub fn read(path: &Path, shown: &str) -> Result<Source, SourceError> {
        let bytes = read_bytes(path, shown)?;
        let bytes = bytes.strip_prefix(BOM.as_bytes()).unwrap_or(&bytes);
        match str::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(shown, text)),
            Err(error) => Err(not_utf8(shown, bytes, error.valid_up_to())),
        }
    }

    /// The complete error for a problem in this file.
    #[must_use]
    pub fn error(&self, problem: Problem) -> SourceError {
        SourceError::locate(&self.path, &self.text, problem)
    }
}

fn read_bytes(path: &Path, shown: &str) -> Result<Vec<u8>, SourceError> {
    let cannot = |error: io::Error| cannot_read(shown, &error);
    let about = path.metadata().map_err(cannot)?;
    if about.is_dir() {
        return Err(SourceError::whole(shown, "this is a directory, not a file").help("name a file inside it"));
    }
    if about.len() > LIMIT {
        return Err(too_large(shown, &format!("{} bytes", about.len())));
    }
    let mut bytes = Vec::new();
    // The size that the system told is not trusted: a pipe has none, and a file can grow.
    File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    if bytes.len() as u64 > LIMIT {
        return Err(too_large(shown, "more bytes than that"));
    }
    Ok(bytes)
}

fn cannot_read(shown: &str, error: &io::Error) -> SourceError {
    if error.kind() == io::ErrorKind::NotFound {
        return SourceError::whole(shown, "there is no such file");
    }
    SourceError::whole(shown, format!("the file cannot be read: {error}"))
}

fn too_large(shown: &str, size: &str) -> SourceError {
    let message = format!("the file is too large: the limit is {LIMIT} bytes (1 MiB), it has {size}");
    SourceError::whole(shown, message).help("split it into several files")
}

fn not_utf8(shown: &str, bytes: &[u8], offset: usize) -> SourceError {
    // Everything before the first bad byte stays as it is, so the offset is right in the lossy text too.
    let text = String::from_utf8_lossy(bytes);
    let bad = bytes.get(offset).copied().unwrap_or_default();
    let problem = Problem::new(Span::new(offset, offset), format!("the byte 0x{bad:02x} is not UTF-8"));
    SourceError::locate(shown, &text, problem.help("save the file as UTF-8"))
}
