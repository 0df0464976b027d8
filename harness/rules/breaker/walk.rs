//! One breaker, that of one client object for one provider, followed through a transcript.

use super::{
    copies,
    ends::{self, End, Sign},
    may::{Arrival, May},
};
use crate::{
    causes::{Class, Mode, ResultWord},
    rules::{
        ALLOWANCE, Breach, Findings, View,
        view::{micros, seconds},
    },
    scenario::Host,
    transcript::{Attempt, Micros, UserRequest},
};

/// The walk, and what it has found so far.
pub struct Walk<'a> {
    view: &'a View<'a>,
    host: Host,
    open_for: Micros,
    may: May,
    /// What happens, the next thing last.
    events: Vec<Event>,
    /// Attempts that have arrived, and when the last of them is over.
    arrived: Vec<usize>,
    busy_until: Micros,
    /// The last failure that opened every correct breaker.
    opened: Micros,
    /// When something first went wrong at this provider.
    troubled: Option<Micros>,
    /// Something besides a breaker may keep a client away: a limit, a refused key.
    shunned: bool,
    /// Users in a row who did not ask though the hold was long over.
    passed_by: Vec<usize>,
    /// Holds broken.
    pub opens: Findings,
    /// Probes too many.
    pub probes: Findings,
    /// Users kept away without need.
    pub closes: Findings,
}

#[derive(Debug, Clone, Copy)]
struct Event {
    at: Micros,
    what: What,
}

/// In the order in which they are taken where they fall together: an attempt may be the answer to the end of another.
#[derive(Debug, Clone, Copy)]
enum What {
    Ended(usize, End),
    Arrived(usize),
    /// A user asked this provider, or went elsewhere.
    Decided {
        user: usize,
        asked: bool,
    },
}

impl<'a> Walk<'a> {
    /// The breaker of a client object; `None`: there is none, or failures that nobody saw may have changed it.
    pub fn new(view: &'a View<'a>, copy: usize, host: Host) -> Option<Self> {
        let policy = view.policy().breaker.as_ref()?;
        if view.t.refusing.contains(&host) || view.t.contacts.iter().any(|contact| contact.host == host) {
            return None;
        }
        Some(Walk {
            view,
            host,
            open_for: micros(*policy.open_for),
            may: May::new(policy),
            events: events(view, copy, host),
            arrived: Vec::new(),
            busy_until: 0,
            opened: 0,
            troubled: None,
            shunned: false,
            passed_by: Vec::new(),
            opens: Findings::default(),
            probes: Findings::default(),
            closes: Findings::default(),
        })
    }

    /// Goes on up to a moment, that moment included.
    pub fn run(&mut self, to: Micros) {
        while let Some(event) = self.events.pop_if(|event| event.at <= to) {
            match event.what {
                What::Ended(index, end) => self.ended(index, &end),
                What::Arrived(index) => self.arrives(index, event.at),
                What::Decided { user, asked } => self.decided(user, asked, event.at),
            }
        }
    }

    /// Whether it can only have been closed from a little before a moment until now.
    pub fn closed_throughout(&self, from: Micros) -> bool {
        self.may.surely_closed().is_some_and(|since| since == 0 || since + ALLOWANCE <= from)
    }

    fn ended(&mut self, index: usize, end: &End) {
        if self.may.ends(end) {
            self.opened = end.at;
            self.opens.judged += 1;
        }
        if end.sign == Sign::Well {
            self.shunned = false;
            return;
        }
        self.troubled.get_or_insert(end.at);
        let cause = self.view.ended(index).cause;
        let of_the_request = cause.is_some_and(|cause| cause.mode == Mode::RequestContract);
        let plain = end.sign == Sign::Counts || of_the_request || self.view.ended(index).by_time();
        self.shunned |= !plain || self.view.t.attempts[index].reply.wait.is_some();
    }

    fn arrives(&mut self, index: usize, at: Micros) {
        let attempts = &self.view.t.attempts;
        // One that ends within the allowance may have ended already for its client.
        let open = |a: &Attempt| a.ended.is_none_or(|ended| ended > at + ALLOWANCE);
        let since = |since: Micros| {
            self.arrived.iter().filter(|i| attempts[**i].arrived >= since && open(&attempts[**i])).count()
        };
        let arrival = self.may.arrives(at, since);
        self.arrived.push(index);
        self.busy_until = self.busy_until.max(attempts[index].ended.unwrap_or(Micros::MAX));
        let breach = |actual: String, expected: String| {
            let (user, number) = (attempts[index].user.unwrap_or(0), attempts[index].number);
            Breach::of_user(user, format_args!("attempt {number} at the {} {actual}", self.host), expected).at(index)
        };
        match arrival {
            Arrival::Allowed => {}
            Arrival::Probe => self.probes.judged += 1,
            Arrival::OneTooMany => self.probes.check(true, || {
                let most = self.view.policy().breaker.as_ref().map_or(0, |breaker| breaker.probes);
                breach("came while it was being probed".to_owned(), format!("at most {most} under way at once"))
            }),
            Arrival::Held => self.opens.breaches.push(breach(
                format!("came {} after the failure that opens the breaker", seconds(at - self.opened)),
                format!("nothing for {}", seconds(self.open_for)),
            )),
        }
    }

    fn decided(&mut self, user: usize, asked: bool, at: Micros) {
        if asked {
            self.passed_by.clear();
        }
        let came = self.view.t.users[user].arrived;
        let before = self.troubled.is_some_and(|moment| moment + ALLOWANCE <= came);
        if !before || self.shunned {
            return;
        }
        // Twice as long as a hold may last, nothing was under way.
        let quiet = self.busy_until.saturating_add(2 * self.open_for + ALLOWANCE) <= came;
        if self.closed_throughout(came) {
            self.closes.check(!asked, || {
                let actual = format!("went without asking the {}, whose breaker was closed", self.host);
                Breach::of_user(user, actual, "the provider is asked")
            });
            if !asked {
                self.may.lose(at);
            }
        } else if quiet && !asked {
            self.passed_by.push(user);
            // Which user probes is the client's affair; that somebody does is not.
            if self.passed_by.len() == 2 {
                self.closes.check(true, || {
                    let actual = format!("went without asking the {}, as another had done", self.host);
                    let hold = seconds(self.open_for);
                    Breach::of_user(user, actual, format_args!("somebody asks again: the hold of {hold} is over"))
                });
            }
        }
    }
}

/// All that happens to one breaker, the last thing first.
fn events(view: &View, copy: usize, host: Host) -> Vec<Event> {
    let copies = copies(view);
    let of_this = |user: Option<usize>| user.is_some_and(|user| user % copies == copy);
    let attempts = view.t.attempts.iter().enumerate().filter(|(_, a)| a.host == host && of_this(a.user));
    let attempts: Vec<usize> = attempts.map(|(index, _)| index).collect();
    let ended =
        ends::ends(view, &attempts).into_iter().map(|(index, end)| Event { at: end.at, what: What::Ended(index, end) });
    let arrived = attempts.iter().map(|i| Event { at: view.t.attempts[*i].arrived, what: What::Arrived(*i) });
    let users = view.users().filter(|(user, _)| of_this(Some(*user)) && host == Host::Primary);
    let decided = users.filter_map(|(user, request)| decision(view, user, request));
    let mut events: Vec<Event> = ended.chain(arrived).chain(decided).collect();
    events.sort_by_key(|event| std::cmp::Reverse((event.at, order(event))));
    events
}

fn order(event: &Event) -> u8 {
    match event.what {
        What::Ended(_, end) if end.arrived < event.at => 0,
        What::Arrived(_) => 1,
        What::Ended(..) => 2,
        What::Decided { .. } => 3,
    }
}

/// When a user's client had certainly decided about the primary; `None`: it may have had other reasons, or too little time.
fn decision(view: &View, user: usize, request: &UserRequest) -> Option<Event> {
    let asked = view.at(user, Host::Primary).next().map(|(_, attempt)| attempt.arrived);
    let elsewhere = view.at(user, Host::Fallback).next().map(|(_, attempt)| attempt.arrived);
    let outcome = request.outcome.as_ref();
    let refused = outcome.is_some_and(|outcome| {
        let plain =
            matches!(outcome.class, None | Some(Class::Exhausted | Class::Server | Class::Connection | Class::Other));
        outcome.result.word() == ResultWord::Failed && plain
    });
    // A request on a wrong path is no attempt, yet its client meant one.
    let strayed = view.t.strays.iter().any(|stray| stray.host == Host::Primary);
    let passed_by = elsewhere.or(request.ended.filter(|_| refused)).filter(|_| request.left.is_none() && !strayed);
    let at = asked.or(passed_by)?;
    Some(Event { at: at.saturating_add(ALLOWANCE), what: What::Decided { user, asked: asked.is_some() } })
}
