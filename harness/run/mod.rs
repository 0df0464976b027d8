//! One case against one client: the only place that knows both wire and client. It ends in facts.

mod clock_check;
#[cfg(all(unix, feature = "stdio"))]
mod command;
mod facts;
mod heard;
mod identity;
mod leaks;
mod open;
mod rounds;
mod suite;
mod text;
mod user;

use std::{future::Future, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

pub use clock_check::clock_check;
#[cfg(all(unix, feature = "stdio"))]
pub use command::{Command, run_command};
pub use heard::Listening;
pub use identity::Identity;
pub use open::{Asker, Open, variables};
pub use suite::{Clock, Options, Progress, Suite, run_alone, run_suite};

use crate::{
    client::{Admission, AnyClient, Aside, Factory, Refused},
    scenario::{Case, Content, Host, Point, Script, Step},
    transcript::{ClockKind, Room, Transcript},
    wire::{Place, Provider, Seen, Serve, Served, Serving, clock::Heartbeat},
};

/// In true time, nobody waits longer for a breaker.
const LONGEST_HOLD: Duration = Duration::from_secs(5);
/// A moment after the hold, so that no clock's grain decides.
const SOON: Duration = Duration::from_millis(50);

/// How long the virtual clock watches after the last outcome.
const WATCH_VIRTUAL: Duration = Duration::from_secs(3600);

/// Where a provider lives: with the client on one paused clock, or on a thread of its own in true time.
#[derive(Debug, Clone)]
pub enum Home {
    /// The client's own runtime.
    Here,
    /// Another thread's, so that a client that blocks cannot stop its witness.
    There(Handle),
}

impl Home {
    /// Runs a piece of the provider where it lives.
    async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match self {
            Home::Here => work.await,
            Home::There(handle) => {
                handle.spawn(work).await.expect("the provider's runtime outlives the run and its tasks do not panic")
            }
        }
    }

    fn clock(&self) -> ClockKind {
        match self {
            Home::Here => ClockKind::Virtual,
            Home::There(_) => ClockKind::Real,
        }
    }
}

/// What a run was: all that the facts are made of.
struct Record {
    identity: Identity,
    epoch: Instant,
    users: Vec<user::Ended>,
    seen: Vec<Seen>,
    errors: Vec<String>,
    watched: Instant,
    /// The healthy request after the scenario.
    probe: Option<user::Ended>,
    heard: Arc<heard::Heard>,
    /// What a client in another process did besides.
    aside: Aside,
}

/// Runs a case, on the current thread's `LocalSet`.
pub async fn run_case(case: &Case, factory: &Factory, seed: u64, home: &Home) -> Transcript {
    run_case_on::<Provider>(case, factory, seed, home).await
}

/// The same with another provider in place of ours.
pub async fn run_case_on<P: Serve>(case: &Case, factory: &Factory, seed: u64, home: &Home) -> Transcript {
    let _listening = heard::on_this_thread().is_none().then(Listening::start);
    let heard = heard::on_this_thread().unwrap_or_default();
    let clients: Vec<Rc<dyn AnyClient>> =
        (0..case.client.copies.max(1)).map(|copy| factory(&case.policy, seed.wrapping_add(u64::from(copy)))).collect();
    let (about, capabilities) = (clients[0].about(), clients[0].capabilities());
    let by_status = clients[0].speaks_in_statuses();
    let blank = Transcript { by_status, ..facts::blank(case, about, capabilities, home.clock(), seed) };
    if blank.needs.iter().any(|need| !blank.capabilities.contains(need)) {
        return blank;
    }
    // Behind fixed doors, the provider lives where the doors are.
    let front = clients[0].front().filter(|_| home.clock() == ClockKind::Real);
    let home = &front.map_or_else(|| home.clone(), |front| Home::There(front.home()));
    let admitted = match admit(case, &clients, home).await {
        Ok(admitted) => admitted,
        Err(Unadmitted::Unfit(why)) => return Transcript { unfit: Some(why), ..blank },
        Err(Unadmitted::Room(room)) => return Transcript { room: Some(room), ..blank },
        Err(Unadmitted::Refused(Refused::NotRun(why))) => return Transcript { not_run: Some(why), ..blank },
        Err(Unadmitted::Refused(Refused::Error(why))) => return Transcript { errors: vec![why], ..blank },
    };
    let beats = Beats::start(home).await;
    let record = record::<P>(case, clients, seed, home, heard).await;
    let late = beats.stop();
    drop(admitted);
    match record {
        Ok(record) => {
            let lateness = u64::try_from(late.max(record.aside.delay).as_micros()).unwrap_or(u64::MAX);
            Transcript { lateness, ..facts::transcript(blank, case, record) }
        }
        Err(error) => Transcript { errors: vec![format!("the provider did not start: {error}")], ..blank },
    }
}

/// Why a case is not begun.
enum Unadmitted {
    /// The client cannot be told what the case tells it.
    Unfit(String),
    /// The client does not take so many users.
    Room(Room),
    /// It takes none any more.
    Refused(Refused),
}

/// A client in another process may have to be waited for: before the case's clock starts, so that no wait is the client's.
async fn admit(case: &Case, clients: &[Rc<dyn AnyClient>], home: &Home) -> Result<Vec<Admission>, Unadmitted> {
    if let Some(why) = clients[0].cannot_be_told(case) {
        return Err(Unadmitted::Unfit(why));
    }
    let mut users = u32::try_from(case.users.len()).unwrap_or(u32::MAX);
    if let Some(takes) = clients[0].at_once() {
        let room = Room { users, takes };
        if !room.is_enough() {
            return Err(Unadmitted::Room(room));
        }
        if home.clock() == ClockKind::Virtual {
            let why = "a client in another process lives in true time: use `--clock real`";
            return Err(Unadmitted::Refused(Refused::Error(why.to_owned())));
        }
        // The doors can be its alone only while no other case is under way.
        let alone = clients[0].front().is_some() && wants_to_be_alone(case);
        users = if alone { takes } else { users };
    }
    let mut admitted = Vec::new();
    for (copy, client) in clients.iter().enumerate() {
        // All objects of a case are in one process, and its users wait once.
        let users = if copy == 0 { users } else { 0 };
        admitted.push(client.admit(users).await.map_err(Unadmitted::Refused)?);
    }
    Ok(admitted)
}

/// After so long a user request of this client has not ended.
fn limit(case: &Case, client: &dyn AnyClient) -> Duration {
    let claims = client.capabilities();
    case.policy.case_limit(|claim| claims.contains(&claim))
}

/// Hearts that beat beside a run in true time: their worst delay is the harness's own lateness.
struct Beats(Vec<Heartbeat>);

impl Beats {
    async fn start(home: &Home) -> Self {
        match home {
            Home::Here => Beats(Vec::new()),
            Home::There(_) => Beats(vec![Heartbeat::start(), home.run(async { Heartbeat::start() }).await]),
        }
    }

    fn stop(self) -> Duration {
        self.0.into_iter().map(Heartbeat::stop).max().unwrap_or_default()
    }
}

async fn record<P: Serve>(
    case: &Case,
    clients: Vec<Rc<dyn AnyClient>>,
    seed: u64,
    home: &Home,
    heard: Arc<heard::Heard>,
) -> std::io::Result<Record> {
    // One more than the users: the one who asks when all is over.
    let front = clients[0].front();
    // Behind fixed doors, what is left of an earlier run of the same case must not be taken for this one's.
    let turn = front.as_ref().map_or(0, |front| front.turn());
    let identity = Identity::issue(seed.rotate_left(32).wrapping_add(turn).rotate_right(32), case.users.len() + 1);
    let identity = front.iter().fold(identity, |identity, front| identity.with_keys(front.keys()));
    let place = front.map(|front| Place { front, alone: wants_to_be_alone(case) });
    let serving = Serving { place, ..serving(case, &identity) };
    let provider = home.run(P::start(serving)).await?;
    let urls = provider.urls();
    let epoch = Instant::now();
    provider.start_clock(epoch);
    let mut users = JoinSet::new();
    for (number, user) in case.users.iter().enumerate() {
        let request = user::UserCall {
            number,
            client: clients[number % clients.len()].clone(),
            call: user::call(case, user, number, &identity, &urls),
            arrives: epoch + user.at,
            cancel: user.cancel,
            progress: provider.progress(),
            limit: limit(case, &*clients[0]),
        };
        users.spawn_local(user::run(request));
    }
    let mut ended = Vec::new();
    while let Some(joined) = users.join_next().await {
        ended.push(joined.expect("a user's task catches the client's panics"));
    }
    ended.sort_by_key(|ended| ended.number);
    watch(case, home).await;
    let watched = Instant::now();
    let (provider, probe) = probe(case, &clients[0], provider, &identity, home).await;
    let aside = close(&clients).await;
    drop(clients);
    let (mut seen, errors) = home.run(provider.finish()).await;
    // What came after the watch is the probe's. One that asks for a wrong path says nothing of recovery.
    let of_probe = |seen: &Seen| seen.requested.unwrap_or(seen.accepted) > watched;
    let astray = seen.iter().any(|seen| of_probe(seen) && seen.served == Served::Stray);
    let probe = probe.filter(|_| !astray);
    seen.retain(|seen| !of_probe(seen));
    Ok(Record { identity, epoch, users: ended, seen, errors, watched, probe, heard, aside })
}

/// What the client objects did besides, together.
async fn close(clients: &[Rc<dyn AnyClient>]) -> Aside {
    let mut all = Aside::default();
    for client in clients {
        let one = client.close().await;
        all.errors.extend(one.errors);
        all.crash = all.crash.or(one.crash);
        all.hung |= one.hung;
        all.company |= one.company;
        all.delay = all.delay.max(one.delay);
        // They share one process, and so its standard error.
        (all.said, all.tail) = (longer(all.said, one.said), longer(all.tail, one.tail));
    }
    all
}

fn longer(one: Vec<String>, other: Vec<String>) -> Vec<String> {
    if other.len() > one.len() { other } else { one }
}

/// A healthy request when all is over, once a breaker's hold is over too; in true time only where that is soon.
async fn probe<P: Serve>(
    case: &Case,
    client: &Rc<dyn AnyClient>,
    provider: P,
    identity: &Identity,
    home: &Home,
) -> (P, Option<user::Ended>) {
    let hold = case.policy.breaker.as_ref().map_or(Duration::ZERO, |breaker| *breaker.open_for);
    if matches!(home, Home::There(_)) && hold > LONGEST_HOLD {
        return (provider, None);
    }
    let provider = home
        .run(async move {
            provider.recover().await;
            provider
        })
        .await;
    let request = user::UserCall {
        number: case.users.len(),
        client: client.clone(),
        call: user::probe(case, identity, &provider.urls()),
        arrives: Instant::now() + hold + SOON,
        cancel: None,
        progress: provider.progress(),
        limit: limit(case, &**client),
    };
    (provider, Some(user::run(request).await))
}

/// Work after the end shows only to those who wait for it.
async fn watch(case: &Case, home: &Home) {
    match home {
        Home::Here => sleep(WATCH_VIRTUAL).await,
        Home::There(_) => sleep_until(Instant::now() + *case.policy.backoff.cap).await,
    }
}

fn serving(case: &Case, identity: &Identity) -> Serving {
    Serving {
        hosts: case.hosts.clone(),
        own: case.users.iter().map(|user| user.scripts.clone()).collect(),
        stock: case.stock.clone(),
        capacity: case.capacity.clone(),
        endpoint_path: case.policy.endpoint.path.clone(),
        token_ttl: case.client.token_ttl,
        markers: identity.markers.clone(),
        names: identity.names.clone(),
        keys: identity.keys.clone(),
        models: identity.models.clone(),
        place: None,
    }
}

/// Whether it refuses connections, breaks them before their requests, or leads requests elsewhere, perhaps without their bodies: among
/// other cases nobody could tell whose they are.
fn wants_to_be_alone(case: &Case) -> bool {
    let leads = |step: &Step| matches!(step.content, Content::Reply { status: 300..=399, .. });
    let cuts = |step: &Step| step.cut.is_some_and(|cut| cut.after == Point::Accept);
    let breaks = |step: &Step| step.content == Content::Refuse || cuts(step) || leads(step);
    let own = case.users.iter().flat_map(|user| user.scripts.values());
    case.hosts.values().chain(own).any(|script| match script {
        Script::Steps(steps) => steps.iter().any(breaks),
        Script::Phases(phases) => phases.iter().any(|phase| breaks(&phase.step)),
    })
}

/// Hosts that refuse connections for part of the time or all of it.
fn refusing(case: &Case) -> Vec<Host> {
    let refuses = |script: &Script| match script {
        Script::Steps(steps) => steps.iter().any(|step| step.content == Content::Refuse),
        Script::Phases(phases) => phases.iter().any(|phase| phase.step.content == Content::Refuse),
    };
    case.hosts.iter().filter(|(_, script)| refuses(script)).map(|(host, _)| *host).collect()
}
