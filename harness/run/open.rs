//! A case served to whoever asks: requests that the harness does not make itself, of a command or a test framework.
//!
//! Whose a request is it says by a mark, or not at all: the header `x-brownout-user: 3`, the word `[u3]` in the prompt, or the
//! `user` field `user-3` mean user 3. Without one it is nobody's, and no rule that speaks of one user is judged.

use std::{collections::BTreeMap, sync::Arc};

use tokio::time::Instant;

use super::{Home, Identity, Record, facts, heard, serving, user};
use crate::{
    client::{About, Aside, Effects, Provider as Told, Records},
    scenario::{Capability, Case, Expect, Host, User},
    transcript::{ClockKind, CommandFacts, Transcript},
    wire::{Place, Provider, Seen, Serve, Served, Serving},
};

/// User requests that can be told apart.
const USERS: usize = 256;

/// What is said of whoever asks.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// Its name.
    pub name: String,
    /// What it claims to do.
    pub capabilities: Vec<Capability>,
    /// It makes one user request and no more, so that all attempts are that one's.
    pub one_request: bool,
}

/// A case that is being served.
pub struct Open {
    case: Case,
    seed: u64,
    identity: Identity,
    provider: Provider,
    begun: Instant,
    home: Home,
}

impl Open {
    /// Serves a case where that place is, or at doors of its own on the current runtime.
    pub async fn start(case: &Case, seed: u64, place: Option<Place>) -> std::io::Result<Self> {
        let home = place
            .as_ref()
            .map_or_else(|| Home::There(tokio::runtime::Handle::current()), |place| Home::There(place.front.home()));
        let identity = Identity::plain(seed, USERS);
        let identity = place.iter().fold(identity, |identity, place| identity.with_keys(place.front.keys()));
        let serving = Serving { place, ..serving(case, &identity) };
        let provider = home.run(Provider::start(serving)).await?;
        let begun = Instant::now();
        provider.start_clock(begun);
        Ok(Open { case: case.clone(), seed, identity, provider, begun, home })
    }

    /// Where its providers are.
    pub fn providers(&self) -> Vec<Told> {
        let urls = self.provider.urls();
        let provider = |host: Host| Told {
            name: host,
            base_url: user::base_url(&self.case, host, &urls),
            api_key: user::key(&self.case, host, &self.identity),
            model: self.identity.models[&host].clone(),
        };
        Host::PROVIDERS.into_iter().map(provider).collect()
    }

    /// Ends it: the facts, with what was seen of the asker besides. Where its output was not heard, `said` is nothing.
    pub async fn finish(self, asker: &Asker, command: CommandFacts, said: Option<Vec<String>>) -> Transcript {
        let Open { case, seed, identity, provider, begun, home } = self;
        let watched = Instant::now();
        let (mut seen, errors) = home.run(provider.finish()).await;
        let mine = |seen: &&mut Seen| matches!(seen.served, Served::Step | Served::Busy | Served::RefusedKey);
        if asker.one_request {
            seen.iter_mut().filter(mine).for_each(|seen| seen.user = seen.user.or(Some(0)));
        }
        let marked = seen.iter().filter_map(|seen| seen.user).max().map_or(0, |most| most + 1);
        let epoch = seen.iter().map(|seen| seen.requested.unwrap_or(seen.accepted)).min().unwrap_or(begun);
        let users = (0..marked).map(|number| nobody_heard(number, &seen, epoch)).collect();
        let heard = Arc::<heard::Heard>::default();
        let logs_heard = said.is_some();
        let aside = Aside { said: said.unwrap_or_default(), ..Aside::default() };
        let case = asked(case, marked);
        let about = About { name: asker.name.clone(), version: "unknown".to_owned() };
        let blank = facts::blank(&case, about, asker.capabilities.clone(), ClockKind::Real, seed);
        let record = Record { identity, epoch, users, seen, errors, watched, probe: None, heard, aside };
        let command = CommandFacts { marked, ..command };
        Transcript { logs_heard, command: Some(command), ..facts::transcript(blank, &case, record) }
    }
}

/// The case as it was asked: so many users, of whom only the wire is known. One that nobody is known of has no lone user.
fn asked(mut case: Case, marked: usize) -> Case {
    let pattern = case.users[0].clone();
    let user = |number: usize| {
        let user = case.users.get(number).unwrap_or(&pattern).clone();
        let expect = user.expect.iter().map(|group| group.iter().map(on_the_wire).collect()).collect();
        User { expect, cancel: None, ..user }
    };
    case.users = (0..if marked == 0 { 2 } else { marked }).map(user).collect();
    case
}

/// What of an expectation the wire alone can tell.
fn on_the_wire(expect: &Expect) -> Expect {
    Expect { attempts: expect.attempts.clone(), sent: expect.sent.clone(), ..Expect::default() }
}

/// A user request whose outcome is not seen.
fn nobody_heard(number: usize, seen: &[Seen], epoch: Instant) -> user::Ended {
    let own = seen.iter().filter(|seen| seen.user == Some(number));
    let arrived = own.map(|seen| seen.requested.unwrap_or(seen.accepted)).min().unwrap_or(epoch);
    user::Ended {
        number,
        arrived,
        left: None,
        ended: None,
        outcome: None,
        deltas: Vec::new(),
        effects: Effects::default(),
        records: Records::default(),
    }
}

/// The variables that lead a command to the providers: the names that SDKs read, and more of them.
pub fn variables(providers: &[Told], scenario: &str, more: &[String]) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::from([("BROWNOUT_SCENARIO".to_owned(), scenario.to_owned())]);
    let mut add = |name: &str, value: &str| drop(variables.insert(name.to_owned(), value.to_owned()));
    for Told { name, base_url, api_key, model } in providers {
        let prefixes: &[&str] = match name {
            Host::Primary => &["OPENAI", "COMETAPI", "BROWNOUT"],
            _ => &["BROWNOUT_FALLBACK"],
        };
        for prefix in prefixes {
            add(&format!("{prefix}_BASE_URL"), base_url);
            add(&format!("{prefix}_API_KEY"), api_key);
        }
        add(&format!("{}_MODEL", prefixes[prefixes.len() - 1]), model);
        for name in more.iter().filter(|_| *name == Host::Primary) {
            let is_key = ["KEY", "TOKEN", "SECRET"].iter().any(|word| name.to_ascii_uppercase().ends_with(word));
            add(name, if is_key { api_key } else { base_url });
        }
    }
    variables
}
