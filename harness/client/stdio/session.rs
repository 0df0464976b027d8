//! A client object behind an adapter: what the harness's calls become as messages, and the messages of their cases as outcomes.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc::UnboundedReceiver, time::timeout};

use super::{
    GRACE, TAIL,
    adapter::Adapter,
    cases::{Breach, End, Event},
    life::Life,
    message::{self, Ended},
};
use crate::{
    client::{About, Admission, AnyClient, Aside, Call, Effects, Failure, Outcome, Records, Refused, ResultKind},
    scenario::Capability,
};

/// A call that ends so shortly before its limit was given up there.
const GRAIN: Duration = Duration::from_millis(20);
/// What is left in the pipe of a process that has ended is read within this time.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// One client object: a session of the adapter.
pub struct Session {
    adapter: Arc<Adapter>,
    seed: u64,
    name: String,
    place: RefCell<Option<Place>>,
    talks: RefCell<Vec<Rc<Talk>>>,
    errors: RefCell<Vec<String>>,
}

/// Where a session lives, and since when.
#[derive(Clone)]
struct Place {
    life: Arc<Life>,
    since: Instant,
    said: usize,
}

/// A case, from its message to its outcome.
struct Talk {
    id: String,
    /// When it is given up.
    limit: Instant,
    events: RefCell<UnboundedReceiver<Event>>,
    effects: Effects,
    records: Records,
    owed: Cell<bool>,
}

impl Session {
    /// A new session. It begins when it is admitted.
    pub(super) fn new(adapter: Arc<Adapter>, seed: u64) -> Self {
        let name = format!("s{}", adapter.number());
        let (place, talks, errors) = (RefCell::default(), RefCell::default(), RefCell::default());
        Session { adapter, seed, name, place, talks, errors }
    }

    async fn enter(&self, users: u32) -> Result<Admission, Refused> {
        let permit = self.adapter.room(users).await;
        let life = self.adapter.life(self.seed)?;
        life.desk().open(&self.name);
        let (since, said) = (Instant::now(), life.said.so_far());
        *self.place.borrow_mut() = Some(Place { life, since, said });
        Ok(Admission::holding(permit))
    }

    fn life(&self) -> Option<Arc<Life>> {
        self.place.borrow().as_ref().map(|place| place.life.clone())
    }

    /// Begins a case; `None`: nobody is there to take it.
    fn begin(&self, call: &Call) -> Option<Rc<Talk>> {
        let (life, id) = (self.life()?, format!("c{}", self.adapter.number()));
        let case = message::case(&id, &self.name, &call.scenario, call);
        let events = match life.begin(&id, &self.name, &case) {
            Ok(events) => events?,
            Err(why) => {
                self.errors.borrow_mut().push(why);
                return None;
            }
        };
        let limit = Instant::now() + call.policy.case_limit(|claim| self.capabilities().contains(&claim));
        let (effects, records) = (call.effects.clone(), call.records.clone());
        let (events, owed) = (RefCell::new(events), Cell::new(true));
        let talk = Rc::new(Talk { id, limit, events, effects, records, owed });
        self.talks.borrow_mut().push(talk.clone());
        Some(talk)
    }

    async fn converse(&self, call: Call) -> Outcome {
        let Some(talk) = self.begin(&call) else { return gone() };
        let _leaving = Leaving { session: self, talk: &talk };
        match talk.end().await {
            Event::Outcome(ended) => {
                let Ended { outcome, streamed } = *ended;
                streamed.iter().for_each(|delta| call.deltas.push(delta));
                self.classified(outcome)
            }
            Event::Nack(why) => {
                self.errors.borrow_mut().push(why);
                gone()
            }
            Event::Telemetry(_) | Event::Effect(_) | Event::Over => gone(),
        }
    }

    /// An error that names no class gets the one of the adapter's table.
    fn classified(&self, mut outcome: Outcome) -> Outcome {
        let error = outcome.error.as_mut().filter(|error| error.class.is_none());
        if let Some(error) = error.filter(|_| outcome.result == ResultKind::Failed) {
            error.class = Some(self.adapter.errors().class_of(error));
        }
        outcome
    }

    async fn leave(&self) -> Aside {
        let Some(Place { life, since, said }) = self.place.borrow().clone() else { return Aside::default() };
        let talks = self.talks.take();
        for talk in &talks {
            self.settle(&life, talk).await;
        }
        let over = life.desk().over.clone();
        if over.is_some() {
            self.adapter.suspect(self.seed);
            life.said.wait(LAST_WORDS);
        }
        let mut errors = self.errors.take();
        errors.extend(life.desk().close(&self.name));
        life.send(&message::end_session(&self.name));
        let said = life.said.since(said);
        // What was said meanwhile may tell why the adapter went wrong.
        let tail = said.iter().skip(said.len().saturating_sub(TAIL)).filter(|_| !errors.is_empty()).cloned().collect();
        let aside = Aside { said, errors, tail, delay: life.delay.since(since), ..Aside::default() };
        match over {
            None => aside,
            Some((end, open)) => self.ended(aside, &life, end, open > 1),
        }
    }

    /// What the end of its life means for a session.
    fn ended(&self, mut aside: Aside, life: &Life, end: End, company: bool) -> Aside {
        aside.tail = life.said.last(TAIL);
        let mine = |session: Option<&String>| session.map_or(!company, |session| *session == self.name);
        let mut wrong = |why: String, mine: bool| {
            aside.company = !mine;
            aside.errors.push(why);
        };
        match end {
            End::Crashed(how) => (aside.crash, aside.company) = (Some(how), company),
            End::Broken(Breach { why, session }) => wrong(format!("adapter: {why}"), mine(session.as_ref())),
            End::Hung(session) if mine(Some(&session)) => aside.hung = true,
            End::Hung(_) => wrong("its process was ended, since another case hung".to_owned(), false),
            End::Told => wrong("its process was told to end".to_owned(), true),
        }
        aside
    }

    /// A case that was cancelled still owes its outcome.
    async fn settle(&self, life: &Arc<Life>, talk: &Talk) {
        let patience = talk.limit.saturating_duration_since(Instant::now()) + GRACE;
        while talk.owed.get() {
            if timeout(patience, talk.end()).await.is_err() {
                let why = format!("the case `{}` was cancelled, and its outcome never came", talk.id);
                life.over(End::Broken(Breach { why, session: Some(self.name.clone()) }));
                break;
            }
        }
        talk.drain();
    }
}

impl Talk {
    /// Takes records and effects until something ends the case.
    async fn end(&self) -> Event {
        loop {
            let event = poll_fn(|context| self.events.borrow_mut().poll_recv(context)).await;
            match event.unwrap_or(Event::Over) {
                Event::Telemetry(record) => self.records.push(record),
                Event::Effect(effect) => self.effects.push(&effect.name, &effect.call),
                end => {
                    self.owed.set(false);
                    return end;
                }
            }
        }
    }

    /// What came after the outcome.
    fn drain(&self) {
        while let Ok(event) = self.events.borrow_mut().try_recv() {
            match event {
                Event::Telemetry(record) => self.records.push(record),
                Event::Effect(effect) => self.effects.push(&effect.name, &effect.call),
                Event::Outcome(_) | Event::Nack(_) | Event::Over => {}
            }
        }
    }
}

/// A call that is dropped before its outcome: the user has gone, or nobody waits any more.
struct Leaving<'a> {
    session: &'a Session,
    talk: &'a Talk,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let Some(life) = self.session.life().filter(|_| self.talk.owed.get()) else { return };
        life.send(&message::cancel(&self.talk.id));
        if Instant::now() + GRAIN >= self.talk.limit {
            life.watch(self.talk.id.clone(), self.session.name.clone());
        }
    }
}

/// There is no outcome, since there is no client any more.
fn gone() -> Outcome {
    let message = "the client's process has ended".to_owned();
    let error = Failure { native: "crash".to_owned(), message, ..Failure::default() };
    Outcome { error: Some(error), ..Outcome::new(ResultKind::Unusable) }
}

impl AnyClient for Session {
    fn about(&self) -> About {
        self.adapter.about()
    }

    fn capabilities(&self) -> Vec<Capability> {
        self.adapter.ready().known()
    }

    fn call(&self, call: Call) -> Pin<Box<dyn Future<Output = Outcome> + '_>> {
        Box::pin(self.converse(call))
    }

    fn at_once(&self) -> Option<u32> {
        Some(self.adapter.ready().concurrency)
    }

    fn admit(&self, users: u32) -> Pin<Box<dyn Future<Output = Result<Admission, Refused>> + '_>> {
        Box::pin(self.enter(users))
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = Aside> + '_>> {
        Box::pin(self.leave())
    }
}
