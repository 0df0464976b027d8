//! What an application makes of an event stream: text as it comes, and whether it ended or broke off.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::answer;
use crate::client::{Class, Deltas, Failure, Outcome, ResultKind};

/// A stream as far as it has come.
pub struct Events<'a> {
    deltas: &'a Deltas,
    /// Several choices were asked for: only then do their numbers mean anything.
    several: bool,
    /// Bytes of a line that has not ended.
    rest: Vec<u8>,
    /// The last line ended with a carriage return: a line feed would belong to it.
    returned: bool,
    /// Lines so far.
    lines: usize,
    /// A choice came.
    begun: bool,
    name: String,
    data: Vec<String>,
    text: String,
    refusal: String,
    finish: Option<String>,
    calls: BTreeMap<u64, Json>,
    usage: Option<Json>,
}

impl<'a> Events<'a> {
    /// A stream whose text goes there.
    pub fn new(deltas: &'a Deltas, several: bool) -> Self {
        Events {
            deltas,
            several,
            rest: Vec::new(),
            returned: false,
            lines: 0,
            begun: false,
            name: String::new(),
            data: Vec::new(),
            text: String::new(),
            refusal: String::new(),
            finish: None,
            calls: BTreeMap::new(),
            usage: None,
        }
    }

    /// Takes bytes; the outcome, if they ended the stream.
    pub fn take(&mut self, bytes: &[u8]) -> Option<Outcome> {
        bytes.iter().find_map(|byte| self.byte(*byte))
    }

    /// A line ends with either character, or with both.
    fn byte(&mut self, byte: u8) -> Option<Outcome> {
        let second_half = std::mem::take(&mut self.returned) && byte == b'\n';
        match byte {
            b'\n' if second_half => None,
            b'\r' | b'\n' => {
                self.returned = byte == b'\r';
                let line = std::mem::take(&mut self.rest);
                self.line(&String::from_utf8_lossy(&line))
            }
            byte => {
                self.rest.push(byte);
                None
            }
        }
    }

    fn line(&mut self, line: &str) -> Option<Outcome> {
        let line = if self.lines == 0 { line.trim_start_matches('\u{feff}') } else { line };
        self.lines += 1;
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.data.push(value.to_owned()),
            "event" => value.clone_into(&mut self.name),
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Outcome> {
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data).join("\n"));
        if data.is_empty() {
            return None;
        }
        if data.trim() == "[DONE]" {
            return Some(self.done());
        }
        match serde_json::from_str::<Json>(&data) {
            Err(error) => Some(failed(Class::MalformedResponse, "an event that is no JSON", &error.to_string())),
            Ok(json) if name == "error" || answer::is_error(&json) => {
                Some(Outcome::failed(answer::failure(None, &json, &data)))
            }
            Ok(json) => {
                self.chunk(&json);
                None
            }
        }
    }

    fn chunk(&mut self, json: &Json) {
        if let Some(usage) = json["usage"].as_object() {
            // A later count replaces an earlier one, field by field.
            let known = self.usage.get_or_insert_with(|| json!({}));
            usage.iter().for_each(|(name, count)| known[name] = count.clone());
        }
        let first = |choice: &&Json| !self.several || choice["index"].as_u64().unwrap_or(0) == 0;
        let Some(choice) = json["choices"].as_array().and_then(|choices| choices.iter().find(first)) else { return };
        self.begun = true;
        if let Some(text) = answer::text_of(&choice["delta"]["content"]).filter(|text| !text.is_empty()) {
            self.text.push_str(&text);
            self.deltas.push(&text);
        }
        self.refusal.push_str(choice["delta"]["refusal"].as_str().unwrap_or_default());
        choice["delta"]["tool_calls"].as_array().into_iter().flatten().for_each(|call| self.call(call));
        if let Some(finish) = choice["finish_reason"].as_str() {
            self.finish = Some(finish.to_owned());
        }
    }

    /// A fragment of a tool call: joined by index, the arguments in a row, as OpenAI's guide to function calling shows. A name or an id
    /// may come late, and says nothing if it is empty; arguments may be an object.
    fn call(&mut self, fragment: &Json) {
        let new = || json!({ "id": "", "type": "function", "function": { "name": "", "arguments": "" } });
        let call = self.calls.entry(fragment["index"].as_u64().unwrap_or(0)).or_insert_with(new);
        let late = |known: &mut Json, more: &Json| {
            if known == "" && more.is_string() {
                *known = more.clone();
            }
        };
        late(&mut call["id"], &fragment["id"]);
        late(&mut call["function"]["name"], &fragment["function"]["name"]);
        let known = &mut call["function"]["arguments"];
        match &fragment["function"]["arguments"] {
            Json::Null => {}
            more if known == "" => *known = more.clone(),
            more => {
                let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                *known = format!("{}{}", text(known), text(more)).into();
            }
        }
    }

    /// The stream said that it is done. One in which nothing was said is no answer.
    fn done(&mut self) -> Outcome {
        if self.begun { self.answer() } else { failed(Class::MalformedResponse, "EmptyStream", "nothing but [DONE]") }
    }

    /// The stream has ended. One without a finish reason or a `[DONE]` broke off.
    pub fn end(&mut self) -> Outcome {
        if self.finish.is_some() {
            return self.answer();
        }
        let what = "the stream ended without a finish reason and without [DONE]";
        failed(Class::StreamInterrupted, "EndOfStream", what)
    }

    fn answer(&mut self) -> Outcome {
        let answer = Outcome {
            text: (!self.text.is_empty()).then(|| std::mem::take(&mut self.text)),
            finish_reason: self.finish.take(),
            tool_calls: std::mem::take(&mut self.calls).into_values().collect(),
            usage: self.usage.take(),
            ..Outcome::new(ResultKind::Completed)
        };
        answer::refused_if(answer, Some(std::mem::take(&mut self.refusal)))
    }
}

fn failed(class: Class, native: &str, message: &str) -> Outcome {
    let (native, message) = (native.to_owned(), message.to_owned());
    Outcome::failed(Failure { class: Some(class), native, message, ..Failure::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(pieces: &[&str]) -> (Outcome, String) {
        let deltas = Deltas::default();
        let mut events = Events::new(&deltas, false);
        let early = pieces.iter().find_map(|piece| events.take(piece.as_bytes()));
        let outcome = early.unwrap_or_else(|| events.end());
        (outcome, deltas.all().into_iter().map(|(_, text)| text).collect())
    }

    const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"yes\"}}]}\n\n";
    const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n";

    #[test]
    fn a_stream_that_ends_is_an_answer_and_one_that_breaks_off_is_none() {
        for (pieces, result, says) in [
            (&[TEXT, STOP, "data: [DONE]\n\n"][..], ResultKind::Completed, "yes"),
            (&[TEXT, STOP], ResultKind::Completed, "yes"),
            (&[TEXT, "data: [DONE]\n\n"], ResultKind::Completed, "yes"),
            (&[&TEXT[..20], &TEXT[20..], STOP], ResultKind::Completed, "yes"),
            (&["\u{feff}", &TEXT.replace('\n', "\r"), &STOP.replace('\n', "")], ResultKind::Completed, "yes"),
            (&[&TEXT.replace("\"delta\"", "\"index\":1,\"delta\""), STOP], ResultKind::Completed, "yes"),
            (&[TEXT], ResultKind::Failed, "yes"),
            (&[TEXT, "data: {\"error\":{\"message\":\"no\",\"code\":500}}\n\n"], ResultKind::Failed, "yes"),
            (&[TEXT, "event: error\ndata: {\"message\":\"no\"}\n\n"], ResultKind::Failed, "yes"),
            (&["data: {\"choi\n\n"], ResultKind::Failed, ""),
            (&[": nothing\n\n"], ResultKind::Failed, ""),
            (&["data: [DONE]\n\n"], ResultKind::Failed, ""),
            (&[TEXT, "data: {\"message\":\"no\",\"code\":500}\n\n"], ResultKind::Failed, "yes"),
        ] {
            let (outcome, text) = stream(pieces);
            assert_eq!((outcome.result, text.as_str()), (result, says), "{pieces:?}");
        }
    }

    #[test]
    fn fragments_of_calls_are_put_together() {
        let fragment = |rest: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{rest}]}}}}]}}\n\n");
        let first = fragment(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}"#);
        let second = fragment(r#"{"index":0,"function":{"arguments":"1}"}}"#);
        let (outcome, _) = stream(&[&first, &second, STOP]);
        assert_eq!(outcome.tool_calls[0]["function"], json!({ "name": "f", "arguments": "{\"x\":1}" }));
        // An empty name is none, and only the first id counts.
        let late = fragment(r#"{"index":0,"id":"","function":{"name":"","arguments":""}}"#);
        let again = fragment(r#"{"index":0,"id":"b","function":{"name":"","arguments":"1}"}}"#);
        let (outcome, _) = stream(&[&late, &first, &again, STOP]);
        assert_eq!(
            outcome.tool_calls,
            [json!({ "id": "a", "type": "function", "function": { "name": "f", "arguments": "{\"x\":1}" } })]
        );
        let object = fragment(r#"{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}}"#);
        let (outcome, _) = stream(&[&object, STOP]);
        assert_eq!(outcome.tool_calls[0]["function"]["arguments"], json!({ "x": 1 }));
    }
}
