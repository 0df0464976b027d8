//! A schedule: who asks what and when, and what each host does about it, as a scenario file.

use std::fmt;

use brownout::{
    policy::Policy,
    scenario::{
        Case,
        load::{self, SourceFile},
    },
};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value as Json, json};

use super::{Any, Keys, duration, keys, policy, step, value, word, yaml};

/// A scenario, and the seed of its run.
#[derive(Clone)]
pub struct Schedule {
    pub seed: u64,
    pub keys: Keys,
}

/// As a file that can be saved and run.
impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# seed: {}\n{}", self.seed, self.text())
    }
}

impl Schedule {
    /// The text of its file.
    pub fn text(&self) -> String {
        headed(&yaml::text(&self.keys))
    }

    /// The case that it is.
    pub fn case(&self) -> Result<Case, String> {
        case(&self.text())
    }
}

/// The text of a file that says this, with a head.
pub fn headed(keys: &str) -> String {
    format!("title: A random schedule\nwhy: No schedule may break a must.\nsources: [ properties ]\n{keys}")
}

/// The one case of a scenario's text.
pub fn case(text: &str) -> Result<Case, String> {
    let file = SourceFile::new("scenarios", "streaming/random.yaml", text);
    let library = load::load(&[file], &Policy::default()).map_err(|error| error.to_string())?;
    library.cases.into_iter().next().ok_or_else(|| "no case".to_owned())
}

/// What kind of schedule.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What the trial is called.
    pub name: &'static str,
    /// Events are asked for.
    pub stream: bool,
    /// The most users.
    pub users: usize,
    /// Phases by time in place of steps by attempt.
    pub phases: bool,
}

/// Every kind, each a trial of its own.
pub const KINDS: [Kind; 4] = [
    Kind { name: "one plain request", stream: false, users: 1, phases: false },
    Kind { name: "one stream", stream: true, users: 1, phases: false },
    Kind { name: "several users", stream: false, users: 5, phases: false },
    Kind { name: "phases", stream: true, users: 5, phases: true },
];

/// Schedules of a kind.
pub fn schedules(kind: Kind) -> BoxedStrategy<Schedule> {
    let top =
        (request(kind.stream), policy::policy(), option::weighted(0.15, leaving()), option::weighted(0.05, client()));
    let users = vec(user(kind.users > 1), 1..=kind.users);
    let hosts = (script(kind), option::weighted(0.6, script(kind)));
    let capacity = option::weighted(0.1, value(vec![json!({ "primary": 1 }), json!({ "primary": 2, "fallback": 1 })]));
    (0..1000_u64, top, users, hosts, capacity)
        .prop_map(|(seed, (request, policy, leaves, client), users, (primary, fallback), capacity)| {
            let mut keys = Keys::new();
            let mut add = |key: &str, value: Option<Json>| keys.extend(value.map(|value| (key.to_owned(), value)));
            add("request", Some(request.into()).filter(|request| *request != json!({})));
            add("client", client.map(Json::from));
            add("policy", Some(policy.into()));
            add(
                "users",
                Some(users)
                    .filter(|users| *users != [Keys::new()])
                    .map(|users| users.into_iter().map(Json::from).collect()),
            );
            add("cancel_after", leaves);
            add("capacity", capacity);
            add("primary", Some(primary));
            add("fallback", fallback);
            Schedule { seed, keys }
        })
        .boxed()
}

fn request(stream: bool) -> BoxedStrategy<Keys> {
    let request = keys(vec![
        ("tools", 0.2, value(vec![json!(true)])),
        ("charge_sensitive", 0.25, value(vec![json!(true)])),
        ("fallback", 0.2, word(&["unsafe"])),
        ("messages", 0.1, value(vec![json!(3)])),
        ("n", 0.05, value(vec![json!(2)])),
        ("size", 0.05, value(vec![json!(500)])),
    ]);
    request
        .prop_map(move |mut request| {
            request.extend(stream.then(|| ("stream".to_owned(), json!(true))));
            request
        })
        .boxed()
}

fn client() -> BoxedStrategy<Keys> {
    keys(vec![
        ("base_url", 0.4, word(&["$url.primary/v1", "$url.primary/v1/", "$url.primary"])),
        ("key", 0.4, word(&["$key", " $key", "$key \n"])),
        ("copies", 0.4, value(vec![json!(2)])),
    ])
}

/// When a user leaves.
fn leaving() -> Any {
    let point = word(&["request", "head", "end", "1 event", "2 events", "3 events + 5 bytes", "10 bytes"]);
    prop_oneof![2 => duration(), 2 => point.clone(), 1 => (point, duration()).prop_map(|(point, wait)| json!(format!("{} + {}", point.as_str().unwrap_or_default(), wait.as_str().unwrap_or_default())))].boxed()
}

/// One of several users: what differs from the scenario's. A lone one is the scenario's.
fn user(several: bool) -> BoxedStrategy<Keys> {
    if !several {
        return Just(Keys::new()).boxed();
    }
    let request = prop_oneof![request(false), request(true)].prop_map(Json::from).boxed();
    let own = || vec(step::step(false), 1..3).prop_map(Json::from).boxed();
    keys(vec![
        ("at", 0.5, duration()),
        ("request", 0.2, request),
        ("cancel_after", 0.1, leaving()),
        ("primary", 0.2, own()),
        ("fallback", 0.1, own()),
    ])
}

/// A list of steps, or of phases. What nobody can be told of needs a lone user, a phase, or to be all there is.
fn script(kind: Kind) -> Any {
    if kind.phases {
        return phases();
    }
    let steps = vec(step::step(kind.users == 1), 1..4).prop_map(Json::from);
    prop_oneof![20 => steps, 1 => Just(json!(["refuse"])), 1 => Just(json!(["reset-on-accept"]))].boxed()
}

fn phases() -> Any {
    let step = prop_oneof![8 => step::step(true), 1 => Just(json!("refuse")), 2 => Just(json!("ok"))].boxed();
    let lasting = (step.clone(), duration()).prop_map(|(step, lasts)| {
        let mut keys = match step {
            Json::Object(keys) => keys,
            name => Keys::from_iter([("reply".to_owned(), name)]),
        };
        keys.insert("for".to_owned(), lasts);
        Json::from(keys)
    });
    (vec(lasting, 1..3), step).prop_map(|(phases, last)| phases.into_iter().chain([last]).collect()).boxed()
}
