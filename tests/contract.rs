//! The reference client over every scenario, a trial an id: its verdict, and a snapshot of what its parser made of each reply.

mod support {
    pub mod suite;
}

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use brownout::{
    report,
    run::run_alone,
    scenario::Case,
    verdict::{Status, judge},
    wire::clock,
};
use libtest_mimic::{Arguments, Failed, Trial};
use support::suite;

fn main() {
    let arguments = Arguments::from_args();
    clock::raise_file_limit();
    let cases = Arc::new(suite::cases());
    let mut trials: Vec<Trial> = (0..cases.len())
        .map(|place| {
            let all = cases.clone();
            Trial::test(cases[place].id.clone(), move || scenario(&all[place]))
        })
        .collect();
    trials.push(Trial::test("the virtual clock keeps its known trace", || clock::canary().map_err(Failed::from)));
    let all = cases.clone();
    trials.push(Trial::test("no snapshot is left over", move || no_orphans(&all)));
    libtest_mimic::run(&arguments, trials).exit();
}

fn scenario(case: &Case) -> Result<(), Failed> {
    let transcript = run_alone(case, &suite::reference, 1);
    let judgement = judge(&transcript);
    if !matches!(judgement.status, Status::Pass | Status::NotApplicable) {
        return Err(report::text::block(&transcript, &judgement).into());
    }
    if judgement.status == Status::Pass {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(suite::root().join("snapshots/reference").join(case.family.to_string()));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| {
            insta::assert_json_snapshot!(suite::snapshot_name(&case.id), report::snapshot::made_of(&transcript))
        });
    }
    Ok(())
}

/// Every snapshot belongs to a scenario id, whatever part of the suite was asked for.
fn no_orphans(cases: &[Case]) -> Result<(), Failed> {
    let known: BTreeSet<String> =
        cases.iter().map(|case| format!("{}/{}.snap", case.family, suite::snapshot_name(&case.id))).collect();
    let folder = suite::root().join("snapshots/reference");
    let mut orphans = Vec::new();
    for family in fs::read_dir(&folder)? {
        let family = family?.path();
        for file in fs::read_dir(&family)? {
            let path = file?.path();
            let name = path.strip_prefix(&folder).map(Path::display)?.to_string();
            if name.ends_with(".snap") && !known.contains(&name) {
                orphans.push(name);
            }
        }
    }
    if orphans.is_empty() {
        Ok(())
    } else {
        Err(format!("no scenario has these snapshots: {}", orphans.join(", ")).into())
    }
}
