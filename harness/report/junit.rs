//! The report for CI servers: one JUnit document, a test case a scenario id.

use std::{collections::BTreeMap, time::Duration};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{
    transcript::Transcript,
    verdict::{Judgement, Status},
    yaml::SourceError,
};

/// The test cases so far, by scenario id. Of several runs of one scenario the worst counts.
#[derive(Debug, Default)]
pub struct Junit(BTreeMap<String, (Status, String, TestCase)>);

impl Junit {
    /// Adds a scenario id; the block is what the report for people says of it.
    pub fn add(&mut self, transcript: &Transcript, judgement: &Judgement, block: &str) {
        let id = &judgement.scenario;
        if self.0.get(id).is_some_and(|(status, ..)| *status >= judgement.status) {
            return;
        }
        let mut case = TestCase::new(id.as_str(), status(judgement, block));
        case.set_classname(format!("brownout.{}", transcript.family));
        case.set_time(Duration::from_micros(took(transcript)));
        if judgement.status == Status::Warn {
            case.set_system_out(block);
        }
        self.0.insert(id.clone(), (judgement.status, transcript.client.name.clone(), case));
    }

    /// The document: a suite a client, and one for the baseline where that is stale.
    pub fn document(self, stale: &[SourceError]) -> Result<String, String> {
        let mut suites: BTreeMap<String, TestSuite> = BTreeMap::new();
        for (_, client, case) in self.0.into_values() {
            suites.entry(client).or_insert_with_key(|client| TestSuite::new(client.as_str())).add_test_case(case);
        }
        let mut report = Report::new("brownout");
        report.add_test_suites(suites.into_values());
        if !stale.is_empty() {
            let mut suite = TestSuite::new("baseline");
            suite.add_test_cases(stale.iter().map(stale_entry));
            report.add_test_suite(suite);
        }
        report.to_string().map_err(|error| format!("error: the report cannot be written: {error}"))
    }
}

/// Until the last user had an outcome.
fn took(transcript: &Transcript) -> u64 {
    transcript.users.iter().filter_map(|user| user.ended.or(user.left)).max().unwrap_or_default()
}

fn status(judgement: &Judgement, block: &str) -> TestCaseStatus {
    let mut status = match judgement.status {
        Status::Pass | Status::Warn => return TestCaseStatus::success(),
        Status::NotApplicable => TestCaseStatus::skipped(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::NotExercised | Status::NotRun | Status::Inconclusive | Status::Error => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    status.set_message(message(judgement)).set_type(judgement.status.to_string());
    if judgement.status != Status::NotApplicable {
        status.set_description(block);
    }
    status
}

/// Why, in a line: what was broken first, or why there is no verdict.
fn message(judgement: &Judgement) -> String {
    let worst = judgement.verdicts.iter().find(|verdict| verdict.status == judgement.status);
    let breach = worst.and_then(|verdict| Some((&verdict.rule, verdict.breaches.first()?)));
    match (breach, &judgement.reason) {
        (Some((rule, breach)), _) => format!("{rule}: {} ({})", breach.actual, breach.expected),
        (None, Some(reason)) => reason.clone(),
        (None, None) => judgement.status.to_string(),
    }
}

fn stale_entry(stale: &SourceError) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(stale.message.as_str()).set_type("stale").set_description(stale.to_string());
    let mut case = TestCase::new(format!("{}:{}:{}", stale.path, stale.line, stale.column), status);
    case.set_classname("brownout.baseline");
    case
}
