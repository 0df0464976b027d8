//! The random schedules have power: they meet most of the table of causes, and they find broken clients.

use std::collections::BTreeSet;

use brownout::{
    run::run_alone,
    verdict::{Status, judge},
};
use libtest_mimic::Trial;

use super::{
    run,
    schedule::{KINDS, Schedule, schedules},
    schedules::causes,
};
use crate::support::{mutants, suite};

/// Broken clients that random schedules find, of each family that a lone schedule can break.
const FOUND: [&str; 1] = ["believes-a-bare-end"];
/// Schedules of each kind in which one must be found.
const WITHIN: u32 = 500;
/// Schedules of each kind that meet so many causes.
const FEW: u32 = 60;
const MET: usize = 40;

pub fn trials() -> Vec<Trial> {
    let found =
        FOUND.map(|name| Trial::test(format!("random schedules find the client that {name}"), || Ok(is_found(name)?)));
    let meets = Trial::test("random schedules meet most causes", || Ok(meets_causes()?));
    found.into_iter().chain([meets]).collect()
}

/// Some schedule makes its rule fail.
pub fn is_found(name: &'static str) -> Result<(), String> {
    let mutant = mutants::all().find(|mutant| mutant.name == name).ok_or_else(|| format!("no mutant {name}"))?;
    let breaks = |schedule: Schedule| {
        let judgement = judge(&run_alone(&schedule.case()?, &mutant.make, schedule.seed));
        let caught = judgement.verdicts.iter().any(|v| v.rule == mutant.rule && v.status == Status::Fail);
        if caught { Err("found".to_owned()) } else { Ok(()) }
    };
    // One is enough: it need not be made smaller.
    let found = KINDS.into_iter().any(|kind| run(name, WITHIN, 0, &schedules(kind), breaks).is_err());
    if found { Ok(()) } else { Err(format!("no schedule broke `{}`", mutant.rule)) }
}

fn meets_causes() -> Result<(), String> {
    let met = std::cell::RefCell::new(BTreeSet::new());
    for kind in KINDS {
        run("causes", FEW, 0, &schedules(kind), |schedule| {
            met.borrow_mut().extend(causes(&run_alone(&schedule.case()?, &suite::reference, schedule.seed)));
            Ok(())
        })?;
    }
    let met = met.into_inner();
    if met.len() >= MET { Ok(()) } else { Err(format!("{} causes only: {met:?}", met.len())) }
}
