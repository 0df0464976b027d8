//! Why an attempt failed, as the client knows it. Nothing of a prompt, a key, a URL or a body is kept: messages are made of a
//! status, a short code and words of our own.

use std::{fmt, time::Duration};

use crate::{
    causes::Class,
    client::{Failure as Reported, Outcome, ResultKind},
};

/// A failed attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What went wrong.
    pub kind: Kind,
    /// The status on the wire, if a head came.
    pub status: Option<u16>,
    /// The words of the provider's error object, in lower case.
    pub codes: Vec<String>,
    /// What its message hints at.
    pub hint: Option<Hint>,
    /// The wait that the reply asked for.
    pub wait: Option<Duration>,
    /// `x-should-retry`.
    pub should_retry: Option<bool>,
    /// Content had reached the user.
    pub committed: bool,
    /// Which timeout ended it: `connect`, `attempt`, `idle`, `semantic-idle` or `deadline`.
    pub timeout: Option<&'static str>,
    /// Usage had come all the same.
    pub usage_present: bool,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No connection.
    Connect,
    /// No connection in time.
    ConnectTimeout,
    /// The connection broke before a whole head.
    NoHead,
    /// No head in time.
    HeadTimeout,
    /// A body broke off.
    BodyCut,
    /// A body stalled, or came too slowly.
    BodyTimeout,
    /// A stream broke off, or ended without its completing signal.
    StreamCut,
    /// A stream stalled.
    StreamTimeout,
    /// A status that is none of success.
    Status,
    /// An error object on a success, with the status it names.
    ErrorObject(Option<u16>),
    /// A page.
    Html,
    /// A body that is no answer.
    Malformed,
    /// An event that is no JSON.
    BadEvent,
    /// An answer without anything in it.
    Blank,
    /// The finish reason says that the provider failed.
    FinishError,
    /// The model ran out of tokens inside a tool call.
    HalfToolCall,
    /// The total deadline passed.
    Deadline,
    /// Nothing was sent: too many attempts before this one had failed.
    LeftAlone,
}

/// What an error message hints at, where codes are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// The key.
    Key,
    /// Money.
    Quota,
    /// The length of the prompt.
    Context,
    /// A content policy.
    Policy,
    /// A failed tool call of the model.
    ToolUse,
    /// The model is being loaded.
    Loading,
}

impl Failure {
    /// A failure of which nothing else is known.
    pub fn new(kind: Kind) -> Self {
        Failure {
            kind,
            status: None,
            codes: Vec::new(),
            hint: None,
            wait: None,
            should_retry: None,
            committed: false,
            timeout: None,
            usage_present: false,
        }
    }

    /// A failure by this timeout.
    pub fn timed_out(kind: Kind, timeout: &'static str) -> Self {
        Failure { timeout: Some(timeout), ..Failure::new(kind) }
    }

    /// The status that counts: that of an error object, where it names one.
    pub fn effective_status(&self) -> Option<u16> {
        match self.kind {
            Kind::ErrorObject(status) => status.or(self.status),
            _ => self.status,
        }
    }

    /// As it is reported to the caller.
    pub fn reported(&self, class: Class, retryable: bool) -> Outcome {
        let error = Reported {
            class: Some(class),
            native: format!("{:?}", self.kind).split('(').next().unwrap_or_default().to_owned(),
            status: self.status,
            code: self.code(),
            message: self.to_string(),
            retryable: Some(retryable),
            ..Default::default()
        };
        Outcome { error: Some(error), ..Outcome::new(ResultKind::Failed) }
    }

    /// The provider's code, if it looks like one; some providers write them in words.
    pub fn code(&self) -> Option<String> {
        let is_code = |c: char| c.is_ascii_alphanumeric() || "_.:- ".contains(c);
        self.codes.first().filter(|code| code.len() <= 40 && code.chars().all(is_code)).cloned()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Connect => "no connection to the provider",
            Kind::ConnectTimeout => "no connection to the provider in time",
            Kind::NoHead => "the connection broke before the reply",
            Kind::HeadTimeout => "no reply in time",
            Kind::BodyCut => "the reply broke off",
            Kind::BodyTimeout => "the reply did not end in time",
            Kind::StreamCut => "the stream broke off",
            Kind::StreamTimeout => "the stream stalled",
            Kind::Status => "the provider refused the request",
            Kind::ErrorObject(_) => "the provider reported an error",
            Kind::Html => "the provider sent a page",
            Kind::Malformed => "the reply is no answer",
            Kind::BadEvent => "an event of the stream is malformed",
            Kind::Blank => "the answer is blank",
            Kind::FinishError => "the provider stopped with an error",
            Kind::HalfToolCall => "the answer ended inside a tool call",
            Kind::Deadline => "the deadline passed",
            Kind::LeftAlone => "the provider failed too often and is left alone for a moment; nothing was sent",
        })?;
        if let Some(status) = self.status {
            write!(f, ", status {status}")?;
        }
        self.code().map_or(Ok(()), |code| write!(f, ", code {code}"))
    }
}
