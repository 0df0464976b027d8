//! Arguments about what becomes of results: how they are shown, what is known of them, what is kept.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How results are shown, and what is known of them.
#[derive(Debug, Args)]
pub struct Output {
    /// `json`: one object a scenario id, one a line; `junit`: one XML document at the end
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Exit with 3 when less than this share (in percent) was judged
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub min_judged: Option<f64>,
    /// Known violations, each with its reason: they are green while they last; exit with 4 once they do not
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write what fails to this file, its reasons to be filled in; if it is the `--baseline` too, add what is new
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
}

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For CI servers
    Junit,
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("write a share from 0 to 100, such as 95".to_owned()),
    }
}
