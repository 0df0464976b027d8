//! The lines of the protocol, both ways.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{PROTOCOL, policy};
use crate::{
    client::{Call, Channel, Class, Effect, Failure, Field, Outcome, ResultKind},
    scenario::{Capability, Host},
};

/// What an adapter says first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ready {
    /// The version it chose.
    pub protocol: u32,
    /// Whose client it drives.
    pub client: Driven,
    /// What that client can do or be told, as words.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// User requests that it takes at once.
    pub concurrency: u32,
}

/// The client behind an adapter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Driven {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The language it is written in.
    #[serde(default)]
    pub language: String,
}

impl Ready {
    /// Why it cannot be worked with.
    pub fn check(&self) -> Result<(), String> {
        if self.protocol != PROTOCOL {
            return Err(format!("it speaks protocol {}, and only {PROTOCOL} was offered", self.protocol));
        }
        if self.concurrency == 0 {
            return Err("it takes 0 user requests at once: `concurrency` is at least 1".to_owned());
        }
        Ok(())
    }

    /// The capabilities that are known.
    pub fn known(&self) -> Vec<Capability> {
        self.capabilities.iter().filter_map(|word| capability(word)).collect()
    }

    /// The words that are none.
    pub fn unknown(&self) -> Vec<&str> {
        self.capabilities.iter().map(String::as_str).filter(|word| capability(word).is_none()).collect()
    }
}

fn capability(word: &str) -> Option<Capability> {
    serde_json::from_value(Json::String(word.to_owned())).ok()
}

/// A line from the adapter.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// The first.
    Ready(Ready),
    /// A structured log record of a case.
    Telemetry(String, Vec<Field>),
    /// A side effect of a case.
    Effect(String, Effect),
    /// How a case ended.
    Outcome(String, Box<Ended>),
    /// Something was not understood, perhaps a case.
    Nack(Option<String>, String),
    /// How a case ended, in a shape that cannot be read: an error of that case alone.
    Misshapen(String, String),
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// What the client made of it.
    pub outcome: Outcome,
    /// The deltas delivered, in order.
    pub streamed: Vec<String>,
}

/// As it stands on the line: whatever may be left out is, and what nobody needs to be strict about is any JSON.
#[derive(Deserialize)]
struct OutcomeLine {
    result: ResultKind,
    text: Option<Json>,
    streamed: Option<Vec<Json>>,
    finish_reason: Option<String>,
    tool_calls: Option<Vec<Json>>,
    usage: Option<Json>,
    served_by: Option<String>,
    attempts: Option<u32>,
    error: Option<ErrorLine>,
}

#[derive(Deserialize)]
struct ErrorLine {
    class: Option<Class>,
    native: Option<String>,
    status: Option<u16>,
    code: Option<Json>,
    message: Option<String>,
    retryable: Option<bool>,
    channel: Option<Channel>,
}

impl Message {
    /// Reads a line. An error says what is wrong with it, without quoting it.
    pub fn read(line: &[u8]) -> Result<Message, String> {
        let json: Json = serde_json::from_slice(line).map_err(|error| format!("it is not JSON ({error})"))?;
        if !json.is_object() {
            return Err("it is JSON, but no object".to_owned());
        }
        let kind = json["type"].as_str().ok_or("it has no `type`")?.to_owned();
        let id = || json["id"].as_str().map(str::to_owned);
        let owned = || id().ok_or(format!("a `{kind}` without the `id` of its case"));
        let word = |key: &str| json[key].as_str().map(str::to_owned).ok_or(format!("`{kind}` has no text `{key}`"));
        match kind.as_str() {
            "ready" => parsed(&json, &kind).map(Message::Ready),
            "telemetry" => Ok(Message::Telemetry(owned()?, fields(&json["record"])?)),
            "effect" => Ok(Message::Effect(owned()?, Effect { name: word("name")?, call: word("call")? })),
            "outcome" => {
                let id = owned()?;
                Ok(match parsed(&json, &kind) {
                    Ok(line) => Message::Outcome(id, Box::new(ended(line))),
                    Err(why) => Message::Misshapen(id, why),
                })
            }
            "nack" => Ok(Message::Nack(id(), json["why"].as_str().unwrap_or("it does not say why").to_owned())),
            other => Err(format!("its type is `{}`, which no adapter says", short(other))),
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

fn parsed<T: serde::de::DeserializeOwned>(json: &Json, kind: &str) -> Result<T, String> {
    T::deserialize(json).map_err(|error| format!("its `{kind}` cannot be read: {error}"))
}

fn fields(record: &Json) -> Result<Vec<Field>, String> {
    let record = record.as_object().ok_or("a `telemetry` whose `record` is no object")?;
    let text = |value: &Json| match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    Ok(record.iter().map(|(name, value)| (name.clone(), text(value))).collect())
}

fn ended(line: OutcomeLine) -> Ended {
    let host = |name: String| serde_json::from_value::<Host>(Json::String(name)).ok();
    let streamed = line.streamed.unwrap_or_default();
    let strange = |text: &&Json| !text.is_string() && !text.is_null();
    if let Some(text) = line.text.iter().chain(&streamed).find(strange).filter(|_| line.result == ResultKind::Completed)
    {
        return unusable(text);
    }
    let outcome = Outcome {
        result: line.result,
        text: line.text.and_then(|text| text.as_str().map(str::to_owned)),
        finish_reason: line.finish_reason,
        tool_calls: line.tool_calls.unwrap_or_default(),
        usage: line.usage.filter(|usage| !usage.is_null()),
        served_by: line.served_by.and_then(host),
        attempts: line.attempts,
        error: line.error.map(failure),
    };
    Ended { outcome, streamed: streamed.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect() }
}

/// What the application would get as its text is none: the client let it through.
fn unusable(text: &Json) -> Ended {
    let kind = match text {
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
        _ => "a value",
    };
    let error = Failure { native: format!("{kind} as text"), ..Failure::default() };
    let outcome = Outcome { error: Some(error), ..Outcome::new(ResultKind::Unusable) };
    Ended { outcome, streamed: Vec::new() }
}

fn failure(error: ErrorLine) -> Failure {
    let code = error.code.filter(|code| !code.is_null());
    Failure {
        class: error.class,
        native: error.native.unwrap_or_default(),
        status: error.status,
        code: code.map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned)),
        message: error.message.unwrap_or_default(),
        retryable: error.retryable,
        channel: error.channel.unwrap_or_default(),
    }
}

/// The first line.
pub fn hello() -> Json {
    let harness = json!({ "name": "brownout", "version": env!("CARGO_PKG_VERSION") });
    json!({ "type": "hello", "protocol": [PROTOCOL], "harness": harness })
}

/// Make exactly this user request.
pub fn case(id: &str, session: &str, scenario: &str, call: &Call) -> Json {
    let provider = |provider: &crate::client::Provider| {
        json!({
            "name": provider.name, "base_url": provider.base_url, "api_key": provider.api_key, "model": provider.model,
        })
    };
    json!({
        "type": "case", "id": id, "session": session, "scenario": scenario,
        "providers": call.providers.iter().map(provider).collect::<Vec<_>>(),
        "request": request(call),
        "policy": policy::on_the_wire(&call.policy),
    })
}

fn request(call: &Call) -> Json {
    let mut request = json!({
        "model": call.providers.first().map(|provider| &provider.model),
        "messages": call.messages,
        "stream": call.request.stream,
        "user": call.user,
        "charge_sensitive": call.request.charge_sensitive,
        "fallback": if call.request.fallback_safe { "safe" } else { "unsafe" },
    });
    if let Some(tools) = call.tools() {
        request["tools"] = tools;
    }
    if call.request.n > 1 {
        request["n"] = json!(call.request.n);
    }
    request
}

/// The user of this case has gone.
pub fn cancel(id: &str) -> Json {
    json!({ "type": "cancel", "id": id })
}

/// Drop this client object.
pub fn end_session(session: &str) -> Json {
    json!({ "type": "end-session", "session": session })
}

/// Finish what is in flight, and exit.
pub fn bye() -> Json {
    json!({ "type": "bye" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(line: &str) -> String {
        Message::read(line.as_bytes()).expect_err("it is wrong")
    }

    #[test]
    fn what_an_adapter_says_is_read_and_unknown_fields_are_ignored() {
        let line = r#"{"type":"outcome","id":"c1","result":"failed","streamed":["a","b"],"served_by":"somebody","later":1,
            "error":{"native":"RateLimitError","status":429,"code":7,"channel":"out-of-band"}}"#;
        let Ok(Message::Outcome(id, ended)) = Message::read(line.as_bytes()) else { panic!("an outcome") };
        let error = ended.outcome.error.expect("it is there");
        assert_eq!((id.as_str(), ended.streamed.len(), ended.outcome.served_by), ("c1", 2, None));
        assert_eq!((error.class, error.status, error.code), (None, Some(429), Some("7".to_owned())));
        assert_eq!(error.channel, Channel::OutOfBand);
        let line = br#"{"type":"telemetry","id":"c1","record":{"status_code":200,"error_code":null,"model":"m"}}"#;
        let Ok(Message::Telemetry(_, fields)) = Message::read(line) else { panic!("a record") };
        assert_eq!(fields[0], ("status_code".to_owned(), Some("200".to_owned())));
        assert_eq!(fields[1], ("error_code".to_owned(), None));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        assert!(why("Starting...").contains("not JSON"));
        assert!(why("[]").contains("no object"));
        assert!(why(r#"{"id":"c1"}"#).contains("no `type`"));
        assert!(why(r#"{"type":"result","id":"c1"}"#).contains("`result`"));
        assert!(why(r#"{"type":"outcome","result":"completed"}"#).contains("`id`"));
        assert!(why(r#"{"type":"telemetry","id":"c1"}"#).contains("record"));
    }

    #[test]
    fn an_outcome_that_cannot_be_read_is_still_its_cases() {
        for (line, says) in
            [("{}", "result"), (r#"{"result":"fine"}"#, "fine"), (r#"{"result":"failed","error":7}"#, "7")]
        {
            let mut json: Json = serde_json::from_str(line).expect("JSON");
            (json["type"], json["id"]) = ("outcome".into(), "c1".into());
            let Ok(Message::Misshapen(id, why)) = Message::read(json.to_string().as_bytes()) else { panic!("{line}") };
            assert!(id == "c1" && why.contains(says), "{why}");
        }
        let line = br#"{"type":"outcome","id":"c1","result":"completed","text":[{"type":"text"}]}"#;
        let Ok(Message::Outcome(_, ended)) = Message::read(line) else { panic!("an outcome") };
        assert_eq!(ended.outcome.result, ResultKind::Unusable);
        assert_eq!(ended.outcome.error.expect("it is there").native, "a list as text");
    }

    #[test]
    fn a_capability_that_is_none_is_told_apart() {
        let line = r#"{"type":"ready","protocol":1,"client":{"name":"x","version":"1"},"capabilities":["retry","rety"],"concurrency":1}"#;
        let Ok(Message::Ready(ready)) = Message::read(line.as_bytes()) else { panic!("ready") };
        assert_eq!((ready.known(), ready.unknown()), (vec![Capability::Retry], vec!["rety"]));
        assert_eq!(ready.check(), Ok(()));
    }
}
