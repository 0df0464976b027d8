//! From what was seen and claimed to facts: bodies, keys and texts go in, none comes out.

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use serde_json::Value as Json;
use tokio::time::Instant;

use super::{
    Identity, Record, leaks, refusing,
    text::{ServedText, trace},
    user::Ended,
};
use crate::{
    causes::{Causes, Wire},
    client::{About, Outcome},
    policy::{Auth, Policy},
    reply::{self, Reading},
    rules::GRAIN,
    scenario::{Capability, Case, Expect, Host, Script, Step},
    transcript::{
        Attempt, AuthFact, ClockKind, Contact, Delivered, Hop, Leak, Micros, OutcomeFacts, RequestFacts, Secret,
        StepFacts, Stray, TextSpan, Transcript, UserRequest,
    },
    wire::{Asked, Seen, Served},
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
        not_exercised: Vec::new(),
        errors: Vec::new(),
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
        not_exercised: joiner.not_exercised(),
        errors: record.errors.clone(),
        watched: joiner.at(record.watched),
        attempts,
        ..blank
    }
}

/// Characters of an answer that are shown.
const SHOWN: usize = 200;

struct Joiner<'a> {
    case: &'a Case,
    record: &'a Record,
    phrases: Vec<String>,
    canaries: leaks::Canaries<Secret>,
}

impl<'a> Joiner<'a> {
    fn new(case: &'a Case, record: &'a Record) -> Self {
        let canaries = leaks::Canaries::new(secrets(&record.identity));
        Joiner { case, record, phrases: Causes::embedded().phrases(&case.policy), canaries }
    }

    fn at(&self, moment: Instant) -> Micros {
        u64::try_from(moment.saturating_duration_since(self.record.epoch).as_micros()).unwrap_or(u64::MAX)
    }

    /// Attempts in order of arrival, with what each reply said.
    fn attempts(&self) -> (Vec<Attempt>, Vec<Reading>) {
        let (mut attempts, mut readings): (Vec<Attempt>, Vec<Reading>) = (Vec::new(), Vec::new());
        for seen in &self.record.seen {
            if seen.served == Served::Hop {
                let owner = attempts.iter_mut().rev().find(|attempt| seen.user.is_none() || attempt.user == seen.user);
                owner.into_iter().for_each(|attempt| attempt.hops.push(self.hop(seen)));
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
        let reading = reply::read(seen, &self.case.policy, &self.phrases);
        let attempt = Attempt {
            user,
            host: seen.host,
            number: 0,
            connection: seen.connection,
            reused: seen.reused,
            accepted: self.at(seen.accepted),
            arrived: self.at(seen.requested.unwrap_or(seen.accepted)),
            first_byte: seen.first_byte.map(|moment| self.at(moment)),
            last_byte: seen.last_byte.map(|moment| self.at(moment)),
            ended: seen.ended.map(|moment| self.at(moment)),
            request: seen.request.as_ref().map(|asked| self.request(seen.host, asked)),
            step: StepFacts { label: seen.step.clone(), index: seen.index, faulty: seen.faulty },
            wire: self.wire(seen, user, reading.wire),
            sent: seen.sent_len,
            reply: reading.facts.clone(),
            hops: Vec::new(),
        };
        Some((attempt, reading))
    }

    /// A client that went away because its user did, or at its deadline, did not judge the reply.
    fn wire(&self, seen: &Seen, user: Option<usize>, wire: Wire) -> Wire {
        let gave_up = matches!(wire, Wire::GaveUpBeforeHead | Wire::GaveUpInBody | Wire::GaveUpInStream);
        let (Some(user), Some(ended), true) = (user, seen.ended, gave_up) else { return wire };
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

    fn hop(&self, seen: &Seen) -> Hop {
        let asked = seen.request.as_ref();
        let keys = &self.record.identity.keys;
        let carried = |asked: &Asked| {
            asked.headers.iter().any(|(_, value)| keys.values().any(|key| value.contains(key.as_str())))
        };
        Hop {
            host: seen.host,
            arrived: self.at(seen.requested.unwrap_or(seen.accepted)),
            method: asked.map_or_else(String::new, |asked| asked.method.clone()),
            carried_key: asked.is_some_and(carried),
        }
    }

    fn request(&self, host: Host, asked: &Asked) -> RequestFacts {
        let body: Json = serde_json::from_slice(&asked.body).unwrap_or(Json::Null);
        let idempotency = self.case.policy.charge.idempotency_header.as_ref().map(|name| name.to_ascii_lowercase());
        RequestFacts {
            method: asked.method.clone(),
            path: self.redacted_path(&asked.target),
            auth: self.auth(host, asked),
            content_type: asked.header("content-type").map(str::to_owned),
            stream: body["stream"] == Json::Bool(true),
            model_is_hosts: body["model"].as_str() == self.record.identity.models.get(&host).map(String::as_str),
            digest: digest(&body.to_string()),
            idempotency: idempotency.and_then(|name| asked.header(&name).map(digest)),
        }
    }

    fn redacted_path(&self, target: &str) -> String {
        let path = target.split('?').next().unwrap_or(target);
        if self.canaries.in_text(path).is_empty() { path.to_owned() } else { "(holds a canary)".to_owned() }
    }

    fn auth(&self, host: Host, asked: &Asked) -> AuthFact {
        let keys = &self.record.identity.keys;
        let (header, form) = match &self.case.policy.endpoint.auth {
            Auth::Bearer => ("authorization".to_owned(), format!("Bearer {}", keys[&host])),
            Auth::Header(name) => (name.to_ascii_lowercase(), keys[&host].clone()),
        };
        let holds = |key: &str| asked.headers.iter().any(|(_, value)| value.contains(key));
        match asked.header(&header) {
            Some(value) if same_credential(value, &form) => AuthFact::Right,
            _ if holds(&keys[&host]) => AuthFact::Malformed,
            _ if keys.values().any(|key| holds(key)) => AuthFact::OtherHosts,
            None => AuthFact::Missing,
            Some(value) if value.trim().is_empty() || value.trim().eq_ignore_ascii_case("bearer") => AuthFact::Missing,
            Some(_) => AuthFact::Unknown,
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

    fn user(&self, user: &Ended, attempts: &[Attempt], readings: &[Reading]) -> UserRequest {
        let script = &self.case.users[user.number];
        let sources = sources(user.number, attempts, readings);
        let outcome = user.outcome.as_ref().map(|outcome| facts(outcome, user, &script.expect, &sources));
        let outcome = outcome.or_else(|| user.left.map(|_| left(user, &sources)));
        let outcome = outcome.map(|facts| self.shown(facts, user, attempts, &sources));
        UserRequest {
            arrived: self.at(user.arrived),
            request: script.request.clone(),
            left: user.left.map(|moment| self.at(moment)),
            ended: user.ended.map(|moment| self.at(moment)),
            outcome,
            first_text: user.deltas.first().map(|(moment, _)| self.at(*moment)),
            expect: script.expect.clone(),
        }
    }

    /// The facts with what of the answer can be shown.
    fn shown(&self, facts: OutcomeFacts, user: &Ended, attempts: &[Attempt], sources: &[ServedText]) -> OutcomeFacts {
        let mark = |index: usize| {
            let attempt = &attempts[index];
            let letter = attempt.host.to_string().chars().next().unwrap_or('x');
            format!("u{}.{letter}{}", attempt.user.unwrap_or_default(), attempt.number)
        };
        let served =
            |index: usize| sources.iter().find(|source| source.attempt == index).map(|source| source.text.as_slice());
        let shown = facts.text.as_ref().or(facts.streamed.as_ref()).map(|text| {
            let piece = |span: &TextSpan| {
                let text: String = served(span.attempt)
                    .and_then(|text| text.get(span.from..span.to))
                    .unwrap_or_default()
                    .iter()
                    .collect();
                text.replace(&mark(span.attempt), "$mark")
            };
            let foreign = (text.foreign > 0).then(|| format!("({} foreign characters)", text.foreign));
            text.spans.iter().map(piece).chain(foreign).collect::<String>()
        });
        let calls = user.outcome.iter().flat_map(|outcome| &outcome.tool_calls).map(|call| {
            let function = &call["function"];
            format!(
                "{}({})",
                function["name"].as_str().unwrap_or_default(),
                function["arguments"].as_str().unwrap_or_default()
            )
        });
        OutcomeFacts {
            shown: shown.map(|text| self.fit_to_show(&text)),
            tool_calls: calls.map(|call| self.fit_to_show(&call)).collect(),
            ..facts
        }
    }

    fn fit_to_show(&self, text: &str) -> String {
        if !self.canaries.in_text(text).is_empty() {
            return "(holds a canary)".to_owned();
        }
        let length = text.chars().count();
        if length <= SHOWN {
            return text.to_owned();
        }
        format!("{}... ({length} characters)", text.chars().take(SHOWN).collect::<String>())
    }

    fn leaks(&self) -> Vec<Leak> {
        let errors = self.record.users.iter().filter_map(|user| {
            let error = user.outcome.as_ref()?.error.as_ref()?;
            let words = [error.message.as_str(), &error.native, error.code.as_deref().unwrap_or_default()].join("\n");
            Some((Some(user.number), "the error handed to the user".to_owned(), words, None))
        });
        let requests = self.record.seen.iter().filter_map(|seen| {
            let asked = seen.request.as_ref()?;
            let headers =
                asked.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n");
            let url = (seen.user, format!("the URL of a request to the {}", seen.host), asked.target.clone(), None);
            let place = format!("a request to the {}", seen.host);
            let all = format!("{headers}\n{}", String::from_utf8_lossy(&asked.body));
            Some([url, (seen.user, place, all, Some(seen.host))])
        });
        let places = errors.chain(requests.flatten());
        places.flat_map(|(user, place, text, host)| self.found(user, &place, &text, host)).collect()
    }

    /// Canaries in a text; a request may carry its own host's key, and prompt and user.
    fn found(&self, user: Option<usize>, place: &str, text: &str, to: Option<Host>) -> Vec<Leak> {
        let allowed =
            |what: Secret| to.is_some_and(|host| what == Secret::Key(host) || !matches!(what, Secret::Key(_)));
        let found = self.canaries.in_text(text).into_iter().filter(|what| !allowed(*what));
        found.map(|what| Leak { user, what, place: place.to_owned() }).collect()
    }

    /// The first faulty step of the primary, each phase once, and the leaving of users: what the scenario is about.
    fn not_exercised(&self) -> Vec<String> {
        let served = |own: Option<usize>, index: usize| {
            self.record.seen.iter().any(|seen| {
                let script = if seen.own_script { seen.user } else { None };
                seen.host == Host::Primary && script == own && seen.index == index && seen.served != Served::Stray
            })
        };
        let own = self
            .case
            .users
            .iter()
            .enumerate()
            .filter_map(|(n, user)| Some((Some(n), user.scripts.get(&Host::Primary)?)));
        let common = self
            .case
            .hosts
            .get(&Host::Primary)
            .map(|script| (None, script))
            .filter(|_| self.case.users.iter().any(|user| !user.scripts.contains_key(&Host::Primary)));
        let scripts = common.into_iter().chain(own);
        let faults =
            scripts.flat_map(|(own, script)| due(script).into_iter().map(move |(index, step)| (own, index, step)));
        let unserved = faults.filter(|(own, index, _)| !served(*own, *index)).map(|(_, _, step)| step.label.clone());
        let stayed = self
            .record
            .users
            .iter()
            .filter(|user| user.left.is_none() && self.case.users[user.number].cancel.is_some());
        unserved
            .chain(stayed.map(|user| format!("the leaving of user {}: the outcome came first", user.number)))
            .collect()
    }
}

/// The random part of every canary, and what it stands for.
fn secrets(identity: &Identity) -> impl Iterator<Item = (Secret, &str)> {
    let keys = identity.keys.iter().map(|(host, key)| (Secret::Key(*host), key));
    let prompts = identity.markers.iter().map(|marker| (Secret::Prompt, marker));
    let users = identity.names.iter().map(|name| (Secret::User, name));
    keys.chain(prompts).chain(users).map(|(what, canary)| (what, Identity::secret(canary)))
}

/// Steps that must be served for the scenario to have been exercised. A refused connection is never seen.
fn due(script: &Script) -> Vec<(usize, &Step)> {
    let seen = |step: &Step| step.faulty && step.content != crate::scenario::Content::Refuse;
    match script {
        Script::Steps(steps) => {
            steps.iter().enumerate().find(|(_, step)| step.faulty).filter(|(_, step)| seen(step)).into_iter().collect()
        }
        Script::Phases(phases) => {
            phases.iter().map(|phase| &phase.step).enumerate().filter(|(_, step)| seen(step)).collect()
        }
    }
}

/// `Bearer` in any case; the key to the letter.
fn same_credential(value: &str, form: &str) -> bool {
    match (value.split_once(' '), form.split_once(' ')) {
        (Some((scheme, key)), Some((wanted, pinned))) => scheme.eq_ignore_ascii_case(wanted) && key == pinned,
        _ => value == form,
    }
}

/// The counts of a usage object, as far as they are whole numbers.
fn counts(usage: &Json) -> BTreeMap<String, u64> {
    let numbers =
        usage.as_object().into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_u64()?)));
    numbers.collect()
}

fn digest(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn sources(user: usize, attempts: &[Attempt], readings: &[Reading]) -> Vec<ServedText> {
    let text = |(attempt, reading): (usize, &Reading)| {
        let text = reading.answers.first().filter(|text| !text.is_empty())?.chars().collect();
        Some(ServedText { attempt, own: attempts[attempt].user == Some(user), text })
    };
    readings.iter().enumerate().filter_map(text).collect()
}

fn facts(outcome: &Outcome, user: &Ended, expect: &[Vec<Expect>], sources: &[ServedText]) -> OutcomeFacts {
    let error = outcome.error.as_ref();
    OutcomeFacts {
        result: outcome.result,
        class: error.and_then(|error| error.class),
        native: error.map(|error| error.native.clone()),
        status: error.and_then(|error| error.status),
        retryable: error.and_then(|error| error.retryable),
        message_length: error.map_or(0, |error| error.message.chars().count()),
        finish_reason: outcome.finish_reason.clone(),
        text: outcome.text.as_ref().map(|text| trace(text, sources)),
        streamed: streamed(user, sources),
        shown: None,
        tool_calls: Vec::new(),
        usage: outcome.usage.as_ref().map(counts),
        attempts: outcome.attempts,
        mismatches: mismatches(outcome, expect),
    }
}

/// What a user who left had got.
fn left(user: &Ended, sources: &[ServedText]) -> OutcomeFacts {
    let outcome = Outcome::new(crate::client::ResultKind::Cancelled);
    facts(&outcome, user, &[], sources)
}

fn streamed(user: &Ended, sources: &[ServedText]) -> Option<Delivered> {
    let text: String = user.deltas.iter().map(|(_, text)| text.as_str()).collect();
    (!text.is_empty()).then(|| trace(&text, sources))
}

fn mismatches(outcome: &Outcome, expect: &[Vec<Expect>]) -> BTreeMap<String, Vec<String>> {
    let answer = serde_json::json!({
        "text": outcome.text, "finish_reason": outcome.finish_reason, "tool_calls": outcome.tool_calls, "usage": outcome.usage,
    });
    let error = serde_json::to_value(&outcome.error).unwrap_or(Json::Null);
    let mut found = BTreeMap::new();
    for (group, alternatives) in expect.iter().enumerate() {
        for (nth, wanted) in alternatives.iter().enumerate() {
            let mut pointers = Vec::new();
            wanted.answer.iter().for_each(|wanted| differences(wanted, &answer, "/answer", &mut pointers));
            wanted.error.iter().for_each(|wanted| differences(wanted, &error, "/error", &mut pointers));
            if !pointers.is_empty() {
                found.insert(format!("{group}.{nth}"), pointers);
            }
        }
    }
    found
}

/// Pointers at which what is wanted is not there; what is not wanted may be anything.
fn differences(wanted: &Json, got: &Json, pointer: &str, found: &mut Vec<String>) {
    match (wanted, got) {
        (Json::Object(wanted), Json::Object(got)) => {
            wanted.iter().for_each(|(key, value)| {
                differences(value, got.get(key).unwrap_or(&Json::Null), &format!("{pointer}/{key}"), found)
            });
        }
        (Json::Array(wanted), Json::Array(got)) if wanted.len() == got.len() => {
            wanted
                .iter()
                .zip(got)
                .enumerate()
                .for_each(|(n, (value, got))| differences(value, got, &format!("{pointer}/{n}"), found));
        }
        _ if wanted == got => {}
        _ => found.push(pointer.to_owned()),
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
