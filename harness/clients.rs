//! Which client is run: our own, or one behind an adapter, which is let go on every way out.

use std::{path::Path, process::exit, rc::Rc, sync::Arc, thread, time::Duration};

use brownout::{
    client::{
        AnyClient, Factory,
        stdio::{self, Adapter, ErrorMap, Start},
    },
    policy::Policy,
    reference::Reference,
    run::Options,
    transcript::ClockKind,
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Failed,
    cli::{Client, Clock, RunCommand},
    usage,
};

/// Nothing is heard of any case for so long: a start of the adapter takes half of it at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// The client under test.
pub enum Tested {
    /// Our own, on a clock of choice.
    Reference(ClockKind),
    /// One behind an adapter, and its command.
    Adapter(Arc<Adapter>, String),
}

impl Tested {
    /// Our own.
    pub fn reference(wanted: Option<Clock>) -> Self {
        Tested::Reference(match wanted {
            None | Some(Clock::Virtual) => ClockKind::Virtual,
            Some(Clock::Real) => ClockKind::Real,
        })
    }

    /// What the arguments ask for; an adapter is started.
    pub fn of(command: &RunCommand) -> Result<Self, Failed> {
        let wanted = command.run.clock;
        match (command.client, command.command.is_empty()) {
            (None | Some(Client::Reference), true) if command.errors.is_some() => {
                Err(usage("--errors belongs to an adapter: give its command after `--`"))
            }
            (None | Some(Client::Reference), true) => Ok(Tested::reference(wanted)),
            (Some(Client::Stdio), true) => {
                Err(usage("--client stdio needs the adapter's command: `brownout run -- python3 adapter.py`"))
            }
            (Some(Client::Reference), false) => Err(usage("the reference client takes no command")),
            (None | Some(Client::Stdio), false) if wanted == Some(Clock::Virtual) => {
                Err(usage("a client in another process lives in true time: leave out `--clock virtual`"))
            }
            (None | Some(Client::Stdio), false) => {
                let start = start(&command.command, command.errors.as_deref())?;
                let adapter =
                    Adapter::start(start).map_err(|why| Failed::Broken(format!("error: the adapter: {why}")))?;
                Ok(Tested::Adapter(adapter, shown(&command.command)))
            }
        }
    }

    /// Makes its client objects.
    pub fn factory(&self) -> Box<Factory> {
        match self {
            Tested::Reference(_) => {
                Box::new(|policy: &Policy, seed| -> Rc<dyn AnyClient> { Rc::new(Reference::new(policy, seed)) })
            }
            Tested::Adapter(adapter, _) => adapter.factory(),
        }
    }

    /// The adapter's command, if there is one.
    pub fn adapter(&self) -> Option<&str> {
        match self {
            Tested::Reference(_) => None,
            Tested::Adapter(_, command) => Some(command),
        }
    }

    /// How its suite is run.
    pub fn options(&self, seed: u64) -> Options {
        match self {
            Tested::Reference(clock) => Options::new(*clock, seed),
            Tested::Adapter(..) => Options { patience: PATIENCE, ..Options::new(ClockKind::Real, seed) },
        }
    }

    /// Lets an adapter go; what it did wrong that belongs to no case.
    pub fn finish(&self) -> Vec<String> {
        match self {
            Tested::Reference(_) => Vec::new(),
            Tested::Adapter(adapter, _) => adapter.finish(),
        }
    }
}

/// How the adapter is started. From now on, whoever interrupts the program ends the adapter too.
pub fn start(command: &[String], errors: Option<&Path>) -> Result<Start, Failed> {
    let beside = ErrorMap::beside(command);
    let errors = match errors.or(beside.as_deref()) {
        None => ErrorMap::default(),
        Some(file) => ErrorMap::read(file).map_err(usage)?,
    };
    thread::spawn(|| {
        interrupted().map(|status| {
            stdio::end_all();
            exit(status)
        })
    });
    Ok(Start { errors, ..Start::new(command) })
}

/// Waits for a signal that ends programs; the exit status that tells of it.
fn interrupted() -> std::io::Result<i32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let [mut hangup, mut interrupt, mut terminate] =
            [signal(SignalKind::hangup())?, signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        tokio::select! {
            _ = hangup.recv() => Ok(129),
            _ = interrupt.recv() => Ok(130),
            _ = terminate.recv() => Ok(143),
        }
    })
}

/// A command as it can be typed again.
fn shown(command: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    command.iter().map(word).collect::<Vec<_>>().join(" ")
}
