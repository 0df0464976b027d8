//! Which sessions and cases are open in one life of an adapter, and whose each message is.

use std::collections::{BTreeMap, HashMap};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::message::{Ended, Message, Ready};
use crate::client::{Effect, Field};

/// What a case is told.
#[derive(Debug)]
pub enum Event {
    /// A structured log record.
    Telemetry(Vec<Field>),
    /// A side effect.
    Effect(Effect),
    /// How it ended.
    Outcome(Box<Ended>),
    /// It was not understood.
    Nack(String),
    /// The life has ended.
    Over,
}

/// How a life ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Crashed(String),
    /// Its adapter broke the protocol, in this session if that is known.
    Broken(Breach),
    /// A case of this session went on beyond its limit, and beyond its cancellation.
    Hung(String),
    /// It was told to.
    Told,
}

/// What was wrong, and in which session, if that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// In words.
    pub why: String,
    /// Whose doing it was.
    pub session: Option<String>,
}

impl Breach {
    /// Nobody knows whose doing it was.
    pub fn nobodys(why: impl Into<String>) -> Self {
        Breach { why: why.into(), session: None }
    }
}

/// What is open.
#[derive(Debug, Default)]
pub struct Desk {
    /// What the adapter said first.
    pub ready: Option<Ready>,
    /// How the life ended, and how many sessions were open then.
    pub over: Option<(End, usize)>,
    /// Open sessions, each with what the adapter did wrong there.
    sessions: BTreeMap<String, Vec<String>>,
    cases: HashMap<String, Slot>,
    /// Lines that were not understood and named no case.
    pub nacks: usize,
}

#[derive(Debug)]
struct Slot {
    session: String,
    events: UnboundedSender<Event>,
    done: bool,
}

impl Desk {
    /// Opens a session.
    pub fn open(&mut self, session: &str) {
        self.sessions.insert(session.to_owned(), Vec::new());
    }

    /// A case begins; `None`: nobody is there any more.
    pub fn begin(&mut self, id: &str, session: &str) -> Option<UnboundedReceiver<Event>> {
        let (events, receiver) = unbounded_channel();
        if self.over.is_some() {
            return None;
        }
        self.cases.insert(id.to_owned(), Slot { session: session.to_owned(), events, done: false });
        Some(receiver)
    }

    /// Closes a session; what the adapter did wrong there.
    pub fn close(&mut self, session: &str) -> Vec<String> {
        self.sessions.remove(session).unwrap_or_default()
    }

    /// Whether an outcome of this case is still owed.
    pub fn owes(&self, id: &str) -> bool {
        self.cases.get(id).is_some_and(|slot| !slot.done)
    }

    /// The life ends, if it has not yet; whether it did now.
    pub fn end(&mut self, end: End) -> bool {
        if self.over.is_some() {
            return false;
        }
        self.over = Some((end, self.sessions.len()));
        self.cases.values().filter(|slot| !slot.done).for_each(|slot| drop(slot.events.send(Event::Over)));
        true
    }

    /// A message came.
    pub fn take(&mut self, message: Message) -> Result<(), Breach> {
        if self.ready.is_none() && !matches!(message, Message::Ready(_) | Message::Nack(..)) {
            return Err(Breach::nobodys("it said something else before `ready`"));
        }
        match message {
            Message::Ready(_) if self.ready.is_some() => return Err(Breach::nobodys("it said `ready` a second time")),
            Message::Ready(ready) => {
                ready.check().map_err(Breach::nobodys)?;
                self.ready = Some(ready);
            }
            Message::Telemetry(id, record) => self.pass(&id, "a `telemetry`", Event::Telemetry(record))?,
            Message::Effect(id, effect) => self.pass(&id, "an `effect`", Event::Effect(effect))?,
            Message::Outcome(id, ended) => self.outcome(&id, ended)?,
            Message::Nack(id, why) => self.nack(id, &format!("the adapter could not understand: {why}"))?,
            Message::Misshapen(id, why) if self.owes(&id) => self.nack(Some(id), &format!("adapter: {why}"))?,
            Message::Misshapen(_, why) => return Err(Breach::nobodys(why)),
        }
        Ok(())
    }

    /// Hands an event to its case. What comes after the session's end is nobody's any more.
    fn pass(&mut self, id: &str, what: &str, event: Event) -> Result<(), Breach> {
        let slot = self.cases.get(id).ok_or_else(|| stranger(id, what))?;
        slot.events.send(event).ok();
        Ok(())
    }

    fn outcome(&mut self, id: &str, ended: Box<Ended>) -> Result<(), Breach> {
        let slot = self.cases.get_mut(id).ok_or_else(|| stranger(id, "an `outcome`"))?;
        let open = self.sessions.contains_key(&slot.session);
        if slot.done || !open {
            let why = format!("a second `outcome` for the case `{id}`, which had ended");
            return Err(Breach { why, session: open.then(|| slot.session.clone()) });
        }
        slot.done = true;
        slot.events.send(Event::Outcome(ended)).ok();
        Ok(())
    }

    /// Not understood: an error of the case it names, else of all that are open.
    fn nack(&mut self, id: Option<String>, why: &str) -> Result<(), Breach> {
        let slot = id.and_then(|id| self.cases.get_mut(&id)).filter(|slot| !slot.done);
        if let Some(slot) = slot {
            slot.done = true;
            slot.events.send(Event::Nack(why.to_owned())).ok();
            return Ok(());
        }
        if self.ready.is_none() {
            return Err(Breach::nobodys(why));
        }
        self.nacks += 1;
        self.sessions.values_mut().for_each(|errors| errors.push(why.to_owned()));
        Ok(())
    }
}

fn stranger(id: &str, what: &str) -> Breach {
    let id: String = id.chars().take(40).collect();
    Breach::nobodys(format!("{what} for a case `{id}`, which was never given"))
}
