//! Silence after a head: given up in time, and not before.

use super::{ALLOWANCE, Breach, Capability, Findings, GRAIN, Level, Load, Rule, View, view};
use crate::{
    causes::Wire,
    client::ResultKind,
    scenario::Host,
    transcript::{Attempt, Micros, Pace},
};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "idle-timeout-kept",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Sensitive,
        sentence: "A reply that falls silent after its head is given up in time: without any byte, and on streams without content; \
                   whether keep-alives are progress is the policy's, within its bound.",
        source: "mission, step 4: per-attempt timeout; stream-idle-no-timeout, ttft-keepalive-defeats-read-timeout, stall-drip-feed",
        remedy: "Give the reader two timers: one that every byte resets, and one that only content resets.",
        judge: idle_timeout_kept,
    },
    Rule {
        slug: "healthy-stream-kept",
        level: Level::Must,
        needs: Some(Capability::Stream),
        per_user: true,
        load: Load::Sensitive,
        sentence: "A slow stream that makes progress is not cut before the deadline.",
        source: "stall-total-timeout-kills-healthy, stream-idle-wrong-layer, lb-idle-cut-during-thinking",
        remedy: "Bound a stream by its silence and by the total deadline, and by nothing else.",
        judge: healthy_stream_kept,
    },
];

/// How long a reply may be silent.
struct Patience {
    /// Without a byte.
    bytes: Micros,
    /// Without content; `None`: no stream was asked for, or none came.
    content: Option<Micros>,
}

impl Patience {
    fn of(view: &View, attempt: &Attempt) -> Self {
        let (policy, parser) = (view.policy(), &view.policy().parser);
        let (idle, semantic) = (view::micros(*policy.idle_timeout), view::micros(*policy.semantic_idle_timeout));
        if !asked_for_stream(attempt) || !attempt.reply.stream || !succeeded(attempt) {
            return Patience { bytes: idle, content: None };
        }
        if parser.keepalive_is_progress {
            // Then every byte resets the semantic timer too, as long as the bound allows.
            let bound = view::micros(*parser.keepalive_bound);
            return Patience { bytes: idle.min(semantic), content: Some(semantic.max(bound)) };
        }
        Patience { bytes: idle, content: Some(semantic) }
    }
}

/// When the timers of the policy end an attempt as it went, the one that runs out first.
pub(super) fn due(view: &View, attempt: &Attempt) -> Micros {
    let silence = silence_due(view, attempt).map(|(due, _)| due);
    attempt_due(view, attempt).into_iter().chain(silence).min().unwrap_or(Micros::MAX)
}

/// When the attempt's own timeout runs out: on the head of a stream, on all of a plain reply. `None`: the head was in time.
fn attempt_due(view: &View, attempt: &Attempt) -> Option<Micros> {
    let due = attempt.arrived + attempt_limit(view, attempt);
    let head = attempt.first_byte.filter(|_| asked_for_stream(attempt) && attempt.reply.status.is_some());
    head.is_none_or(|head| head > due + ALLOWANCE).then_some(due)
}

/// How long the policy lets an attempt last: to the head of a stream, to the last byte of a plain reply.
pub(super) fn attempt_limit(view: &View, attempt: &Attempt) -> Micros {
    let policy = view.policy();
    view::micros(match attempt.host {
        Host::Fallback => *policy.fallback.timeout,
        Host::Primary | Host::Elsewhere => *policy.attempt_timeout,
    })
}

/// When the silence at the end of a reply is long enough, and of what there was too little.
fn silence_due(view: &View, attempt: &Attempt) -> Option<(Micros, &'static str)> {
    let pace = attempt.pace.filter(|pace| pace.complete.is_none())?;
    let (over, patience) = (view.over(attempt), Patience::of(view, attempt));
    let bytes = (over.saturating_sub(pace.since_byte) + patience.bytes, "a byte");
    let content = patience.content.map(|content| (over.saturating_sub(pace.since_content) + content, "content"));
    content.into_iter().chain([bytes]).min()
}

pub fn idle_timeout_kept(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (index, attempt) in view.t.attempts.iter().enumerate() {
        let Some(pace) = attempt.pace else { continue };
        let silence = gap(view, attempt, &pace).or_else(|| last_silence(view, attempt, &pace));
        findings.check(silence.is_some(), || {
            let (silent, of, limit) = silence.unwrap_or_default();
            let actual = format!(
                "attempt {} at the {} went on through {} without {of}",
                attempt.number,
                attempt.host,
                view::seconds(silent)
            );
            let expected = format!("given up within {}", view::seconds(limit));
            Breach { user: attempt.user, ..Breach::of_all(actual, expected) }.at(index)
        });
    }
    findings
}

/// Whether `idle-timeout-kept` speaks of an attempt.
pub(super) fn went_on(view: &View, attempt: &Attempt) -> bool {
    attempt.pace.is_some_and(|pace| gap(view, attempt, &pace).or_else(|| last_silence(view, attempt, &pace)).is_some())
}

/// How long, without what, and how long it may be.
type Silence = (Micros, &'static str, Micros);

/// A silence that was waited out before the reply went on.
fn gap(view: &View, attempt: &Attempt, pace: &Pace) -> Option<Silence> {
    // On a connection that was left open, nobody waited.
    if view.over(attempt) > view.waited_until(attempt) + ALLOWANCE {
        return None;
    }
    let patience = Patience::of(view, attempt);
    // Where the attempt's own timeout ran out before any such silence could, that one was broken.
    let earliest = attempt.first_byte.unwrap_or(attempt.arrived) + patience.bytes;
    if attempt_due(view, attempt).is_some_and(|due| due < earliest) {
        return None;
    }
    let bytes = Some((pace.idle, "a byte", patience.bytes));
    let content = patience.content.map(|content| (pace.semantic_idle, "content", content));
    bytes.into_iter().chain(content).find(|(silent, _, limit)| *silent > limit + ALLOWANCE)
}

/// The silence at the end of a reply that was left too late, unless the attempt's own timeout ran out before.
fn last_silence(view: &View, attempt: &Attempt, pace: &Pace) -> Option<Silence> {
    let (due, of) = silence_due(view, attempt)?;
    let until = waited_for_reply(view, attempt);
    let first = attempt_due(view, attempt).is_none_or(|attempt| due <= attempt);
    let since = if of == "content" { pace.since_content } else { pace.since_byte };
    let began = view.over(attempt).saturating_sub(since);
    (first && until > due + ALLOWANCE).then(|| (until - began, of, due - began))
}

/// Until when the user was kept waiting. The status of an error is enough to go on, so its body need not be left.
fn waited_for_reply(view: &View, attempt: &Attempt) -> Micros {
    let next = attempt.user.into_iter().flat_map(|user| view.of_user(user)).map(|(_, next)| next.arrived);
    let next = next.filter(|next| !succeeded(attempt) && *next > attempt.arrived);
    next.chain([view.waited_until(attempt)]).min().unwrap_or_default()
}

pub fn healthy_stream_kept(view: &View) -> Findings {
    let mut findings = Findings::default();
    // Who left, or was waited for no longer, took the stream along.
    for (user, _) in view.users().filter(|(_, request)| request.ended.is_some()) {
        for (index, attempt) in
            view.of_user(user).filter(|(_, attempt)| asked_for_stream(attempt) && succeeded(attempt))
        {
            let (Some(pace), true) = (attempt.pace, attempt.reply.stream) else { continue };
            findings.check(cut(view, user, attempt, &pace), || {
                let after = view.over(attempt).saturating_sub(attempt.arrived);
                let actual = format!(
                    "attempt {} at the {} was cut after {}, {} after the last byte and {} after the last content",
                    attempt.number,
                    attempt.host,
                    view::seconds(after),
                    view::seconds(pace.since_byte),
                    view::seconds(pace.since_content)
                );
                Breach::of_user(user, actual, "a stream that makes progress is read on").at(index)
            });
        }
    }
    findings
}

/// Whether the client left a stream before any timer ran out, and without any reason in the stream itself.
fn cut(view: &View, user: usize, attempt: &Attempt, pace: &Pace) -> bool {
    // After a finish reason, its grace is enough.
    let ending = pace.complete.is_some() || pace.flawed || !attempt.reply.finish.is_empty();
    // A client that crashed has a rule of its own.
    let crashed = view.t.users[user].outcome.as_ref().is_some_and(|outcome| outcome.result == ResultKind::Unusable);
    let (Some(ended), Wire::GaveUpInStream, false) = (attempt.ended, attempt.wire, ending || crashed) else {
        return false;
    };
    let patience = Patience::of(view, attempt);
    let silent = pace.since_byte + GRAIN >= patience.bytes;
    let empty = patience.content.is_some_and(|content| pace.since_content + GRAIN >= content);
    // A stream that has brought nothing may be left for the fallback's sake.
    let brought = attempt.reply.text > 0 || !attempt.reply.calls.is_empty();
    let for_the_reserve = attempt.host == Host::Primary && !brought && ended + GRAIN >= view.reserve_begins(user);
    // Whatever the client does next, no stream is read beyond the deadline.
    let at_the_deadline = ended + GRAIN >= view.t.users[user].arrived + view::micros(*view.policy().deadline);
    !silent && !empty && !for_the_reserve && !at_the_deadline
}

fn asked_for_stream(attempt: &Attempt) -> bool {
    attempt.request.as_ref().is_some_and(|request| request.stream)
}

fn succeeded(attempt: &Attempt) -> bool {
    attempt.reply.status.is_some_and(|status| (200..300).contains(&status))
}
