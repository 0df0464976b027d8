//! One life of an adapter: its process, from `hello` to its end, and the threads that read and write its pipes.

use std::{
    collections::BTreeMap,
    io::{BufReader, Write},
    process::{ChildStdin, ChildStdout},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use serde_json::Value as Json;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    GRACE, LINE, OUTCOME, Start, TAIL,
    cases::{Breach, Desk, End, Event},
    delay::{self, Delay},
    group::{Group, How, Pipes},
    lines::{self, Line},
    message::{self, Message, Ready},
    said::Said,
};

/// The end of the output and of the process belong together if they come within this time.
const TOGETHER: Duration = Duration::from_millis(500);
/// From `bye` to the exit.
const LEAVE: Duration = Duration::from_secs(3);

/// One process of an adapter.
#[derive(Debug)]
pub struct Life {
    group: Group,
    input: Mutex<Option<mpsc::Sender<Vec<u8>>>>,
    desk: Mutex<Desk>,
    changed: Condvar,
    /// It was told to end.
    told: AtomicBool,
    unknown_fields: bool,
    pub(super) said: Said,
    pub(super) delay: Delay,
}

impl Life {
    /// Starts the command and shakes hands. An error holds the last lines of standard error.
    pub fn start(start: &Start) -> Result<Arc<Life>, String> {
        let (group, Pipes { input, output, said }) = Group::start(&start.command)?;
        let (sender, receiver) = mpsc::channel();
        let life = Arc::new(Life {
            group,
            input: Mutex::new(Some(sender)),
            desk: Mutex::default(),
            changed: Condvar::new(),
            told: AtomicBool::new(false),
            unknown_fields: start.unknown_fields,
            said: Said::default(),
            delay: Delay::default(),
        });
        life.thread(move |_| write(input, &receiver));
        life.thread(move |life| life.said.listen(said));
        life.thread(move |life| life.listen(output));
        life.thread(|life| life.outlive());
        life.thread(|life| life.look());
        life.send(&message::hello());
        life.await_ready(start.startup).map(|()| life.clone()).map_err(|why| life.with_last_words(&why))
    }

    fn thread(self: &Arc<Self>, work: impl FnOnce(&Life) + Send + 'static) {
        let life = self.clone();
        thread::spawn(move || work(&life));
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn await_ready(&self, startup: Duration) -> Result<(), String> {
        let waiting = |desk: &mut Desk| desk.ready.is_none() && desk.over.is_none();
        let waited = self.changed.wait_timeout_while(self.desk(), startup, waiting);
        let desk = waited.unwrap_or_else(PoisonError::into_inner).0;
        let why = match &desk.over {
            None if desk.ready.is_some() => return Ok(()),
            None => {
                drop(desk);
                return self.late(startup);
            }
            Some((End::Crashed(how), _)) => format!("it ended before `ready`: {how}"),
            Some((End::Broken(breach), _)) => breach.why.clone(),
            Some((End::Hung(_) | End::Told, _)) => "it was ended before `ready`".to_owned(),
        };
        drop(desk);
        self.over(End::Broken(Breach::nobodys(why.clone())));
        Err(why)
    }

    /// What is held back in a buffer comes out when the input ends: that is worth telling.
    fn late(&self, startup: Duration) -> Result<(), String> {
        self.told.store(true, Ordering::Relaxed);
        self.close_input();
        self.group.is_gone(TOGETHER);
        let held = self.desk().ready.is_some();
        let after = if held { ", but once its input had ended: it does not flush its output" } else { "" };
        let why = format!("it said no `ready` within {} s{after}", startup.as_secs_f64());
        self.over(End::Broken(Breach::nobodys(why.clone())));
        Err(why)
    }

    /// An error, and what the adapter said last.
    fn with_last_words(&self, why: &str) -> String {
        self.said.wait(TOGETHER);
        let last = self.said.last(TAIL);
        if last.is_empty() { why.to_owned() } else { format!("{why}; it said last:\n    {}", last.join("\n    ")) }
    }

    /// What the adapter said first.
    pub fn ready(&self) -> Option<Ready> {
        self.desk().ready.clone()
    }

    /// The number of its process.
    pub(super) fn pid(&self) -> u32 {
        self.group.pid()
    }

    /// Lines that it did not understand and that named no case.
    pub fn nacks(&self) -> usize {
        self.desk().nacks
    }

    /// How it ended, if it has.
    pub fn is_over(&self) -> Option<End> {
        self.desk().over.as_ref().map(|(end, _)| end.clone())
    }

    /// Sends a line; whoever has gone does not get it.
    pub fn send(&self, message: &Json) {
        self.send_line(self.line(message));
    }

    fn line(&self, message: &Json) -> Vec<u8> {
        let mut message = message.clone();
        if self.unknown_fields {
            message["brownout_doctor"] = Json::from("a field that the protocol does not know");
        }
        format!("{message}\n").into_bytes()
    }

    fn send_line(&self, line: Vec<u8>) {
        let input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        input.iter().for_each(|input| drop(input.send(line.clone())));
    }

    /// Sends a case, once its id is known here. An error: the line would be too long.
    pub(super) fn begin(
        &self,
        id: &str,
        session: &str,
        case: &Json,
    ) -> Result<Option<UnboundedReceiver<Event>>, String> {
        let line = self.line(case);
        if line.len() > LINE {
            return Err(format!("its `case` has {} bytes, and a line has at most {LINE}", line.len()));
        }
        let events = self.desk().begin(id, session);
        self.send_line(line);
        Ok(events)
    }

    /// Ends the process if this case, which was cancelled, is not over soon.
    pub(super) fn watch(self: &Arc<Self>, id: String, session: String) {
        self.thread(move |life| {
            thread::sleep(GRACE);
            if life.desk().owes(&id) {
                life.over(End::Hung(session));
            }
        });
    }

    /// It has ended, or is to: everybody is told, and the process group is ended.
    pub(super) fn over(&self, end: End) {
        self.note(end);
        self.close_input();
        self.group.end();
    }

    fn note(&self, end: End) {
        self.desk().end(end);
        self.changed.notify_all();
    }

    fn close_input(&self) {
        self.input.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Waits for the end of everything that an end brings about.
    pub(super) fn is_gone(&self) -> bool {
        self.group.is_gone(Duration::from_secs(10))
    }

    /// Ends it in peace, by `bye` or by the end of its input alone. An error: how it did not go in peace.
    pub fn finish(&self, bye: bool) -> Result<(), String> {
        let (alive, what) = (self.is_over().is_none(), if bye { "`bye`" } else { "the end of its input" });
        self.told.store(true, Ordering::Relaxed);
        if bye {
            self.send(&message::bye());
        }
        self.close_input();
        let went = self.group.is_gone(LEAVE);
        self.over(End::Told);
        match self.group.how(Duration::ZERO) {
            _ if !alive => Ok(()),
            _ if !went => Err(format!("it did not exit within {} s of {what}", LEAVE.as_secs())),
            None | Some(How::Status(0)) => Ok(()),
            Some(how) => Err(format!("it ended with {how} after {what}, and not with exit status 0")),
        }
    }

    /// Reads standard output to its end.
    fn listen(&self, output: ChildStdout) {
        let mut output = BufReader::with_capacity(1 << 16, output);
        let end = loop {
            match lines::read(&mut output, OUTCOME) {
                Line::Whole(line) => match read(&line).and_then(|message| self.desk().take(message)) {
                    Ok(()) => self.changed.notify_all(),
                    Err(breach) => break End::Broken(breach),
                },
                Line::TooLong => break End::Broken(Breach::nobodys(format!("a line of more than {OUTCOME} bytes"))),
                Line::Half(_) => break self.ended(true),
                Line::End => break self.ended(false),
            }
        };
        self.over(end);
    }

    /// The output has ended, perhaps inside a line: what that means depends on the process.
    fn ended(&self, half: bool) -> End {
        let closed = if half { "it closed its output in the middle of a line" } else { "it closed its output" };
        match self.group.how(TOGETHER) {
            _ if self.told.load(Ordering::Relaxed) => End::Told,
            Some(How::Status(0)) if half => End::Broken(Breach::nobodys("it ended in the middle of a line")),
            Some(how) => End::Crashed(how.to_string()),
            None => End::Broken(Breach::nobodys(format!("{closed}, and its process went on"))),
        }
    }

    /// Waits for the end of the process. A child of its own may hold the output open: it is not waited for.
    fn outlive(&self) {
        self.group.wait();
        let how = self.group.how(Duration::ZERO).map_or_else(String::new, |how| how.to_string());
        drop(self.changed.wait_timeout_while(self.desk(), TOGETHER, |desk| desk.over.is_none()));
        self.note(if self.told.load(Ordering::Relaxed) { End::Told } else { End::Crashed(how) });
        self.group.bury();
    }

    /// Watches how long the process waits for a core.
    fn look(&self) {
        let mut seen = BTreeMap::new();
        while !self.group.is_gone(delay::LOOK) {
            seen = self.delay.look(self.group.pid(), &seen);
        }
    }
}

/// Only an outcome may be a long line.
fn read(line: &[u8]) -> Result<Message, Breach> {
    let message = Message::read(line);
    if line.len() > LINE && !matches!(message, Ok(Message::Outcome(..))) {
        return Err(Breach::nobodys(format!(
            "a line of {} bytes, and only an `outcome` may have more than {LINE}",
            line.len()
        )));
    }
    message.map_err(|why| Breach::nobodys(format!("a line on standard output is not the protocol's: {why}")))
}

/// Writes lines until nobody sends any, or nobody reads them.
fn write(mut input: ChildStdin, lines: &mpsc::Receiver<Vec<u8>>) {
    for line in lines {
        if input.write_all(&line).and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}
