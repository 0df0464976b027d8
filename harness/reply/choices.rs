//! The choices of a stream, each put together by its own index.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{body::text_of, calls::Calls};

/// One choice, as far as it came.
#[derive(Debug, Default)]
pub struct Choice {
    /// Its text; that of a refusal, where there is one.
    pub text: String,
    /// It refused.
    pub refusal: bool,
    /// Its tool calls.
    pub calls: Calls,
    /// It has its finish reason.
    finished: bool,
}

impl Choice {
    fn add(&mut self, delta: &Json, finished: bool) {
        self.text.push_str(&text_of(delta.get("content")));
        if let Some(refusal) = delta["refusal"].as_str().filter(|text| !text.is_empty()) {
            self.refusal = true;
            self.text.push_str(refusal);
        }
        delta["tool_calls"].as_array().into_iter().flatten().for_each(|call| self.calls.piece(call));
        self.finished |= finished;
    }
}

/// All choices. Where one was asked for and the index only ever grows, it counts something else, and all of it is that one.
#[derive(Debug)]
pub struct Choices {
    together: Choice,
    apart: BTreeMap<usize, Choice>,
    one: bool,
    last: usize,
}

impl Choices {
    /// None yet; whether one was asked for.
    pub fn new(one: bool) -> Self {
        Choices { together: Choice::default(), apart: BTreeMap::new(), one, last: 0 }
    }

    /// Takes what a chunk says of one choice.
    pub fn add(&mut self, choice: &Json, finished: bool) {
        let index = usize::try_from(choice["index"].as_u64().unwrap_or(0)).unwrap_or(0).min(127);
        let delta = &choice["delta"];
        // What says nothing of the answer may stand under any index.
        if !finished && delta.as_object().is_none_or(Map::is_empty) {
            return;
        }
        self.one &= index >= self.last;
        self.last = index;
        self.together.add(delta, finished);
        self.apart.entry(index).or_default().add(delta, finished);
    }

    /// Whether a piece of a tool call came.
    pub fn call(&self) -> bool {
        self.together.calls.any()
    }

    /// Whether every choice that began has its finish reason.
    pub fn finished(&self) -> bool {
        if self.one {
            self.together.finished
        } else {
            !self.apart.is_empty() && self.apart.values().all(|choice| choice.finished)
        }
    }

    /// The choices by index.
    pub fn all(mut self) -> Vec<Choice> {
        let Some(last) = self.apart.keys().last().copied() else { return Vec::new() };
        if self.one {
            return vec![self.together];
        }
        (0..=last).map(|index| self.apart.remove(&index).unwrap_or_default()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Texts of chunks `index text`, where `.` is a finish reason; and whether all of it is finished.
    fn read(one: bool, chunks: &[(u64, &str)]) -> (Vec<String>, bool) {
        let mut choices = Choices::new(one);
        for (index, text) in chunks {
            choices.add(&json!({ "index": index, "delta": { "content": text.replace('.', "") } }), text.ends_with('.'));
        }
        let finished = choices.finished();
        (choices.all().into_iter().map(|choice| choice.text).collect(), finished)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn two_choices_stay_two_and_both_must_finish() {
        assert_eq!(read(false, &[(0, "a"), (1, "x"), (0, "b."), (1, "y")]), (texts(&["ab", "xy"]), false));
        assert_eq!(read(false, &[(0, "ab."), (1, "xy.")]), (texts(&["ab", "xy"]), true));
        assert_eq!(read(true, &[(1, "x"), (0, "a."), (1, "y.")]), (texts(&["a", "xy"]), true), "asked for or not");
    }

    #[test]
    fn an_index_that_counts_tokens_means_one_choice() {
        assert_eq!(read(true, &[(0, "a"), (1, "b"), (2, "c.")]), (texts(&["abc"]), true));
        assert_eq!(read(true, &[(1, "a"), (1, "b")]), (texts(&["ab"]), false));
    }
}
