//! Another provider: the crate wiremock serves a case's scripts as far as whole replies after a delay can. Nothing of our own wire
//! is used but the filling in of `$name`s.
//!
//! [`plain`] says what it cannot serve, [`script`] chooses steps, [`reply`] renders them, [`tap`] writes down what wiremock does
//! not tell: connections, and the bytes that were sent.

pub mod plain;
mod reply;
mod script;
mod tap;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};

use brownout::{
    scenario::Host,
    wire::{Asked, Mark, Seen, Serve, Serving},
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::Instant};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// One case's provider: a wiremock server behind one tap a host.
pub struct Witness {
    desk: Arc<Desk>,
    server: MockServer,
    taps: JoinSet<()>,
    progress: watch::Sender<Vec<Mark>>,
}

/// What taps and replies share.
struct Desk {
    serving: Serving,
    urls: BTreeMap<Host, String>,
    zero: OnceLock<Instant>,
    book: Mutex<Book>,
}

/// What is written down.
#[derive(Default)]
struct Book {
    /// One a request, from its first byte on.
    entries: Vec<Entry>,
    connections: u64,
    /// Where replies led to, and whom.
    redirects: Vec<(String, Option<usize>)>,
    errors: Vec<String>,
    /// Every host is well from now on.
    recovered: bool,
}

struct Entry {
    seen: Seen,
    /// Bytes of the reply's body.
    body: usize,
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nothing panics while it writes")
    }
}

impl Serve for Witness {
    async fn start(serving: Serving) -> io::Result<Self> {
        let mut doors = Vec::new();
        for host in Host::ALL {
            doors.push((host, TcpListener::bind("127.0.0.1:0").await?));
        }
        let url = |(host, door): &(Host, TcpListener)| Ok((*host, format!("http://{}", door.local_addr()?)));
        let urls = doors.iter().map(url).collect::<io::Result<_>>()?;
        let (progress, _) = watch::channel(vec![Mark::default(); serving.markers.len()]);
        let desk = Arc::new(Desk { serving, urls, zero: OnceLock::new(), book: Mutex::default() });
        let server = MockServer::builder().disable_request_recording().start().await;
        Mock::given(any()).respond_with(Clerk(desk.clone())).mount(&server).await;
        let (mut taps, to): (_, SocketAddr) = (JoinSet::new(), *server.address());
        for (host, door) in doors {
            taps.spawn(tap::serve(desk.clone(), host, door, to));
        }
        Ok(Witness { desk, server, taps, progress })
    }

    fn urls(&self) -> BTreeMap<Host, String> {
        self.desk.urls.clone()
    }

    fn start_clock(&self, zero: Instant) {
        self.desk.zero.set(zero).expect("it is started once");
    }

    /// Nobody waits for it: a user who leaves at a point of a reply is not plain.
    fn progress(&self) -> watch::Receiver<Vec<Mark>> {
        self.progress.subscribe()
    }

    async fn recover(&self) {
        self.desk.book().recovered = true;
    }

    async fn finish(mut self) -> (Vec<Seen>, Vec<String>) {
        self.taps.shutdown().await;
        let book = std::mem::take(&mut *self.desk.book());
        // What never was a whole request was nobody's.
        let mut seen: Vec<Seen> = book.entries.into_iter().map(|entry| entry.seen).collect();
        seen.retain(|seen| seen.requested.is_some());
        seen.sort_by_key(|seen| seen.requested);
        // Its drop blocks on locks, and spends what tokio lets a task do in one go: let this one be all.
        tokio::task::yield_now().await;
        drop(self.server);
        (seen, book.errors)
    }
}

/// Answers as the scripts say.
struct Clerk(Arc<Desk>);

impl Respond for Clerk {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let (now, (at, asked)) = (Instant::now(), asked(request));
        let mut book = self.0.book();
        let host = book.entries[at].seen.host;
        let chosen = self.0.choose(&mut book, host, &asked, now);
        let reply = reply::render(chosen.step, &self.0.fill(&book, host, chosen.user));
        self.0.remember_redirect(&mut book, &reply, chosen.user);
        let entry = &mut book.entries[at];
        entry.body = reply.body.len();
        entry.seen = Seen {
            requested: Some(now),
            request: Some(asked),
            user: chosen.user,
            served: chosen.served,
            step: chosen.step.label.clone(),
            index: chosen.index,
            own_script: chosen.own_script,
            faulty: chosen.step.faulty,
            cut_after: chosen.step.cut.map(|cut| cut.after),
            wait_asked: reply.wait_asked,
            ..entry.seen.clone()
        };
        reply.template()
    }
}

/// The request as it came, and its place in the book, which the tap wrote into it.
fn asked(request: &Request) -> (usize, Asked) {
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let place = headers.iter().position(|(name, _)| name == tap::HEADER).expect("every request comes through a tap");
    let at = headers.remove(place).1.parse().expect("the tap writes a number");
    let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let target = format!("{}{query}", request.url.path());
    (
        at,
        Asked {
            method: request.method.to_string(),
            target,
            headers: headers.into_iter().collect(),
            body: request.body.clone(),
        },
    )
}
