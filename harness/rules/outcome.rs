//! What the client makes of replies: nothing broken passes as success, nothing good is thrown away.

use super::{ALLOWANCE, Breach, Capability, Findings, Level, Load, Rule, View, answer::is_refusal, time, view};
use crate::{
    causes::{Body, ResultWord},
    scenario::Host,
    transcript::{Attempt, Delivered, OutcomeFacts},
};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "committed-answer",
        level: Level::Must,
        needs: Some(Capability::Stream),
        per_user: true,
        load: Load::Immune,
        sentence: "After the first delta reached the user there is no silent retry and no fallback, and nothing is glued on.",
        source: "causes.yaml, adjust `committed`; fb-midstream-retry-duplicates-text, fallback-after-partial-duplicates",
        remedy: "Once text was delivered, end the stream with an error that says so; let the user decide.",
        judge: committed_answer,
    },
    Rule {
        slug: "honest-success",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Immune,
        sentence: "`completed` only if one provider served a complete answer, and the text is that answer.",
        source: "mission, step 2; stream-cut-forwarded-as-success, end-eof-no-terminal, body-200-truncated-json",
        remedy: "Complete a stream on its terminal signal only, and a body only if it parses whole.",
        judge: honest_success,
    },
    Rule {
        slug: "answer-belongs",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Immune,
        sentence: "Every delivered piece comes from this user's attempts, and all from one.",
        source: "stream-error-cross-talk, fallback-after-partial-duplicates",
        remedy: "Keep the buffers of attempts and users apart; start the answer anew with each attempt.",
        judge: answer_belongs,
    },
    Rule {
        slug: "error-not-success",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Immune,
        sentence: "An error payload (200 or not, whole or mid-stream) is never a completion.",
        source: "mission, step 2: avoid treating an error payload as a successful completion; status-200-with-error-body",
        remedy: "Look for a non-null `error` before reading choices, in bodies and in every event.",
        judge: error_not_success,
    },
    Rule {
        slug: "valid-reply-accepted",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Choice,
        sentence: "A legal answer, however unusual, is accepted.",
        source: "mission, step 2: parse the response without null-reference errors; contract.md section 4",
        remedy: "Require only what the contract promises: choices and a message; treat everything else as optional.",
        judge: valid_reply_accepted,
    },
];

/// The completed outcomes, with their users.
pub(super) fn completions<'a>(view: &View<'a>) -> impl Iterator<Item = (usize, &'a OutcomeFacts)> {
    view.users().filter_map(|(user, request)| {
        let outcome = request.outcome.as_ref()?;
        (outcome.result.word() == ResultWord::Completed).then_some((user, outcome))
    })
}

/// The attempt an answer comes from: that of its text, else the user's last.
pub(super) fn origin(view: &View, user: usize, outcome: &OutcomeFacts) -> Option<usize> {
    let spans = outcome.text.iter().chain(&outcome.streamed).flat_map(|text| &text.spans);
    spans.map(|span| span.attempt).next().or_else(|| view.of_user(user).last().map(|(index, _)| index))
}

/// Whether text is of one piece, from one attempt: all else is for `answer-belongs`.
fn of_one_piece(text: &Delivered) -> bool {
    text.foreign == 0 && text.spans.iter().all(|span| span.attempt == text.spans[0].attempt)
}

pub fn honest_success(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, outcome) in completions(view) {
        let Some(index) = origin(view, user, outcome) else {
            findings.check(true, || {
                Breach::of_user(user, "completed without any attempt", "an answer that a provider served")
            });
            continue;
        };
        let attempt = &view.t.attempts[index];
        let texts: Vec<_> = outcome.text.iter().chain(&outcome.streamed).collect();
        if carries_error(attempt) || is_refusal(view.ended(index).cause) || !texts.iter().all(|text| of_one_piece(text))
        {
            continue;
        }
        let accepted = view.cells(index).is_none_or(|cells| cells.results.contains(&ResultWord::Completed));
        findings.check(!accepted, || {
            Breach::of_user(user, format_args!("completed after {}", view.ended(index).name()), "a failure").at(index)
        });
        findings.check(accepted && !hands_on_its_end(view, index, outcome), || {
            let word = outcome.finish_reason.as_deref().unwrap_or("no finish_reason");
            Breach::of_user(user, format_args!("completed with {word}"), "the finish_reason as served").at(index)
        });
        // Where text was served and none handed over, there is no text that is not whole.
        let lost = texts.is_empty() && attempt.reply.trimmed > 0;
        let whole = !lost && texts.iter().all(|text| is_whole(text, attempt));
        // Of what was no answer nothing is missing.
        findings.check(accepted && !whole, || {
            let got = texts.iter().map(|text| text.length).max().unwrap_or(0);
            let actual =
                format!("{got} of the {} characters served were handed over as the answer", attempt.reply.text);
            Breach::of_user(user, actual, "the whole answer, once").at(index)
        });
    }
    findings
}

/// An answer that was cut, or ended with an unknown word, is completed only with that word handed on, or with the listed one
/// that says the same.
fn hands_on_its_end(view: &View, index: usize, outcome: &OutcomeFacts) -> bool {
    let told = |words: &[String]| outcome.finish_reason.as_ref().is_some_and(|word| words.contains(word));
    match view.ended(index).cause.map(|cause| cause.id.as_str()) {
        // Of several choices each has its own word.
        Some("cut-by-length") => told(&view.t.attempts[index].reply.finish),
        // A plain reply without the word has none to hand on.
        Some("finish-unlisted") => {
            let words = &view.t.attempts[index].reply.finish;
            let said = words.iter().filter_map(|word| listed_word(word)).any(|word| told(&[word.to_owned()]));
            told(words) || said || words.iter().all(|word| word == "unlisted")
        }
        _ => true,
    }
}

/// The listed word for one of another vocabulary, where both say the same: who translates it hides nothing.
fn listed_word(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "stop" | "end_turn" | "stop_sequence" => Some("stop"),
        "length" | "max_tokens" => Some("length"),
        "tool_calls" | "tool_use" => Some("tool_calls"),
        "content_filter" => Some("content_filter"),
        _ => None,
    }
}

/// The text is the attempt's from end to end, give or take the white space around it.
fn is_whole(text: &Delivered, attempt: &Attempt) -> bool {
    let contiguous = text.spans.windows(2).all(|pair| pair[0].to == pair[1].from);
    contiguous && (attempt.reply.trimmed..=attempt.reply.text).contains(&text.length)
}

fn carries_error(attempt: &Attempt) -> bool {
    attempt.reply.body.contains(&Body::Error) || attempt.reply.status.is_some_and(|status| status >= 300)
}

pub fn error_not_success(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        let Some(outcome) = &request.outcome else { continue };
        let Some(index) = origin(view, user, outcome) else { continue };
        let attempt = &view.t.attempts[index];
        if !carries_error(attempt) || view.good(index) {
            continue;
        }
        findings.check(outcome.result.word() == ResultWord::Completed, || {
            Breach::of_user(user, format_args!("completed after {}", view.ended(index).name()), "an error").at(index)
        });
    }
    findings
}

pub fn answer_belongs(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        let Some(outcome) = &request.outcome else { continue };
        for text in outcome.text.iter().chain(&outcome.streamed) {
            let owner = |attempt: usize| view.t.attempts[attempt].user;
            let stranger = text.spans.iter().find(|span| owner(span.attempt) != Some(user));
            let problem = if text.foreign > 0 {
                Some(format!("{} characters that no provider served", text.foreign))
            } else if let Some(span) = stranger {
                Some(format!("text of attempt {} of another user", view.t.attempts[span.attempt].number))
            } else {
                (!of_one_piece(text)).then(|| "pieces of several attempts in one answer".to_owned())
            };
            findings.check(problem.is_some(), || {
                Breach::of_user(user, problem.unwrap_or_default(), "text of one attempt of this user request")
            });
        }
    }
    findings
}

pub fn committed_answer(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, _) in view.users() {
        let attempts: Vec<_> = view.of_user(user).filter(|(_, a)| Host::PROVIDERS.contains(&a.host)).collect();
        let Some(place) = attempts.iter().position(|(index, _)| view.ended(*index).committed) else { continue };
        let later = attempts.get(place + 1);
        findings.check(later.is_some(), || {
            let (index, next) = later.expect("checked in the condition");
            let actual = format!("attempt {} at the {} after text had reached the user", next.number, next.host);
            Breach::of_user(user, actual, "no further attempt: the stream ends with an error").at(*index)
        });
    }
    findings
}

pub fn valid_reply_accepted(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        // What was asked for after the outcome cannot have been accepted: `nothing-after-the-end` speaks of it.
        let before = |attempt: &Attempt| request.ended.is_some_and(|ended| attempt.arrived <= ended);
        let last = view.of_user(user).filter(|(_, a)| Host::PROVIDERS.contains(&a.host) && before(a)).last();
        let (Some(outcome), Some((index, attempt))) = (&request.outcome, last) else { continue };
        // Once text of an earlier attempt was shown, no later answer may be handed over.
        let shown_before = view.of_user(user).any(|(earlier, _)| earlier != index && view.ended(earlier).committed);
        let accepted = outcome.result.word() == ResultWord::Completed;
        // One that may have come too late need not be accepted; if it was, all is well.
        if request.left.is_some() || shown_before || !view.good(index) || !(accepted || came_in_time(view, attempt)) {
            continue;
        }
        findings.check(!accepted, || {
            let class = outcome.class.map_or_else(|| "no class".to_owned(), |class| class.to_string());
            Breach::of_user(user, format_args!("a legal answer ended as failed ({class})"), "completed").at(index)
        });
    }
    findings
}

/// The reply was out well before any limit of the policy could have ended it.
fn came_in_time(view: &View, attempt: &Attempt) -> bool {
    let (policy, user) = (view.policy(), attempt.user.map(|user| &view.t.users[user]));
    let last = attempt.last_byte.unwrap_or(u64::MAX);
    let deadline = user.map_or(0, |user| user.arrived) + view::micros(*policy.deadline);
    let limit = if attempt.host == Host::Fallback { policy.fallback.timeout } else { policy.attempt_timeout };
    let bounded = if attempt.reply.stream { attempt.first_byte.unwrap_or(u64::MAX) } else { last };
    let before = |moment: u64, limit: u64| moment.saturating_add(ALLOWANCE) < limit;
    before(last, deadline) && before(bounded, time::began(attempt) + view::micros(*limit))
}
