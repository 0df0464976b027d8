//! Clients that are known: a folder each, with a `client.yaml` that says how it is run.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use brownout::{
    report::matrix::Defaults,
    yaml::{self, Source, closest},
};
use serde::Deserialize;

use crate::{Failed, cli::RunCommand, usage};

/// Where clients are looked for, if no folder is named.
const HERE: &str = "harness/adapters";
/// What tells a version takes no longer than this.
const PATIENCE: Duration = Duration::from_secs(20);

/// `client.yaml`. A path begins with `./` or `../` and is relative to the file's folder; `*` in it is any text of one name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Version of this format: 1.
    pub version: u32,
    /// As `--client` and its transcripts name it.
    pub name: String,
    /// The language it is written in.
    pub language: String,
    /// How it is driven.
    #[serde(default)]
    pub driver: Driver,
    /// Its adapter, or the gateway itself, and its arguments.
    pub command: Vec<String>,
    /// What prints the version of what is installed.
    #[serde(default)]
    pub installed: Vec<String>,
    /// The classes of its native errors; without it, `errors.yaml` beside the adapter.
    #[serde(default)]
    pub errors: Option<String>,
    /// What it is held to.
    #[serde(default)]
    pub policy: Option<String>,
    /// What it is known to break.
    #[serde(default)]
    pub baseline: Option<String>,
    /// Its own defaults, by key of the policy with dots: `attempt_timeout: 600s`.
    #[serde(default)]
    pub defaults: BTreeMap<String, String>,
    /// Where the file stands.
    #[serde(skip)]
    folder: PathBuf,
}

/// How a client is driven.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// By an adapter that speaks JSON lines.
    #[default]
    Stdio,
    /// Over HTTP, between our users and our providers, as `gateway.yaml` beside this file describes.
    Gateway,
}

/// All that are known.
#[derive(Debug, Default)]
pub struct Registry(pub Vec<Entry>);

impl Registry {
    /// Reads every `client.yaml` in the folder, one or two levels down. Without a name, a folder that is not there holds none.
    pub fn read(folder: Option<&Path>) -> Result<Self, Failed> {
        let here = Path::new(HERE);
        let Some(folder) = folder.or_else(|| here.is_dir().then_some(here)) else { return Ok(Registry::default()) };
        let within = |folder: &Path| -> Result<Vec<PathBuf>, Failed> {
            let listed = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let listed = listed.map_err(|error| usage(format_args!("{} cannot be read: {error}", folder.display())))?;
            let mut folders: Vec<_> = listed.iter().map(fs::DirEntry::path).filter(|path| path.is_dir()).collect();
            folders.sort();
            Ok(folders)
        };
        let mut folders = within(folder)?;
        for folder in folders.clone() {
            folders.extend(within(&folder)?);
        }
        let entries = folders.iter().filter(|folder| folder.join("client.yaml").is_file()).map(|folder| entry(folder));
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        match entries.windows(2).find(|pair| pair[0].name == pair[1].name) {
            Some(pair) => Err(usage(format_args!("there are two clients `{}`", pair[0].name))),
            None => Ok(Registry(entries)),
        }
    }

    /// The client of this name.
    pub fn find(&self, name: &str) -> Result<&Entry, Failed> {
        self.0.iter().find(|entry| entry.name == name).ok_or_else(|| {
            let names = ["reference", "stdio"].into_iter().chain(self.0.iter().map(|entry| entry.name.as_str()));
            let close = closest(name, names);
            let hint = close
                .map_or("`brownout clients` lists those that are".to_owned(), |name| format!("did you mean `{name}`?"));
            usage(format_args!("there is no client `{name}`\n  {hint}"))
        })
    }

    /// Their own defaults.
    pub fn defaults(&self) -> Defaults {
        self.0.iter().map(|entry| (entry.name.clone(), entry.defaults.clone())).collect()
    }
}

fn entry(folder: &Path) -> Result<Entry, Failed> {
    let file = folder.join("client.yaml");
    let source = Source::read(&file, &file.display().to_string()).map_err(usage)?;
    let document = yaml::parse(&source).map_err(usage)?;
    let entry: Entry = yaml::from_node(&document.root).map_err(|problem| usage(source.error(problem)))?;
    match (entry.version, entry.command.is_empty()) {
        (1, false) => Ok(Entry { folder: folder.to_owned(), ..entry }),
        (1, true) => Err(usage(format_args!("{}: `command` names no program", file.display()))),
        _ => Err(usage(format_args!("{}: there is only version 1", file.display()))),
    }
}

impl Entry {
    /// Its command, with paths as they are from here.
    pub fn command(&self) -> Vec<String> {
        self.command.iter().map(|word| self.word(word)).collect()
    }

    /// Whether its program is there.
    pub fn is_there(&self) -> bool {
        let program = self.command().swap_remove(0);
        !program.contains('/') || Path::new(&program).is_file()
    }

    /// The version that is installed; `None`: it is not, or nothing tells.
    pub fn installed(&self) -> Option<String> {
        let words: Vec<String> = self.installed.iter().map(|word| self.word(word)).collect();
        let (program, arguments) = words.split_first().filter(|_| self.is_there())?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let until = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait().ok()? {
                None if Instant::now() > until => break child.kill().and_then(|()| child.wait()).ok()?,
                None => thread::sleep(Duration::from_millis(10)),
                Some(status) => break status,
            }
        };
        let mut said = String::new();
        child.stdout.take()?.take(1000).read_to_string(&mut said).ok()?;
        let version = said.lines().next().unwrap_or_default().trim().to_owned();
        (status.success() && !version.is_empty()).then_some(version)
    }

    /// Fills in what the arguments of a run leave open.
    pub fn fill(&self, run: &mut RunCommand) -> Result<(), Failed> {
        if !run.command.is_empty() {
            return Err(usage(format_args!("`--client {}` has a command of its own: leave out yours", self.name)));
        }
        if !self.is_there() {
            let program = self.command().swap_remove(0);
            return Err(usage(format_args!("`{}` is not installed: there is no {program}", self.name)));
        }
        run.command = self.command();
        if self.driver == Driver::Gateway {
            run.client = Some("gateway".to_owned());
            run.known_as = Some(self.name.clone());
            run.config = run.config.take().or_else(|| Some(self.folder.join("gateway.yaml")));
        }
        let path = |word: &Option<String>| word.as_ref().map(|word| PathBuf::from(self.word(word)));
        run.errors = run.errors.take().or_else(|| path(&self.errors));
        run.run.files.policy = run.run.files.policy.take().or_else(|| path(&self.policy));
        run.run.output.baseline = run.run.output.baseline.take().or_else(|| path(&self.baseline));
        Ok(())
    }

    /// A word of a command: a path is relative to the file's folder.
    fn word(&self, word: &str) -> String {
        if !(word.starts_with("./") || word.starts_with("../")) {
            return word.to_owned();
        }
        let path = plain(&self.folder.join(word.strip_prefix("./").unwrap_or(word)));
        expanded(&path).unwrap_or(path).display().to_string()
    }
}

/// A path without the way there and back.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        let back = part == Component::ParentDir && matches!(plain.components().next_back(), Some(Component::Normal(_)));
        if !(back && plain.pop()) {
            plain.push(part);
        }
    }
    plain
}

/// The first path that is there where `*` may be any text of a name.
fn expanded(path: &Path) -> Option<PathBuf> {
    let mut found = PathBuf::new();
    for part in path {
        let name = part.to_str()?;
        let Some((head, tail)) = name.split_once('*') else {
            found.push(part);
            continue;
        };
        let names = fs::read_dir(&found).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        found.push(names.filter(|name| name.starts_with(head) && name.ends_with(tail)).min()?);
    }
    Some(found)
}
