//! What a client writes down about its attempts: all of it, and the truth.

use super::{Breach, Capability, Findings, Level, Load, Rule, View};
use crate::{
    causes::Wire,
    scenario::Host,
    transcript::{Attempt, Telemetry, UserRequest},
};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "telemetry-complete",
        level: Level::Must,
        needs: Some(Capability::Telemetry),
        per_user: true,
        load: Load::Immune,
        sentence: "Every attempt has one structured record, and the record has all thirteen fields.",
        source: "mission, step 5: verify observability fields; error-log-without-call-id, usage-lost-on-failed-attempts",
        remedy: "Write the record where the attempt is made, on every way out of it, nulls included.",
        judge: telemetry_complete,
    },
    Rule {
        slug: "telemetry-true",
        level: Level::Must,
        needs: Some(Capability::Telemetry),
        per_user: true,
        load: Load::Immune,
        sentence: "The records agree with the wire; rate limits and quota are told apart from 5xx by their code.",
        source: "mission, step 5 and contract table: did monitoring distinguish those from generic 5xx failures; status-400-labelled-server-error",
        remedy: "Fill each field from the attempt itself: its status, its code, its timeout, its place among the retries.",
        judge: telemetry_true,
    },
];

/// Our names of the thirteen fields.
pub const FIELDS: [&str; 13] = [
    "provider",
    "endpoint_class",
    "model",
    "mode",
    "status_code",
    "error_code",
    "latency_bucket",
    "retry_attempt",
    "fallback_decision",
    "timeout_source",
    "parser_outcome",
    "usage_present",
    "correlation_id",
];
const DECISIONS: [&str; 7] = ["none", "used", "unsafe", "not-eligible", "unavailable", "too-late", "committed"];
const TIMEOUTS: [&str; 5] = ["connect", "attempt", "idle", "semantic-idle", "deadline"];

fn value<'a>(record: &'a Telemetry, field: &str) -> Option<&'a str> {
    record.get(field).and_then(Option::as_deref)
}

/// A user's records about one provider.
fn of_host(request: &UserRequest, host: Host) -> impl Iterator<Item = &Telemetry> {
    request.telemetry.iter().filter(move |record| value(record, "provider") == Some(&host.to_string()))
}

pub fn telemetry_complete(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        for host in Host::PROVIDERS {
            let (attempts, records) = (view.at(user, host).count(), of_host(request, host).count());
            if attempts > 0 {
                findings.check(records < attempts, || {
                    let actual = format!("{records} records of {attempts} attempts at the {host}");
                    Breach::of_user(user, actual, "one an attempt")
                });
            }
        }
        for record in &request.telemetry {
            let missing: Vec<&str> = FIELDS.into_iter().filter(|field| !record.contains_key(*field)).collect();
            findings.check(!missing.is_empty(), || {
                let actual = format!("a record without {}", missing.join(", "));
                Breach::of_user(user, actual, "all thirteen fields, null where there is nothing")
            });
        }
    }
    findings
}

pub fn telemetry_true(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        for (index, attempt) in view.of_user(user).filter(|(_, attempt)| numbered(view, attempt.host)) {
            let number = (attempt.number - 1).to_string();
            let record = of_host(request, attempt.host).find(|r| value(r, "retry_attempt") == Some(number.as_str()));
            // A record that is not there at all is missed by `telemetry-complete`.
            let Some(record) = record.or_else(|| of_host(request, attempt.host).nth(attempt.number as usize - 1))
            else {
                continue;
            };
            for (field, actual, expected) in lies(view, index, attempt, record) {
                findings.check(true, || {
                    let actual = format!("{field} of attempt {} at the {} is {actual}", attempt.number, attempt.host);
                    Breach::of_user(user, actual, expected).at(index)
                });
            }
            findings.judged += 1;
        }
        // Where a call was broken off, its records were too.
        if request.ended.is_some() || request.left.is_some() {
            about_the_request(view, user, request, &mut findings);
        }
    }
    correlations_differ(view, &mut findings);
    findings
}

/// Where connections are refused, end before a request that several users might have made, or ask for a wrong path, the wire
/// cannot count attempts.
fn numbered(view: &View, host: Host) -> bool {
    let seen = view.t.contacts.is_empty() && view.t.strays.is_empty();
    Host::PROVIDERS.contains(&host) && !view.t.refusing.contains(&host) && seen
}

/// Field, what the record says, what it should.
type Lie = (&'static str, String, String);

fn lies(view: &View, index: usize, attempt: &Attempt, record: &Telemetry) -> Vec<Lie> {
    let said = |field: &str| value(record, field).map(str::to_owned);
    // What was asked on a connection that ended before its request is known from the user request.
    let of_user = attempt.user.is_some_and(|user| view.t.users[user].request.stream);
    let mode = if attempt.request.as_ref().map_or(of_user, |asked| asked.stream) { "stream" } else { "plain" };
    let number = (attempt.number - 1).to_string();
    let exact = [("mode", mode.to_owned()), ("retry_attempt", number)];
    let mut lies: Vec<Lie> = exact
        .into_iter()
        .filter(|(field, right)| said(field).as_ref() != Some(right))
        .map(|(field, right)| (field, shown(said(field)), right))
        .collect();
    lies.extend(lie_of_status(view, index, attempt, said("status_code")));
    lies.extend(lie_of_code(view, index, attempt, said("error_code")));
    lies.extend(lie_of_timeout(view, index, attempt, said("timeout_source")));
    lies.extend(lie_of_usage(view, index, attempt, said("usage_present")));
    lies
}

fn shown(value: Option<String>) -> String {
    value.unwrap_or_else(|| "null".to_owned())
}

/// Whoever was cut off from outside may not have seen the head any more, nor what of the reply was out by then.
fn ended_from_outside(view: &View, index: usize, attempt: &Attempt) -> bool {
    let left = attempt.user.is_some_and(|user| {
        view.t.users[user].left.is_some() && view.of_user(user).last().is_some_and(|(last, _)| last == index)
    });
    left || matches!(attempt.wire, Wire::UserLeft | Wire::Deadline)
}

fn lie_of_status(view: &View, index: usize, attempt: &Attempt, said: Option<String>) -> Option<Lie> {
    let right = attempt.reply.status.map(|status| status.to_string());
    let promoted = attempt.reply.effective_status.map(|status| status.to_string());
    let unheard = said.is_none() && ended_from_outside(view, index, attempt);
    let true_ = said == right || (said.is_some() && said == promoted) || unheard;
    // Of an illegal head, some clients can still read the status.
    let unclear = attempt.wire == Wire::IllegalHttp;
    (!true_ && !unclear).then(|| ("status_code", shown(said), shown(right)))
}

fn lie_of_code(view: &View, index: usize, attempt: &Attempt, said: Option<String>) -> Option<Lie> {
    let codes = &attempt.reply.codes;
    let number = attempt.reply.effective_status.map(|status| status.to_string());
    let served = |word: &String| codes.contains(&word.to_ascii_lowercase()) || Some(word) == number.as_ref();
    let wrong = match &said {
        Some(word) => !served(word),
        None => !codes.is_empty() && view.cells(index).is_some() && !ended_from_outside(view, index, attempt),
    };
    wrong.then(|| {
        let right = if codes.is_empty() { "null".to_owned() } else { codes.join(" or ") };
        ("error_code", shown(said), right)
    })
}

fn lie_of_timeout(view: &View, index: usize, attempt: &Attempt, said: Option<String>) -> Option<Lie> {
    let gave_up = matches!(
        attempt.wire,
        Wire::GaveUpBeforeHead | Wire::GaveUpInBody | Wire::GaveUpInStream | Wire::ConnectTimeout
    );
    let known = said.as_deref().is_none_or(|word| TIMEOUTS.contains(&word));
    // A flawed reply may be left without any timeout.
    let flawed = attempt.pace.is_some_and(|pace| pace.flawed);
    let right = match attempt.wire {
        _ if flawed || ended_from_outside(view, index, attempt) => known,
        _ => known && said.is_some() == gave_up,
    };
    let expected = if gave_up { TIMEOUTS.join(" or ") } else { "null: no timeout ended it".to_owned() };
    (!right).then(|| ("timeout_source", shown(said), expected))
}

fn lie_of_usage(view: &View, index: usize, attempt: &Attempt, said: Option<String>) -> Option<Lie> {
    let served = attempt.reply.usage.is_some();
    // Whether usage that counts nothing is there is a matter of taste.
    let empty = attempt.reply.usage.as_ref().is_some_and(|usage| usage.is_empty());
    let wrong = !empty
        && match said.as_deref() {
            Some("true") => !served,
            // What came with a broken answer need not have been read.
            Some("false") => {
                let unread = attempt.reply.stream && attempt.reply.end.is_some();
                served && view.good(index) && !unread && !ended_from_outside(view, index, attempt)
            }
            _ => true,
        };
    wrong.then(|| ("usage_present", shown(said), served.to_string()))
}

/// What the records of one user request say together.
fn about_the_request(view: &View, user: usize, request: &UserRequest, findings: &mut Findings) {
    let decisions: Vec<&str> = request.telemetry.iter().filter_map(|r| value(r, "fallback_decision")).collect();
    if let Some(word) = decisions.iter().find(|word| !DECISIONS.contains(word)) {
        findings
            .check(true, || Breach::of_user(user, format_args!("fallback_decision is {word}"), DECISIONS.join(" or ")));
    }
    let used = view.at(user, Host::Fallback).next().is_some();
    let says_used = decisions.contains(&"used");
    if !request.telemetry.is_empty() {
        // A fallback that refuses connections is used and never seen.
        let unseen = says_used && !numbered(view, Host::Fallback);
        findings.check(used != says_used && !unseen, || {
            let actual = if says_used { "the records say that the fallback was used" } else { "no record says `used`" };
            Breach::of_user(user, actual, if used { "the fallback was asked" } else { "it was not asked" })
        });
    }
    let mut ids: Vec<Option<&str>> = request.telemetry.iter().map(|record| value(record, "correlation_id")).collect();
    ids.sort_unstable();
    ids.dedup();
    findings.check(ids.len() > 1 || ids.contains(&None), || {
        Breach::of_user(user, format_args!("{} correlation ids", ids.len()), "one for all attempts of a user request")
    });
    for host in Host::PROVIDERS.into_iter().filter(|host| numbered(view, *host)) {
        let (attempts, records) = (view.at(user, host).count(), of_host(request, host).count());
        // An attempt that was begun as the user left need not have reached anybody.
        let begun = usize::from(request.left.is_some());
        findings.check(records > attempts + begun, || {
            let actual = format!("{records} records of {attempts} attempts at the {host}");
            Breach::of_user(user, actual, "no record of an attempt that was not made")
        });
    }
}

fn correlations_differ(view: &View, findings: &mut Findings) {
    let own = |request: &UserRequest| {
        request.telemetry.first().and_then(|record| value(record, "correlation_id")).map(str::to_owned)
    };
    let mut ids: Vec<String> = view.users().filter_map(|(_, request)| own(request)).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    if all > 1 {
        findings.check(ids.len() < all, || {
            Breach::of_all(format_args!("{} correlation ids for {all} user requests", ids.len()), "one each")
        });
    }
}
