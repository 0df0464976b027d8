//! Lines of a pipe, each with a limit.

use std::io::{self, BufRead};

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line, without its end.
    Whole(Vec<u8>),
    /// The pipe ended inside a line.
    Half(Vec<u8>),
    /// A line went beyond the limit.
    TooLong,
    /// The pipe ended.
    End,
}

/// Reads one line of at most so many bytes. What cannot be read has ended.
pub fn read(pipe: &mut impl BufRead, limit: usize) -> Line {
    let mut line = Vec::new();
    loop {
        let bytes = match pipe.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => &[],
        };
        if bytes.is_empty() {
            return if line.is_empty() { Line::End } else { Line::Half(line) };
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(bytes.len());
        if line.len() + taken > limit {
            return Line::TooLong;
        }
        line.extend_from_slice(&bytes[..taken]);
        pipe.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Line::Whole(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_halves_and_what_is_too_long_are_told_apart() {
        let mut pipe = io::BufReader::with_capacity(3, &b"one\n\ntwo two"[..]);
        assert_eq!(read(&mut pipe, 5), Line::Whole(b"one".to_vec()));
        assert_eq!(read(&mut pipe, 5), Line::Whole(Vec::new()));
        assert_eq!(read(&mut pipe, 5), Line::TooLong);
        let mut pipe = io::BufReader::with_capacity(3, &b"two two"[..]);
        assert_eq!(read(&mut pipe, 7), Line::Half(b"two two".to_vec()));
        assert_eq!(read(&mut pipe, 7), Line::End);
    }
}
