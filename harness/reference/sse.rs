//! Server-sent events as they come: bytes in, events out, wherever the bytes were cut.

/// A longer event is given up.
const LONGEST: usize = 8 << 20;

/// What a stream of bytes holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An event.
    Event(Event),
    /// A comment or a field that is no event: proof of life.
    KeepAlive,
}

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its data, lines joined with `\n`.
    pub data: String,
    /// The value of a field `error`.
    pub error: Option<String>,
}

/// Reads events from bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Events {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    begun: bool,
    after_cr: bool,
    size: usize,
}

/// An event grew beyond what is read.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

impl Events {
    /// Takes a piece; the items it completed.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<Item>, TooLong> {
        let mut items = Vec::new();
        for &byte in piece {
            let second_half = std::mem::take(&mut self.after_cr) && byte == b'\n';
            match byte {
                b'\n' if second_half => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    items.extend(self.end_line());
                }
                _ => {
                    self.line.push(byte);
                    self.size += 1;
                }
            }
            if self.size > LONGEST {
                return Err(TooLong);
            }
        }
        Ok(items)
    }

    /// The event that no blank line ended, if there is one.
    pub fn rest(mut self) -> Option<Event> {
        if !self.line.is_empty() {
            // A last line without its end is taken as one: half a line of JSON will not parse.
            self.end_line();
        }
        (self.has_data || self.event.error.is_some()).then_some(self.event)
    }

    fn end_line(&mut self) -> Option<Item> {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let line = if std::mem::replace(&mut self.begun, true) {
            &text
        } else {
            text.strip_prefix('\u{feff}').unwrap_or(&text)
        };
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.name),
            "error" => self.event.error = Some(value.to_owned()),
            _ => return Some(Item::KeepAlive),
        }
        None
    }

    fn dispatch(&mut self) -> Option<Item> {
        let event = std::mem::take(&mut self.event);
        self.size = 0;
        let has_data = std::mem::take(&mut self.has_data);
        if has_data || event.error.is_some() { Some(Item::Event(event)) } else { Some(Item::KeepAlive) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::*,
        sample::{Index, select},
        test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
    };

    use super::*;

    fn data(pieces: &[&[u8]]) -> Vec<String> {
        let mut events = Events::default();
        let items = pieces.iter().flat_map(|piece| events.push(piece).expect("short")).collect::<Vec<_>>();
        items
            .into_iter()
            .filter_map(|item| if let Item::Event(event) = item { Some(event.data) } else { None })
            .collect()
    }

    #[test]
    fn a_split_anywhere_changes_nothing() {
        let streams = [
            "\u{feff}data: Ä\r\n\r\n: x\r\n\r\nevent: e\r\ndata:b\r\ndata: c\r\n\r\n",
            "data: Ä\r\rdata:b\rdata: c\r\r",
            "data: Ä\n\ndata:b\ndata: c\n\n",
        ];
        for stream in streams.map(str::as_bytes) {
            for at in 0..stream.len() {
                assert_eq!(data(&[&stream[..at], &stream[at..]]), ["Ä", "b\nc"], "split at {at}");
            }
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(data(&bytes), ["Ä", "b\nc"]);
        }
    }

    /// All items of a stream that comes in these pieces, and the rest.
    fn read(pieces: &[&[u8]]) -> (Vec<Item>, Option<Event>) {
        let mut events = Events::default();
        let items = pieces.iter().flat_map(|piece| events.push(piece).expect("short")).collect();
        (items, events.rest())
    }

    #[test]
    fn no_split_of_any_bytes_changes_what_they_hold() {
        let parts = [
            "data: a", "data:b", "data", ": x", "event: e", "error: f", "\n", "\n\n", "\r", "\r\n", "\u{feff}",
            "\u{e4}",
        ];
        let part =
            prop_oneof![6 => select(parts.map(|part| part.as_bytes().to_vec()).to_vec()), 1 => vec(any::<u8>(), 1..4)];
        let cases = (vec(part, 0..20).prop_map(|parts| parts.concat()), vec(any::<Index>(), 0..12));
        let holds = |(bytes, cuts): (Vec<u8>, Vec<Index>)| {
            let mut cuts: Vec<usize> =
                cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[&bytes]));
            Ok(())
        };
        let config = Config { cases: 1000, failure_persistence: None, ..Config::default() };
        let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        TestRunner::new_with_rng(config, random).run(&cases, holds).expect("no split changes anything");
    }

    #[test]
    fn what_no_blank_line_ends_is_the_rest() {
        let mut events = Events::default();
        assert_eq!(events.push(b"data: a\n\ndata: [DONE]").expect("short").len(), 1);
        assert_eq!(events.rest().map(|event| event.data).as_deref(), Some("[DONE]"));
    }

    #[test]
    fn an_event_without_end_is_given_up() {
        let piece = vec![b'x'; LONGEST];
        let mut events = Events::default();
        events.push(&piece).expect("just within");
        assert_eq!(events.push(b"x"), Err(TooLong));
    }
}
