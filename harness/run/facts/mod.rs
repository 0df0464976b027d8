//! From what was seen and claimed to facts: bodies, keys and texts go in, none comes out.

mod exercised;
mod outcome;
mod request;
mod secrets;

use tokio::time::Instant;

use super::{Record, heard::LogRecord, leaks, refusing, user::Ended};
use crate::{
    causes::{Causes, Wire},
    client::About,
    policy::Policy,
    reply::{self, Reading, Sends},
    rules::GRAIN,
    scenario::{Capability, Case},
    transcript::{Attempt, ClockKind, Contact, Hop, Micros, Probe, ReplyFacts, Secret, StepFacts, Stray, Transcript},
    wire::{Seen, Served},
};

/// A transcript in which nothing has happened yet.
pub fn blank(case: &Case, client: About, capabilities: Vec<Capability>, clock: ClockKind, seed: u64) -> Transcript {
    Transcript {
        version: 1,
        scenario: case.id.clone(),
        family: case.family,
        title: case.title.clone(),
        why: case.why.clone(),
        client,
        capabilities,
        needs: case.needs.clone(),
        clock,
        seed,
        policy: case.policy.clone(),
        copies: case.client.copies.max(1),
        users: Vec::new(),
        attempts: Vec::new(),
        contacts: Vec::new(),
        strays: Vec::new(),
        refusing: refusing(case),
        total: case.total.clone(),
        leaks: Vec::new(),
        logs_heard: false,
        panics: Vec::new(),
        probe: None,
        not_exercised: Vec::new(),
        errors: Vec::new(),
        not_run: None,
        room: None,
        unfit: None,
        command: None,
        by_status: false,
        process: None,
        day: None,
        lateness: 0,
        watched: 0,
    }
}

/// The transcript of a run.
pub fn transcript(blank: Transcript, case: &Case, record: Record) -> Transcript {
    let joiner = Joiner::new(case, &record);
    let (attempts, readings) = joiner.attempts();
    let users = record.users.iter().map(|user| joiner.user(user, &attempts, &readings)).collect();
    Transcript {
        users,
        contacts: joiner.contacts(),
        strays: joiner.strays(),
        leaks: joiner.leaks(),
        logs_heard: record.heard.is_heard(),
        panics: record.heard.panics(),
        probe: record.probe.as_ref().map(|probe| joiner.probe(probe)),
        not_exercised: joiner.not_exercised(),
        errors: [&record.errors[..], &record.aside.errors].concat(),
        process: joiner.process(),
        watched: joiner.at(record.watched),
        attempts,
        ..blank
    }
}

struct Joiner<'a> {
    case: &'a Case,
    record: &'a Record,
    phrases: Vec<String>,
    canaries: leaks::Canaries<Secret>,
    logs: Vec<LogRecord>,
}

impl<'a> Joiner<'a> {
    fn new(case: &'a Case, record: &'a Record) -> Self {
        let canaries = leaks::Canaries::new(secrets::secrets(&record.identity));
        Joiner {
            case,
            record,
            phrases: Causes::embedded().phrases(&case.policy),
            canaries,
            logs: secrets::logs(record),
        }
    }

    fn at(&self, moment: Instant) -> Micros {
        u64::try_from(moment.saturating_duration_since(self.record.epoch).as_micros()).unwrap_or(u64::MAX)
    }

    /// Attempts in order of arrival, with what each reply said.
    fn attempts(&self) -> (Vec<Attempt>, Vec<Reading>) {
        let (mut attempts, mut readings): (Vec<Attempt>, Vec<Reading>) = (Vec::new(), Vec::new());
        for seen in &self.record.seen {
            if seen.served == Served::Hop {
                let owner = attempts.iter().rposition(|attempt| seen.user.is_none() || attempt.user == seen.user);
                if let Some(owner) = owner {
                    readings[owner] = self.follow(&mut attempts[owner], seen);
                }
            } else if let Some((mut attempt, reading)) = self.attempt(seen) {
                let earlier = attempts.iter().filter(|a| a.user == attempt.user && a.host == attempt.host).count();
                attempt.number = u32::try_from(earlier + 1).unwrap_or(u32::MAX);
                attempts.push(attempt);
                readings.push(reading);
            }
        }
        (attempts, readings)
    }

    fn attempt(&self, seen: &Seen) -> Option<(Attempt, Reading)> {
        let lone = self.case.users.len() == 1;
        let user = match seen.served {
            Served::Step | Served::Busy | Served::RefusedKey => seen.user,
            Served::Contact if lone => Some(0),
            Served::Contact | Served::Hop | Served::Stray | Served::Nothing => return None,
        };
        let mut attempt = Attempt {
            user,
            host: seen.host,
            number: 0,
            connection: seen.connection,
            reused: seen.reused,
            accepted: self.at(seen.accepted),
            arrived: self.at(seen.requested.unwrap_or(seen.accepted)),
            first_byte: None,
            last_byte: None,
            ended: None,
            request: seen.request.as_ref().map(|asked| self.request(seen.host, asked)),
            step: StepFacts { label: seen.step.clone(), index: seen.index, faulty: seen.faulty },
            wire: Wire::Whole,
            sent: 0,
            reply: ReplyFacts::default(),
            pace: None,
            hops: Vec::new(),
        };
        let reading = self.answer(&mut attempt, seen);
        Some((attempt, reading))
    }

    /// A hop belongs to its attempt, and what it was answered is the attempt's answer.
    fn follow(&self, attempt: &mut Attempt, seen: &Seen) -> Reading {
        attempt.hops.push(Hop { status: attempt.reply.status, ..self.hop(seen) });
        self.answer(attempt, seen)
    }

    /// What a request was answered, and when.
    fn answer(&self, attempt: &mut Attempt, seen: &Seen) -> Reading {
        let reading = reply::read(seen, &self.case.policy, &self.phrases);
        attempt.first_byte = seen.first_byte.map(|moment| self.at(moment));
        attempt.last_byte = seen.last_byte.map(|moment| self.at(moment));
        attempt.ended = seen.ended.filter(|moment| *moment <= self.record.watched).map(|moment| self.at(moment));
        attempt.wire = self.wire(seen, attempt.user, reading.wire);
        attempt.sent += seen.sent_len;
        attempt.reply = reading.facts.clone();
        attempt.pace = reply::pace(seen, &self.case.policy, &self.sends(seen));
        reading
    }

    fn sends(&self, seen: &Seen) -> Sends {
        let zero = seen.requested.unwrap_or(seen.accepted);
        let since =
            |moment: Instant| u64::try_from(moment.saturating_duration_since(zero).as_micros()).unwrap_or(u64::MAX);
        let end = seen.ended.filter(|moment| *moment <= self.record.watched).unwrap_or(self.record.watched);
        Sends { moments: seen.sends.iter().map(|(at, sent)| (since(*at), *sent)).collect(), end: since(end) }
    }

    /// A client that went away because its user did, or at its deadline, did not judge the reply.
    fn wire(&self, seen: &Seen, user: Option<usize>, wire: Wire) -> Wire {
        let gave_up = matches!(wire, Wire::GaveUpBeforeHead | Wire::GaveUpInBody | Wire::GaveUpInStream);
        let (Some(user), Some(ended), true) = (user, seen.ended, gave_up && self.is_last(seen)) else { return wire };
        let user = &self.record.users[user];
        let deadline = user.arrived + *self.case.policy.deadline;
        if user.left.is_some_and(|left| self.at(ended) + GRAIN >= self.at(left)) {
            Wire::UserLeft
        } else if self.at(ended) + GRAIN >= self.at(deadline) {
            Wire::Deadline
        } else {
            wire
        }
    }

    /// Who asked again had not left yet.
    fn is_last(&self, seen: &Seen) -> bool {
        let arrived = |seen: &Seen| seen.requested.unwrap_or(seen.accepted);
        let mut others = self.record.seen.iter().filter(|other| other.user == seen.user && other.served != Served::Hop);
        !others.any(|other| arrived(other) > arrived(seen))
    }

    fn hop(&self, seen: &Seen) -> Hop {
        let asked = seen.request.as_ref();
        Hop {
            host: seen.host,
            arrived: self.at(seen.requested.unwrap_or(seen.accepted)),
            method: asked.map_or_else(String::new, |asked| asked.method.clone()),
            carried_key: asked.is_some_and(|asked| !self.foreign_keys(seen.host, asked).is_empty()),
            status: None,
        }
    }

    fn contacts(&self) -> Vec<Contact> {
        let contacts =
            self.record.seen.iter().filter(|seen| seen.served == Served::Contact && self.case.users.len() > 1);
        contacts.map(|seen| Contact { host: seen.host, accepted: self.at(seen.accepted) }).collect()
    }

    fn strays(&self) -> Vec<Stray> {
        let strays = self.record.seen.iter().filter(|seen| seen.served == Served::Stray);
        let stray = |seen: &Seen| {
            let asked = seen.request.as_ref()?;
            let arrived = self.at(seen.requested.unwrap_or(seen.accepted));
            Some(Stray {
                host: seen.host,
                arrived,
                method: asked.method.clone(),
                path: self.redacted_path(&asked.target),
            })
        };
        strays.filter_map(stray).collect()
    }

    fn probe(&self, probe: &Ended) -> Probe {
        let outcome = probe.outcome.as_ref();
        Probe {
            arrived: self.at(probe.arrived),
            ended: probe.ended.map(|moment| self.at(moment)),
            result: outcome.map(|outcome| outcome.result),
            class: outcome.and_then(|outcome| outcome.error.as_ref()?.class),
        }
    }
}

/// What a policy's causes add to the phrases of the table.
impl Causes {
    /// Every phrase that an entry of the table, or of the policy, looks for in a message.
    pub fn phrases(&self, policy: &Policy) -> Vec<String> {
        let causes = self.causes.iter().chain(&policy.causes);
        causes.flat_map(|cause| cause.matches.iter().flat_map(|facts| facts.says.clone())).collect()
    }
}
