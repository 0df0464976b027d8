//! Arguments of the commands about clients: which are known, how several compare, how a new one is begun with.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Format;

/// `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Files with one transcript a line, as `run --transcripts` writes them; of one client or of several
    #[arg(required = true)]
    pub transcripts: Vec<PathBuf>,
    /// A page, or one JSON object
    #[arg(long, value_enum, default_value_t = MatrixFormat::Markdown)]
    pub format: MatrixFormat,
    /// The folder of known clients, whose own defaults are told [default: harness/adapters, if it is there]
    #[arg(long, value_name = "DIR")]
    pub clients: Option<PathBuf>,
}

/// How the matrix is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MatrixFormat {
    /// A page
    Markdown,
    /// One object
    Json,
}

/// `clients`.
#[derive(Debug, Args)]
pub struct Clients {
    /// The folder of known clients: a folder each, with a `client.yaml` [default: harness/adapters, if it is there]
    #[arg(long, value_name = "DIR")]
    pub clients: Option<PathBuf>,
    /// `json`: one object a client, one a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Which class each native error of the adapter is [default: `errors.yaml` beside the adapter, if it is there]
    #[arg(long, value_name = "FILE")]
    pub errors: Option<PathBuf>,
    /// Where `brownout.yaml` and `baseline.yaml` are written; neither may be there yet
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub into: PathBuf,
    /// Scenario ids or patterns that the baseline is taken from [default: all that are not slow]
    #[arg(long, value_name = "PATTERN")]
    pub only: Vec<String>,
    /// The adapter, and its arguments; without it our own client is measured
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}
