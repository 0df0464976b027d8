//! A step as one whole reply.

use std::{
    io::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use brownout::{
    scenario::{Body, Content, Eol, Event, HeaderValue, Step, WaitForm},
    wire::{Fill, plan::fill},
};
use serde_json::{Value as Json, json};
use wiremock::ResponseTemplate;

/// Longer than any case is watched.
const NEVER: Duration = Duration::from_secs(3600);

pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    delay: Duration,
    pub wait_asked: Option<Duration>,
}

/// A plain step rendered. One that says nothing is one that takes too long to say it.
pub fn render(step: &Step, values: &Fill) -> Reply {
    let (status, body, kind) = match &step.content {
        Content::Reply { status, body } if step.cut.is_none() => (*status, bytes(body, step, values), kind(body)),
        _ => (200, Vec::new(), None),
    };
    let text = |value: &HeaderValue| match value {
        HeaderValue::Text(text) => fill(text, values),
        HeaderValue::Wait { form, seconds } => wait(*form, *seconds),
    };
    let mut reply = Reply {
        status,
        headers: step.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), text(value))).collect(),
        body,
        delay: if step.cut.is_some() { NEVER } else { step.deliver.head_after },
        wait_asked: wait_asked(step),
    };
    if let Some(kind) = kind.filter(|_| reply.header("content-type").is_none()) {
        reply.headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    if step.deliver.gzip {
        reply.headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
        reply.body = zipped(&reply.body);
    }
    reply
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn template(self) -> ResponseTemplate {
        let template = ResponseTemplate::new(self.status).set_delay(self.delay).set_body_bytes(self.body);
        template.append_headers(self.headers)
    }
}

fn kind(body: &Body) -> Option<&'static str> {
    match body {
        Body::Json(_) => Some("application/json"),
        Body::Events(_) => Some("text/event-stream"),
        Body::Empty | Body::Text(_) => None,
    }
}

fn bytes(body: &Body, step: &Step, values: &Fill) -> Vec<u8> {
    let raw = match body {
        Body::Empty => Vec::new(),
        Body::Text(text) => text.to_vec(),
        Body::Json(json) => json.to_string().into_bytes(),
        Body::Events(events) => {
            let line_end = match step.deliver.eol {
                Eol::Lf => "\n",
                Eol::Crlf => "\r\n",
                Eol::Cr => "\r",
            };
            events.iter().flat_map(|event| written(event, line_end)).collect()
        }
    };
    filled(&raw, values)
}

/// Names are filled in wherever the bytes are text.
fn filled(bytes: &[u8], values: &Fill) -> Vec<u8> {
    bytes.utf8_chunks().flat_map(|chunk| [fill(chunk.valid(), values).as_bytes(), chunk.invalid()].concat()).collect()
}

/// One item of a stream as server-sent events.
fn written(event: &Event, line_end: &str) -> Vec<u8> {
    let choice = |delta: &Json, finish: Json| {
        chunk(&json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] }))
    };
    let data = match event {
        Event::Raw(bytes) => return bytes.to_vec(),
        Event::Comment(text) => return format!(": {text}{line_end}{line_end}").into_bytes(),
        Event::Repeat { times, events } => {
            let round: Vec<u8> = events.iter().flat_map(|event| written(event, line_end)).collect();
            return round.repeat(times.and_then(|times| usize::try_from(times).ok()).expect("it has an end"));
        }
        Event::Pause(_) => unreachable!("a stream that pauses is not plain"),
        Event::Named { event, data } => {
            let text = data.as_str().map_or_else(|| data.to_string(), str::to_owned);
            let name = format!("event: {event}{line_end}");
            return [name.as_bytes(), &lines(text.as_bytes(), line_end)].concat();
        }
        Event::Data(bytes) => bytes.to_vec(),
        Event::Done => b"[DONE]".to_vec(),
        Event::Delta(delta) => choice(delta, Json::Null),
        Event::Finish(word) => choice(&json!({}), json!(word)),
        Event::Usage(usage) => chunk(&json!({ "usage": usage })),
        Event::Error(error) => json!({ "error": error }).to_string().into_bytes(),
        Event::Chunk(keys) => chunk(keys),
    };
    lines(&data, line_end)
}

/// A `data:` line for each line of the payload, and the blank line that ends an event.
fn lines(payload: &[u8], line_end: &str) -> Vec<u8> {
    let lines = payload.split(|byte| *byte == b'\n');
    let lines = lines.flat_map(|line| [b"data: ", line, line_end.as_bytes()].concat());
    lines.chain(line_end.bytes()).collect()
}

/// A chunk with these keys, and those that every chunk has.
fn chunk(keys: &Json) -> Vec<u8> {
    let mut chunk = json!({
        "id": "chatcmpl-$mark", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "$model", "choices": [],
    });
    for (key, value) in keys.as_object().expect("a chunk is an object") {
        chunk[key] = value.clone();
    }
    chunk.to_string().into_bytes()
}

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

fn wait(form: WaitForm, seconds: f64) -> String {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs_f64();
    match form {
        WaitForm::Secs => seconds.to_string(),
        WaitForm::Ms => format!("{:.0}", seconds * 1000.0),
        WaitForm::Date => {
            // Whole seconds only: a wait is never shorter than was meant, and has a tenth to spare.
            let moment = if seconds < 0.0 { now() + seconds } else { (now() + seconds + 0.1).ceil() };
            httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs_f64(moment))
        }
    }
}

/// The wait as scripted: the first that is one, milliseconds before seconds.
fn wait_asked(step: &Step) -> Option<Duration> {
    let seconds = |(header, unit): (&str, f64)| {
        let (_, value) = step.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(header))?;
        let seconds = match value {
            HeaderValue::Wait { seconds, .. } => *seconds,
            HeaderValue::Text(text) => text.trim().parse::<f64>().ok()? / unit,
        };
        (seconds >= 0.0 && seconds.is_finite()).then(|| Duration::from_secs_f64(seconds))
    };
    [("retry-after-ms", 1000.0), ("retry-after", 1.0)].into_iter().find_map(seconds)
}
