//! Two clients by another hand. What each must get was written down before either was run.

mod support {
    pub mod poles;
    pub mod suite;
}

use std::{collections::BTreeSet, rc::Rc};

use brownout::{
    client::AnyClient,
    policy::Policy,
    reference::{Hooks, Reference},
    report,
    run::run_alone,
    scenario::Case,
    verdict::{Judgement, Status, judge},
};
use reqwest::redirect;
use support::{
    poles::{Eager, Meek},
    suite,
};

fn meek(policy: &Policy, _: u64) -> Rc<dyn AnyClient> {
    Rc::new(Meek(policy.clone()))
}

fn eager(_: &Policy, _: u64) -> Rc<dyn AnyClient> {
    Rc::new(Eager)
}

/// One attempt and a strict parser break no must anywhere, and most scenarios have something to say about such a client.
#[test]
fn meek_breaks_nothing() {
    let cases = suite::cases();
    let mut wrong = Vec::new();
    let mut judged = 0;
    for case in &cases {
        let transcript = run_alone(case, &meek, 1);
        let judgement = judge(&transcript);
        judged += usize::from(judgement.status.judged());
        if !matches!(judgement.status, Status::Pass | Status::NotApplicable) {
            wrong.push(report::text::block(&transcript, &judgement));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged * 2 >= cases.len(), "{judged} judged of {}", cases.len());
}

/// What eager must be caught at, scenario by scenario: all of it, and nothing else.
const EAGER: &[(&str, &[&str])] = &[
    // It gets away with what is allowed: one failure, then another provider.
    ("provider-transient/server-error[server-error]", &[]),
    ("parser/ordinary-answer[plain]", &[]),
    ("rate-quota/quota-exhausted[ok]", &[]),
    ("provider-transient/unlisted-5xx[unknown]", &[]),
    // It asks the fallback after anything.
    ("request-contract/refused-field", &["fallback-allowed"]),
    ("request-contract/bad-request[plain]", &["fallback-allowed", "as-expected"]),
    ("fallback/unsafe-means-no[server-error]", &["fallback-allowed", "as-expected"]),
    ("auth/bad-key", &["fallback-allowed", "as-expected"]),
    ("rate-quota/comet-quota-as-403[account]", &["fallback-allowed", "as-expected"]),
    ("request-contract/comet-error-without-a-code[empty-code]", &["fallback-allowed", "as-expected"]),
    ("request-contract/content-policy[plain,violation]", &["fallback-allowed", "as-expected"]),
    // It goes on for ten rounds, and then says its key and not what was wrong.
    ("fallback/both-fail[error]", &["one-fallback", "bounded-attempts", "error-classified", "no-secret-leak"]),
    (
        "rate-quota/quota-exhausted[quota-exhausted]",
        &["one-fallback", "bounded-attempts", "retry-only-retryable", "error-classified", "no-secret-leak"],
    ),
    // It believes whatever came.
    ("parser/error-in-200[whole]", &["error-not-success"]),
    ("parser/broken-shapes[no-choices]", &["honest-success", "as-expected"]),
    ("streaming/bare-end[chunked]", &["honest-success"]),
    ("streaming/cut-mid-event[close]", &["honest-success", "as-expected"]),
    ("streaming/error-mid-stream[object]", &["error-not-success", "as-expected"]),
    ("streaming/nothing-but-heartbeats[comments]", &["honest-success", "as-expected"]),
    ("parser/finish-that-is-an-error[abort]", &["honest-success", "as-expected"]),
    // It waits five seconds for a head, and sends charge-sensitive work wherever it likes.
    ("client-timeout/injected-silence[unsafe]", &["fallback-allowed", "attempt-timeout-kept"]),
    ("client-timeout/injected-silence[charge-sensitive]", &["attempt-timeout-kept", "no-double-charge"]),
    ("side-effect/uncertain-work-goes-nowhere[gateway]", &["no-double-charge", "as-expected"]),
    // Its five seconds are too few for a slow answer, and too many for a silent fallback, which it asks again and again.
    ("client-timeout/fourteen-of-fifteen[plain]", &["as-expected"]),
    ("client-timeout/three-times-fifteen[plain]", &["fallback-allowed", "as-expected"]),
    (
        "fallback/silent-fallback-is-given-up[plain]",
        &["one-fallback", "attempt-timeout-kept", "terminates", "as-expected"],
    ),
    // It never asks the primary again, so it never comes too early.
    ("rate-quota/retry-after[secs]", &["as-expected"]),
    // It asks the fallback whatever the prompt's length, but in its own name, and follows nobody.
    ("fallback/window[narrow]", &["fallback-request-valid"]),
    ("fallback/window[wide]", &[]),
    ("fallback/own-key-and-model", &[]),
    ("auth/redirect-to-the-other-provider[302]", &[]),
    ("auth/redirect-to-the-other-provider[307]", &[]),
    ("request-contract/documented-fields[plain]", &[]),
    // Nor together with others, nor does it sleep through a wait.
    ("rate-quota/retry-after-beyond-the-ceiling[secs,unsafe]", &["fallback-allowed"]),
    ("rate-quota/herd[fifty]", &[]),
    // It waits half a minute for each further byte, until nobody waits for it.
    ("client-timeout/plain-stall[head]", &["idle-timeout-kept", "terminates", "as-expected"]),
    ("streaming/stall-after-text", &["idle-timeout-kept", "terminates", "as-expected"]),
    // To it, any byte is progress.
    ("streaming/slow-to-the-end[reasoning]", &[]),
];

/// The reference client on an HTTP client that follows redirects within the origin, if they keep the POST.
fn follows(policy: &Policy, seed: u64) -> Rc<dyn AnyClient> {
    let within = |attempt: redirect::Attempt| {
        let origin = attempt.url().origin();
        // Like any HTTP client it follows ten times and no more.
        let stays = attempt.previous().len() < 10 && attempt.previous().iter().all(|url| url.origin() == origin);
        if stays && [307, 308].contains(&attempt.status().as_u16()) { attempt.follow() } else { attempt.stop() }
    };
    let http = move |http: reqwest::ClientBuilder| http.redirect(redirect::Policy::custom(within));
    Rc::new(Reference::with_hooks(policy, seed, Hooks { http: Rc::new(http), ..Hooks::default() }))
}

/// A hop is part of its attempt: the answer it leads to is the attempt's, and the user's.
#[test]
fn a_redirect_followed_within_the_origin_breaks_nothing() {
    let cases = suite::cases();
    let (mut wrong, mut hops) = (Vec::new(), 0);
    for case in cases.iter().filter(|case| case.id.contains("/redirect")) {
        let transcript = run_alone(case, &follows, 1);
        hops += transcript.attempts.iter().map(|attempt| attempt.hops.len()).sum::<usize>();
        let judgement = judge(&transcript);
        if judgement.status != Status::Pass {
            wrong.push(report::text::block(&transcript, &judgement));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(hops >= 3, "only {hops} were followed");
}

fn failing(judgement: &Judgement) -> BTreeSet<&str> {
    let failing = judgement.verdicts.iter().filter(|verdict| verdict.status == Status::Fail);
    failing.map(|verdict| verdict.rule.as_str()).collect()
}

#[test]
fn eager_is_caught_at_all_of_its_list_and_at_nothing_else() {
    let cases = suite::cases();
    let case =
        |id: &str| -> &Case { cases.iter().find(|case| case.id == id).unwrap_or_else(|| panic!("no scenario {id}")) };
    let mut wrong = Vec::new();
    for (id, rules) in EAGER {
        let transcript = run_alone(case(id), &eager, 1);
        let judgement = judge(&transcript);
        let expected: BTreeSet<&str> = rules.iter().copied().collect();
        if failing(&judgement) != expected {
            wrong.push(format!("{id}: expected {expected:?}\n{}", report::text::block(&transcript, &judgement)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
