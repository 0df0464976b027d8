//! Canaries where they must not be, and what the client says in its logs.

use super::{Joiner, Record};
use crate::{
    run::{Identity, heard::LogRecord},
    transcript::{Leak, Place, ProcessEnd, Secret, Telemetry},
};

/// A log record with at least so many of the thirteen fields is a structured one of an attempt.
const LEAST: usize = 6;

/// So many hexadecimal digits in a row may be part of another case's canary.
const HEX: usize = 16;

/// All that was said, in this process and in the client's own.
pub(super) fn logs(record: &Record) -> Vec<LogRecord> {
    let line = |line: &String| LogRecord { user: None, fields: vec![("message".to_owned(), Some(line.clone()))] };
    let own = |user: &crate::run::user::Ended| {
        let number = user.number;
        user.records.all().into_iter().map(move |fields| LogRecord { user: Some(number), fields })
    };
    let records = record.heard.records().into_iter();
    records.chain(record.aside.said.iter().map(line)).chain(record.users.iter().flat_map(own)).collect()
}

impl Joiner<'_> {
    /// How the client's process ended, if it did. Its standard error may speak of other cases too.
    pub(super) fn process(&self) -> Option<ProcessEnd> {
        let aside = &self.record.aside;
        let safe = |line: &String| {
            let digits = line.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max().unwrap_or(0);
            let secret = digits >= HEX || !self.canaries.in_text(line).is_empty();
            if secret { "(a line that may hold a canary)".to_owned() } else { line.clone() }
        };
        (aside.crash.is_some() || aside.hung || aside.company || !aside.tail.is_empty()).then(|| ProcessEnd {
            crash: aside.crash.clone(),
            hung: aside.hung,
            company: aside.company,
            last_words: aside.tail.iter().map(safe).collect(),
        })
    }

    /// Canaries in errors, logs, telemetry, URLs, and in requests to hosts that they are not for.
    pub(super) fn leaks(&self) -> Vec<Leak> {
        let errors = self.record.users.iter().filter_map(|user| {
            let error = user.outcome.as_ref()?.error.as_ref()?;
            let words = [error.message.as_str(), &error.native, error.code.as_deref().unwrap_or_default()].join("\n");
            Some((Some(user.number), Place::Error, words))
        });
        let requests = self.record.seen.iter().filter_map(|seen| {
            let asked = seen.request.as_ref()?;
            let headers =
                asked.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n");
            let url = (seen.user, Place::Url(seen.host), asked.target.clone());
            let all = format!("{headers}\n{}", asked.text());
            Some([url, (seen.user, Place::Request(seen.host), all)])
        });
        let logs = self.logs.iter().map(|record| {
            let values: Vec<&str> = record.fields.iter().filter_map(|(_, value)| value.as_deref()).collect();
            let place = if self.fields(record).count() >= LEAST { Place::Telemetry } else { Place::Log };
            (self.speaker(record), place, values.join("\n"))
        });
        let places = errors.chain(requests.flatten()).chain(logs);
        let mut leaks: Vec<Leak> = places.flat_map(|(user, place, text)| self.found(user, place, &text)).collect();
        // What a client says a hundred times is one leak.
        leaks.sort_by_key(|leak| (leak.user, leak.what, leak.place));
        leaks.dedup();
        leaks
    }

    /// Canaries in a text; a request may carry its own host's key, and prompt and user.
    fn found(&self, user: Option<usize>, place: Place, text: &str) -> Vec<Leak> {
        let allowed = |what: Secret| match place {
            Place::Request(host) => what == Secret::Key(host) || !matches!(what, Secret::Key(_)),
            Place::Error | Place::Log | Place::Telemetry | Place::Url(_) => false,
        };
        let found = self.canaries.in_text(text).into_iter().filter(|what| !allowed(*what));
        found.map(|what| Leak { user, what, place }).collect()
    }

    /// Whose call was under way; a lone user is known anyhow. Whoever asks after the scenario is nobody here.
    fn speaker(&self, record: &LogRecord) -> Option<usize> {
        record.user.or((self.case.users.len() == 1).then_some(0)).filter(|user| *user < self.case.users.len())
    }

    /// The structured records of a user's attempts, in order.
    pub(super) fn telemetry_of(&self, user: usize) -> Vec<Telemetry> {
        let own = self.logs.iter().filter(|record| self.speaker(record) == Some(user));
        own.filter_map(|record| self.telemetry(record)).collect()
    }

    /// A record under our names of its fields, if it is a structured one.
    fn telemetry(&self, record: &LogRecord) -> Option<Telemetry> {
        let safe = |value: &str| Some(plain(value)).filter(|text| self.canaries.in_text(text).is_empty());
        let fields = || self.fields(record).map(|(name, value)| (name.to_owned(), value.and_then(safe)));
        (self.fields(record).count() >= LEAST).then(|| fields().collect())
    }

    /// Our names of a record's fields, with their values as they were written.
    fn fields<'a>(&'a self, record: &'a LogRecord) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.case.policy.telemetry.iter().filter_map(|(ours, theirs)| {
            let (_, value) = record.fields.iter().find(|(name, _)| name == theirs)?;
            Some((ours.as_str(), value.as_deref()))
        })
    }
}

/// A value without the marks of a debug format: `Some("x")` is x.
fn plain(value: &str) -> String {
    let inner = value.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(value);
    inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(inner).to_owned()
}

/// The random part of every canary, and what it stands for.
pub(super) fn secrets(identity: &Identity) -> impl Iterator<Item = (Secret, &str)> {
    let keys = identity.keys.iter().map(|(host, key)| (Secret::Key(*host), key));
    let prompts = identity.markers.iter().map(|marker| (Secret::Prompt, marker));
    let users = identity.names.iter().map(|name| (Secret::User, name));
    keys.chain(prompts).chain(users).map(|(what, canary)| (what, Identity::secret(canary)))
}
