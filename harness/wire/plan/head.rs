//! Status line and headers.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use super::fill;
use crate::{
    scenario::{Body, Framing, HeaderValue, Step, WaitForm},
    wire::Fill,
};

/// A date has at least this much to spare.
const SPARE: Duration = Duration::from_millis(100);

/// How the body's end is told, and how long the body is.
#[derive(Debug, Clone, Copy)]
pub struct Framed {
    /// How its end is told.
    pub framing: Framing,
    /// Its length; `None`: without end.
    pub length: Option<u64>,
    /// The connection takes no other request, though the body's end is told.
    pub closes: bool,
}

/// The head, up to and with its blank line. A step's own header stands in place of the harness's.
pub fn head(step: &Step, status: u16, body: &Body, framed: Framed, values: &Fill, now: SystemTime) -> Vec<u8> {
    let mut head = String::with_capacity(512);
    head.push_str(&format!("HTTP/1.1 {status} {}\r\n", reason(status)));
    let mut line = |name: &str, value: &str| [name, ": ", value, "\r\n"].iter().for_each(|part| head.push_str(part));
    let own = |name: &str| step.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    for (name, value) in usual(step, body, framed, now).into_iter().filter(|(name, _)| !own(name)) {
        line(name, &value);
    }
    for (name, value) in &step.headers {
        let value = match value {
            HeaderValue::Text(text) => fill::fill(text, values),
            HeaderValue::Wait { form, seconds } => wait(*form, *seconds, now),
        };
        line(name, &value);
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn usual(step: &Step, body: &Body, framed: Framed, now: SystemTime) -> Vec<(&'static str, Cow<'static, str>)> {
    let mut headers = vec![("date", httpdate::fmt_http_date(now).into())];
    match body {
        Body::Json(_) => headers.push(("content-type", "application/json".into())),
        Body::Events(_) => headers.push(("content-type", "text/event-stream".into())),
        Body::Empty | Body::Text(_) => {}
    }
    if step.deliver.gzip {
        headers.push(("content-encoding", "gzip".into()));
    }
    match (framed.framing, framed.length) {
        (Framing::Chunked | Framing::ChunkedBy(_), _) => headers.push(("transfer-encoding", "chunked".into())),
        (Framing::Close, _) | (_, None) => headers.push(("connection", "close".into())),
        (Framing::Length, Some(length)) => headers.push(("content-length", length.to_string().into())),
        (Framing::Longer(by), Some(length)) => headers.push(("content-length", (length + by).to_string().into())),
        (Framing::Shorter(by), Some(length)) => {
            headers.push(("content-length", length.saturating_sub(by).to_string().into()))
        }
    }
    if framed.closes {
        headers.push(("connection", "close".into()));
    }
    headers
}

/// Whether both sides know where the body ended.
pub fn keeps_alive(framing: Framing, length: Option<u64>) -> bool {
    match framing {
        Framing::Length | Framing::Chunked | Framing::ChunkedBy(_) => length.is_some(),
        Framing::Close | Framing::Longer(_) | Framing::Shorter(_) => false,
    }
}

/// The wait that the headers ask for, as scripted: milliseconds come before seconds, as clients read them.
pub fn wait_asked(step: &Step) -> Option<Duration> {
    let named = |wanted: &str| {
        let header = step.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        match &header.1 {
            HeaderValue::Wait { seconds, .. } => Some(*seconds),
            HeaderValue::Text(text) => {
                let unit = if wanted.ends_with("-ms") { 1000.0 } else { 1.0 };
                text.trim().parse::<f64>().ok().map(|number| number / unit)
            }
        }
    };
    let seconds = named("retry-after-ms").filter(|s| *s >= 0.0).or_else(|| named("retry-after"))?;
    (seconds >= 0.0 && seconds.is_finite()).then(|| Duration::from_secs_f64(seconds.min(1e9)))
}

fn wait(form: WaitForm, seconds: f64, now: SystemTime) -> String {
    match form {
        WaitForm::Secs => format!("{seconds}"),
        WaitForm::Ms => format!("{}", (seconds * 1000.0).round()),
        WaitForm::Date => {
            let length = Duration::from_secs_f64(seconds.abs());
            let moment = if seconds >= 0.0 { now + length + SPARE } else { now - length };
            let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let whole = if seconds >= 0.0 && since.subsec_nanos() > 0 { since.as_secs() + 1 } else { since.as_secs() };
            httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(whole))
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Scripted",
    }
}
