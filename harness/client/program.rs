//! A process whose output is text for people: a gateway, or a whole command. It leads a group of its own, which ends with it.

use std::{
    collections::BTreeMap,
    process::ChildStdin,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use super::stdio::{
    How,
    delay::{self, Delay},
    group::{Group, Pipes},
    said::Said,
};

/// What is left in the pipes of a process that has ended is read within this time.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// A process, and all that it said.
#[derive(Debug)]
pub struct Program {
    group: Group,
    /// Open for as long as it lives: some end with their input.
    _input: Mutex<ChildStdin>,
    said: [Said; 2],
    delay: Delay,
}

impl Program {
    /// Starts a command with these variables.
    pub fn start(command: &[String], environment: &BTreeMap<String, String>) -> Result<Arc<Self>, String> {
        let (group, Pipes { input, output, said }) = Group::start_with(command, environment)?;
        let (input, delay) = (Mutex::new(input), Delay::default());
        let program = Arc::new(Program { group, _input: input, said: <[Said; 2]>::default(), delay });
        program.thread(move |program| program.said[0].listen(output));
        program.thread(move |program| program.said[1].listen(said));
        program.thread(|program| {
            program.group.wait();
            program.group.bury();
        });
        program.thread(|program| program.look());
        Ok(program)
    }

    fn thread(self: &Arc<Self>, work: impl FnOnce(&Program) + Send + 'static) {
        let program = self.clone();
        thread::spawn(move || work(&program));
    }

    /// Watches how long the process waits for a core.
    fn look(&self) {
        let mut seen = BTreeMap::new();
        while !self.group.is_gone(delay::LOOK) {
            seen = self.delay.look(self.group.pid(), &seen);
        }
    }

    /// How it ended, if it does within this time.
    pub fn how(&self, longest: Duration) -> Option<How> {
        self.group.how(longest)
    }

    /// Ends its group: the friendly signal first.
    pub fn end(&self) {
        self.group.end();
    }

    /// The longest time it waited for a core since then.
    pub fn delay(&self, since: Instant) -> Duration {
        self.delay.since(since)
    }

    /// How many lines it has said so far, on both ways out.
    pub fn so_far(&self) -> [usize; 2] {
        [self.said[0].so_far(), self.said[1].so_far()]
    }

    /// All lines that it said after so many.
    pub fn since(&self, so_far: [usize; 2]) -> Vec<String> {
        self.said.iter().zip(so_far).flat_map(|(said, so_far)| said.since(so_far)).collect()
    }

    /// Its last lines, once it has ended.
    pub fn last_words(&self, lines: usize) -> Vec<String> {
        self.said.iter().for_each(|said| said.wait(LAST_WORDS));
        self.said.iter().flat_map(|said| said.last(lines)).collect()
    }
}
