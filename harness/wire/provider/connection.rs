//! One connection: requests read, steps chosen, plans performed, everything written down.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{io::AsyncWriteExt, net::TcpStream, time::Instant};

use super::{Exchange, Shared, perform, request, script::Chosen};
use crate::{
    scenario::Host,
    wire::{Asked, Ending, Mark, SENDS, Seen, plan::Plan},
};

/// What is sent within so long is sent at one moment, so that true time has no more of them than virtual time.
const MOMENT: Duration = Duration::from_millis(2);

/// Serves a connection until it ends.
pub async fn run(shared: Arc<Shared>, host: Host, mut stream: TcpStream) {
    let accepted = Instant::now();
    // Without it, the last piece of a reply waits for an acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        return shared.failed("a connection could not be set up", &error);
    }
    let connection = {
        let mut state = shared.lock();
        state.connections += 1;
        state.connections - 1
    };
    let place = Place { host, connection, accepted };
    if let Some(chosen) = shared.at_accept(host, accepted) {
        let recorder = Recorder::begin(&shared, &place, false, chosen, None);
        recorder.perform(&mut stream, &mut Vec::new()).await;
        return;
    }
    let (mut buffer, mut reused) = (Vec::new(), false);
    // A request that is none, or half of one, was not ours to answer: its client has gone or makes no sense.
    while let Ok(Some(asked)) = request::read(&mut stream, &mut buffer).await {
        let closes = asked.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let now = Instant::now();
        let keep = if let Some(front) = shared.lender(host, &asked) {
            stream.write_all(&front.inner().set_aside(host, &asked)).await.is_ok()
        } else {
            let chosen = shared.choose(host, &asked, reused, now);
            let recorder = Recorder::begin(&shared, &place, reused, chosen, Some((now, asked)));
            recorder.perform(&mut stream, &mut buffer).await
        };
        if !keep || closes {
            break;
        }
        reused = true;
    }
}

/// Which connection, where.
pub struct Place {
    pub host: Host,
    pub connection: u64,
    pub accepted: Instant,
}

/// Writes down one exchange while it goes on.
pub struct Recorder<'a> {
    shared: &'a Shared,
    host: Host,
    /// Its place among all that was seen.
    at: usize,
    plan: Arc<Plan>,
    user: Option<usize>,
    cut: bool,
}

impl<'a> Recorder<'a> {
    /// Writes down who asked what and what it gets.
    pub fn begin(
        shared: &'a Shared,
        place: &Place,
        reused: bool,
        chosen: Chosen,
        asked: Option<(Instant, Asked)>,
    ) -> Self {
        let Chosen { served, user, step, index, own_script, fill } = chosen;
        let plan = shared.plans.of(step, &fill, SystemTime::now());
        let seen = Seen {
            host: place.host,
            connection: place.connection,
            reused,
            accepted: place.accepted,
            requested: asked.as_ref().map(|(now, _)| *now),
            request: asked.map(|(_, asked)| asked),
            user,
            served,
            step: step.label.clone(),
            index,
            own_script,
            faulty: step.faulty,
            first_byte: None,
            last_byte: None,
            ended: None,
            ending: Ending::Open,
            cut_after: step.cut.map(|cut| cut.after),
            sent: Vec::new(),
            sent_len: 0,
            wait_asked: plan.wait_asked,
            sends: Vec::with_capacity(1),
        };
        let at = {
            let mut state = shared.lock();
            *state.in_flight.entry(place.host).or_default() += 1;
            state.seen.push(Box::new(Exchange { seen, plan: plan.clone() }));
            state.seen.len() - 1
        };
        let recorder = Recorder { shared, host: place.host, at, plan, user, cut: step.cut.is_some() };
        recorder.progress(Mark { request: true, ..Mark::default() });
        recorder
    }

    /// Performs the plan; whether the connection may carry another request.
    pub async fn perform(self, stream: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
        let outcome = perform::perform(stream, buffer, &self).await;
        let keep = outcome == Ending::Done && self.plan.keep_alive && !self.cut;
        self.end(outcome);
        keep
    }

    /// The steps to perform.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether the end of the plan is a fault.
    pub fn cuts(&self) -> bool {
        self.cut
    }

    /// About to send: the moment that waits count from.
    pub fn sending(&self) {
        let now = Instant::now();
        self.change(|seen| {
            seen.first_byte.get_or_insert(now);
        });
    }

    /// These bytes are out.
    pub fn sent(&self, bytes: &[u8], mark: Option<Mark>) {
        let now = Instant::now();
        self.change(|seen| {
            seen.last_byte = Some(now);
            seen.sent_len += bytes.len() as u64;
            let room_for_one = seen.sends.len() < SENDS;
            match seen.sends.last_mut() {
                Some((at, sent)) if now.saturating_duration_since(*at) < MOMENT => *sent = seen.sent_len,
                _ if room_for_one => seen.sends.push((now, seen.sent_len)),
                _ => {}
            }
        });
        if let Some(mark) = mark {
            self.progress(mark);
        }
    }

    /// The exchange is over.
    pub fn end(&self, ending: Ending) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        // What was seen is taken away when the provider finishes; and a half-closed connection's exchange ends before its task.
        let seen = state.seen.get_mut(self.at).map(|exchange| &mut exchange.seen);
        let Some(seen) = seen.filter(|seen| seen.ended.is_none()) else { return };
        (seen.ended, seen.ending) = (Some(now), ending);
        if let Some(n) = state.in_flight.get_mut(&self.host) {
            *n = n.saturating_sub(1);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        // What was seen is taken away when the provider finishes; later changes have nowhere to go.
        if let Some(exchange) = self.shared.lock().seen.get_mut(self.at) {
            change(&mut exchange.seen);
        }
    }

    fn progress(&self, mark: Mark) {
        if let Some(user) = self.user {
            self.shared.progress.send_if_modified(|marks| {
                marks[user] = mark;
                // Telling nobody is not for free.
                self.shared.progress.receiver_count() > 0
            });
        }
    }
}
