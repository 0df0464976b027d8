//! A test of a client of your own, in any crate: a trial a scenario id, with the arguments and the output of `cargo test`.
//!
//! ```toml
//! [[test]]
//! name = "contract"
//! harness = false
//! ```
//!
//! ```no_run
//! # use brownout::client::{About, Call, Capability, Client, Outcome, Policy, ResultKind};
//! # struct Mine;
//! # impl Mine { fn new(_: &Policy, _: u64) -> Mine { Mine } }
//! # impl Client for Mine {
//! #     fn about(&self) -> About { About { name: "mine".to_owned(), version: "1".to_owned() } }
//! #     fn capabilities(&self) -> Vec<Capability> { Vec::new() }
//! #     async fn call(&self, _: Call) -> Outcome { Outcome::new(ResultKind::Unsupported) }
//! # }
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     // Or `brownout::test_main(Mine::new)` for the embedded suite and no known violations.
//!     brownout::TestMain::new(Mine::new).scenarios("scenarios").baseline("baseline.yaml").run()
//! }
//! ```
//!
//! Paths are relative to the crate, and so is `brownout.yaml`, which is read if it is there. Nothing prints elsewhere in the library.

mod arguments;
mod console;
mod setup;

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    rc::Rc,
    sync::Arc,
};

use arguments::Arguments;
use console::{Console, Ended};
use setup::Setup;

use crate::{
    baseline,
    client::{AnyClient, Client, Factory, Policy},
    report::text,
    run::{Clock, Options, Suite, clock_check, run_suite},
    scenario::Case,
    transcript::{ClockKind, Transcript},
    verdict::{Judgement, Status},
};

/// Runs the embedded suite against the client that the factory makes, as the arguments of this program ask.
pub fn test_main<C: Client + 'static>(factory: impl Fn(&Policy, u64) -> C + Send + Sync + 'static) -> ExitCode {
    TestMain::new(factory).run()
}

/// A test program that is still told what to run.
pub struct TestMain {
    factory: Arc<Factory>,
    policy: Option<PathBuf>,
    scenarios: Option<PathBuf>,
    baseline: Option<PathBuf>,
    clock: Option<Clock>,
}

/// The trial that checks the clock, where the virtual one was asked for.
const CLOCK_CHECK: &str = "clock-check";
/// What libtest ends with when a test fails.
const FAILED: u8 = 101;
/// Arguments or files are at fault; nothing ran.
const USAGE: u8 = 2;

impl TestMain {
    /// The factory makes one client object a scenario, from the policy it is told and a seed for its randomness.
    pub fn new<C: Client + 'static>(factory: impl Fn(&Policy, u64) -> C + Send + Sync + 'static) -> Self {
        let factory = move |policy: &Policy, seed: u64| -> Rc<dyn AnyClient> { Rc::new(factory(policy, seed)) };
        TestMain { factory: Arc::new(factory), policy: None, scenarios: None, baseline: None, clock: None }
    }

    /// A policy that states what differs from the default one. Without it, `brownout.yaml` is read if it is there.
    #[must_use]
    pub fn policy(mut self, file: impl Into<PathBuf>) -> Self {
        self.policy = Some(file.into());
        self
    }

    /// A folder of scenarios of your own instead of the embedded suite.
    #[must_use]
    pub fn scenarios(mut self, dir: impl Into<PathBuf>) -> Self {
        self.scenarios = Some(dir.into());
        self
    }

    /// Known violations: see [`baseline`].
    #[must_use]
    pub fn baseline(mut self, file: impl Into<PathBuf>) -> Self {
        self.baseline = Some(file.into());
        self
    }

    /// Pins the clock. Without it the client is checked at every start, and gets the virtual clock if it keeps it. Where the virtual
    /// clock is pinned the check is a trial of its own: better where each trial is a process, as with nextest.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Does what the arguments of this program ask.
    pub fn run(self) -> ExitCode {
        // Not locked: the client may print too.
        ExitCode::from(self.run_with(env::args_os().skip(1), &mut io::stdout()))
    }

    /// The same with these arguments, printing to `out`. The exit status: 0, 101 for a trial that failed, 2 for bad usage.
    pub fn run_with(&self, arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write) -> u8 {
        let done = Arguments::parse(arguments).map_err(|error| error.to_string()).and_then(|arguments| {
            let setup = Setup::read(self, arguments.write_baseline)?;
            self.obey(&arguments, &setup, out)
        });
        match done {
            Ok(true) => 0,
            Ok(false) => FAILED,
            Err(error) => {
                writeln!(out, "error: {error}").ok();
                USAGE
            }
        }
    }

    fn obey(&self, arguments: &Arguments, setup: &Setup, out: &mut dyn Write) -> Result<bool, String> {
        let cases: Vec<Case> = setup.cases.iter().filter(|case| arguments.wants(&case.id)).cloned().collect();
        let check = self.clock == Some(ClockKind::Virtual) && arguments.wants(CLOCK_CHECK);
        let mut console = Console::new(out, arguments.terse, arguments.show_output);
        if arguments.help {
            console.print(arguments::HELP);
            return Ok(true);
        }
        if arguments.list {
            cases.iter().for_each(|case| console.print(&format!("{}: test\n", case.id)));
            console.print(if check { "clock-check: test\n" } else { "" });
            return Ok(true);
        }
        let (ran, filtered_out) = (cases.len(), setup.cases.len() - cases.len());
        let clock = self.choose_clock(setup, ran, &mut console)?;
        console.begin(ran + usize::from(check));
        if check {
            let checked = clock_check(&self.factory, &setup.policy);
            console.ended(CLOCK_CHECK, checked.map_or_else(Ended::Failed, |()| Ended::Passed(String::new())));
        }
        let judgements = self.trials(cases, clock, setup, &mut console)?;
        self.close(arguments, setup, &judgements, &mut console)?;
        console.finish(filtered_out).map_err(|error| format!("cannot print: {error}"))
    }

    /// The clock that is pinned, or the one that the client keeps; says which.
    fn choose_clock(&self, setup: &Setup, trials: usize, console: &mut Console) -> Result<Clock, String> {
        if let Some(clock) = self.clock {
            return Ok(clock);
        }
        if trials == 0 {
            return Ok(ClockKind::Real);
        }
        match clock_check(&self.factory, &setup.policy) {
            Ok(()) => {
                console.print("clock: virtual, which this client keeps\n");
                Ok(ClockKind::Virtual)
            }
            Err(why) => {
                console.print(&format!("clock: real, since this client does not keep the virtual one ({why})\n"));
                Ok(ClockKind::Real)
            }
        }
    }

    /// Runs the cases; a line each.
    fn trials(
        &self,
        cases: Vec<Case>,
        clock: Clock,
        setup: &Setup,
        console: &mut Console,
    ) -> Result<Vec<Judgement>, String> {
        let factory = self.factory.clone();
        let suite = Suite { cases, factory: Box::new(move |policy, seed| factory(policy, seed)) };
        let mut judgements = Vec::new();
        let mut progress = |transcript: &Transcript, judgement: &Judgement| {
            let (weighed, stale) = setup.weigh(judgement);
            let stale: Vec<_> = stale.iter().map(ToString::to_string).collect();
            console.ended(&judgement.scenario, ended(transcript, &weighed, &stale));
            judgements.push(weighed);
        };
        run_suite(Arc::new(suite), Options::new(clock, 1), &mut progress)?;
        Ok(judgements)
    }

    /// What only all trials together can tell.
    fn close(
        &self,
        arguments: &Arguments,
        setup: &Setup,
        judgements: &[Judgement],
        console: &mut Console,
    ) -> Result<(), String> {
        for stale in setup.baseline.iter().flat_map(|baseline| baseline.idle(judgements)) {
            console.ended("baseline", Ended::Failed(stale.to_string()));
        }
        if arguments.write_baseline {
            console.print(&setup.write(&baseline::draft(judgements))?);
        }
        console.print(&format!("\n{}", text::summary(judgements)));
        Ok(())
    }
}

/// What becomes of a trial.
fn ended(transcript: &Transcript, judgement: &Judgement, stale: &[String]) -> Ended {
    let block = text::block_with(transcript, judgement, &again(&judgement.scenario));
    match judgement.status {
        Status::Pass | Status::Warn if stale.is_empty() => Ended::Passed(block),
        Status::NotApplicable => Ended::Ignored(judgement.reason.clone().unwrap_or_default()),
        _ => Ended::Failed([stale, &[block]].concat().join("\n")),
    }
}

/// The command that runs one trial of this program again.
fn again(id: &str) -> String {
    let program = env::current_exe().unwrap_or_default();
    let stem = program.file_stem().unwrap_or_default().to_string_lossy();
    // Cargo adds a hyphen and a hash.
    let name = stem.rsplit_once('-').map_or(&*stem, |(name, _)| name);
    format!("cargo test --test {name} -- --exact '{id}'")
}
