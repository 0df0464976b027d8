//! `judge`: saved transcripts, judged again.

use std::path::Path;

use brownout::{
    report::text,
    transcript::Transcript,
    verdict::{self, Judgement},
};

use crate::{
    Done, Failed,
    cli::{Files, Judge},
    library,
    results::Results,
    style, usage,
};

/// Judges what the files hold.
pub fn judge(judge: &Judge) -> Done {
    let (_, library) = library(&Files { policy: None, scenarios: judge.scenarios.clone() })?;
    let mut results = Results::new(&judge.output, &library.cases, Box::new(text::again))?;
    let mut judged = Vec::new();
    for file in &judge.transcripts {
        judged.extend(transcripts(file)?.into_iter().map(|transcript| {
            let judgement = verdict::judge(&transcript);
            (transcript, judgement)
        }));
    }
    let mut out = style::out();
    for (transcript, judgement) in &judged {
        results.tell(&mut out, transcript, judgement)?;
    }
    let judgements: Vec<Judgement> = judged.into_iter().map(|(_, judgement)| judgement).collect();
    results.finish(&mut out, &judgements)
}

/// Reads saved transcripts, one a line.
pub fn transcripts(file: &Path) -> Result<Vec<Transcript>, Failed> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| usage(format_args!("{shown} cannot be read: {error}")))?;
    let line = |(number, line): (usize, &str)| {
        let wrong = |column: usize, error: &dyn std::fmt::Display| {
            usage(format_args!(
                "{shown}:{}:{column}: this is no transcript: {error}\n  write it with `brownout run --transcripts FILE`",
                number + 1,
            ))
        };
        let transcript: Transcript = serde_json::from_str(line).map_err(|error| wrong(error.column(), &error))?;
        transcript.check().map_err(|error| wrong(1, &error))?;
        Ok::<_, Failed>(transcript)
    };
    let transcripts: Vec<Transcript> =
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(line).collect::<Result<_, _>>()?;
    if transcripts.is_empty() {
        return Err(usage(format_args!(
            "{shown} holds no transcript\n  write one with `brownout run --transcripts {shown}`"
        )));
    }
    Ok(transcripts)
}
