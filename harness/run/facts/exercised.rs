//! Whether what the scenario is about was served.

use super::Joiner;
use crate::{
    scenario::{Content, Host, Script, Step},
    wire::Served,
};

impl Joiner<'_> {
    /// The first faulty step of the primary, each phase once, and the leaving of users: what the scenario is about.
    pub(super) fn not_exercised(&self) -> Vec<String> {
        let served = |own: Option<usize>, index: usize| {
            self.record.seen.iter().any(|seen| {
                let script = if seen.own_script { seen.user } else { None };
                seen.host == Host::Primary && script == own && seen.index == index && seen.served != Served::Stray
            })
        };
        let own = self
            .case
            .users
            .iter()
            .enumerate()
            .filter_map(|(n, user)| Some((Some(n), user.scripts.get(&Host::Primary)?)));
        let common = self
            .case
            .hosts
            .get(&Host::Primary)
            .map(|script| (None, script))
            .filter(|_| self.case.users.iter().any(|user| !user.scripts.contains_key(&Host::Primary)));
        let scripts = common.into_iter().chain(own);
        let faults =
            scripts.flat_map(|(own, script)| due(script).into_iter().map(move |(index, step)| (own, index, step)));
        let unserved = faults.filter(|(own, index, _)| !served(*own, *index)).map(|(_, _, step)| step.label.clone());
        let stayed = self
            .record
            .users
            .iter()
            .filter(|user| user.left.is_none() && self.case.users[user.number].cancel.is_some());
        unserved
            .chain(stayed.map(|user| format!("the leaving of user {}: the outcome came first", user.number)))
            .collect()
    }
}

/// Steps that must be served for the scenario to have been exercised. A refused connection is never seen.
fn due(script: &Script) -> Vec<(usize, &Step)> {
    let seen = |step: &Step| step.faulty && step.content != Content::Refuse;
    match script {
        Script::Steps(steps) => {
            steps.iter().enumerate().find(|(_, step)| step.faulty).filter(|(_, step)| seen(step)).into_iter().collect()
        }
        Script::Phases(phases) => {
            phases.iter().map(|phase| &phase.step).enumerate().filter(|(_, step)| seen(step)).collect()
        }
    }
}
