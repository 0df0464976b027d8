//! The arguments of the program.

use std::path::PathBuf;

use brownout::duration::Span;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Contract tests and scripted faults for clients of chat-completions APIs.
///
/// Without a command the whole embedded suite runs against the reference client.
/// Exit status: 0 fine, 1 a must was broken, 2 bad usage or bad files, 3 some verdict could not be had.
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
    /// Judge saved transcripts again
    Judge {
        /// Files with one transcript a line, as `run --transcripts` writes them
        #[arg(required = true)]
        transcripts: Vec<PathBuf>,
        /// How results are shown
        #[command(flatten)]
        output: Output,
    },
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
    /// Which client is run [default: `stdio` where a command is given, else `reference`]
    #[arg(long, value_enum)]
    pub client: Option<Client>,
    /// Which class each native error of the adapter is [default: `errors.yaml` beside the adapter, if it is there]
    #[arg(long, value_name = "FILE")]
    pub errors: Option<PathBuf>,
    /// The description of the gateway: how it is started and asked, and what it claims
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Run the scenarios too whose users may wait for half a minute or longer: by their arrivals and the policy's deadline
    #[arg(long)]
    pub slow: bool,
    /// Options of the run.
    #[command(flatten)]
    pub run: Run,
    /// The adapter of a client in any language, in true time: `brownout run streaming -- python3 adapter.py`; or the command that
    /// starts a gateway, in place of its description's
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Which client is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// Our own, which keeps every rule
    Reference,
    /// One behind an adapter: a process that speaks JSON lines, given as a command after `--`
    Stdio,
    /// A process that is asked over HTTP and whose providers are ours, described by `--config`
    Gateway,
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

/// `exec`.
///
/// The command finds the provider in OPENAI_BASE_URL, OPENAI_API_KEY, COMETAPI_BASE_URL, COMETAPI_API_KEY, BROWNOUT_BASE_URL,
/// BROWNOUT_API_KEY and BROWNOUT_MODEL, a second one in BROWNOUT_FALLBACK_BASE_URL, _API_KEY and _MODEL, and the scenario's id in
/// BROWNOUT_SCENARIO. It tells its user requests apart by a mark in each: the header `x-brownout-user: 0`, the word `[u0]` in the
/// prompt, or `user-0` as `user`. Without one, rules that speak of one user request are inconclusive (exit status 3).
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Exec {
    /// Scenario ids or patterns with `*` [default: a smoke set of twelve]
    #[arg(long, value_name = "PATTERN")]
    pub scenario: Vec<String>,
    /// One more variable that gets the base URL, or the key if its name ends in KEY, TOKEN or SECRET
    #[arg(long, value_name = "NAME")]
    pub env: Vec<String>,
    /// Judge the exit status: it must be this one. Otherwise it is recorded only
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub expect_exit: Option<i32>,
    /// The command makes one user request and no more, so that no mark is needed
    #[arg(long)]
    pub one_request: bool,
    /// What the command's client can do, such as retry or stream: rules and scenarios that need it apply
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    pub claims: Vec<String>,
    /// The command is ended after so long
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    pub timeout: Span,
    /// Seed of keys
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Write one transcript a line to this file
    #[arg(long, value_name = "FILE")]
    pub transcripts: Option<PathBuf>,
    /// Where scenarios and policy come from.
    #[command(flatten)]
    pub files: Files,
    /// How results are shown.
    #[command(flatten)]
    pub output: Output,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `serve`.
///
/// One line of JSON on standard output tells where everything is: base_url, api_key, model, fallback and control. The control
/// endpoint takes and answers JSON:
///   POST /arm {"scenario": "auth/bad-key", "one_request": true}   from now on this scenario is served; the one before ends
///   GET /verdict                        ends the scenario, judges it: a line of the JSON report (`brownout schema report`)
///   GET /transcript                     ends the scenario: what was seen
///   GET /                               where the providers are
/// User requests are told apart as with `exec`. Requests while nothing is armed are answered as by a healthy provider.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Serve {
    /// The provider's port [default: any]
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,
    /// The control endpoint's port [default: any]
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub control: u16,
    /// The scenario to begin with
    #[arg(long, value_name = "ID")]
    pub scenario: Option<String>,
    /// Each scenario gets one user request and no more, so that no mark is needed
    #[arg(long)]
    pub one_request: bool,
    /// What the client can do, such as retry or stream: rules that need it apply
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    pub claims: Vec<String>,
    /// Seed of what is random
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Where scenarios and policy come from.
    #[command(flatten)]
    pub files: Files,
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
    /// Write one transcript a line to this file
    #[arg(long, value_name = "FILE")]
    pub transcripts: Option<PathBuf>,
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

/// How results are shown.
#[derive(Debug, Args)]
pub struct Output {
    /// `json`: one object a scenario id, one a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Exit with 3 when less than this share (in percent) was judged
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub min_judged: Option<f64>,
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

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("write a share from 0 to 100, such as 95".to_owned()),
    }
}
