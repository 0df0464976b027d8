//! The arguments of the program.

mod clients;
mod command;
mod output;

use std::path::PathBuf;

use brownout::select::Shard;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use clients::{Clients, Init, MatrixFormat, Report};
pub use command::{Exec, Serve};
pub use output::{Output, ReportFormat};

/// Contract tests and scripted faults for clients of chat-completions APIs.
///
/// Without a command the whole embedded suite runs against the reference client.
/// Exit status: 0 fine, 1 a must was broken, 2 bad usage or bad files, 3 some verdict could not be had, 4 fine but for a stale baseline.
#[derive(Debug, Parser)]
#[command(name = "brownout", version, max_term_width = 100, infer_subcommands = false)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of a bare run.
    #[command(flatten)]
    pub run: Run,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios against the reference client, or a client behind an adapter
    Run(Box<RunCommand>),
    /// Check an adapter by itself, before any scenario
    Doctor(Doctor),
    /// Run any command once per scenario, with OPENAI_BASE_URL and its kin pointing at the provider
    Exec(Box<Exec>),
    /// Keep the provider up for any test framework, with a control endpoint
    Serve(Serve),
    /// List scenarios
    List(List),
    /// Explain a rule, a scenario, a failure mode or a cause
    Explain {
        /// Its name, as a report prints it
        name: String,
        /// Where scenarios and policy come from
        #[command(flatten)]
        files: Files,
    },
    /// List the clients that are known, and what is installed of them
    Clients(Clients),
    /// Measure a client, and write a policy and a baseline to begin with
    Init(Init),
    /// Put the saved results of several clients side by side
    Report(Report),
    /// Judge saved transcripts again
    Judge(Judge),
    /// Print a JSON Schema
    Schema {
        /// Which one
        #[arg(value_enum)]
        which: Schema,
    },
}

/// `run`.
#[derive(Debug, Args)]
pub struct RunCommand {
    /// Scenario ids or patterns with `*`; a name without labels means all its variants
    pub patterns: Vec<String>,
    /// `reference`, `stdio` (an adapter, given as a command after `--`), `gateway` (described by `--config`), or one that `brownout clients` lists
    /// [default: `stdio` where a command is given, else `reference`]
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// The folder of known clients [default: harness/adapters, if it is there]
    #[arg(long, value_name = "DIR")]
    pub clients: Option<PathBuf>,
    /// Which class each native error of the adapter is [default: `errors.yaml` beside the adapter, if it is there]
    #[arg(long, value_name = "FILE")]
    pub errors: Option<PathBuf>,
    /// The description of a gateway: how it is started and asked, and what it claims
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Run the scenarios too whose users may wait for half a minute or longer: by their arrivals and the policy's deadline
    #[arg(long)]
    pub slow: bool,
    /// The name that a gateway was asked for by.
    #[arg(skip)]
    pub known_as: Option<String>,
    /// Options of the run.
    #[command(flatten)]
    pub run: Run,
    /// The adapter of a client in any language, in true time: `brownout run streaming -- python3 adapter.py`; or the
    /// command that starts a gateway, in place of its description's
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `judge`.
#[derive(Debug, Args)]
pub struct Judge {
    /// Files with one transcript a line, as `run --transcripts` writes them
    #[arg(required = true)]
    pub transcripts: Vec<PathBuf>,
    /// The folder of scenarios that `--baseline` speaks of, instead of the embedded suite
    #[arg(long, value_name = "DIR")]
    pub scenarios: Option<PathBuf>,
    /// How results are shown.
    #[command(flatten)]
    pub output: Output,
}

/// `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Which class each native error of the adapter is [default: `errors.yaml` beside the adapter, if it is there]
    #[arg(long, value_name = "FILE")]
    pub errors: Option<PathBuf>,
    /// The adapter, and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Options of a run.
#[derive(Debug, Args)]
pub struct Run {
    /// Virtual time is exact and fast; real time is for clients that need it [default: virtual; real for an adapter]
    #[arg(long, value_enum)]
    pub clock: Option<Clock>,
    /// Run everything so many times, each with another seed, and demand equal verdicts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// Seed of identities and of the client's randomness
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Run one of n equal parts only: m/n, from 1; a scenario's id alone decides which part it is in
    #[arg(long, value_name = "M/N")]
    pub shard: Option<Shard>,
    /// Write one transcript a line to this file
    #[arg(long, value_name = "FILE")]
    pub transcripts: Option<PathBuf>,
    /// Compare what the client made of each reply with snapshots below this folder, DIR/<client>/<family>/<slug>.snap
    #[arg(long, value_name = "DIR")]
    pub snapshots: Option<PathBuf>,
    /// Write snapshots that differ or are not there yet
    #[arg(long, requires = "snapshots")]
    pub accept: bool,
    /// Where scenarios and policy come from.
    #[command(flatten)]
    pub files: Files,
    /// How results are shown.
    #[command(flatten)]
    pub output: Output,
}

/// Where scenarios and policy come from.
#[derive(Debug, Args)]
pub struct Files {
    /// A policy that states what differs from the default one [default: brownout.yaml, if it is in the current folder]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// A folder of scenarios instead of the embedded suite
    #[arg(long, value_name = "DIR")]
    pub scenarios: Option<PathBuf>,
}

/// `list`.
#[derive(Debug, Args)]
pub struct List {
    /// Scenario ids or patterns with `*`
    pub patterns: Vec<String>,
    /// Where scenarios and policy come from.
    #[command(flatten)]
    pub files: Files,
    /// `json`: one object a scenario id, one a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Which clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Clock {
    /// A paused clock that leaps
    Virtual,
    /// True time
    Real,
}

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Which schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Schema {
    /// Of a scenario file
    Scenario,
    /// Of the named replies
    Replies,
    /// Of a policy
    Policy,
    /// Of the table of causes
    Causes,
    /// Of a line of the JSON report
    Report,
}
