//! `init`: a client is measured, and gets a policy and a baseline to begin with.

use std::{collections::BTreeMap, fs, io::Write, path::Path, sync::Arc};

use brownout::{
    baseline::draft,
    gate::{Exit, Tally},
    policy::Policy,
    report::{measured, text},
    run::{Suite, run_suite},
    scenario::{
        Case,
        load::{self, Library, SourceFile},
    },
    select::select,
    transcript::Transcript,
    verdict::{Judgement, Status},
    yaml::Source,
};

use crate::{
    Done, Failed,
    cli::Init,
    clients::{Tested, shown},
    day::today,
    run_command::SLOW,
    style, usage,
};

type Results = Vec<(Transcript, Judgement)>;

/// Measures, writes and says what was found.
pub fn init(init: &Init) -> Done {
    let files = ["brownout.yaml", "baseline.yaml"].map(|name| init.into.join(name));
    if let Some(there) = files.iter().find(|file| file.exists()) {
        return Err(usage(format_args!(
            "{} is there already\n  take it away, or name another folder with `--into`",
            there.display()
        )));
    }
    let tested = match init.command.is_empty() {
        true => Tested::reference(None),
        false => {
            let arguments = format!("-- {}", shown(&init.command));
            Tested::adapter(&init.command, init.errors.as_deref(), arguments)?
        }
    };
    let done = begin(init, &tested, &files);
    tested.finish().iter().for_each(|why| style::error(&format!("error: the adapter: {why}")));
    done
}

fn begin(init: &Init, tested: &Tested, [policy_file, baseline_file]: &[std::path::PathBuf; 2]) -> Done {
    let (library, written) = measure(tested)?;
    let cases = select(&library.cases, &init.only).map_err(usage)?.into_iter().cloned();
    let quick = cases.filter(|case| tested.arguments().is_none() || case.lasts() < SLOW).collect();
    write(policy_file, &written)?;
    let mut out = style::out();
    writeln!(out, "{}:\n\n{written}", policy_file.display())?;
    let judgements: Vec<Judgement> = run(tested, quick)?.into_iter().map(|(_, judgement)| judgement).collect();
    let entries = draft(&judgements);
    write(baseline_file, if entries.is_empty() { "[]\n" } else { &entries })?;
    write!(out, "{}", style::coloured(&text::summary(&judgements)))?;
    write!(out, "{}", unexplained(&judgements, baseline_file))?;
    Ok(if Tally::of(&judgements).judged == 0 { Exit::Unjudged } else { Exit::Fine })
}

/// The policy that the measurement tells of, its text, and the suite under it.
fn measure(tested: &Tested) -> Result<(Library, String), Failed> {
    let file = |(path, text): (String, String)| SourceFile::new("brownout init", &path, text);
    let files: Vec<SourceFile> = measured::scenarios().into_iter().map(file).collect();
    let told = Policy::default();
    let library = load::load(&files, &told).map_err(usage)?;
    let results = run(tested, library.cases)?;
    let about = results.first().map(|(transcript, _)| &transcript.client);
    let about = about.map_or_else(String::new, |about| format!("{} {}, {}", about.name, about.version, today()));
    let measured = measured::Measured::of(results.iter().map(|(transcript, _)| transcript));
    let mut why = None;
    for too_long in [&[][..], &["idle_timeout"], &["idle_timeout", "attempt_timeout"], &TIMERS] {
        let text = measured.policy(&about, &told, too_long);
        let policy = Policy::parse(&Source::new("the measured policy", text.clone()));
        match policy.and_then(|policy| load::embedded(&policy)) {
            Ok(library) => return Ok((library, text)),
            Err(error) => why = Some(error),
        }
    }
    let why = why.map_or_else(String::new, |why| why.to_string());
    Err(Failed::Broken(format!("error: what was measured makes no policy for the suite\n{why}")))
}

/// Scenarios whose steps are shares of these may not fit into the deadline once they grow.
const TIMERS: [&str; 3] = ["idle_timeout", "attempt_timeout", "backoff"];

fn run(tested: &Tested, cases: Vec<Case>) -> Result<Results, Failed> {
    let suite = Arc::new(Suite { cases, factory: tested.factory() });
    run_suite(suite, tested.options(1), &mut |_, _| ()).map_err(Failed::Broken)
}

fn write(file: &Path, text: &str) -> Result<(), Failed> {
    fs::write(file, text).map_err(|error| usage(format_args!("{} cannot be written: {error}", file.display())))
}

/// What still fails, a line a rule.
fn unexplained(judgements: &[Judgement], baseline: &Path) -> String {
    let failed = judgements.iter().flat_map(|judgement| &judgement.verdicts);
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    failed
        .filter(|verdict| verdict.status == Status::Fail)
        .for_each(|verdict| *rules.entry(&verdict.rule).or_default() += 1);
    if rules.is_empty() {
        return "the policy explains all that it does\n".to_owned();
    }
    let lines: String = rules.iter().map(|(rule, n)| format!("  {rule:<22} {n:>3} x\n")).collect();
    let next = format!("{} lists them: look at each, and write its reason in place of TODO", baseline.display());
    format!("what the policy does not explain, by rule\n{lines}{next}\n")
}
