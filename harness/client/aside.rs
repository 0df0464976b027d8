//! What a driver of a client in another process has to tell besides outcomes.

use std::{any::Any, cell::RefCell, rc::Rc, time::Duration};

/// A field of a log record; a null has no value.
pub type Field = (String, Option<String>);

/// Structured log records of the client, in order.
#[derive(Debug, Clone, Default)]
pub struct Records(Rc<RefCell<Vec<Vec<Field>>>>);

impl Records {
    /// The client wrote this record.
    pub fn push(&self, fields: Vec<Field>) {
        self.0.borrow_mut().push(fields);
    }

    /// All that were written, in order.
    pub fn all(&self) -> Vec<Vec<Field>> {
        self.0.borrow().clone()
    }
}

/// Leave to make the user requests of one case; given back when dropped.
pub struct Admission(#[allow(dead_code, reason = "it is held, not read")] Box<dyn Any>);

impl Admission {
    /// Nobody has to wait.
    pub fn free() -> Self {
        Admission(Box::new(()))
    }

    /// What is held while the requests are under way.
    pub fn holding(permit: impl Any) -> Self {
        Admission(Box::new(permit))
    }
}

/// Why no user request of a case is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The client is given up: the rest is not run.
    NotRun(String),
    /// Its adapter does not start.
    Error(String),
}

/// What was seen of a client while a case was under way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aside {
    /// Lines of its standard error: logs.
    pub said: Vec<String>,
    /// What its adapter did wrong, which is never the client's failure.
    pub errors: Vec<String>,
    /// How its process ended, if it did by itself: a crash.
    pub crash: Option<String>,
    /// Its process was ended, since this case went on beyond its limit and its cancellation.
    pub hung: bool,
    /// Its process ended, one way or another, while other cases were under way: a run alone tells whose doing it was.
    pub company: bool,
    /// The last lines of its standard error, if its process ended.
    pub tail: Vec<String>,
    /// The longest time its process waited for a core.
    pub delay: Duration,
}
