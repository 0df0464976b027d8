//! Arguments of `exec` and `serve`: requests that the harness does not make itself.

use std::path::PathBuf;

use brownout::duration::Span;
use clap::Args;

use super::{Files, Output};

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
