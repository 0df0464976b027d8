//! The process group of an adapter, which ends with it: nothing that it started goes on.

use std::{
    collections::BTreeSet,
    os::unix::process::CommandExt,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// From the friendly signal to the other.
const FRIENDLY: Duration = Duration::from_secs(1);
/// The kernel's own time to end what was killed.
const KILLED: Duration = Duration::from_secs(5);

/// Variables that would lead requests to a proxy.
const PROXIES: [&str; 8] =
    ["http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY"];
const NO_PROXY: &str = "127.0.0.1,localhost,::1";

/// All groups that are alive.
static ALIVE: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Ends every group at once, for a program that is interrupted.
pub fn end_all() {
    for raw in locked(&ALIVE).iter() {
        if let Some(pid) = Pid::from_raw(*raw) {
            // Nobody is left to hear the friendly signal out.
            kill_process_group(pid, Signal::KILL).ok();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process that leads a group of its own.
#[derive(Debug)]
pub struct Group {
    leader: Pid,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    child: Option<Child>,
    /// How the leader ended.
    how: Option<How>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// With this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

impl std::fmt::Display for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            How::Status(status) => write!(f, "exit status {status}"),
            How::Signal(signal) => {
                let name = match signal {
                    2 => " (interrupted)",
                    4 => " (illegal instruction)",
                    6 => " (aborted)",
                    9 => " (killed)",
                    11 => " (segmentation fault)",
                    15 => " (terminated)",
                    _ => "",
                };
                write!(f, "signal {signal}{name}")
            }
        }
    }
}

/// The ends of its pipes that are ours.
pub struct Pipes {
    /// What it reads.
    pub input: ChildStdin,
    /// What it answers.
    pub output: ChildStdout,
    /// What it says beside.
    pub said: ChildStderr,
}

impl Group {
    /// Starts a command as the leader of a new group, with no proxy between it and loopback.
    pub fn start(command: &[String]) -> Result<(Group, Pipes), String> {
        let [program, arguments @ ..] = command else { return Err("there is no command".to_owned()) };
        let mut command = Command::new(program);
        command.args(arguments).process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in PROXIES {
            command.env_remove(name);
        }
        command.env("NO_PROXY", NO_PROXY).env("no_proxy", NO_PROXY);
        let mut child = command.spawn().map_err(|error| format!("`{program}` does not start: {error}"))?;
        let leader = Pid::from_child(&child);
        locked(&ALIVE).insert(leader.as_raw_nonzero().get());
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let state = Mutex::new(State { child: Some(child), how: None });
        let group = Group { leader, state, changed: Condvar::new() };
        match pipes {
            (Some(input), Some(output), Some(said)) => Ok((group, Pipes { input, output, said })),
            _ => Err(format!("`{program}` has no pipes")),
        }
    }

    /// The leader's process id.
    pub fn pid(&self) -> u32 {
        self.leader.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits until the leader has ended, without taking it away: its number, which is the group's, stays taken.
    pub fn wait(&self) {
        let how = loop {
            match waitid(WaitId::Pid(self.leader), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Ok(Some(status)) => {
                    let killed = || status.terminating_signal().map(How::Signal);
                    break status.exit_status().map(How::Status).or_else(killed).unwrap_or(How::Status(-1));
                }
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => break How::Status(-1),
            }
        };
        locked(&self.state).how = Some(how);
        self.changed.notify_all();
    }

    /// Takes the leader away, and ends what is left of its group. To be called once the leader has ended.
    pub fn bury(&self) {
        kill_process_group(self.leader, Signal::KILL).ok();
        let mut state = locked(&self.state);
        if let Some(mut child) = state.child.take() {
            child.wait().ok();
        }
        locked(&ALIVE).remove(&self.leader.as_raw_nonzero().get());
        self.changed.notify_all();
    }

    /// How the leader ended, if it does within this time.
    pub fn how(&self, longest: Duration) -> Option<How> {
        let state = locked(&self.state);
        let waited = self.changed.wait_timeout_while(state, longest, |state| state.how.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.how
    }

    /// Whether the whole group is gone within this time.
    pub fn is_gone(&self, longest: Duration) -> bool {
        let state = locked(&self.state);
        let waited = self.changed.wait_timeout_while(state, longest, |state| state.child.is_some());
        waited.unwrap_or_else(PoisonError::into_inner).0.child.is_none()
    }

    /// Ends the group: the friendly signal first.
    pub fn end(&self) {
        for (signal, patience) in [(Signal::TERM, FRIENDLY), (Signal::KILL, KILLED)] {
            {
                let state = locked(&self.state);
                if state.child.is_some() {
                    kill_process_group(self.leader, signal).ok();
                }
            }
            if self.is_gone(patience) {
                return;
            }
        }
    }
}
