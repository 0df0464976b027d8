//! Known violations: what is listed and broken is green, everything else about a list is red.

use brownout::{
    baseline::{Baseline, draft},
    causes::Mode,
    gate::Exit,
    policy::Policy,
    rules::Breach,
    scenario::{Case, load},
    verdict::{Judgement, Status, Verdict},
    yaml::Source,
};
use rstest::rstest;

const SECS: &str = "rate-quota/retry-after[secs]";
const DATE: &str = "rate-quota/retry-after[date]";

fn cases() -> Vec<Case> {
    load::embedded(&Policy::default()).expect("the suite loads").cases
}

fn entry(rules: &str, scenario: &str) -> String {
    format!("- rules: [{rules}]\n  scenarios:\n    - {scenario}\n  reason: It is so.\n")
}

fn read(text: &str) -> Baseline {
    Baseline::read(&Source::new("baseline.yaml", text), &cases()).unwrap_or_else(|error| panic!("{error}"))
}

fn verdict((rule, status): &(&str, Status)) -> Verdict {
    let breach =
        Breach { user: None, attempt: None, mode: None, actual: "a".to_owned(), expected: "b".to_owned(), load: None };
    let broken = matches!(status, Status::Fail | Status::Inconclusive);
    Verdict {
        rule: (*rule).to_owned(),
        status: *status,
        mode: Mode::RateQuota,
        owner: String::new(),
        action: String::new(),
        breaches: if broken { vec![breach] } else { Vec::new() },
        reason: None,
    }
}

/// A judgement as the rules would make it: as bad as its worst verdict.
fn judged(scenario: &str, verdicts: &[(&str, Status)]) -> Judgement {
    let status = verdicts.iter().map(|(_, status)| *status).max().unwrap_or(Status::Pass);
    Judgement {
        scenario: scenario.to_owned(),
        status,
        mode: Mode::RateQuota,
        verdicts: verdicts.iter().map(verdict).collect(),
        reason: None,
    }
}

#[rstest]
#[case::listed_and_broken("retry-after-honoured", &[("retry-after-honoured", Status::Fail)], Status::Warn, 0)]
#[case::not_listed("bounded-attempts", &[("retry-after-honoured", Status::Fail)], Status::Fail, 0)]
#[case::one_of_two("retry-after-honoured", &[("retry-after-honoured", Status::Fail), ("as-expected", Status::Fail)], Status::Fail, 0)]
#[case::both("retry-after-honoured, as-expected", &[("retry-after-honoured", Status::Fail), ("as-expected", Status::Fail)], Status::Warn, 0)]
#[case::kept("retry-after-honoured", &[("retry-after-honoured", Status::Pass)], Status::Pass, 1)]
#[case::one_kept("retry-after-honoured, as-expected", &[("retry-after-honoured", Status::Fail), ("as-expected", Status::Pass)], Status::Warn, 1)]
// Whether it is broken cannot be told today, and that it may be is known.
#[case::too_late("as-expected", &[("as-expected", Status::Inconclusive)], Status::Warn, 0)]
#[case::silent("as-expected", &[("retry-after-honoured", Status::Pass)], Status::Pass, 0)]
#[case::no_verdict("as-expected", &[], Status::Pass, 0)]
fn a_judgement_is_weighed(
    #[case] rules: &str,
    #[case] verdicts: &[(&str, Status)],
    #[case] status: Status,
    #[case] stale: usize,
) {
    let (weighed, found) = read(&entry(rules, DATE)).weigh(&judged(DATE, verdicts));
    assert_eq!((weighed.status, found.len()), (status, stale), "{found:?}");
}

#[test]
fn another_scenario_is_none_of_its_business() {
    let broken = judged(SECS, &[("retry-after-honoured", Status::Fail)]);
    assert_eq!(read(&entry("retry-after-honoured", DATE)).weigh(&broken), (broken, Vec::new()));
}

#[test]
fn a_warning_says_what_is_known_and_where_it_is_told() {
    let text = entry("retry-after-honoured", DATE) + "  link: https://example.org/1\n";
    let (weighed, _) = read(&text).weigh(&judged(DATE, &[("retry-after-honoured", Status::Fail)]));
    assert_eq!(weighed.verdicts[0].reason.as_deref(), Some("known: It is so. (https://example.org/1)"));
}

#[test]
fn a_stale_entry_is_shown_where_it_stands() {
    let (_, stale) = read(&entry("retry-after-honoured", "rate-quota/retry-after"))
        .weigh(&judged(SECS, &[("retry-after-honoured", Status::Pass)]));
    assert_eq!((stale[0].line, stale[0].column), (1, 11));
    assert!(
        stale[0].message.contains("stale: `retry-after-honoured` is kept in rate-quota/retry-after[secs]"),
        "{}",
        stale[0]
    );
}

#[test]
fn an_entry_that_excuses_nothing_is_idle_once_all_it_means_was_judged() {
    let baseline = read(&entry("as-expected", "rate-quota/retry-after"));
    let silent = |id: &str| judged(id, &[("retry-after-honoured", Status::Pass)]);
    let all = [SECS, DATE, "rate-quota/retry-after[ms]"].map(silent);
    // The pattern excuses nothing, and neither does the rule.
    assert_eq!(baseline.idle(&all).iter().map(|stale| stale.line).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(baseline.idle(&all[1..]), [], "one of three has not run");
    let mut unknown = all.clone();
    unknown[0].status = Status::Error;
    assert_eq!(baseline.idle(&unknown), [], "of one nothing is known");
    let mut broken = all.clone();
    broken[0] = judged(SECS, &[("as-expected", Status::Fail)]);
    assert_eq!(baseline.idle(&broken), [], "it is broken in one");
}

#[test]
fn a_rule_that_none_of_an_entrys_scenarios_breaks_is_idle() {
    let baseline = read(&entry("retry-after-honoured, as-expected", DATE));
    let idle = baseline.idle(&[judged(DATE, &[("retry-after-honoured", Status::Fail)])]);
    assert_eq!(idle.iter().map(|stale| (stale.line, stale.column)).collect::<Vec<_>>(), [(1, 33)]);
}

#[rstest]
#[case::no_list("rules: []", 1, "a baseline is a list of entries")]
#[case::unknown_rule(&entry("retry-after-honored", DATE), 1, "there is no rule `retry-after-honored`")]
#[case::unknown_scenario(&entry("as-expected", "rate-quota/retry-affter"), 3, "no scenario matches `rate-quota/retry-affter`")]
#[case::no_rules(&entry("", DATE), 1, "no rules are named")]
#[case::no_scenarios("- rules: [as-expected]\n  scenarios: []\n  reason: r\n", 2, "no scenarios are named")]
#[case::no_reason("- rules: [as-expected]\n  scenarios: [auth]\n", 1, "reason")]
#[case::unwritten("- rules: [as-expected]\n  scenarios: [auth]\n  reason: TODO\n", 3, "this is not written yet")]
#[case::empty("- rules: [as-expected]\n  scenarios: [auth]\n  reason: \" \"\n", 3, "this is not written yet")]
#[case::slip("- rules: [as-expected]\n  scenario: [auth]\n  reason: r\n", 2, "scenario")]
fn a_bad_baseline_is_refused_to_the_line(#[case] text: &str, #[case] line: usize, #[case] message: &str) {
    let error = Baseline::read(&Source::new("baseline.yaml", text), &cases()).expect_err("it is refused");
    assert_eq!(error.line, line, "{error}");
    assert!(error.message.contains(message), "{error}");
}

#[test]
fn a_draft_holds_all_that_fails_and_loads_once_its_reasons_are_written() {
    let broken = [
        judged(SECS, &[("retry-after-honoured", Status::Fail), ("as-expected", Status::Pass)]),
        judged(DATE, &[("retry-after-honoured", Status::Fail)]),
        judged("auth/bad-key", &[("no-secret-leak", Status::Fail), ("as-expected", Status::Fail)]),
        judged("parser/tool-call", &[("as-expected", Status::Warn)]),
    ];
    let text = draft(&broken);
    let source = Source::new("baseline.yaml", text.clone());
    assert!(Baseline::read(&source, &cases()).expect_err("reasons are missing").message.contains("not written"));
    Baseline::read_draft(&source, &cases()).unwrap_or_else(|error| panic!("{error}"));
    let written = read(&text.replace("TODO", "It is so."));
    for judgement in &broken {
        let (weighed, stale) = written.weigh(judgement);
        assert!(weighed.status <= Status::Warn && stale.is_empty(), "{weighed:?} {stale:?}");
    }
    assert_eq!(draft(&[judged(SECS, &[("as-expected", Status::Pass)])]), "");
}

#[test]
fn a_stale_baseline_has_an_exit_status_of_its_own_when_all_else_is_fine() {
    assert_eq!(Exit::Fine.with_stale(true), Exit::Stale);
    assert_eq!(Exit::Broken.with_stale(true), Exit::Broken);
    assert_eq!(Exit::Fine.with_stale(false), Exit::Fine);
    assert_eq!(Exit::Stale as u8, 4);
}
