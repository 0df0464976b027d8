//! What a scenario itself expects: all of its groups, in each any one of the alternatives.

use super::{ALLOWANCE, Breach, Findings, Level, Load, Rule, View, view};
use crate::{
    causes::ResultWord,
    scenario::{Expect, ExpectedOutcome, Host},
    transcript::UserRequest,
};

/// The rows of this family.
pub static RULES: &[Rule] = &[Rule {
    slug: "as-expected",
    level: Level::Must,
    needs: None,
    per_user: true,
    load: Load::Choice,
    sentence: "What the scenario itself expects, and no rule can derive.",
    source: "the scenario's `expect`",
    remedy: "Read the scenario's `why`.",
    judge: as_expected,
}];

pub fn as_expected(view: &View) -> Findings {
    let mut findings = exit_as_expected(view);
    let told_apart = view.t.attempts.iter().all(|attempt| attempt.user.is_some());
    for (user, request) in view.users().filter(|_| told_apart) {
        for (group, alternatives) in request.expect.iter().enumerate() {
            let problems: Vec<_> = alternatives
                .iter()
                .enumerate()
                .map(|(nth, expect)| problems(view, user, expect, &format!("{group}.{nth}")))
                .collect();
            let met = problems.iter().any(Vec::is_empty);
            findings.check(!met, || closest(user, problems));
        }
    }
    for (host, count) in &view.t.total {
        let n = view.t.attempts.iter().filter(|attempt| attempt.host == *host).count();
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        findings.check(!count.covers(n), || {
            Breach::of_all(format_args!("{n} attempts at the {host}, all users together"), format_args!("{count}"))
        });
    }
    findings
}

/// A command's exit status, where somebody said what it must be.
fn exit_as_expected(view: &View) -> Findings {
    let mut findings = Findings::default();
    let Some(command) = &view.t.command else { return findings };
    if let Some(expected) = command.expected_exit {
        findings.check(command.exit != Some(expected), || {
            let actual = command.ended.clone().unwrap_or_else(|| "it had to be ended".to_owned());
            Breach { load: Some(Load::Immune), ..Breach::of_all(actual, format_args!("exit status {expected}")) }
        });
    }
    findings
}

/// One thing that differs: actual, expected.
type Problem = (String, String);

/// The breach of the alternative that came closest.
fn closest(user: usize, problems: Vec<Vec<Problem>>) -> Breach {
    let many = problems.len() > 1;
    let best = problems.into_iter().min_by_key(Vec::len).unwrap_or_default();
    let (actual, expected): (Vec<_>, Vec<_>) = best.into_iter().unzip();
    let suffix = if many { " (or another alternative)" } else { "" };
    Breach::of_user(user, actual.join("; "), format_args!("{}{suffix}", expected.join("; ")))
}

fn problems(view: &View, user: usize, expect: &Expect, place: &str) -> Vec<Problem> {
    let request = &view.t.users[user];
    let mut problems = Vec::new();
    problems.extend(outcome_problem(view, request, &expect.outcome));
    problems.extend(expect.attempts.iter().filter_map(|(host, count)| {
        let n = u32::try_from(view.at(user, *host).count()).unwrap_or(u32::MAX);
        (!count.covers(n)).then(|| (format!("{n} attempts at the {host}"), count.to_string()))
    }));
    problems.extend(expect.within.and_then(|within| lateness_problem(request, view::micros(within))));
    problems.extend(expect.sent.iter().filter_map(|(host, bound)| sent_problem(view, user, *host, *bound)));
    let differs = request.outcome.as_ref().and_then(|outcome| outcome.mismatches.get(place));
    problems.extend(
        differs.into_iter().flatten().map(|pointer| (format!("{pointer} differs"), format!("{pointer} as stated"))),
    );
    problems
}

fn outcome_problem(view: &View, request: &UserRequest, expected: &[ExpectedOutcome]) -> Option<Problem> {
    let outcome = request.outcome.as_ref();
    let result = outcome.map_or(request.left.map(|_| ResultWord::Cancelled), |outcome| Some(outcome.result.word()));
    let class = outcome.and_then(|outcome| outcome.class);
    let same = |wanted| class.is_some_and(|class| view.t.same_class(wanted, class));
    let met = |wanted: &ExpectedOutcome| Some(wanted.result) == result && wanted.class.is_none_or(same);
    if expected.is_empty() || expected.iter().any(met) {
        return None;
    }
    let words: Vec<_> = expected.iter().map(|wanted| in_words(Some(wanted.result), wanted.class)).collect();
    Some((in_words(result, class), words.join(" or ")))
}

fn in_words(result: Option<ResultWord>, class: Option<crate::causes::Class>) -> String {
    match (result, class) {
        (None, _) => "no outcome".to_owned(),
        (Some(result), None) => result.to_string(),
        (Some(result), Some(class)) => format!("{result}: {class}"),
    }
}

fn lateness_problem(request: &UserRequest, within: u64) -> Option<Problem> {
    let took = request.ended.map_or(u64::MAX, |ended| ended.saturating_sub(request.arrived));
    (took > within + ALLOWANCE).then(|| {
        let actual = request
            .ended
            .map_or_else(|| "no outcome".to_owned(), |_| format!("the outcome came after {}", view::seconds(took)));
        (actual, format!("within {}", view::seconds(within)))
    })
}

fn sent_problem(view: &View, user: usize, host: Host, bound: u64) -> Option<Problem> {
    let sent: u64 = view.at(user, host).map(|(_, attempt)| attempt.sent).sum();
    (sent > bound).then(|| (format!("{sent} bytes taken from the {host}"), format!("at most {bound}")))
}
