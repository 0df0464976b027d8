//! The provider's side of the wire: a [`plan`] is pure, the [`provider`] performs it, and [`Seen`] is what it saw.

mod asked;
pub mod clock;
pub mod plan;
pub mod provider;

use std::{
    cell::{Cell, OnceCell},
    collections::BTreeMap,
    future::Future,
    io,
    sync::Arc,
    time::Duration,
};

pub use asked::{Asked, Headers};
pub use provider::{Front, Place, Provider};

use tokio::{sync::watch, time::Instant};

use crate::scenario::{By, Host, Point, Script, Stock};

/// One thing done on a connection, after what came before it.
#[derive(Debug, Clone, PartialEq)]
pub enum WireStep {
    /// Nothing, for so long (added up: the provider keeps absolute times).
    Wait(Duration),
    /// Exactly these bytes so many times, each in one write.
    Send {
        /// The bytes.
        bytes: Vec<u8>,
        /// How often.
        times: u64,
        /// What has been sent once they are out.
        mark: Mark,
    },
    /// The steps again and again; `None`: for ever.
    Loop {
        /// How often.
        times: Option<u64>,
        /// What.
        steps: Vec<WireStep>,
    },
    /// The end of the connection.
    End(By),
}

/// How far a reply has come: what cancellation waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The request was read whole.
    pub request: bool,
    /// The head is out.
    pub head: bool,
    /// Bytes of the encoded body that are out, before framing.
    pub body: u64,
    /// Events that are out.
    pub events: u64,
    /// The whole body is out.
    pub end: bool,
}

/// What a case is run against: our own [`Provider`], or another that serves the same scripts and bears witness to it.
pub trait Serve: Sized + Send + Sync + 'static {
    /// Serves from the current runtime.
    fn start(serving: Serving) -> impl Future<Output = io::Result<Self>> + Send;

    /// The base of each host's URLs.
    fn urls(&self) -> BTreeMap<Host, String>;

    /// The zero of phases: the first user's arrival. Called once.
    fn start_clock(&self, zero: Instant);

    /// How far the latest reply to each user has come.
    fn progress(&self) -> watch::Receiver<Vec<Mark>>;

    /// From now on every host answers `ok`, whatever its script says.
    fn recover(&self) -> impl Future<Output = ()> + Send;

    /// Ends all connections; what was seen, in order of the requests, and what went wrong on our side.
    fn finish(self) -> impl Future<Output = (Vec<Seen>, Vec<String>)> + Send;
}

/// What a plan fills in for `$name`s, by name without the dollar.
#[derive(Debug, Clone, Default)]
pub struct Fill {
    fixed: Arc<BTreeMap<String, String>>,
    answer: Option<(Arc<str>, u32)>,
    mark: OnceCell<String>,
    used: Cell<bool>,
}

impl Fill {
    /// What is the same for every attempt of one user at one host, and how this attempt's answer is named, `$mark`: what they
    /// all begin with, and its number.
    pub fn new(fixed: Arc<BTreeMap<String, String>>, answer: (Arc<str>, u32)) -> Self {
        Fill { fixed, answer: Some(answer), ..Fill::default() }
    }

    /// The value of a name, if it is known.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.used.set(true);
        match &self.answer {
            Some((mark, number)) if name == "mark" => Some(self.mark.get_or_init(|| format!("{mark}{number}"))),
            _ => self.fixed.get(name).map(String::as_str),
        }
    }

    /// Whether any value was asked for, known or not: what is not known of one user may be of the next.
    pub fn is_used(&self) -> bool {
        self.used.get()
    }
}

impl FromIterator<(String, String)> for Fill {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(values: I) -> Self {
        Fill { fixed: Arc::new(values.into_iter().collect()), ..Fill::default() }
    }
}

/// What the provider serves: one scenario instance.
#[derive(Debug, Clone)]
pub struct Serving {
    /// Scripts by host.
    pub hosts: BTreeMap<Host, Script>,
    /// Own scripts of users, by user.
    pub own: Vec<BTreeMap<Host, Script>>,
    /// What no script says.
    pub stock: Arc<Stock>,
    /// Requests a host takes at once.
    pub capacity: BTreeMap<Host, u32>,
    /// The path that a chat completion is asked for on.
    pub endpoint_path: String,
    /// Keys are refused so long after the start.
    pub token_ttl: Option<Duration>,
    /// The identity of each user: markers that stand in its requests.
    pub markers: Vec<String>,
    /// The user name of each user.
    pub names: Vec<String>,
    /// The key of each host.
    pub keys: BTreeMap<Host, String>,
    /// The model of each host.
    pub models: BTreeMap<Host, String>,
    /// Behind doors that other cases use too; `None`: its own.
    pub place: Option<Place>,
}

/// One connection's use for one request, or a connection without any, as the provider saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which host.
    pub host: Host,
    /// Which connection, counted over the instance from 0.
    pub connection: u64,
    /// The connection carried a request before this one.
    pub reused: bool,
    /// The connection was accepted.
    pub accepted: Instant,
    /// The request was there; `None`: none came, or not all of it.
    pub requested: Option<Instant>,
    /// What was asked, if the head could be read.
    pub request: Option<Asked>,
    /// Whose request it is, by its marker.
    pub user: Option<usize>,
    /// Why it was served as it was.
    pub served: Served,
    /// The label of the step served.
    pub step: String,
    /// The step's place in its script, from 0; for phases, the phase.
    pub index: usize,
    /// It came from the user's own script.
    pub own_script: bool,
    /// The step served is a faulty one.
    pub faulty: bool,
    /// The first byte of the head was about to be sent.
    pub first_byte: Option<Instant>,
    /// The last byte was sent.
    pub last_byte: Option<Instant>,
    /// The exchange was over: the plan done, or the client gone.
    pub ended: Option<Instant>,
    /// How.
    pub ending: Ending,
    /// Where the step breaks off, if it does.
    pub cut_after: Option<Point>,
    /// All that was sent, up to [`KEPT`] bytes.
    pub sent: Vec<u8>,
    /// How much was sent.
    pub sent_len: u64,
    /// The wait that the head asked for, as scripted.
    pub wait_asked: Option<Duration>,
    /// When bytes went out, and how many there were by then; one entry in two milliseconds, up to [`SENDS`] of them.
    pub sends: Vec<(Instant, u64)>,
}

/// Moments of sending that are kept.
pub const SENDS: usize = 4096;

/// Bytes of a reply that are kept to be read; what lies beyond is counted only.
pub const KEPT: usize = 4 << 20;

/// Why a request was served as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// A step of the script (or `ok`, for a host without one).
    Step,
    /// A redirect hop: it follows a reply of ours with a location.
    Hop,
    /// A connection that a step ended before any request.
    Contact,
    /// A request that carries no canary, or asks for something else.
    Stray,
    /// More requests at once than the host takes.
    Busy,
    /// A wrong or expired key.
    RefusedKey,
    /// A connection that ended without a whole request and without our doing.
    Nothing,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The plan was done; the connection is kept, or was closed as the framing says.
    Done,
    /// The plan broke it off.
    Cut(By),
    /// The client went away first, or during a stall.
    Left,
    /// It was still going on when the watch ended.
    Open,
}
