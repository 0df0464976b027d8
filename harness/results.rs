//! What is told of results: of each as it comes, and of all at the end.

use std::io::{self, Write};

use brownout::{
    gate::{Exit, MinJudged, Tally, gate},
    report::{self, junit::Junit},
    scenario::Case,
    transcript::Transcript,
    verdict::Judgement,
    yaml::SourceError,
};

use crate::{
    Done, Failed,
    cli::{Output, ReportFormat},
    known::Known,
    style,
};

/// How a scenario is run again, by its id.
pub type Again = dyn Fn(&Transcript) -> String;

/// Tells of results in the format that was asked for, in the light of what is known.
pub struct Results<'a> {
    output: &'a Output,
    known: Known,
    again: Box<Again>,
    junit: Junit,
}

impl<'a> Results<'a> {
    /// Reads what is known of these scenarios.
    pub fn new(output: &'a Output, cases: &[Case], again: Box<Again>) -> Result<Self, Failed> {
        Ok(Results { output, known: Known::read(output, cases)?, again, junit: Junit::default() })
    }

    /// Whether people read along.
    pub fn for_people(&self) -> bool {
        self.output.format == ReportFormat::Text
    }

    /// Tells of one scenario id.
    pub fn tell(&mut self, out: &mut impl Write, transcript: &Transcript, judgement: &Judgement) -> io::Result<()> {
        let (judgement, _) = self.known.weigh(judgement);
        let block = || report::text::block_with(transcript, &judgement, &(self.again)(transcript));
        match self.output.format {
            ReportFormat::Json => writeln!(out, "{}", report::json::line(transcript, &judgement)),
            ReportFormat::Junit => {
                let block = block();
                self.junit.add(transcript, &judgement, &block);
                Ok(())
            }
            // The summary tells of what is known.
            ReportFormat::Text if judgement.is_only_known() => Ok(()),
            ReportFormat::Text => match block() {
                block if block.is_empty() => Ok(()),
                block => writeln!(out, "{}", style::coloured(&block)),
            },
        }
    }

    /// The summary of all, and what follows from it.
    pub fn finish(self, out: &mut impl Write, judgements: &[Judgement]) -> Done {
        let weighed = judgements.iter().map(|judgement| self.known.weigh(judgement));
        let (judgements, stale): (Vec<Judgement>, Vec<Vec<SourceError>>) = weighed.unzip();
        let stale: Vec<_> = stale.into_iter().flatten().chain(self.known.idle(&judgements)).collect();
        match self.output.format {
            ReportFormat::Text => write!(out, "{}", summary(&judgements, stale.len()))?,
            ReportFormat::Json => {}
            ReportFormat::Junit => write!(out, "{}", self.junit.document(&stale).map_err(Failed::Broken)?)?,
        }
        stale.iter().for_each(|stale| style::error(&stale.to_string()));
        if let Some(said) = self.known.write(&judgements)? {
            style::note(&said);
        }
        Ok(weigh(self.output, &Tally::of(&judgements)).with_stale(!stale.is_empty()))
    }
}

fn weigh(output: &Output, tally: &Tally) -> Exit {
    if let Some(min) = output.min_judged.filter(|min| tally.percent() < *min) {
        style::error(&format!("{:.1} % were judged, and --min-judged asks for {min} %", tally.percent()));
    }
    gate(tally, output.min_judged.map(MinJudged))
}

fn summary(judgements: &[Judgement], stale: usize) -> String {
    let known = report::text::known(judgements);
    let known = if known.is_empty() { known } else { format!("known\n{known}") };
    let stale = match stale {
        0 => String::new(),
        1 => "1 entry of the baseline is stale\n".to_owned(),
        n => format!("{n} entries of the baseline are stale\n"),
    };
    style::coloured(&format!("{known}{}{stale}", report::text::summary(judgements)))
}
