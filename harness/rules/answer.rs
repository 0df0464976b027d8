//! What stands in an answer besides its text: refusals, usage, tool calls.

use super::{Breach, Capability, Findings, Level, Load, Rule, View, outcome::completions, outcome::origin};
use crate::{
    causes::{Cause, ResultWord},
    client::ResultKind,
    transcript::{Attempt, OutcomeFacts},
};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "refusal-handled",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Immune,
        sentence: "Refusals, filtered and empty answers follow the policy, and say what they are.",
        source: "mission, step 2: handle empty, refused, or policy-driven outputs according to your product rules; shape-refusal-with-null-content",
        remedy: "Look for `refusal` and `content_filter` before the text; decide by product rule what a user sees.",
        judge: refusal_handled,
    },
    Rule {
        slug: "usage-true",
        level: Level::Must,
        needs: Some(Capability::Usage),
        per_user: true,
        load: Load::Immune,
        sentence: "Usage is reported when and only when it was served, and as served.",
        source: "mission, step 2: record usage metadata only when present; usage-never-sent-in-stream, usage-chunk-with-nonempty-choices",
        remedy: "Keep usage optional; take it from whatever chunk brings it, and invent none.",
        judge: usage_true,
    },
    Rule {
        slug: "tool-calls-whole",
        level: Level::Must,
        needs: Some(Capability::Tools),
        per_user: true,
        load: Load::Immune,
        sentence: "A tool call is handed over only after a completing signal, whole, its arguments exactly as served.",
        source: "tool-fragment-is-valid-json, finish-length-inside-tool-args, tool-malformed-args-poison-history",
        remedy: "Collect fragments by index to the end of the answer; hand arguments over as they came, or fail.",
        judge: tool_calls_whole,
    },
];

/// Causes of answers that hold no answer: `refusal-handled` speaks of them, and nobody else.
pub fn is_refusal(cause: Option<&Cause>) -> bool {
    cause.is_some_and(|cause| matches!(cause.id.as_str(), "refusal" | "content-filtered" | "blank-answer"))
}

pub fn refusal_handled(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users().filter(|(_, request)| request.left.is_none()) {
        let Some(outcome) = &request.outcome else { continue };
        let Some(index) = origin(view, user, outcome).filter(|index| is_refusal(view.ended(*index).cause)) else {
            continue;
        };
        let Some(cells) = view.cells(index) else { continue };
        let attempt = &view.t.attempts[index];
        let told = outcome.result != ResultKind::Completed || says_what_it_is(view, index, attempt, outcome);
        findings.check(!cells.results.contains(&outcome.result.word()) || !told, || {
            let right: Vec<String> = cells.results.iter().map(ToString::to_string).collect();
            let hint = if told { "" } else { ", and then as what it is" };
            let actual = format!("{} after {}", outcome.result.word(), view.ended(index).name());
            Breach::of_user(user, actual, format_args!("{}{hint}", right.join(" or "))).at(index)
        });
    }
    findings
}

/// A completion of no answer hands on the filter's word, or no text that was not served.
fn says_what_it_is(view: &View, index: usize, attempt: &Attempt, outcome: &OutcomeFacts) -> bool {
    let filtered = view.ended(index).cause.is_some_and(|cause| cause.id == "content-filtered");
    let length = outcome.text.as_ref().map_or(0, |text| text.length);
    (!filtered || outcome.finish_reason.as_deref() == Some("content_filter")) && length <= attempt.reply.text
}

pub fn usage_true(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, outcome) in completions(view) {
        let Some(index) = origin(view, user, outcome) else { continue };
        let reply = &view.t.attempts[index].reply;
        let problem = match (&reply.usage, &outcome.usage) {
            (None, None) => None,
            (None, Some(_)) => Some("usage was reported that nobody served".to_owned()),
            (Some(served), Some(reported)) => reported
                .iter()
                .find(|(field, count)| served.get(*field).copied().unwrap_or(0) != **count)
                .map(|(field, count)| format!("{field} was reported as {count}")),
            // A stream without its last signal may have been left before usage came.
            (Some(_), None) if reply.stream && reply.end.is_some() => None,
            (Some(served), None) => (!served.is_empty()).then(|| "usage was served and not reported".to_owned()),
        };
        findings.check(problem.is_some(), || {
            let served = reply.usage.as_ref().map_or_else(|| "no usage".to_owned(), |usage| format!("{usage:?}"));
            Breach::of_user(user, problem.unwrap_or_default(), format_args!("as served: {served}")).at(index)
        });
    }
    findings
}

pub fn tool_calls_whole(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users().filter(|(_, request)| request.left.is_none()) {
        let Some(outcome) = &request.outcome else { continue };
        let Some(index) = origin(view, user, outcome) else { continue };
        let attempt = &view.t.attempts[index];
        if attempt.reply.calls.is_empty() && outcome.calls.is_empty() {
            continue;
        }
        let problem = problem_of_calls(view, index, attempt, outcome);
        findings.check(problem.is_some(), || {
            let (actual, expected) = problem.unwrap_or_default();
            Breach::of_user(user, actual, expected).at(index)
        });
    }
    findings
}

fn problem_of_calls(
    view: &View,
    index: usize,
    attempt: &Attempt,
    outcome: &OutcomeFacts,
) -> Option<(String, &'static str)> {
    let (served, handed) = (attempt.reply.calls.len(), outcome.calls.len());
    let completes = view.cells(index).is_none_or(|cells| cells.results.contains(&ResultWord::Completed));
    let cut = attempt.reply.finish.iter().any(|word| matches!(word.as_str(), "length" | "content_filter" | "error"));
    if handed > 0 && (!completes || cut || outcome.result != ResultKind::Completed) {
        return Some((
            format!("{handed} tool calls handed over after {}", view.ended(index).name()),
            "none: they may be half",
        ));
    }
    if handed == 0 && !cut && completes && outcome.result == ResultKind::Completed {
        return Some((format!("completed without the {served} tool calls served"), "all of them"));
    }
    let sorted = |calls: &[String]| {
        let mut calls = calls.to_vec();
        calls.sort_unstable();
        calls
    };
    (handed > 0 && sorted(&attempt.reply.calls) != sorted(&outcome.calls)).then(|| {
        (format!("{handed} tool calls that are not the {served} served"), "name and arguments exactly as served")
    })
}
