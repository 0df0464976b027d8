//! What a client says of a failure: which kind, in words fit for a user, with text that came before it, and never by breaking.

use super::{Breach, Capability, Findings, GRAIN, Level, Load, Rule, View, view};
use crate::{
    causes::{Cells, Class, ResultWord},
    client::{Channel, ResultKind},
    scenario::Host,
    transcript::{Attempt, OutcomeFacts, Unfit, UserRequest},
};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "error-classified",
        level: Level::Must,
        needs: None,
        per_user: true,
        load: Load::Choice,
        sentence: "The error is one of the classes, and the outcome one of the kinds, that fit the last cause.",
        source: "mission, contract table: did the client classify the error correctly; causes.yaml, column classes",
        remedy: "Classify by error code, then by status; give the class of the last cause, not of the first.",
        judge: error_classified,
    },
    Rule {
        slug: "error-fit-for-users",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "A failure is typed, not empty, says whether trying again helps, and holds no page and no stack trace.",
        source: "mission, step 3: user-visible error is acceptable when fallback is unsafe; body-200-html-as-string",
        remedy: "Build messages from class, status and code in words of your own; keep bodies and traces out of them.",
        judge: error_fit_for_users,
    },
    Rule {
        slug: "partial-labelled",
        level: Level::Must,
        needs: Some(Capability::Stream),
        per_user: true,
        load: Load::Immune,
        sentence: "Text delivered before a failure comes with the failure, and the reader's own loop learns of it.",
        source: "mission, contract table: streaming behaviour; err-toplevel-error-loses-partial, stream-error-cross-talk",
        remedy: "End the reader's loop with the error itself; a callback or a rejected promise beside it is not enough.",
        judge: partial_labelled,
    },
    Rule {
        slug: "no-crash",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Immune,
        sentence: "Failures are typed errors, never an unusable value, a null dereference or a panic, spawned tasks included.",
        source: "mission, step 2: parse the response without null-reference errors; body-200-error-with-null-choices",
        remedy: "Look before indexing; turn every shape that is not expected into a typed error.",
        judge: no_crash,
    },
    Rule {
        slug: "recovers",
        level: Level::Must,
        needs: None,
        per_user: false,
        load: Load::Sensitive,
        sentence: "A healthy request works after the scenario, once a breaker's hold is over.",
        source: "mission, step 4 of the review: full recovery time; pool-decay-after-24h, cancel-wait-not-call-holds-lock",
        remedy: "Let no failed request leave anything behind: give back permits, drop dead connections, let holds end.",
        judge: recovers,
    },
    Rule {
        slug: "attempts-true",
        level: Level::Should,
        needs: None,
        per_user: true,
        load: Load::Immune,
        sentence: "The client's own count of attempts equals the wire's.",
        source: "mission, step 5: retry attempt; retry-mult-12-of-4, breaker-probe-amplification-none",
        remedy: "Count in the one place that sends; a layer below that retries in silence makes the count a lie.",
        judge: attempts_true,
    },
];

/// Users that got an outcome themselves, in the order of arrival.
fn outcomes<'a>(view: &View<'a>) -> impl Iterator<Item = (usize, &'a UserRequest, &'a OutcomeFacts)> {
    let stayed = view.users().filter(|(_, request)| request.left.is_none());
    stayed.filter_map(|(user, request)| Some((user, request, request.outcome.as_ref()?)))
}

pub fn error_classified(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request, outcome) in outcomes(view) {
        // What arrived after the outcome did not cause it.
        let before = |attempt: &Attempt| request.ended.is_none_or(|ended| attempt.arrived <= ended);
        let attempts = view.of_user(user).filter(|(_, attempt)| Host::PROVIDERS.contains(&attempt.host));
        let last = attempts.filter(|(_, attempt)| before(attempt)).last();
        // What is no typed failure at all has rules of its own.
        let typed = matches!(outcome.result, ResultKind::Failed | ResultKind::Refused | ResultKind::Cancelled);
        let (Some((index, _)), true) = (last, typed) else { continue };
        let Some(cells) = view.cells(index).filter(|cells| cells.results != [ResultWord::Completed]) else { continue };
        let problem = misnamed(view, request, outcome, &flaw_included(view, index, cells));
        findings.check(problem.is_some(), || {
            let (actual, expected) = problem.unwrap_or_default();
            Breach::of_user(user, format_args!("{actual} after {}", view.ended(index).name()), expected).at(index)
        });
    }
    findings
}

/// Actual and expected, if they differ.
fn misnamed(view: &View, request: &UserRequest, outcome: &OutcomeFacts, cells: &Cells) -> Option<(String, String)> {
    let result = outcome.result.word();
    if !cells.results.contains(&result) {
        let right: Vec<String> = cells.results.iter().map(ToString::to_string).collect();
        return Some((result.to_string(), right.join(" or ")));
    }
    let right = accepted(view, request, cells);
    if result != ResultWord::Failed
        || outcome.class.is_some_and(|class| right.iter().any(|right| view.t.same_class(*right, class)))
    {
        return None;
    }
    let named = outcome.class.map_or_else(|| "an error of no class".to_owned(), |class| format!("an error `{class}`"));
    Some((named, right.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")))
}

/// A client that refused a flawed reply before its end ended the wire itself: it may name the flaw.
fn flaw_included(view: &View, index: usize, mut cells: Cells) -> Cells {
    if view.t.attempts[index].pace.is_some_and(|pace| pace.flawed) {
        cells.classes.extend([Class::MalformedResponse, Class::StreamInterrupted]);
    }
    cells
}

/// The cause's classes, and those that are right whatever the cause: the deadline's once it has passed, and those of a connection
/// that nobody sees, where there may have been one.
fn accepted(view: &View, request: &UserRequest, cells: &Cells) -> Vec<Class> {
    let mut right = cells.classes.clone();
    let deadline = view::micros(*view.policy().deadline);
    let passed = request.ended.is_some_and(|ended| ended + GRAIN >= request.arrived + deadline);
    right.extend((passed && !right.contains(&Class::Deadline)).then_some(Class::Deadline));
    let unseen = !view.t.refusing.is_empty() || !view.t.contacts.is_empty();
    if unseen {
        right.extend([Class::Connection, Class::Timeout].into_iter().filter(|class| !cells.classes.contains(class)));
    }
    right
}

pub fn error_fit_for_users(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, _, outcome) in outcomes(view).filter(|(_, _, outcome)| outcome.result == ResultKind::Failed) {
        let untyped = outcome.class.is_none() && outcome.native.as_deref().unwrap_or_default().is_empty();
        let mute = outcome.class.is_none() && outcome.retryable.is_none();
        let problems = [
            (untyped, "an error of no type", "a typed error"),
            (outcome.message_length == 0, "an error without a message", "a message in words"),
            (mute, "an error that does not say whether trying again helps", "`retryable`, or a class that says it"),
            (outcome.unfit.contains(&Unfit::Html), "a page in the message", "words of the client's own"),
            (outcome.unfit.contains(&Unfit::Stack), "a stack trace in the message", "words of the client's own"),
        ];
        for (wrong, actual, expected) in problems {
            findings.check(wrong, || Breach::of_user(user, actual, expected));
        }
    }
    findings
}

pub fn partial_labelled(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, _, outcome) in outcomes(view).filter(|(_, _, outcome)| outcome.result.word() == ResultWord::Failed) {
        let Some(streamed) = outcome.streamed.as_ref().filter(|text| text.length > 0) else { continue };
        findings.check(outcome.channel == Channel::OutOfBand, || {
            let actual = format!("{} characters, and then a normal end of the reader's loop", streamed.length);
            Breach::of_user(user, actual, "the loop ends with the error")
        });
    }
    findings
}

pub fn no_crash(view: &View) -> Findings {
    let mut findings = Findings::default();
    let process = view.t.process.as_ref();
    if process.is_some_and(|process| process.hung) {
        let what = "the client's process hung: no outcome, nor one after it was told to cancel";
        findings.check(true, || Breach::of_all(what, "a typed error"));
    }
    if let Some(how) = process.and_then(|process| process.crash.as_deref()) {
        findings.check(true, || {
            Breach::of_all(format_args!("the client's process ended by itself: {how}"), "a typed error")
        });
    }
    for (user, _, outcome) in outcomes(view) {
        // A panic of the call itself stands among the panics, with its place; so does a crash.
        let panicked = outcome.native.as_deref() == Some("panic") || process.is_some();
        findings.check(outcome.result == ResultKind::Unusable && !panicked, || {
            let what = outcome.native.as_deref().unwrap_or("a value of the wrong shape");
            Breach::of_user(user, format_args!("an unusable value ({what})"), "an answer, or a typed error")
        });
    }
    for place in &view.t.panics {
        findings.check(true, || Breach::of_all(format_args!("a panic at {place}"), "a typed error"));
    }
    findings
}

pub fn recovers(view: &View) -> Findings {
    let mut findings = Findings::default();
    let Some(probe) = &view.t.probe else { return findings };
    findings.check(probe.result.map(ResultKind::word) != Some(ResultWord::Completed), || {
        let result = probe.result.map_or_else(|| "without an outcome".to_owned(), |result| result.word().to_string());
        let class = probe.class.map_or_else(String::new, |class| format!(" ({class})"));
        Breach::of_all(format_args!("a healthy request after it all was {result}{class}"), "completed")
    });
    findings
}

pub fn attempts_true(view: &View) -> Findings {
    let mut findings = Findings::default();
    // Attempts that are no attempts on the wire: refused, ended before anybody was known, or at a wrong path.
    let unseen = !view.t.refusing.is_empty() || !view.t.contacts.is_empty() || !view.t.strays.is_empty();
    for (user, _, outcome) in outcomes(view) {
        let Some(claimed) = outcome.attempts else { continue };
        let seen = view.of_user(user).filter(|(_, attempt)| Host::PROVIDERS.contains(&attempt.host)).count();
        let seen = u32::try_from(seen).unwrap_or(u32::MAX);
        findings.check(claimed < seen || (claimed > seen && !unseen), || {
            Breach::of_user(
                user,
                format_args!("the client says {claimed} attempts"),
                format_args!("{seen} on the wire"),
            )
        });
    }
    findings
}
