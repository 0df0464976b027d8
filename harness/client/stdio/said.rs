//! What the adapter's process writes on standard error: free text, shown on failure, looked through for canaries.

use std::{
    collections::VecDeque,
    io::{BufReader, Read},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::lines::{self, Line};

/// Lines that are kept of one process.
const MOST: usize = 50_000;
/// Bytes of a line; a longer one is several.
const LONGEST: usize = 16 << 10;

/// Standard error, as far as it was read.
#[derive(Debug, Default)]
pub struct Said {
    inner: Mutex<Inner>,
    closed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    lines: VecDeque<String>,
    /// Lines that were there before the first that is kept.
    forgotten: usize,
    closed: bool,
}

impl Said {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads to the end.
    pub fn listen(&self, pipe: impl Read) {
        let mut pipe = BufReader::new(pipe);
        loop {
            match lines::read(&mut pipe, LONGEST) {
                Line::Whole(line) | Line::Half(line) => self.add(&line),
                Line::TooLong => self.add(&part(&mut pipe)),
                Line::End => break,
            }
        }
        self.lock().closed = true;
        self.closed.notify_all();
    }

    fn add(&self, line: &[u8]) {
        let mut inner = self.lock();
        inner.lines.push_back(String::from_utf8_lossy(line).trim_end().to_owned());
        if inner.lines.len() > MOST {
            inner.lines.pop_front();
            inner.forgotten += 1;
        }
    }

    /// How many lines there were so far.
    pub fn so_far(&self) -> usize {
        let inner = self.lock();
        inner.forgotten + inner.lines.len()
    }

    /// All that was said after so many lines.
    pub fn since(&self, so_far: usize) -> Vec<String> {
        let inner = self.lock();
        inner.lines.iter().skip(so_far.saturating_sub(inner.forgotten)).cloned().collect()
    }

    /// The last lines.
    pub fn last(&self, lines: usize) -> Vec<String> {
        let inner = self.lock();
        inner.lines.iter().skip(inner.lines.len().saturating_sub(lines)).cloned().collect()
    }

    /// Waits until all was read, if the process has ended; a child of its own may keep the pipe open.
    pub fn wait(&self, longest: Duration) {
        let inner = self.lock();
        drop(self.closed.wait_timeout_while(inner, longest, |inner| !inner.closed));
    }
}

/// A piece of a line that is too long to be kept whole.
fn part(pipe: &mut BufReader<impl Read>) -> Vec<u8> {
    let mut bytes = vec![0; LONGEST / 2];
    let read = pipe.read(&mut bytes).unwrap_or(0);
    bytes.truncate(read);
    bytes
}
