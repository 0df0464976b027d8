//! A whole command against one case: started, waited for, judged by the wire and by what it printed.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{
    facts,
    open::{Asker, Open, variables},
};
use crate::{
    client::{About, program::Program, stdio::How},
    scenario::Case,
    transcript::{ClockKind, CommandFacts, Transcript},
    wire::clock::{self, Heartbeat},
};

/// How often is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(5);
/// A connection that ends with the process is seen to end.
const SETTLE: Duration = Duration::from_millis(50);

/// A command, and what is known of it.
#[derive(Debug, Clone)]
pub struct Command {
    /// Program and arguments.
    pub command: Vec<String>,
    /// More variables that it reads the base URL or the key from.
    pub variables: Vec<String>,
    /// After so long it is ended.
    pub limit: Duration,
    /// The exit status that it must end with, if that is to be judged.
    pub expect_exit: Option<i32>,
    /// Who it is.
    pub asker: Asker,
}

/// Runs the command against the case.
pub fn run_command(case: &Case, command: &Command, seed: u64) -> Transcript {
    let broken = |why: String| {
        let about = About { name: command.asker.name.clone(), version: "unknown".to_owned() };
        let blank = facts::blank(case, about, command.asker.capabilities.clone(), ClockKind::Real, seed);
        Transcript { errors: vec![why], ..blank }
    };
    let runtime = match clock::real_runtime(|| ()) {
        Ok(runtime) => runtime,
        Err(error) => return broken(format!("no runtime: {error}")),
    };
    let blank = broken(String::new());
    if blank.needs.iter().any(|need| !blank.capabilities.contains(need)) {
        return Transcript { errors: Vec::new(), ..blank };
    }
    runtime.block_on(run(case, command, seed)).unwrap_or_else(broken)
}

async fn run(case: &Case, command: &Command, seed: u64) -> Result<Transcript, String> {
    let open = Open::start(case, seed, None).await.map_err(|error| format!("the provider did not start: {error}"))?;
    let environment = variables(&open.providers(), &case.id, &command.variables);
    let (beat, begun) = (Heartbeat::start(), Instant::now());
    let program = Program::start(&command.command, &environment)?;
    let mut how = program.how(Duration::ZERO);
    while how.is_none() && begun.elapsed() < command.limit {
        sleep(LOOK).await;
        how = program.how(Duration::ZERO);
    }
    let took = begun.elapsed();
    if how.is_none() {
        program.end();
    }
    sleep(SETTLE).await;
    // A command begins by waiting for a core; what is judged of its waits are least ones, and the provider must be in time for them.
    let late = beat.stop();
    let facts = CommandFacts {
        exit: how.and_then(|how| if let How::Status(status) = how { Some(status) } else { None }),
        ended: how.map(|how| how.to_string()),
        expected_exit: command.expect_exit,
        took: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        marked: 0,
    };
    let said = program.last_words(usize::MAX);
    let transcript = open.finish(&command.asker, facts, Some(said)).await;
    Ok(Transcript { lateness: u64::try_from(late.as_micros()).unwrap_or(u64::MAX), ..transcript })
}
