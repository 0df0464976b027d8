//! The random schedules have power: they meet most causes, and they find broken clients.

use brownout::{
    run::run_alone,
    verdict::{Status, judge},
};
use libtest_mimic::Trial;

use super::{
    run,
    schedule::{KINDS, Schedule, schedules},
};
use crate::support::mutants;

/// Broken clients that random schedules find: one or two a family of rules.
const FOUND: [&str; 1] = ["believes-a-bare-end"];

pub fn trials() -> Vec<Trial> {
    let found = FOUND
        .map(|name| Trial::test(format!("random schedules find the client that {name}"), move || Ok(is_found(name)?)));
    found.into_iter().collect()
}

/// Some schedule makes its rule fail.
fn is_found(name: &'static str) -> Result<(), String> {
    let mutant = mutants::all().find(|mutant| mutant.name == name).ok_or_else(|| format!("no mutant {name}"))?;
    let breaks = |schedule: Schedule| {
        let judgement = judge(&run_alone(&schedule.case()?, &mutant.make, schedule.seed));
        let caught = judgement.verdicts.iter().any(|v| v.rule == mutant.rule && v.status == Status::Fail);
        if caught { Err("found".to_owned()) } else { Ok(()) }
    };
    let found = KINDS.into_iter().any(|kind| run(name, 500, &schedules(kind), breaks).is_err());
    if found { Ok(()) } else { Err(format!("no schedule broke `{}`", mutant.rule)) }
}
