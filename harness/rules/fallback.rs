//! The fallback: one decision, only where it is allowed, and there for sure.

use super::{ALLOWANCE, Breach, Capability, Findings, Level, Load, Rule, View, breaker, view};
use crate::{
    causes::{Demand, Mode, ResultWord},
    policy::Feature,
    scenario::{Host, Role},
    transcript::{Attempt, RequestFacts},
};

/// The rows of this family.
pub static RULES: &[Rule] = &[
    Rule {
        slug: "one-fallback",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: true,
        load: Load::Immune,
        sentence: "At most one fallback decision per user request: no ping-pong, no cascade, no race of two answers.",
        source: "mission, step 3: one fallback decision per user request; fallback-infinite-loop-sdk, fallback-resets-retry-cycle",
        remedy: "Decide once per user request, outside every retry loop, and remember that it was decided.",
        judge: one_fallback,
    },
    Rule {
        slug: "fallback-allowed",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: true,
        load: Load::Choice,
        sentence: "No fallback after a cause whose cell is `never`, nor when the request says that it is unsafe.",
        source: "mission: avoid making fallback decisions from HTTP status alone; causes.yaml, column fallback",
        remedy: "Decide from the cause (status, error code, body), and ask the request class whether another provider may answer.",
        judge: fallback_allowed,
    },
    Rule {
        slug: "fallback-used",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: true,
        load: Load::Choice,
        sentence: "After a cause whose cell is `must`, with a safe target and more than the reserve left, the fallback is tried.",
        source: "mission, FAQ on fallback; causes.yaml, column fallback; fallback-not-on-connection-error, fallback-not-on-429-capacity",
        remedy: "Count this cause among those that lose the primary.",
        judge: fallback_used,
    },
    Rule {
        slug: "fallback-isolated",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: true,
        load: Load::Immune,
        sentence: "The fallback gets its own key and model, and is asked for all that the primary was asked for.",
        source: "mission, failure modes: verify fallback isolation; fallback-reuses-injected-key, fallback-key-not-passed, \
                 fallback-drops-base-url-key-to-wrong-host",
        remedy: "Build the fallback's request from its own configuration and the user's request, never by editing the primary's.",
        judge: fallback_isolated,
    },
    Rule {
        slug: "fallback-request-valid",
        level: Level::Must,
        needs: Some(Capability::Fallback),
        per_user: false,
        load: Load::Immune,
        sentence: "A request that the fallback cannot take is not sent there: roles, tools, formats and window as the policy lists them.",
        source: "mission, failure modes: prompt compatibility of the fallback; fallback-to-smaller-context, \
                 fb-continuation-prefill-rejected, fallback-body-not-retranslated",
        remedy: "Ask what the request uses before another provider is chosen; report the primary's failure if none can take it.",
        judge: fallback_request_valid,
    },
];

pub fn one_fallback(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, _) in view.users() {
        let attempts: Vec<_> = view.of_user(user).filter(|(_, a)| Host::PROVIDERS.contains(&a.host)).collect();
        let Some(decided) = attempts.iter().position(|(_, a)| a.host == Host::Fallback) else { continue };
        let back = attempts[decided..].iter().find(|(_, a)| a.host == Host::Primary);
        findings.check(back.is_some(), || {
            let hosts: Vec<_> = attempts.iter().map(|(_, a)| a.host.to_string()).collect();
            Breach::of_user(
                user,
                format_args!("asked {}", hosts.join(", ")),
                "the primary is not asked again after the fallback",
            )
            .at(back.map_or(0, |(i, _)| *i))
        });
        let fallback = attempts[decided];
        let race = attempts[..decided].iter().find(|(_, primary)| races(view, primary, fallback.1));
        findings.check(race.is_some(), || {
            Breach::of_user(
                user,
                "the fallback was asked while the primary was still answering",
                "one answer at a time",
            )
            .at(fallback.0)
        });
    }
    findings
}

/// The primary's answer came after the fallback was asked, and the primary had not been given up by any timeout.
fn races(view: &View, primary: &Attempt, fallback: &Attempt) -> bool {
    let asked = fallback.arrived;
    let young = asked < primary.arrived + view::micros(*view.policy().attempt_timeout).saturating_sub(ALLOWANCE);
    // A status that is none of success is all there is to wait for.
    let lost = primary.reply.status.is_some_and(|status| status >= 300);
    if lost && primary.first_byte.is_some_and(|head| head <= asked) {
        return false;
    }
    let answered_later = primary.last_byte.is_some_and(|last| last > asked + ALLOWANCE);
    young && answered_later && primary.ended.is_none_or(|ended| ended > asked + ALLOWANCE)
}

pub fn fallback_allowed(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        let Some((index, fallback)) = view.at(user, Host::Fallback).next() else { continue };
        if !request.request.fallback_safe {
            findings.check(true, || {
                Breach::of_user(user, "the fallback was asked", "no fallback: the request says that it is unsafe")
                    .at(index)
            });
            continue;
        }
        let before = view.at(user, Host::Primary).filter(|(_, a)| a.arrived <= fallback.arrived).last();
        let Some((lost, _)) = before else { continue };
        // What follows the deadline, the outcome or the user's leaving has rules of its own; and an attempt that nobody saw may
        // have come last.
        if view.ended(lost).by_time() || view.after_the_end(fallback) || view.hides_attempts(Host::Primary) {
            continue;
        }
        // Committed and charged work have rules of their own.
        let cells = view.cells_with(lost, |c| {
            c.charge_sensitive = false;
            c.content = false;
        });
        if view.ended(lost).committed {
            continue;
        }
        findings.check(cells.is_none_or(|cells| view::forbids(cells.fallback)), || {
            let actual = format!("the fallback was asked after {}", view.ended(lost).name());
            Breach::of_user(user, actual, "no fallback after this cause").at(lost)
        });
    }
    findings
}

pub fn fallback_used(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, request) in view.users() {
        // In a crowd, its turn may never have come.
        let Some(lost) = demanded(view, user).filter(|_| !view.crowded()) else { continue };
        let failed = request.outcome.as_ref().is_some_and(|outcome| outcome.result.word() == ResultWord::Failed);
        let asked = view.at(user, Host::Fallback).next().is_some();
        let over = view.t.attempts[lost].ended.unwrap_or(view.t.watched);
        let (from, to) = (over, request.ended.unwrap_or(view.t.watched));
        if failed && !asked && breaker::may_refuse(view, user, Host::Fallback, from, to) {
            continue;
        }
        findings.check(failed && !asked, || {
            let actual =
                format!("gave up after {} with {} left", view.ended(lost).name(), view::seconds(view.left_after(lost)));
            Breach::of_user(user, actual, "the fallback is tried").at(lost)
        });
    }
    findings
}

/// The attempt after which the fallback must be tried.
pub(super) fn demanded(view: &View, user: usize) -> Option<usize> {
    let (policy, request) = (view.policy(), &view.t.users[user]);
    if policy.fallback.targets.is_empty() || view.hides_attempts(Host::Fallback) {
        return None;
    }
    let (lost, attempt) = view.at(user, Host::Primary).last()?;
    // A tool call that had begun has reached the application; only text is seen to do so.
    let begun = attempt.reply.stream && !attempt.reply.calls.is_empty();
    let demanded =
        !begun && surely_fits(view, user) && view.cells(lost).is_some_and(|cells| cells.fallback == Demand::Must);
    let charged = request.request.charge_sensitive && view.primary_seems_charged(user);
    // A grain more than the reserve, since the client reads its own clock a moment later.
    let in_time = view.left_after(lost) > view::micros(*policy.fallback.reserve) + ALLOWANCE;
    (demanded && !charged && in_time && request.left.is_none() && request.ended.is_some()).then_some(lost)
}

/// What a request loses if the fallback is not asked for it. Roles and events are ways of asking: they may be translated.
const KEPT: [Feature; 6] =
    [Feature::Tools, Feature::ResponseFormat, Feature::Images, Feature::Audio, Feature::Files, Feature::SeveralChoices];

pub fn fallback_isolated(view: &View) -> Findings {
    let mut findings = Findings::default();
    for (user, _) in view.users() {
        for (index, attempt) in view.of_user(user) {
            let Some(request) = &attempt.request else { continue };
            let wrong = mixed_up(attempt.host, request).or_else(|| dropped(view, user, attempt, request));
            if wrong.is_some() || attempt.host == Host::Fallback {
                findings.check(wrong.is_some(), || {
                    let actual = wrong.unwrap_or_default();
                    Breach::of_user(user, actual, "each provider's own key and model, and all that was asked for")
                        .at(index)
                        .filed(Mode::Fallback)
                });
            }
        }
    }
    findings
}

/// Another provider's key or model. A body whose model cannot be read is judged by its schema.
fn mixed_up(host: Host, request: &RequestFacts) -> Option<String> {
    let unread = |pointer: &str| ["", "/model"].contains(&pointer);
    let readable = !request.findings.iter().any(|finding| unread(&finding.pointer));
    let foreign = request.foreign_keys.iter().find(|owner| Host::PROVIDERS.contains(owner));
    foreign
        .map(|owner| format!("the key of the {owner} came to the {host}"))
        .or((readable && !request.model_is_hosts)
            .then(|| format!("the {host} was asked for a model that is not its own")))
}

/// What the primary was asked for and the fallback, which takes it and speaks the same dialect, was not.
fn dropped(view: &View, user: usize, attempt: &Attempt, request: &RequestFacts) -> Option<String> {
    let target = &view.policy().fallback;
    if attempt.host != Host::Fallback || target.profile.as_ref().is_some() {
        return None;
    }
    let before = view.at(user, Host::Primary).filter(|(_, a)| a.arrived <= attempt.arrived);
    let asked = before.filter_map(|(_, a)| a.request.as_ref()).last()?;
    let lost = |feature: &&Feature| {
        KEPT.contains(feature) && !request.uses.contains(feature) && !target.refuses.contains(feature)
    };
    asked.uses.iter().find(lost).map(|feature| format!("the fallback was not asked for {feature}"))
}

pub fn fallback_request_valid(view: &View) -> Findings {
    let mut findings = Findings::default();
    let target = &view.policy().fallback;
    if target.refuses.is_empty() && target.context.as_ref().is_none() {
        return findings;
    }
    let attempts = view.t.attempts.iter().enumerate().filter(|(_, attempt)| attempt.host == Host::Fallback);
    for (index, attempt) in attempts {
        let Some(request) = &attempt.request else { continue };
        let refused = request.uses.iter().find(|feature| target.refuses.contains(feature));
        // Tokens are guessed, so only what is far beyond the window is surely too long.
        let window =
            target.context.as_ref().filter(|window| request.tokens.saturating_mul(4) > window.saturating_mul(5));
        findings.check(refused.is_some() || window.is_some(), || {
            let (actual, expected) = match (refused, window) {
                (Some(feature), _) => (
                    format!("the fallback was asked for {feature}"),
                    "what `fallback.refuses` lists is not sent there".to_owned(),
                ),
                (None, window) => {
                    let most = window.copied().unwrap_or_default();
                    (
                        format!("about {} tokens were sent to the fallback", request.tokens),
                        format!("its window is {most}"),
                    )
                }
            };
            Breach { user: attempt.user, ..Breach::of_all(actual, expected) }.at(index).filed(Mode::Fallback)
        });
    }
    findings
}

/// Whether the fallback can take this user's request beyond doubt: only then may it be demanded.
pub(super) fn surely_fits(view: &View, user: usize) -> bool {
    let target = &view.policy().fallback;
    let request = &view.t.users[user].request;
    let asked = view.at(user, Host::Primary).filter_map(|(_, attempt)| attempt.request.as_ref()).last();
    let wanted = [
        (Feature::Tools, request.tools),
        (Feature::SeveralChoices, request.n > 1),
        (Feature::Stream, request.stream),
        (Feature::DeveloperRole, request.instructions == Some(Role::Developer)),
        (Feature::SystemRole, request.instructions == Some(Role::System)),
    ];
    let used = |feature: &Feature| {
        asked.is_some_and(|asked| asked.uses.contains(feature)) || wanted.contains(&(*feature, true))
    };
    let tokens = request.size.max(asked.map_or(0, |asked| asked.tokens));
    // Tokens are guessed, so only what is far below the window surely fits.
    let small = target.context.as_ref().is_none_or(|window| tokens.saturating_mul(4) <= window.saturating_mul(3));
    small && !target.refuses.iter().any(used)
}
