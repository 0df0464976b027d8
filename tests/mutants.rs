//! Every rule has a broken client that it catches: at the mutant's home exactly its rule fails, and without that rule nothing does.

mod support {
    pub mod mutants;
    pub mod suite;
}

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use brownout::{
    report, rules,
    run::run_alone,
    scenario::Case,
    transcript::Transcript,
    verdict::{Status, judge, judge_by},
};
use support::{
    mutants::{self, Mutant},
    suite,
};

/// The rules that catch it: a broken must fails, a broken should warns.
fn failing(transcript: &Transcript) -> Vec<String> {
    let broken = [Status::Fail, Status::Warn];
    let failing = judge(transcript).verdicts.into_iter().filter(|verdict| broken.contains(&verdict.status));
    failing.map(|verdict| verdict.rule).collect()
}

fn home<'a>(mutant: &Mutant, cases: &'a [Case]) -> &'a Case {
    cases
        .iter()
        .find(|case| case.id == mutant.home)
        .unwrap_or_else(|| panic!("{}: no scenario {}", mutant.name, mutant.home))
}

#[test]
fn at_its_home_exactly_its_rule_catches_a_mutant() {
    let cases = suite::cases();
    let mut wrong = Vec::new();
    for mutant in mutants::all() {
        let transcript = run_alone(home(mutant, &cases), &mutant.make, 1);
        let caught = failing(&transcript);
        if caught != [mutant.rule] {
            wrong.push(format!(
                "{}: caught by {caught:?}, not by {}\n{}",
                mutant.name,
                mutant.rule,
                report::text::block(&transcript, &judge(&transcript))
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn without_its_rule_a_mutant_passes_its_home() {
    let cases = suite::cases();
    for mutant in mutants::all() {
        let transcript = run_alone(home(mutant, &cases), &mutant.make, 1);
        let others: Vec<_> = rules::all().filter(|rule| rule.slug != mutant.rule).collect();
        let judgement = judge_by(&transcript, &others);
        assert_eq!(judgement.status, Status::Pass, "{}: {}", mutant.name, report::text::block(&transcript, &judgement));
    }
}

#[test]
fn every_rule_has_a_mutant() {
    let caught: BTreeSet<_> = mutants::all().map(|mutant| mutant.rule).collect();
    let rules: BTreeSet<_> = rules::all().map(|rule| rule.slug).collect();
    assert_eq!(caught, rules);
    let names: BTreeSet<_> = mutants::all().map(|mutant| mutant.name).collect();
    assert_eq!(names.len(), mutants::all().count(), "names are unique");
}

/// Larger outages take a second each, and show of a mutant what fifty users show.
const CROWD: usize = 100;

fn whole_matrix() -> bool {
    std::env::var("BROWNOUT_MATRIX").is_ok_and(|word| word == "all")
}

/// Without `BROWNOUT_MATRIX=all`, a mutant meets the first id of every so many files, the next mutant that of others.
const SHARE: usize = 6;

/// The cases that the mutant of this number meets.
fn matrix_cases(nth: usize, all: &[Case]) -> Vec<Case> {
    let cases = all.iter().filter(|case| case.users.len() <= CROWD);
    if whole_matrix() {
        return cases.cloned().collect();
    }
    let mut files = BTreeSet::new();
    let firsts = cases.filter(|case| files.insert(case.path.clone()));
    firsts.skip(nth % SHARE).step_by(SHARE).cloned().collect()
}

/// Which rules catch a mutant anywhere in the suite, each with the first report of it that nobody has reviewed.
fn collateral(mutant: &Mutant, cases: &[Case]) -> BTreeMap<String, Option<String>> {
    let mut caught = BTreeMap::new();
    for case in cases {
        let transcript = run_alone(case, &mutant.make, 1);
        for rule in failing(&transcript) {
            let known = rule == mutant.rule || mutant.may_also.contains(&rule.as_str());
            let block = || (!known).then(|| report::text::block(&transcript, &judge(&transcript)));
            caught.entry(rule).or_insert_with(block);
        }
    }
    caught
}

#[test]
fn over_the_whole_suite_a_mutant_breaks_nothing_that_was_not_reviewed() {
    let cases = suite::cases();
    let all: Vec<&Mutant> = mutants::all().collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let Some(mutant) = all.get(nth) else { return };
                    let caught = collateral(mutant, &matrix_cases(nth, &cases));
                    found.lock().expect("no thread panics while it holds it").insert(mutant.name, caught);
                }
            });
        }
    });
    let found = found.into_inner().expect("no thread panicked");
    let mut wrong = Vec::new();
    for mutant in mutants::all() {
        let unknown = found[mutant.name].iter().filter_map(|(rule, report)| Some((rule, report.as_ref()?)));
        wrong.extend(unknown.map(|(rule, report)| format!("{} is also caught by {rule}:\n{report}", mutant.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let matrix: BTreeMap<_, Vec<_>> =
        found.into_iter().map(|(name, rules)| (name, rules.into_keys().collect())).collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(suite::root().join("snapshots/mutants"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    // The snapshot is of every id.
    if whole_matrix() {
        settings.bind(|| insta::assert_json_snapshot!("matrix", matrix));
    }
}
