//! Which client is run: our own, one behind an adapter, or a gateway; what was started is let go on every way out.

use std::{path::Path, process::exit, rc::Rc, sync::Arc, thread, time::Duration};

use brownout::{
    client::{
        AnyClient, Factory,
        gateway::{Gateway, Spec},
        stdio::{self, Adapter, ErrorMap, Start},
    },
    policy::Policy,
    reference::Reference,
    run::Options,
    scenario::Capability,
    transcript::ClockKind,
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Failed,
    cli::{Clock, RunCommand},
    usage,
};

/// Nothing is heard of any case for so long: a start of the adapter takes half of it at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// The client under test.
pub enum Tested {
    /// Our own, on a clock of choice.
    Reference(ClockKind),
    /// One behind an adapter, and the arguments that ask for it.
    Adapter(Arc<Adapter>, String),
    /// A gateway, likewise.
    Gateway(Arc<Gateway>, String),
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
    pub fn of(command: &RunCommand, policy: &Policy) -> Result<Self, Failed> {
        let wanted = command.run.clock;
        let named = command.client.as_deref();
        if named != Some("gateway") && command.config.is_some() {
            return Err(usage("--config belongs to a gateway: add `--client gateway`"));
        }
        match (named, command.command.is_empty()) {
            (Some("gateway"), _) if wanted != Some(Clock::Virtual) => Tested::gateway(command, policy),
            (None | Some("reference"), true) if command.errors.is_some() => {
                Err(usage("--errors belongs to an adapter: give its command after `--`"))
            }
            (None | Some("reference"), true) => Ok(Tested::reference(wanted)),
            (Some(_), true) if named != Some("gateway") => {
                Err(usage("--client stdio needs the adapter's command: `brownout run -- python3 adapter.py`"))
            }
            (Some("reference"), false) => Err(usage("the reference client takes no command")),
            (_, _) if wanted == Some(Clock::Virtual) => {
                Err(usage("a client in another process lives in true time: leave out `--clock virtual`"))
            }
            (named, _) => {
                let own = named.filter(|name| *name != "stdio").map(|name| format!("--client {name}"));
                let arguments = own.unwrap_or_else(|| format!("-- {}", shown(&command.command)));
                Tested::adapter(&command.command, command.errors.as_deref(), arguments)
            }
        }
    }

    /// Starts an adapter; the arguments ask for it again.
    pub fn adapter(command: &[String], errors: Option<&Path>, arguments: String) -> Result<Self, Failed> {
        let adapter = Adapter::start(start(command, errors)?);
        let adapter = adapter.map_err(|why| Failed::Broken(format!("error: the adapter: {why}")))?;
        Ok(Tested::Adapter(adapter, arguments))
    }

    /// A gateway, which is started.
    fn gateway(command: &RunCommand, policy: &Policy) -> Result<Self, Failed> {
        let file = command.config.as_deref().ok_or_else(|| {
            usage("--client gateway needs its description: `brownout run --client gateway --config gateway.yaml`")
        })?;
        let spec = Spec::read(file).map_err(usage)?;
        watch_interrupts();
        let gateway = Gateway::start(spec, &command.command, policy)
            .map_err(|why| Failed::Broken(format!("error: the gateway: {why}")))?;
        let described = format!("--client gateway --config {}", shown(&[file.display().to_string()]));
        Ok(Tested::Gateway(
            gateway,
            match (&command.known_as, shown(&command.command)) {
                (Some(name), _) => format!("--client {name}"),
                (None, words) if words.is_empty() => described,
                (None, words) => format!("{described} -- {words}"),
            },
        ))
    }

    /// Makes its client objects.
    pub fn factory(&self) -> Box<Factory> {
        match self {
            Tested::Reference(_) => {
                Box::new(|policy: &Policy, seed| -> Rc<dyn AnyClient> { Rc::new(Reference::new(policy, seed)) })
            }
            Tested::Adapter(adapter, _) => adapter.factory(),
            Tested::Gateway(gateway, _) => gateway.factory(),
        }
    }

    /// The arguments that ask for it, where it is another process.
    pub fn arguments(&self) -> Option<&str> {
        match self {
            Tested::Reference(_) => None,
            Tested::Adapter(_, arguments) | Tested::Gateway(_, arguments) => Some(arguments),
        }
    }

    /// How its suite is run.
    pub fn options(&self, seed: u64) -> Options {
        match self {
            Tested::Reference(clock) => Options::new(*clock, seed),
            Tested::Adapter(..) | Tested::Gateway(..) => {
                Options { patience: PATIENCE, ..Options::new(ClockKind::Real, seed) }
            }
        }
    }

    /// Lets an adapter or a gateway go; what it did wrong that belongs to no case.
    pub fn finish(&self) -> Vec<String> {
        let told = |who: &str, complaints: Vec<String>| complaints.iter().map(|why| format!("{who}: {why}")).collect();
        match self {
            Tested::Reference(_) => Vec::new(),
            Tested::Adapter(adapter, _) => told("the adapter", adapter.finish()),
            Tested::Gateway(gateway, _) => told("the gateway", gateway.finish()),
        }
    }

    /// What is worth knowing of a run besides.
    pub fn notes(&self) -> Vec<String> {
        let Tested::Gateway(gateway, _) = self else { return Vec::new() };
        let note = |(what, times): (String, usize)| {
            format!("{times} background requests were answered and kept apart: {what}")
        };
        gateway.background().into_iter().map(note).collect()
    }
}

/// How the adapter is started. From now on, whoever interrupts the program ends the adapter too.
pub fn start(command: &[String], errors: Option<&Path>) -> Result<Start, Failed> {
    let beside = ErrorMap::beside(command);
    let errors = match errors.or(beside.as_deref()) {
        None => ErrorMap::default(),
        Some(file) => ErrorMap::read(file).map_err(usage)?,
    };
    watch_interrupts();
    Ok(Start { errors, ..Start::new(command) })
}

/// From now on, whoever interrupts the program ends what it started too.
pub fn watch_interrupts() {
    thread::spawn(|| {
        interrupted().map(|status| {
            stdio::end_all();
            exit(status)
        })
    });
}

/// Capabilities by their names.
pub fn claims(words: &[String]) -> Result<Vec<Capability>, Failed> {
    let claim = |word: &String| {
        serde_json::from_value(word.as_str().into())
            .map_err(|_| usage(format_args!("--claims: there is no capability `{word}`")))
    };
    words.iter().map(claim).collect()
}

/// Waits until the program is told to end.
pub async fn told_to_end() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        Err(_) => std::future::pending().await,
    }
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
pub fn shown(command: &[String]) -> String {
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
