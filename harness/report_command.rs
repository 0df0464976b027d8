//! `report`: the saved results of several clients, side by side.

use std::io::Write;

use brownout::{gate::Exit, report::matrix, verdict::judge};

use crate::{
    Done,
    cli::{MatrixFormat, Report},
    judge_command::transcripts,
    registry::Registry,
    style,
};

/// Judges what the files hold, and prints the matrix.
pub fn report(report: &Report) -> Done {
    let known = Registry::read(report.clients.as_deref())?;
    let mut results = Vec::new();
    for file in &report.transcripts {
        results.extend(transcripts(file)?.into_iter().map(|transcript| {
            let judgement = judge(&transcript);
            (transcript, judgement)
        }));
    }
    let matrix = matrix::matrix(&results, &known.defaults());
    let mut out = style::out();
    match report.format {
        MatrixFormat::Markdown => write!(out, "{}", matrix::markdown(&matrix))?,
        MatrixFormat::Json => {
            writeln!(out, "{}", serde_json::to_string_pretty(&matrix).expect("plain values have a JSON form"))?;
        }
    }
    Ok(Exit::Fine)
}
