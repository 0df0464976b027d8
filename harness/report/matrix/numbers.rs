//! What a client did, in numbers: only of scenarios with a lone user, where nobody else held it up.

use serde::Serialize;

use crate::{
    causes::{Causes, ResultWord},
    rules::View,
    transcript::{Micros, OutcomeFacts, Transcript},
};

/// What a client did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Numbers {
    /// User requests whose first attempt brought no good answer.
    pub troubled: usize,
    /// Of those: ended as a failure.
    pub failed: usize,
    /// Attempts at both providers, on the average of the failed ones.
    pub attempts_mean: f64,
    /// The most attempts of one of them.
    pub attempts_most: usize,
    /// Waits before another attempt at the same provider, where the reply named none.
    pub own_gaps: Gaps,
    /// The same where the reply named a wait.
    pub named_gaps: Gaps,
    /// Streams that broke off and were handed over as completed.
    pub silent_truncations: usize,
    /// The longest that a user waited for an outcome.
    pub longest: Micros,
}

/// Waits, in microseconds: from the head of the failed reply, or from its end where no head came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Gaps {
    /// How many.
    pub n: usize,
    /// The shortest.
    pub least: Micros,
    /// The one in the middle.
    pub median: Micros,
    /// The longest.
    pub most: Micros,
}

impl Gaps {
    fn of(mut gaps: Vec<Micros>) -> Self {
        gaps.sort_unstable();
        let at = |place: usize| gaps.get(place).copied().unwrap_or_default();
        Gaps { n: gaps.len(), least: at(0), median: at(gaps.len() / 2), most: at(gaps.len().saturating_sub(1)) }
    }
}

impl Numbers {
    pub(super) fn of<'a>(transcripts: impl Iterator<Item = &'a Transcript>) -> Self {
        let mut numbers = Numbers::default();
        let (mut attempts, mut own, mut named) = (Vec::new(), Vec::new(), Vec::new());
        for transcript in transcripts.filter(|transcript| transcript.users.len() == 1) {
            let view = View::new(transcript, Causes::embedded());
            let user = &transcript.users[0];
            let outcome = user.outcome.as_ref();
            numbers.longest = numbers.longest.max(user.ended.unwrap_or_default().saturating_sub(user.arrived));
            numbers.silent_truncations += usize::from(outcome.is_some_and(|outcome| truncates(&view, outcome)));
            if view.of_user(0).next().is_none_or(|(index, _)| view.good(index)) {
                continue;
            }
            numbers.troubled += 1;
            if outcome.is_some_and(|outcome| outcome.result.word() == ResultWord::Failed) {
                attempts.push(view.of_user(0).count());
            }
            gaps(&view, &mut own, &mut named);
        }
        numbers.failed = attempts.len();
        numbers.attempts_mean = attempts.iter().sum::<usize>() as f64 / attempts.len().max(1) as f64;
        numbers.attempts_most = attempts.into_iter().max().unwrap_or_default();
        Numbers { own_gaps: Gaps::of(own), named_gaps: Gaps::of(named), ..numbers }
    }
}

fn gaps(view: &View, own: &mut Vec<Micros>, named: &mut Vec<Micros>) {
    for ((_, attempt), (_, next)) in view.retries(0) {
        let since = attempt.first_byte.unwrap_or_else(|| view.over(attempt));
        let gaps = if attempt.reply.wait.is_some() { &mut *named } else { &mut *own };
        gaps.push(next.arrived.saturating_sub(since));
    }
}

/// Whether the answer that was handed over as completed is a stream that broke off.
fn truncates(view: &View, outcome: &OutcomeFacts) -> bool {
    let spans = outcome.text.iter().chain(&outcome.streamed).flat_map(|text| &text.spans);
    let origin = spans.map(|span| span.attempt).next();
    let Some(index) = origin.or_else(|| view.of_user(0).last().map(|(index, _)| index)) else { return false };
    let attempt = &view.t.attempts[index];
    let broken = view.cells(index).is_some_and(|cells| !cells.results.contains(&ResultWord::Completed));
    outcome.result.word() == ResultWord::Completed && attempt.reply.stream && broken
}
