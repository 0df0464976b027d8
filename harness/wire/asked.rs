//! A request as it came.

use std::{borrow::Cow, fmt, ops::Range};

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
    /// Where each name and value stands.
    places: Vec<(Range<usize>, Range<usize>)>,
}

impl Headers {
    /// Those that were found in a head, which is copied as a whole.
    pub fn of(head: &[u8], found: &[httparse::Header]) -> Self {
        let Ok(text) = str::from_utf8(head) else {
            return found.iter().map(|header| (header.name, header.value)).collect();
        };
        let places = found.iter().map(|header| (place(header.name.as_bytes(), head), place(header.value, head)));
        let mut headers = Headers { text: text.to_owned(), places: places.collect() };
        for (name, _) in &headers.places {
            headers.text[name.clone()].make_ascii_lowercase();
        }
        headers
    }

    fn push(&mut self, name: &str, value: &[u8]) {
        let start = self.text.len();
        self.text.push_str(&name.to_ascii_lowercase());
        let middle = self.text.len();
        self.text.push_str(&lossy(value));
        self.places.push((start..middle, middle..self.text.len()));
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.places.iter().map(|(name, value)| (&self.text[name.clone()], &self.text[value.clone()]))
    }

    /// Whether a value has this text somewhere.
    pub fn hold(&self, text: &str) -> bool {
        self.iter().any(|(_, value)| value.contains(text))
    }
}

/// Where the part of a whole stands in it; an empty one may stand elsewhere.
fn place(part: &[u8], whole: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    if part.is_empty() { 0..0 } else { start..start + part.len() }
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

    #[test]
    fn those_of_a_head_are_those_that_were_found() {
        for value in [&b"text/plain"[..], b"", b"  spaces  ", "\u{e9}".as_bytes(), b"\xff"] {
            let head = [b"POST / HTTP/1.1\r\nHost: h\r\nX-Value:", value, b"\r\nLAST:\r\n\r\n"].concat();
            let mut found = [httparse::EMPTY_HEADER; 8];
            let mut request = httparse::Request::new(&mut found);
            assert!(request.parse(&head).expect("a head").is_complete());
            let one_by_one: Headers = request.headers.iter().map(|header| (header.name, header.value)).collect();
            let headers = Headers::of(&head, request.headers);
            assert_eq!(headers.iter().collect::<Vec<_>>(), one_by_one.iter().collect::<Vec<_>>());
            assert_eq!(headers.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["host", "x-value", "last"]);
        }
    }
}
