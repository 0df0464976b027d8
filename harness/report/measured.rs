//! What a short measurement says of a client: the beginnings of its policy.

use crate::{
    causes::Wire,
    policy::{Jitter, Policy},
    scenario::Host,
    transcript::{Attempt, Micros, Transcript},
};

/// Requests whose waits are measured.
const REQUESTS: usize = 8;
const FAILS: &str = "provider-transient/fails";
const SILENT: &str = "client-timeout/silent";
const STALLS: &str = "client-timeout/stalls";
const WAITS: &str = "rate-quota/waits";

/// The scenarios that a client is measured by: path and text of each.
pub fn scenarios() -> Vec<(String, String)> {
    let scenario = |id: &str, steps: &str| {
        let text = format!("title: Measured by init, {id}\nwhy: It is measured.\nsources: [brownout init]\n{steps}\n");
        (format!("{id}.yaml"), text)
    };
    let fails = (0..REQUESTS).map(|nth| scenario(&format!("{FAILS}-{nth}"), "primary: [ server-error ]"));
    let others = [
        scenario(SILENT, "primary: [ silent ]"),
        scenario(STALLS, "request: { stream: true }\nprimary: [ { reply: ok, cut: { after: 3 events, by: stall } } ]"),
        scenario(WAITS, "primary: [ { reply: rate-limited, headers: { retry-after: { secs: 2s } } }, ok ]"),
    ];
    fails.chain(others).collect()
}

/// What was seen of a client.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Attempts at a provider that only fails.
    pub attempts: Option<u32>,
    /// The least and the most of the first wait, of the second, and so on, between them.
    pub waits: Vec<(Micros, Micros)>,
    /// When a silent provider was given up.
    pub attempt_timeout: Option<Micros>,
    /// When a stream that stalls was given up.
    pub idle_timeout: Option<Micros>,
    /// Whether it waited for as long as a reply asked for; `None`: it did not come again.
    pub honours: Option<bool>,
}

impl Measured {
    /// Reads what the scenarios showed.
    pub fn of<'a>(transcripts: impl IntoIterator<Item = &'a Transcript>) -> Self {
        let mut measured = Measured::default();
        for transcript in transcripts {
            let primary: Vec<&Attempt> = transcript.attempts.iter().filter(|a| a.host == Host::Primary).collect();
            let Some(first) = primary.first() else { continue };
            let left = matches!(first.wire, Wire::GaveUpBeforeHead | Wire::GaveUpInStream | Wire::GaveUpInBody);
            match transcript.scenario.as_str() {
                SILENT if left => measured.attempt_timeout = first.ended.map(|end| end - first.arrived.min(end)),
                STALLS if left => measured.idle_timeout = first.pace.map(|pace| pace.since_byte),
                WAITS => measured.honours = gaps(&primary).first().map(|gap| *gap >= 1_990_000),
                id if id.starts_with(FAILS) => measured.failing(&primary),
                _ => {}
            }
        }
        measured
    }

    fn failing(&mut self, primary: &[&Attempt]) {
        let attempts = u32::try_from(primary.len()).unwrap_or(u32::MAX);
        self.attempts = self.attempts.max(Some(attempts));
        for (nth, gap) in gaps(primary).into_iter().enumerate() {
            match self.waits.get_mut(nth) {
                Some((least, most)) => (*least, *most) = (gap.min(*least), gap.max(*most)),
                None => self.waits.push((gap, gap)),
            }
        }
    }

    /// A policy that states what was measured where it is not what the client was told, and says of all else that it is. What the
    /// suite has no time for (keys of the policy) is only told of.
    pub fn policy(&self, about: &str, told: &Policy, too_long: &[&str]) -> String {
        let head =
            format!("# {about}, measured by `brownout init`. What is not stated here is as the default policy says.\n");
        let line = |(stated, comment): (Option<String>, String)| match stated {
            None => format!("# {comment}\n"),
            Some(stated) if too_long.iter().any(|key| stated.starts_with(&format!("{key}:"))) => {
                format!("# {comment}; the suite has no time for `{stated}`\n")
            }
            Some(stated) => format!("{stated}   # {comment}\n"),
        };
        let lines = [
            self.counted(told),
            self.backoff(told),
            timer("attempt_timeout", "a silent provider", self.attempt_timeout, *told.attempt_timeout),
            timer("idle_timeout", "a stream that stalls", self.idle_timeout, *told.idle_timeout),
            self.named(),
        ];
        [head, "version: 1\n".to_owned()].into_iter().chain(lines.map(line)).collect()
    }

    fn counted(&self, told: &Policy) -> (Option<String>, String) {
        let stated = self.attempts.filter(|n| *n != told.attempts).map(|n| format!("attempts: {n}"));
        (stated, format!("{} attempts at a provider that only fails", self.attempts.unwrap_or_default()))
    }

    fn named(&self) -> (Option<String>, String) {
        let cut = self.honours == Some(false);
        let comment = match self.honours {
            Some(false) => "a wait of 2 s was cut short",
            Some(true) => "a wait of 2 s that was asked for was waited out",
            None => "after a 429 that asked for 2 s it did not come again",
        };
        (cut.then(|| "retry_after: { honour: false }".to_owned()), comment.to_owned())
    }

    fn backoff(&self, told: &Policy) -> (Option<String>, String) {
        let Some((least, most)) = self.waits.first().copied() else { return (None, "no wait was seen".to_owned()) };
        let seen = self.waits.iter().map(|(least, most)| format!("{:.2} to {:.2} s", seconds(*least), seconds(*most)));
        let seen = format!("waits of {}, over {REQUESTS} requests", seen.collect::<Vec<_>>().join(", then "));
        if self.waits.iter().zip(0..).all(|(wait, nth)| fits(*wait, nth, told)) {
            return (None, seen);
        }
        let second = self.waits.get(1).map_or(most, |(_, most)| *most);
        let factor = (second as f64 / most.max(1) as f64 * 10.0).round().max(10.0) / 10.0;
        let cap = self.waits.iter().map(|(_, most)| *most).max().unwrap_or(most);
        let jitter = jitter(least as f64 / most.max(1) as f64);
        let (first, cap) = (rounded_up(most), rounded_up(cap));
        (Some(format!("backoff: {{ first: {first}ms, factor: {factor}, cap: {cap}ms, jitter: {jitter} }}")), seen)
    }
}

/// Waits from the head of each reply, or its end, to the next attempt.
fn gaps(attempts: &[&Attempt]) -> Vec<Micros> {
    let gap = |pair: &[&Attempt]| {
        pair[1].arrived.saturating_sub(pair[0].first_byte.or(pair[0].ended).unwrap_or(pair[0].arrived))
    };
    attempts.windows(2).map(gap).collect()
}

/// Whether the policy that the client was told explains a wait, with the allowance of upper bounds.
fn fits((least, most): (Micros, Micros), nth: i32, told: &Policy) -> bool {
    let backoff = &told.backoff;
    let nominal = backoff.first.as_secs_f64() * backoff.factor.powi(nth);
    let nominal = nominal.min(backoff.cap.as_secs_f64());
    seconds(least) + 0.002 >= nominal * backoff.jitter.least() && seconds(most) <= nominal + 0.05
}

/// The narrowest spread that explains the least share seen of a wait.
fn jitter(share: f64) -> &'static str {
    match share {
        share if share >= 0.97 => "none",
        share if share >= Jitter::Proportional.least() * 0.95 => "proportional",
        share if share >= Jitter::Equal.least() * 0.95 => "equal",
        _ => "full",
    }
}

fn timer(key: &str, what: &str, seen: Option<Micros>, told: std::time::Duration) -> (Option<String>, String) {
    let Some(seen) = seen else { return (None, format!("{what} was not given up by any timer of an attempt")) };
    let comment = format!("{what} was given up after {:.2} s", seconds(seen));
    let as_told = (seconds(seen) - told.as_secs_f64()).abs() <= 0.05 + told.as_secs_f64() / 10.0;
    ((!as_told).then(|| format!("{key}: {}ms", rounded_up(seen))), comment)
}

fn seconds(micros: Micros) -> f64 {
    micros as f64 / 1e6
}

/// Milliseconds, up to the next fifty: what was seen is never quite the most.
fn rounded_up(micros: Micros) -> u64 {
    micros.div_ceil(50_000) * 50
}
