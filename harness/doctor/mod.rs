//! An adapter checked by itself, before any scenario: what is wrong, and what to do about it.
//!
//! The checks judge the adapter, not the client behind it: they are the protocol's last paragraph, one by one.

mod cases;
mod lines;
mod overheard;

use cases::Patient;

use crate::{
    client::stdio::{Adapter, Start},
    gate::Exit,
};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// What was found.
    pub finding: Finding,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is right; a word about it, which may be empty.
    Fine(String),
    /// It does not apply, and why.
    Skipped(String),
    /// It is wrong, and what to do.
    Problem(String, &'static str),
}

impl Finding {
    fn first_things_first() -> Self {
        Finding::Skipped("it needs an ordinary answer first".to_owned())
    }

    /// A problem, if there is one.
    fn of(result: Result<String, (String, &'static str)>) -> Self {
        match result {
            Ok(word) => Finding::Fine(word),
            Err((what, remedy)) => Finding::Problem(what, remedy),
        }
    }
}

/// What somebody is told of each check, as it is done.
pub type Told<'a> = dyn FnMut(&Check) + 'a;

/// Checks an adapter. Fine: nothing is wrong. Broken: something is. Unjudged: it does not start, so that nothing else was checked.
pub fn examine(start: &Start, told: &mut Told) -> Exit {
    let mut wrong = false;
    let mut tell = |name, finding| {
        wrong |= matches!(finding, Finding::Problem(..));
        told(&Check { name, finding });
    };
    let adapter = match Adapter::start(start.clone()) {
        Ok(adapter) => adapter,
        Err(why) => {
            tell("handshake", Finding::Problem(why.clone(), lines::remedy_of_start(&why)));
            return Exit::Unjudged;
        }
    };
    tell("handshake", lines::handshake(adapter.ready()));
    let mut patient = Patient::new(adapter.clone());
    let mut well = true;
    for (name, check) in cases::CHECKS {
        let finding = if well { check(&mut patient) } else { Finding::first_things_first() };
        // Without the first, nothing can be learned from the others.
        well &= name != cases::CHECKS[0].0 || !matches!(finding, Finding::Problem(..));
        tell(name, finding);
    }
    tell("unknown fields", if well { lines::unknown_fields(start) } else { Finding::first_things_first() });
    let (unknown, flushed) = lines::unknown_type(start);
    tell("unknown type", unknown);
    tell("unflushed output", flushed);
    tell("end of input", lines::end_of_input(start));
    let (stray, ended) = lines::farewell(&patient.errors, adapter.finish());
    tell("stray text", stray);
    tell("bye", ended);
    if wrong { Exit::Broken } else { Exit::Fine }
}
