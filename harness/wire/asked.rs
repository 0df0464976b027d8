//! A request as it came.

use std::{borrow::Cow, fmt};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its method.
    pub method: String,
    /// Its target.
    pub target: String,
    /// Its headers.
    pub headers: Headers,
    /// Its body.
    pub body: Vec<u8>,
}

impl Asked {
    /// The value of the first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Its target without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or(&self.target)
    }

    /// Its body as text.
    pub fn text(&self) -> Cow<'_, str> {
        lossy(&self.body)
    }
}

/// Headers in order, names in lower case. All stand in one text: there may be thousands of requests a second to keep.
#[derive(Clone, Default)]
pub struct Headers {
    text: String,
    /// Where each name ends, and its value.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// Room for so many headers of so many bytes.
    pub fn with_capacity(headers: usize, bytes: usize) -> Self {
        Headers { text: String::with_capacity(bytes), ends: Vec::with_capacity(headers) }
    }

    /// Adds one at the end.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let start = self.text.len();
        self.text.push_str(name);
        self.text[start..].make_ascii_lowercase();
        let middle = self.text.len();
        self.text.push_str(&lossy(value));
        self.ends.push((middle, self.text.len()));
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let starts = [0].into_iter().chain(self.ends.iter().map(|(_, end)| *end));
        starts.zip(&self.ends).map(|(start, (middle, end))| (&self.text[start..*middle], &self.text[*middle..*end]))
    }

    /// Whether a value has this text somewhere.
    pub fn hold(&self, text: &str) -> bool {
        self.iter().any(|(_, value)| value.contains(text))
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let mut all = Headers::default();
        headers.into_iter().for_each(|(name, value)| all.push(name.as_ref(), value.as_ref()));
        all
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self.iter()).finish()
    }
}

/// As text; what is none is replaced. Whole text is found out about much faster than its first flaw.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_in_order() {
        let headers =
            Headers::from_iter([("Host", &b"h"[..]), ("X-Empty", b""), ("accept", b"a\xffb"), ("HOST", b"i")]);
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [("host", "h"), ("x-empty", ""), ("accept", "a\u{fffd}b"), ("host", "i")]);
        assert!(headers.hold("a\u{fffd}") && !headers.hold("host"));
        let asked = Asked { method: "GET".into(), target: "/p?q?r".into(), headers, body: vec![b'b', 0xff] };
        assert_eq!((asked.header("host"), asked.header("none")), (Some("h"), None));
        assert_eq!((asked.path(), &*asked.text()), ("/p", "b\u{fffd}"));
    }
}
