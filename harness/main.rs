//! The program: reads arguments, calls the library, prints. Nothing prints elsewhere.

mod cli;
mod clients;
mod clients_command;
mod day;
mod doctor_command;
mod exec_command;
mod init_command;
mod judge_command;
mod known;
mod registry;
mod report_command;
mod results;
mod run_command;
mod serve_command;
mod snapshots;
mod style;

use std::{
    io::{self, ErrorKind, Write},
    path::PathBuf,
    process::ExitCode,
};

use brownout::{
    causes::Causes,
    gate::Exit,
    policy::Policy,
    report,
    scenario::load::{self, Library},
    select::select,
    yaml::{Source, closest},
};
use clap::Parser;
use cli::{Cli, Command, Files, Format, List, Schema};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => run_command::bare(&cli.run),
        Some(Command::Run(run)) => run_command::run(*run),
        Some(Command::Clients(clients)) => clients_command::clients(&clients),
        Some(Command::Init(init)) => init_command::init(&init),
        Some(Command::Report(report)) => report_command::report(&report),
        Some(Command::Doctor(doctor)) => doctor_command::doctor(&doctor),
        Some(Command::Exec(exec)) => exec_command::exec(&exec),
        Some(Command::Serve(serve)) => serve_command::serve(&serve),
        Some(Command::List(list)) => self::list(&list),
        Some(Command::Explain { name, files }) => explain(&name, &files),
        Some(Command::Judge(judge)) => judge_command::judge(&judge),
        Some(Command::Schema { which }) => schema(which),
    };
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        // The reader went away (`brownout list | head`): nothing is wrong with us.
        Err(Failed::Print(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failed) => {
            style::error(&failed.to_string());
            ExitCode::from(failed.exit() as u8)
        }
    }
}

/// Why nothing, or not everything, could be done.
enum Failed {
    /// Arguments or files are at fault.
    Usage(String),
    /// The harness itself is.
    Broken(String),
    /// Printing is.
    Print(io::Error),
}

impl Failed {
    fn exit(&self) -> Exit {
        match self {
            Failed::Usage(_) => Exit::Usage,
            Failed::Broken(_) | Failed::Print(_) => Exit::Unjudged,
        }
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failed::Usage(text) | Failed::Broken(text) => f.write_str(text),
            Failed::Print(error) => write!(f, "error: cannot print: {error}"),
        }
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Failed::Print(error)
    }
}

type Done = Result<Exit, Failed>;

fn usage(error: impl std::fmt::Display) -> Failed {
    let text = error.to_string();
    Failed::Usage(if text.starts_with("error") { text } else { format!("error: {text}") })
}

/// The policy and the scenarios that the arguments name.
fn library(files: &Files) -> Result<(Policy, Library), Failed> {
    let here = PathBuf::from("brownout.yaml");
    let file = files.policy.clone().or_else(|| here.is_file().then_some(here));
    let policy = match &file {
        None => Policy::default(),
        Some(file) => {
            let source = Source::read(file, &file.display().to_string()).map_err(usage)?;
            Policy::parse(&source).map_err(usage)?
        }
    };
    let library = match &files.scenarios {
        None => load::embedded(&policy).map_err(usage)?,
        Some(dir) => load::load_dir(dir, &policy).map_err(usage)?,
    };
    Ok((policy, library))
}

fn list(list: &List) -> Done {
    let (_, library) = library(&list.files)?;
    let mut out = io::stdout().lock();
    for case in select(&library.cases, &list.patterns).map_err(usage)? {
        match list.format {
            Format::Text => writeln!(out, "{:<58} {}", case.id, case.title)?,
            Format::Json => {
                let line = serde_json::json!({
                    "scenario": case.id, "family": case.family, "title": case.title, "why": case.why, "sources": case.sources,
                    "incidents": case.incidents, "needs": case.needs, "pair": case.pair,
                });
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(Exit::Fine)
}

fn explain(name: &str, files: &Files) -> Done {
    let (_, library) = library(files)?;
    let table = Causes::embedded();
    match report::explain::explain(name, &library.cases, table) {
        Some(text) => {
            write!(io::stdout().lock(), "{text}")?;
            Ok(Exit::Fine)
        }
        None => {
            let names = report::explain::names(&library.cases, table);
            let hint =
                closest(name, names.iter().map(String::as_str)).map(|close| format!("\n  did you mean `{close}`?"));
            let hint = hint.unwrap_or_else(|| {
                "\n  `brownout list` shows the scenarios; a report names rules and causes".to_owned()
            });
            Err(usage(format_args!("there is no rule, scenario, failure mode or cause `{name}`{hint}")))
        }
    }
}

fn schema(which: Schema) -> Done {
    use brownout::scenario::schema;
    let schema = match which {
        Schema::Scenario => schema::scenario(),
        Schema::Replies => schema::replies(),
        Schema::Policy => schema::policy(),
        Schema::Causes => schema::causes(),
        Schema::Report => schema::report(),
    };
    writeln!(io::stdout().lock(), "{}", serde_json::to_string_pretty(&schema).expect("a schema is plain JSON"))?;
    Ok(Exit::Fine)
}
