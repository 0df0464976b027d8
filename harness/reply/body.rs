//! What a body says: an answer, an error, or why it is neither.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{Asking, calls::argument_text, choices::Choices, http::Head, sse};
use crate::{
    causes::{Body, End},
    policy::{MalformedEvent, Parser, StreamEnd, Unterminated},
    transcript::digest,
};

/// The finish reasons of the documented set.
const LISTED: [&str; 5] = ["stop", "length", "tool_calls", "content_filter", "function_call"];

/// Those by which a provider says that it failed.
const FAILED: [&str; 3] = ["error", "abort", "insufficient_system_resource"];

/// What a body says.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// What it carried beyond a good answer.
    pub kinds: Vec<Body>,
    /// Its error object.
    pub error: Option<ErrorObject>,
    /// It is an event stream.
    pub stream: bool,
    /// Its finish reasons, and `unlisted` beside any that is none of the five known.
    pub finish: Vec<String>,
    /// Its terminal signals, if not both; nothing for a plain reply.
    pub end: Option<End>,
    /// Likewise, before an event that no blank line ended.
    pub end_before: Option<End>,
    /// The text of each choice.
    pub texts: Vec<String>,
    /// The counts of each usage object, in order.
    pub usages: Vec<BTreeMap<String, u64>>,
    /// Digests of name and arguments of the tool calls in its first choice.
    pub calls: Vec<String>,
    /// Characters of content on a stream, reasoning and tool fragments included.
    pub content: usize,
    /// It is a stream that fails at an event, whatever follows.
    pub fails_at_event: bool,
    /// It is a stream without its completing signal.
    pub incomplete: bool,
    /// Its last event says something, and no blank line has ended it yet.
    pub pending: bool,
    /// Its label is not that of what it is.
    pub mislabelled: bool,
}

/// An error object.
#[derive(Debug, Clone, Default)]
pub struct ErrorObject {
    /// Its words, in lower case.
    pub codes: Vec<String>,
    /// Its message.
    pub message: String,
    /// The status it names, if it names one from 400 to 599.
    pub status: Option<u16>,
}

/// How a body is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// Its framing says that it is whole.
    pub whole: bool,
    /// What was asked for.
    pub asked: Asking,
    /// Where practice differs.
    pub parser: &'a Parser,
}

/// Reads a body.
pub fn read(head: &Head, body: &[u8], way: Way) -> Answer {
    let text = String::from_utf8_lossy(body);
    let kind =
        head.header("content-type").map(|value| value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase());
    let labelled_stream = kind.as_deref() == Some("text/event-stream");
    let begins = text.trim_start_matches('\u{feff}').trim_start();
    let looks_like_events = begins.starts_with(['d', 'e', ':', 'i', 'r']) && has_field(&text);
    let success = head.status / 100 == 2;
    let events = looks_like_events || (labelled_stream && !begins.starts_with(['{', '<', '[']));
    // Errors are JSON always.
    let mut answer = if success && events { stream(&text, way) } else { plain(&text) };
    if answer.stream && !way.asked.stream {
        return unasked(answer);
    }
    if success && !answer.stream && !way.whole {
        // Half a plain body says nothing, not even that it is an error.
        return Answer { kinds: vec![Body::Truncated], error: None, ..answer };
    }
    if success && answer.error.is_none() {
        let right = if answer.stream { "text/event-stream" } else { "application/json" };
        answer.mislabelled = kind.as_deref() != Some(right);
        kinds_of_label(&mut answer, way.asked.stream);
    }
    answer
}

/// Who did not ask for a stream need not read it: it is of the wrong kind, whatever its events say, and ends where its framing does.
fn unasked(answer: Answer) -> Answer {
    let kinds = vec![Body::StreamForPlain];
    Answer { kinds, error: None, stream: false, end: None, end_before: None, fails_at_event: false, ..answer }
}

fn has_field(text: &str) -> bool {
    let line = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim_start)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    [":", "data", "event", "error:", "id:", "retry:"].iter().any(|field| line.starts_with(field))
}

fn says_failed(finish: &[String]) -> bool {
    finish.iter().any(|word| FAILED.contains(&word.as_str()))
}

/// A whole answer under another label, or of another kind than was asked for.
fn kinds_of_label(answer: &mut Answer, asked_for_stream: bool) {
    let broken = [Body::Html, Body::Empty, Body::Truncated, Body::Text, Body::NoChoices, Body::NoEvents];
    // A provider that says it failed did so under any label.
    if says_failed(&answer.finish) || answer.incomplete || answer.kinds.iter().any(|kind| broken.contains(kind)) {
        return;
    }
    if asked_for_stream && !answer.stream {
        answer.kinds.push(Body::PlainForStream);
    }
    if answer.mislabelled && answer.stream == asked_for_stream {
        answer.kinds.push(Body::Mislabelled);
    }
}

fn plain(text: &str) -> Answer {
    let trimmed = text.trim_start_matches('\u{feff}').trim();
    let broken = |kind: Body| Answer { kinds: vec![kind], ..Answer::default() };
    if trimmed.is_empty() {
        return broken(Body::Empty);
    }
    match serde_json::from_str::<Json>(trimmed) {
        Ok(json) => completion(&json),
        Err(_) if trimmed.starts_with('<') => broken(Body::Html),
        Err(error) if error.is_eof() && trimmed.starts_with(['{', '[']) => broken(Body::Truncated),
        Err(_) => broken(Body::Text),
    }
}

fn completion(json: &Json) -> Answer {
    if let Some(error) = error_of(json) {
        return Answer { kinds: vec![Body::Error], error: Some(error), ..Answer::default() };
    }
    let mut answer = Answer { usages: counts(&json["usage"]).into_iter().collect(), ..Answer::default() };
    let choices = json["choices"].as_array().map_or(&[][..], Vec::as_slice);
    let messages: Vec<&Map<String, Json>> = choices.iter().filter_map(|choice| choice["message"].as_object()).collect();
    // The first choice is the answer; what else was asked for may be wanting.
    if !choices.first().is_some_and(|choice| choice["message"].is_object()) {
        answer.kinds.push(Body::NoChoices);
        return answer;
    }
    for choice in choices {
        answer.finish.push(finish_word(choice.get("finish_reason")));
    }
    answer.finish = with_unlisted(answer.finish, true);
    answer.texts = messages.iter().map(|message| text_of_message(message)).collect();
    let calls = messages[0].get("tool_calls").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    answer.calls = calls.iter().map(|call| digest_of_call(&name_of(call), &arguments_of(call))).collect();
    let refusal = messages
        .iter()
        .any(|message| message.get("refusal").and_then(Json::as_str).is_some_and(|text| !text.is_empty()));
    let arguments: Vec<String> = calls.iter().map(arguments_of).collect();
    let function = messages[0].get("function_call").is_some_and(Json::is_object);
    shape(&mut answer, refusal, &arguments, function);
    answer
}

/// A refusal is the text where there is no content.
fn text_of_message(message: &Map<String, Json>) -> String {
    let content = text_of(message.get("content"));
    if content.is_empty() { text_of(message.get("refusal")) } else { content }
}

/// Content as text: a list of parts is their texts.
pub fn text_of(content: Option<&Json>) -> String {
    match content {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Array(parts)) => {
            parts.iter().map(|part| part.as_str().or_else(|| part["text"].as_str()).unwrap_or_default()).collect()
        }
        _ => String::new(),
    }
}

/// The counts of a usage object, as far as they are whole numbers; `None`: it is none.
pub fn counts(usage: &Json) -> Option<BTreeMap<String, u64>> {
    let fields = usage.as_object()?;
    Some(fields.iter().filter_map(|(key, value)| Some((key.clone(), value.as_u64()?))).collect())
}

/// What a tool call is compared by.
pub fn digest_of_call(name: &str, arguments: &str) -> String {
    digest(&format!("{name}({})", same_value(arguments)))
}

/// Whether two texts of arguments say the same.
pub fn same_arguments(one: &str, other: &str) -> bool {
    same_value(one) == same_value(other)
}

/// Arguments with whatever a client that hands over values, and no text, cannot keep: white space, and that nothing means `{}`.
fn same_value(arguments: &str) -> String {
    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
    serde_json::from_str::<Json>(arguments).map_or_else(|_| arguments.to_owned(), |value| value.to_string())
}

/// The function's name of a tool call in OpenAI's shape.
pub fn name_of(call: &Json) -> String {
    call["function"]["name"].as_str().unwrap_or_default().to_owned()
}

/// The arguments of a tool call in OpenAI's shape, as text.
pub fn arguments_of(call: &Json) -> String {
    argument_text(&call["function"]["arguments"])
}

fn finish_word(word: Option<&Json>) -> String {
    word.and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// `unlisted` stands beside a word of no known set; on a plain reply, none at all is unlisted too.
fn with_unlisted(mut words: Vec<String>, plain: bool) -> Vec<String> {
    let unlisted = words.iter().any(|word| {
        !LISTED.contains(&word.as_str()) && !FAILED.contains(&word.as_str()) && (plain || !word.is_empty())
    });
    words.retain(|word| !word.is_empty());
    words.extend(unlisted.then(|| "unlisted".to_owned()));
    words
}

/// Refusals, half tool calls and blank answers.
fn shape(answer: &mut Answer, refusal: bool, arguments: &[String], function: bool) {
    let text = answer.texts.first().map_or("", String::as_str);
    let bad = |arguments: &String| {
        !arguments.trim().is_empty() && !serde_json::from_str::<Json>(arguments).is_ok_and(|json| json.is_object())
    };
    let cut = answer.finish.iter().any(|word| word == "length" || word == "content_filter");
    if refusal {
        answer.kinds.push(Body::Refusal);
    } else if !cut && arguments.iter().any(bad) {
        answer.kinds.push(Body::BadToolCall);
    } else if text.trim().is_empty() && arguments.is_empty() && !function {
        answer.kinds.push(Body::Blank);
    }
}

fn stream(text: &str, way: Way) -> Answer {
    let answer = Answer { stream: true, ..Answer::default() };
    let mut reader = Stream { answer, way, choices: Choices::new(way.asked.one), chunks: 0, done: false, bad: false };
    for event in sse::events(text) {
        if reader.answer.error.is_some() || reader.done {
            break;
        }
        if reader.answer.fails_at_event {
            reader.after_failure(&event);
            continue;
        }
        if event.unterminated {
            reader.answer.end_before = reader.signals();
        }
        reader.event(&event);
    }
    reader.end()
}

/// A stream as it is put together.
struct Stream<'a> {
    answer: Answer,
    way: Way<'a>,
    choices: Choices,
    chunks: usize,
    done: bool,
    bad: bool,
}

impl Stream<'_> {
    fn event(&mut self, event: &sse::Event) {
        if event.unterminated && self.way.whole && self.way.parser.unterminated_last_event == Unterminated::Drop {
            return self.dropped(event);
        }
        // Before the end of the body nobody knows that an event without its blank line is all there is of it: it signals nothing.
        let signals = self.way.whole || !event.unterminated;
        let data = event.data.trim();
        let named_error = event.error.as_deref().or((event.name.as_deref() == Some("error")).then_some(data));
        if let Some(text) = named_error.filter(|_| signals) {
            let json = serde_json::from_str::<Json>(text).unwrap_or_else(|_| Json::from(text));
            let object = error_of(&json).unwrap_or_else(|| error_object(&json));
            return self.error(object);
        }
        if data == "[DONE]" {
            self.done = signals;
            self.answer.pending = !signals;
            if signals {
                self.unterminated(event);
            }
            return;
        }
        // Some other protocol's event, a keep-alive, or nothing.
        let other = event.name.as_deref().is_some_and(|name| name != "message");
        if other || data.is_empty() || data == "null" {
            return;
        }
        match serde_json::from_str::<Json>(data) {
            Ok(json) if signals => self.chunk(&json, event),
            Ok(json) => self.text_only(&json),
            // Half an event at the end is no event.
            Err(_) if event.unterminated => {}
            Err(_) => {
                self.bad = true;
                // Nor may it be skipped after a piece of a tool call.
                let fails = self.way.parser.malformed_event == MalformedEvent::Fail;
                self.answer.fails_at_event = fails || self.choices.call();
            }
        }
    }

    /// Of an event that is not used it matters only that the end of the stream is in it, and only where it needs one.
    fn dropped(&mut self, event: &sse::Event) {
        if self.way.parser.stream_end == StreamEnd::Eof {
            return;
        }
        let json: Json = serde_json::from_str(&event.data).unwrap_or_default();
        let mut choices = json["choices"].as_array().into_iter().flatten();
        if event.data.trim() == "[DONE]" || choices.any(|choice| !finish_word(choice.get("finish_reason")).is_empty()) {
            self.unterminated(event);
        }
    }

    /// What of a chunk some clients hand over before its event ends.
    fn text_only(&mut self, json: &Json) {
        self.answer.pending = true;
        for choice in json["choices"].as_array().into_iter().flatten() {
            self.choices.add(choice, false);
        }
    }

    /// Of what follows a bad event only the text matters: whoever hands it over did not make it up.
    fn after_failure(&mut self, event: &sse::Event) {
        if let Ok(json) = serde_json::from_str::<Json>(&event.data) {
            self.text_only(&json);
        }
    }

    fn error(&mut self, error: ErrorObject) {
        self.answer.kinds.push(Body::Error);
        self.answer.error = Some(error);
    }

    fn unterminated(&mut self, event: &sse::Event) {
        if event.unterminated {
            self.answer.kinds.push(Body::UnterminatedEvent);
        }
    }

    fn chunk(&mut self, json: &Json, event: &sse::Event) {
        if let Some(error) = error_of(json) {
            return self.error(error);
        }
        self.answer.usages.extend(counts(&json["usage"]));
        let Some(choices) = json["choices"].as_array() else { return };
        self.chunks += 1;
        for choice in choices {
            let word = finish_word(choice.get("finish_reason"));
            self.choices.add(choice, !word.is_empty());
            self.answer.content += length_of_content(&choice["delta"]);
            self.answer.finish.extend(Some(word).filter(|word| !word.is_empty()));
        }
        if choices.iter().any(|choice| !finish_word(choice.get("finish_reason")).is_empty()) {
            self.unterminated(event);
        }
    }

    /// The terminal signals so far, if not both. A finish reason is one when every choice has its own.
    fn signals(&self) -> Option<End> {
        match (self.choices.finished(), self.done) {
            (true, true) => None,
            (true, false) => Some(End::Finish),
            (false, true) => Some(End::Done),
            (false, false) => Some(End::Neither),
        }
    }

    /// Whether the completing signal came: only then is there an answer with a catch.
    fn complete(&self) -> bool {
        let finished = self.choices.finished();
        match self.way.parser.stream_end {
            StreamEnd::Finish => finished,
            StreamEnd::Done => self.done,
            StreamEnd::Either => finished || self.done,
            StreamEnd::Eof => finished || self.done || self.way.whole,
        }
    }

    fn end(mut self) -> Answer {
        self.answer.incomplete = !self.complete();
        if self.answer.incomplete {
            // What a stream says of its end counts only if the policy takes it for one.
            self.answer.finish.clear();
        }
        self.answer.finish = with_unlisted(self.answer.finish, false);
        self.answer.end = self.signals();
        let choices = self.choices.all();
        self.answer.texts = choices.iter().map(|choice| choice.text.clone()).collect();
        let refusal = choices.iter().any(|choice| choice.refusal);
        let calls = choices.into_iter().next().map(|choice| choice.calls).unwrap_or_default();
        self.answer.calls = calls.digests();
        let arguments = calls.arguments();
        if self.answer.error.is_some() {
            return self.answer;
        }
        // Whoever skips it reads on, and what comes of that is what counts.
        let skipped = !self.answer.fails_at_event && (self.answer.incomplete || says_failed(&self.answer.finish));
        if self.bad && !skipped {
            self.answer.kinds.push(Body::BadEvent);
        } else if self.chunks == 0 {
            self.answer.kinds.push(Body::NoEvents);
        } else if !self.answer.incomplete {
            shape(&mut self.answer, refusal, &arguments, false);
        }
        self.answer
    }
}

/// Characters that a delta carries: text, refusal, reasoning, tool fragments.
fn length_of_content(delta: &Json) -> usize {
    let texts = ["refusal", "reasoning", "reasoning_content"].map(|key| delta[key].as_str().map_or(0, str::len));
    let fragments = delta["tool_calls"].as_array().into_iter().flatten();
    // A fragment with nothing but an id or a name is content too.
    let fragments: usize = fragments.map(|call| 1 + arguments_of(call).len()).sum();
    text_of(delta.get("content")).len() + texts.iter().sum::<usize>() + fragments
}

/// The error object of a payload: under `error`, inside a choice, flat, or in a list.
fn error_of(json: &Json) -> Option<ErrorObject> {
    let envelope =
        |json: &Json| json.get("error").filter(|error| !error.is_null()).map(|error| (error.clone(), json.clone()));
    let in_choice = || json["choices"].as_array()?.iter().find_map(envelope);
    if let Some((error, around)) = envelope(json).or_else(in_choice) {
        let mut object = error_object(&error);
        if error.is_string() {
            object.codes.extend(words(&[&around["code"], &around["type"]]));
        }
        return Some(object);
    }
    let flat = json["object"] == "error" || json.get("detail").is_some() && json.get("choices").is_none();
    let bare = json.get("choices").is_none()
        && json.get("message").is_some()
        && (json.get("code").is_some() || json.get("type").is_some());
    match json {
        Json::Array(items) => items.first().and_then(error_of),
        _ if flat || bare => Some(error_object(json)),
        _ => None,
    }
}

fn error_object(error: &Json) -> ErrorObject {
    let code = &error["code"];
    let number = code.as_u64().or_else(|| code.as_str().and_then(|digits| digits.parse().ok()));
    let message = error.as_str().or_else(|| error["message"].as_str()).or_else(|| error["detail"].as_str());
    ErrorObject {
        codes: words(&[code, &error["type"], &error["status"], &error["details"]["error_code"]]),
        message: message.unwrap_or_default().to_owned(),
        status: number.and_then(|number| u16::try_from(number).ok()).filter(|status| (400..600).contains(status)),
    }
}

fn words(values: &[&Json]) -> Vec<String> {
    values
        .iter()
        .filter_map(|value| value.as_str())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect()
}
