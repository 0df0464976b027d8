//! Server-sent events, after the WHATWG rules, over a body that may stop anywhere.

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its data, lines joined.
    pub data: String,
    /// A field `error`, which some servers write in place of an event.
    pub error: Option<String>,
    /// No blank line ended it.
    pub unterminated: bool,
}

/// All events of a body.
pub fn events(body: &str) -> Vec<Event> {
    let body = body.strip_prefix('\u{feff}').unwrap_or(body);
    let (mut events, mut open, mut lines) = (Vec::new(), None::<Event>, lines(body).peekable());
    while let Some(line) = lines.next() {
        // What stands after the last line end is a line only if it is not empty.
        if line.is_empty() && lines.peek().is_none() {
            break;
        }
        if line.is_empty() {
            events.extend(open.take());
        } else {
            field(open.get_or_insert_default(), line);
        }
    }
    events.extend(open.map(|event| Event { unterminated: true, ..event }));
    events.retain(|event| event.error.is_some() || !event.data.is_empty() || event.name.is_some());
    events
}

fn field(event: &mut Event, line: &str) {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let value = value.strip_prefix(' ').unwrap_or(value);
    match name {
        "data" => {
            event.data.push_str(value);
            event.data.push('\n');
        }
        "event" => event.name = Some(value.to_owned()),
        "error" => event.error = Some(value.to_owned()),
        _ => {}
    }
}

/// Lines that end with LF, CRLF or CR; the last item is what follows the last line end.
fn lines(body: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(['\r', '\n']) else {
            rest = None;
            return Some(text);
        };
        let after = &text[at..];
        let end = if after.starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&after[end..]);
        Some(&text[..at])
    })
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::*,
        sample::select,
        test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
    };

    use super::*;

    fn data(body: &str) -> Vec<String> {
        events(body).into_iter().map(|event| event.data).collect()
    }

    #[test]
    fn all_line_ends_and_forms_of_data_mean_the_same() {
        for body in [
            "data: a\n\ndata: b\n\n",
            "data: a\r\n\r\ndata: b\r\n\r\n",
            "data: a\r\rdata: b\r\r",
            "\u{feff}data:a\n\n: x\n\ndata:b\n\n",
        ] {
            assert_eq!(data(body), ["a\n", "b\n"], "{body:?}");
        }
    }

    #[test]
    fn every_text_holds_the_same_events_under_each_line_end() {
        let parts =
            ["data: a", "data:b", "data", ": x", "event: e", "error: f", "\n", "\n\n", "\u{feff}", "\u{e4}", "id"];
        let cases = vec(prop_oneof![6 => select(parts.to_vec()).prop_map(str::to_owned), 1 => "[^\r\n]{1,3}"], 0..20);
        let holds = |parts: Vec<String>| {
            let body = parts.concat();
            for eol in ["\r\n", "\r"] {
                prop_assert_eq!(events(&body.replace('\n', eol)), events(&body));
            }
            Ok(())
        };
        let config = Config { cases: 1000, failure_persistence: None, ..Config::default() };
        let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        TestRunner::new_with_rng(config, random).run(&cases, holds).expect("line ends are alike");
    }

    #[test]
    fn lines_of_one_event_are_joined_and_the_last_may_lack_its_blank_line() {
        let events = events("data: a\ndata: b\n\ndata: c\n");
        assert_eq!(events[0].data, "a\nb\n");
        assert!(!events[0].unterminated);
        assert_eq!((events[1].data.as_str(), events[1].unterminated), ("c\n", true));
    }

    #[test]
    fn an_error_field_is_an_error_object() {
        assert_eq!(events("error: {\"code\":400}\n\n")[0].error.as_deref(), Some("{\"code\":400}"));
    }
}
