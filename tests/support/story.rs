//! Hand-built transcripts in a small vocabulary: one line of a test is one thing that happened.

use brownout::{
    causes::{Body, Class, End, Location, Wire},
    client::{About, Channel, Effect, ResultKind},
    policy::Policy,
    scenario::{Capability, Expect, Family, Host, Request},
    transcript::{
        Attempt, AuthFact, ClockKind, Delivered, Hop, Leak, OutcomeFacts, Pace, Place, Probe, ReplyFacts, RequestFacts,
        Secret, StepFacts, Stray, Telemetry, TextSpan, Transcript, UserRequest,
    },
    verdict::{Status, Verdict, judge},
};

/// Characters of text in every good reply.
pub const TEXT: usize = 20;

pub struct Story {
    pub t: Transcript,
    /// The user that the next lines speak of.
    user: usize,
}

/// One user, a plain request, the default policy, a client that claims everything.
pub fn story() -> Story {
    let t = Transcript {
        version: 1,
        scenario: "parser/hand-built".to_owned(),
        family: Family::Parser,
        title: "Hand-built".to_owned(),
        why: "A rule is judged on facts alone.".to_owned(),
        client: About { name: "hand".to_owned(), version: "1".to_owned() },
        capabilities: all_capabilities(),
        needs: Vec::new(),
        clock: ClockKind::Virtual,
        seed: 1,
        policy: Policy::default(),
        copies: 1,
        users: vec![user_at(0)],
        attempts: Vec::new(),
        contacts: Vec::new(),
        strays: Vec::new(),
        refusing: Vec::new(),
        total: std::collections::BTreeMap::new(),
        leaks: Vec::new(),
        logs_heard: true,
        panics: Vec::new(),
        probe: Some(Probe {
            arrived: 20_000_000,
            ended: Some(20_010_000),
            result: Some(ResultKind::Completed),
            class: None,
        }),
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
        watched: 20_000_000,
    };
    Story { t, user: 0 }
}

fn all_capabilities() -> Vec<Capability> {
    use Capability::*;
    vec![Stream, Cancel, Retry, RetryAfter, Fallback, Deadline, Tools, Usage, Idempotency, Breaker, RetryBudget]
}

fn user_at(arrived: u64) -> UserRequest {
    UserRequest {
        arrived,
        request: Request::default(),
        left: None,
        ended: None,
        outcome: None,
        first_text: None,
        effects: Vec::new(),
        telemetry: Vec::new(),
        expect: Vec::new(),
    }
}

/// What a provider answered.
#[derive(Clone)]
pub struct Answer {
    wire: Wire,
    reply: ReplyFacts,
    /// Milliseconds from the request to the head and to the end.
    head: Option<u64>,
    end: Option<u64>,
    pace: Option<Pace>,
}

/// A whole good answer, at once.
pub fn good() -> Answer {
    let reply = ReplyFacts {
        status: Some(200),
        effective_status: Some(200),
        finish: vec!["stop".to_owned()],
        text: TEXT,
        trimmed: TEXT,
        ..ReplyFacts::default()
    };
    Answer { wire: Wire::Whole, reply, head: Some(5), end: Some(10), pace: None }
}

/// An error of this status, at once.
pub fn status(status: u16) -> Answer {
    let reply = ReplyFacts {
        status: Some(status),
        effective_status: Some(status),
        body: vec![Body::Error],
        ..ReplyFacts::default()
    };
    Answer { wire: Wire::Whole, reply, head: Some(5), end: Some(10), pace: None }
}

/// No byte, until the client left after so many milliseconds.
pub fn silent(ms: u64) -> Answer {
    Answer { wire: Wire::GaveUpBeforeHead, reply: ReplyFacts::default(), head: None, end: Some(ms), pace: None }
}

/// A stream that broke off after half its text.
pub fn cut_stream() -> Answer {
    Answer { wire: Wire::ClosedInStream, ..good() }.stream(End::Neither)
}

impl Answer {
    pub fn code(mut self, code: &str) -> Self {
        self.reply.codes.push(code.to_owned());
        self
    }

    pub fn wait(mut self, ms: u64) -> Self {
        self.reply.wait = Some(ms * 1000);
        self
    }

    pub fn body(mut self, body: Body) -> Self {
        self.reply.body.push(body);
        self
    }

    pub fn in_band(mut self, status: u16) -> Self {
        self.reply.status = Some(200);
        self.reply.effective_status = Some(status);
        self.reply.in_band = true;
        self
    }

    /// The reply is a stream that lacks these signals.
    pub fn stream(mut self, end: End) -> Self {
        self.reply.stream = true;
        self.reply.end = Some(end);
        self.reply.finish.clear();
        self
    }

    /// Its only finish reason.
    pub fn finish(mut self, word: &str) -> Self {
        self.reply.finish = vec![word.to_owned()];
        self
    }

    pub fn finish_also(mut self, word: &str) -> Self {
        self.reply.finish.push(word.to_owned());
        self
    }

    /// Characters of its text.
    pub fn text(mut self, characters: usize) -> Self {
        (self.reply.text, self.reply.trimmed) = (characters, characters);
        self
    }

    pub fn usage(mut self, fields: &[(&str, u64)]) -> Self {
        self.reply.usage = Some(fields.iter().map(|(field, count)| ((*field).to_owned(), *count)).collect());
        self
    }

    /// Digests of its tool calls.
    pub fn calls(mut self, calls: &[&str]) -> Self {
        self.reply.calls = calls.iter().map(|call| (*call).to_owned()).collect();
        self
    }

    /// Head and end so many milliseconds after the request; no end: still open.
    pub fn timed(mut self, head: Option<u64>, end: Option<u64>) -> Self {
        (self.head, self.end) = (head, end);
        self
    }

    pub fn located(mut self, location: Location) -> Self {
        self.reply.location = Some(location);
        self
    }

    pub fn wire(mut self, wire: Wire) -> Self {
        self.wire = wire;
        self
    }

    /// The longest gap between bytes and between contents, and the time since the last of each at its end.
    pub fn paced(mut self, [idle, semantic_idle, since_byte, since_content]: [u64; 4]) -> Self {
        let us = |ms: u64| ms * 1000;
        self.pace = Some(Pace {
            idle: us(idle),
            semantic_idle: us(semantic_idle),
            since_byte: us(since_byte),
            since_content: us(since_content),
            ..Pace::default()
        });
        self
    }

    /// Its completing signal was out after so many milliseconds.
    pub fn complete(mut self, ms: u64) -> Self {
        self.pace.get_or_insert_default().complete = Some(ms * 1000);
        self
    }

    pub fn facts(mut self, change: impl FnOnce(&mut ReplyFacts)) -> Self {
        change(&mut self.reply);
        self
    }

    pub fn flawed(mut self) -> Self {
        self.pace.get_or_insert_default().flawed = true;
        self
    }
}

impl Story {
    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.t.policy);
        self
    }

    pub fn request(mut self, change: impl FnOnce(&mut Request)) -> Self {
        change(&mut self.t.users[self.user].request);
        self
    }

    pub fn without(mut self, capability: Capability) -> Self {
        self.t.capabilities.retain(|known| *known != capability);
        self
    }

    pub fn facts(mut self, change: impl FnOnce(&mut Transcript)) -> Self {
        change(&mut self.t);
        self
    }

    pub fn expect(mut self, expect: Expect) -> Self {
        self.t.users[self.user].expect.push(vec![expect]);
        self
    }

    /// Another user arrives, and the next lines are its.
    pub fn user(mut self, arrived_ms: u64) -> Self {
        self.user = self.t.users.len();
        self.t.users.push(user_at(arrived_ms * 1000));
        self
    }

    /// At so many milliseconds an attempt arrives at a host and is answered.
    pub fn asks(mut self, at_ms: u64, host: Host, answer: Answer) -> Self {
        let (at, user) = (at_ms * 1000, self.user);
        let number = self.t.attempts.iter().filter(|a| a.user == Some(user) && a.host == host).count() + 1;
        let moment = |ms: Option<u64>| ms.map(|ms| at + ms * 1000);
        self.t.attempts.push(Attempt {
            user: Some(user),
            host,
            number: number as u32,
            connection: self.t.attempts.len() as u64,
            reused: false,
            accepted: at,
            arrived: at,
            first_byte: moment(answer.head),
            last_byte: moment(answer.head.and(answer.end)),
            ended: moment(answer.end),
            request: Some(RequestFacts {
                method: "POST".to_owned(),
                path: "/v1/chat/completions".to_owned(),
                auth: AuthFact::Right,
                content_type: Some("application/json".to_owned()),
                stream: self.t.users[user].request.stream,
                model_is_hosts: true,
                digest: "body".to_owned(),
                idempotency: Some(format!("key of user {user}")),
                ..RequestFacts::default()
            }),
            step: StepFacts { label: "hand-made".to_owned(), index: number - 1, faulty: false },
            wire: answer.wire,
            sent: 100,
            reply: answer.reply,
            pace: answer.pace,
            hops: Vec::new(),
        });
        self
    }

    /// Changes what the last attempt asked.
    pub fn asked(mut self, change: impl FnOnce(&mut RequestFacts)) -> Self {
        let last = self.t.attempts.last_mut().and_then(|attempt| attempt.request.as_mut());
        change(last.expect("an attempt comes first"));
        self
    }

    /// The last attempt was led on by a 307, with this method.
    pub fn led(self, to: Host, method: &str) -> Self {
        self.led_by(307, to, method, false)
    }

    /// The last attempt was led on by this status, perhaps with a key.
    pub fn led_by(mut self, status: u16, to: Host, method: &str, carried_key: bool) -> Self {
        let last = self.t.attempts.last_mut().expect("an attempt comes first");
        let (arrived, method) = (last.arrived + 1000, method.to_owned());
        last.hops.push(Hop { host: to, arrived, method, carried_key, status: Some(status) });
        self
    }

    /// The last attempt was led back to where it had come, so many milliseconds later.
    pub fn led_back_after(mut self, ms: u64) -> Self {
        self = self.led(Host::Primary, "POST");
        let last = self.t.attempts.last_mut().expect("an attempt comes first");
        let arrived = last.arrived + ms * 1000;
        last.hops.iter_mut().last().expect("it was led").arrived = arrived;
        self
    }

    /// So much of an attempt's text was delivered piece by piece.
    pub fn streamed(mut self, attempt: usize, characters: usize) -> Self {
        let text = self.outcome().streamed.get_or_insert_default();
        text.spans.push(TextSpan { attempt, from: 0, to: characters });
        text.length += characters;
        self
    }

    /// The user gets the whole text of an attempt.
    pub fn completed(self, at_ms: u64, attempt: usize) -> Self {
        self.completed_with(at_ms, &[(attempt, 0, TEXT)], 0)
    }

    /// The user gets these spans, and characters that nobody served.
    pub fn completed_with(mut self, at_ms: u64, spans: &[(usize, usize, usize)], foreign: usize) -> Self {
        let length = spans.iter().map(|(_, from, to)| to - from).sum::<usize>() + foreign;
        let spans = spans.iter().map(|&(attempt, from, to)| TextSpan { attempt, from, to }).collect();
        let outcome = self.ended(at_ms, ResultKind::Completed);
        outcome.text = Some(Delivered { spans, foreign, length });
        outcome.finish_reason = Some("stop".to_owned());
        self
    }

    pub fn completed_empty(mut self, at_ms: u64) -> Self {
        self.ended(at_ms, ResultKind::Completed);
        self
    }

    pub fn failed(mut self, at_ms: u64, class: Class) -> Self {
        self.ended(at_ms, ResultKind::Failed).class = Some(class);
        self
    }

    /// The user leaves.
    pub fn left(mut self, at_ms: u64) -> Self {
        self.t.users[self.user].left = Some(at_ms * 1000);
        self
    }

    /// Changes what the client claims.
    pub fn outcome_is(mut self, change: impl FnOnce(&mut OutcomeFacts)) -> Self {
        change(self.outcome());
        self
    }

    /// The client claims to write records, and these are the user's.
    pub fn telemetry(mut self, records: impl IntoIterator<Item = Telemetry>) -> Self {
        self.t.capabilities.push(Capability::Telemetry);
        self.t.users[self.user].telemetry.extend(records);
        self
    }

    /// The application did something with a side effect.
    pub fn effect(mut self, name: &str, call: &str) -> Self {
        self.t.users[self.user].effects.push(Effect { name: name.to_owned(), call: call.to_owned() });
        self
    }

    pub fn leak(self, what: Secret) -> Self {
        self.leak_in(what, Place::Error)
    }

    pub fn leak_in(mut self, what: Secret, place: Place) -> Self {
        self.t.leaks.push(Leak { user: Some(self.user), what, place });
        self
    }

    pub fn stray(mut self, method: &str, path: &str) -> Self {
        self.t.strays.push(Stray { host: Host::Primary, arrived: 0, method: method.to_owned(), path: path.to_owned() });
        self
    }

    fn ended(&mut self, at_ms: u64, result: ResultKind) -> &mut OutcomeFacts {
        self.t.users[self.user].ended = Some(at_ms * 1000);
        let outcome = self.outcome();
        outcome.result = result;
        outcome
    }

    fn outcome(&mut self) -> &mut OutcomeFacts {
        self.t.users[self.user].outcome.get_or_insert_with(|| OutcomeFacts {
            result: ResultKind::Failed,
            class: None,
            native: None,
            status: None,
            retryable: None,
            message_length: 10,
            unfit: Vec::new(),
            channel: Channel::default(),
            finish_reason: None,
            text: None,
            streamed: None,
            shown: None,
            tool_calls: Vec::new(),
            calls: Vec::new(),
            usage: None,
            attempts: None,
            mismatches: std::collections::BTreeMap::new(),
        })
    }

    /// What a rule says; `None`: nothing.
    pub fn verdict(&self, rule: &str) -> Option<Verdict> {
        judge(&self.t).verdicts.into_iter().find(|verdict| verdict.rule == rule)
    }

    /// The status a rule gives.
    pub fn says(&self, rule: &str) -> Option<Status> {
        self.verdict(rule).map(|verdict| verdict.status)
    }

    /// The rules that fail.
    pub fn failing(&self) -> Vec<String> {
        let failing = judge(&self.t).verdicts.into_iter().filter(|verdict| verdict.status == Status::Fail);
        failing.map(|verdict| verdict.rule).collect()
    }
}
