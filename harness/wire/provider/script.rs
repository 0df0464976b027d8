//! Which step a request gets, and whose it is.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Answers, Redirect, Shared, State};
use crate::{
    scenario::{Content, Host, Phase, Point, Script, Step},
    wire::{Asked, Fill, Front, Served},
};

/// What a request gets.
#[derive(Debug)]
pub struct Chosen<'a> {
    pub served: Served,
    pub user: Option<usize>,
    pub step: &'a Step,
    pub index: usize,
    pub own_script: bool,
    pub fill: Fill,
}

impl Shared {
    /// Time since the first user arrived; nothing before.
    fn elapsed(&self, now: Instant) -> Duration {
        self.zero.get().map_or(Duration::ZERO, |zero| now.saturating_duration_since(*zero))
    }

    /// Whether connects to the host are refused now.
    pub fn refuses(&self, host: Host, now: Instant) -> bool {
        let refuses = |step: &Step| step.content == Content::Refuse;
        if self.is_recovered() {
            return false;
        }
        match self.serving.hosts.get(&host) {
            None => false,
            Some(Script::Steps(steps)) => steps.first().is_some_and(refuses),
            Some(Script::Phases(phases)) => refuses(current(phases, self.elapsed(now)).1),
        }
    }

    /// Whether every host is well, whatever its script says.
    fn is_recovered(&self) -> bool {
        *self.recovered.borrow()
    }

    /// When the host may next change between listening and refusing.
    pub fn next_turn(&self, host: Host, now: Instant) -> Option<Instant> {
        let Some(Script::Phases(phases)) = self.serving.hosts.get(&host) else { return None };
        if self.is_recovered() || !phases.iter().any(|phase| phase.step.content == Content::Refuse) {
            return None;
        }
        // Before the clock starts nobody knows when the next phase begins: look again soon.
        let Some(zero) = self.zero.get() else { return Some(now + Duration::from_millis(1)) };
        let ends = phases.iter().scan(Duration::ZERO, |sum, phase| {
            *sum += phase.lasts?;
            Some(*zero + *sum)
        });
        ends.into_iter().find(|end| *end > now)
    }

    /// The step that ends a connection before its request, if that is what the script says.
    pub fn at_accept(&self, host: Host, now: Instant) -> Option<Chosen<'_>> {
        let cuts = |step: &Step| step.cut.is_some_and(|cut| cut.after == Point::Accept);
        if self.is_recovered() {
            return None;
        }
        let lone = self.serving.own.len() == 1;
        let own = self.serving.own.first().and_then(|own| own.get(&host)).filter(|_| lone);
        let script = own.or_else(|| self.serving.hosts.get(&host))?;
        let user = lone.then_some(0);
        let mut state = self.lock();
        let (index, step) = match script {
            Script::Phases(phases) => current(phases, self.elapsed(now)),
            Script::Steps(steps) if lone || steps.len() == 1 => {
                let next = state.cursors.get(&(user, host)).copied().unwrap_or(0).min(steps.len() - 1);
                (next, &steps[next])
            }
            Script::Steps(_) => return None,
        };
        if !cuts(step) {
            return None;
        }
        *state.cursors.entry((user, host)).or_default() += 1;
        Some(Chosen { served: Served::Contact, user, step, index, own_script: own.is_some(), fill: Fill::default() })
    }

    /// What a request gets.
    pub fn choose(&self, host: Host, asked: &Asked, reused: bool, now: Instant) -> Chosen<'_> {
        let mut state = self.lock();
        let path = asked.path();
        let marked = self.user_of(asked);
        let holds = |key: &String| asked.headers.hold(key);
        // Who comes to another host with that host's own key was not led there: it is the fallback's turn.
        let led = |redirect: &Redirect| redirect.from == host || !self.serving.keys.get(&host).is_some_and(holds);
        let hop = state.redirects.iter().position(|redirect| {
            redirect.to == host
                && redirect.path == path
                && (marked.is_none() || redirect.user == marked)
                && led(redirect)
        });
        if let Some(hop) = hop {
            let user = state.redirects.remove(hop).user;
            return self.scripted(&mut state, Served::Hop, host, user, asked, reused, now);
        }
        let carries_key = || self.serving.keys.values().any(holds);
        let well = self.is_recovered();
        let meant = path == self.serving.endpoint_path && asked.method == "POST";
        if !meant || (marked.is_none() && !carries_key()) {
            return self.stock(&mut state, Served::Stray, host, marked);
        }
        if well {
            let fill = self.fill(&mut state, host, marked);
            let step = self.ok(asked);
            return Chosen { served: Served::Step, user: marked, step, index: usize::MAX, own_script: false, fill };
        }
        if self.serving.token_ttl.is_some_and(|ttl| self.elapsed(now) >= ttl) {
            return self.stock(&mut state, Served::RefusedKey, host, marked);
        }
        let full =
            self.serving.capacity.get(&host).is_some_and(|most| state.in_flight.get(&host).is_some_and(|n| n >= most));
        if full {
            return self.stock(&mut state, Served::Busy, host, marked);
        }
        self.scripted(&mut state, Served::Step, host, marked, asked, reused, now)
    }

    fn stock(&self, state: &mut State, served: Served, host: Host, user: Option<usize>) -> Chosen<'_> {
        let stock = &self.serving.stock;
        let step = match served {
            Served::Busy => &stock.busy,
            Served::RefusedKey => &stock.refused_key,
            _ => &stock.not_found,
        };
        let fill = self.fill(state, host, user);
        Chosen { served, user, step, index: usize::MAX, own_script: false, fill }
    }

    #[expect(clippy::too_many_arguments, reason = "all that a choice depends on, in one place")]
    fn scripted(
        &self,
        state: &mut State,
        served: Served,
        host: Host,
        user: Option<usize>,
        asked: &Asked,
        reused: bool,
        now: Instant,
    ) -> Chosen<'_> {
        let own = user.and_then(|user| self.serving.own.get(user)).and_then(|own| own.get(&host));
        let script = own.or_else(|| self.serving.hosts.get(&host));
        let (index, step) = match script {
            None => (0, self.ok(asked)),
            Some(Script::Phases(phases)) => current(phases, self.elapsed(now)),
            Some(Script::Steps(steps)) => {
                let cursor = state.cursors.entry((user, host)).or_default();
                let index = (*cursor).min(steps.len() - 1);
                *cursor += 1;
                (index, &steps[index])
            }
        };
        let step = step.if_reused.as_deref().filter(|_| reused).unwrap_or(step);
        let fill = self.fill(state, host, user);
        self.remember_redirect(state, step, &fill, host, user);
        Chosen { served, user, step, index, own_script: own.is_some(), fill }
    }

    fn ok(&self, asked: &Asked) -> &Step {
        let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        if body["stream"] == true { &self.serving.stock.ok_stream } else { &self.serving.stock.ok_plain }
    }

    /// A reply with a location may be followed: what arrives there belongs to this user.
    fn remember_redirect(&self, state: &mut State, step: &Step, fill: &Fill, from: Host, user: Option<usize>) {
        let redirects = matches!(step.content, Content::Reply { status: 300..=399, .. });
        let location = step.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"));
        let (true, Some((_, crate::scenario::HeaderValue::Text(text)))) = (redirects, location) else { return };
        let location = crate::wire::plan::fill(text, fill);
        for (host, url) in &self.urls {
            // A path alone is one at the host that said it.
            let within = Some(location.as_str()).filter(|location| *host == from && location.starts_with('/'));
            if let Some(path) = location.strip_prefix(url.as_str()).or(within) {
                let path = path.split('?').next().unwrap_or(path).to_owned();
                state.redirects.push(Redirect { from, to: *host, path, user });
            }
        }
    }

    /// Whether a redirect of ours leads there, and nobody has followed it yet.
    pub fn awaits(&self, host: Host, asked: &Asked) -> bool {
        let path = asked.path();
        self.lock().redirects.iter().any(|redirect| redirect.to == host && redirect.path == path)
    }

    /// Who lent the doors, if a request at them belongs to no user of this case: what others left behind may still be on its way.
    pub fn lender(&self, host: Host, asked: &Asked) -> Option<&Front> {
        let place = self.serving.place.as_ref().filter(|place| place.alone)?;
        let strange = self.user_of(asked).is_none() && !self.awaits(host, asked);
        strange.then_some(&*place.front)
    }

    /// Whose request it is: the last marker in its body, else the user's name, else the header.
    pub fn user_of(&self, asked: &Asked) -> Option<usize> {
        let body = asked.text();
        let at = |(at, _): (usize, &str)| self.numbered(&body[at..], "[u", &self.serving.markers);
        // A single character is found much faster than a word.
        let marked = body.rmatch_indices('[').find_map(at);
        let named = || {
            body.rmatch_indices("user-").find_map(|(at, _)| self.numbered(&body[at..], "user-", &self.serving.names))
        };
        marked.or_else(named).or_else(|| {
            let named = asked.header("x-brownout-user")?.trim();
            // A number alone names a user whose name is no canary.
            let is = |name: &String| name == named || name.strip_prefix("user-") == Some(named);
            self.serving.names.iter().position(is)
        })
    }

    /// The user whose canary stands here.
    fn numbered(&self, text: &str, prefix: &str, canaries: &[String]) -> Option<usize> {
        let rest = text.strip_prefix(prefix)?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let user: usize = rest[..digits].parse().ok()?;
        canaries.get(user).filter(|canary| text.starts_with(canary.as_str())).map(|_| user)
    }

    /// The values of this attempt, whose number it also counts.
    fn fill(&self, state: &mut State, host: Host, user: Option<usize>) -> Fill {
        let answers = state.answers.entry((user, host)).or_insert_with(|| self.answers(host, user));
        answers.given += 1;
        Fill::new(answers.fixed.clone(), (answers.mark.clone(), answers.given))
    }

    fn answers(&self, host: Host, user: Option<usize>) -> Answers {
        let letter = host.to_string().chars().next().unwrap_or('x');
        let who = user.map_or_else(|| "x".to_owned(), |user| user.to_string());
        let mut fixed = self.hosts();
        let mut add =
            |name: &str, value: Option<&String>| fixed.extend(value.map(|value| (name.to_owned(), value.clone())));
        add("key", self.serving.keys.get(&host));
        add("model", self.serving.models.get(&host));
        add("prompt", user.and_then(|user| self.serving.markers.get(user)));
        add("user", user.and_then(|user| self.serving.names.get(user)));
        Answers { given: 0, mark: format!("u{who}.{letter}").into(), fixed: Arc::new(fixed) }
    }

    fn hosts(&self) -> BTreeMap<String, String> {
        let mut fill = BTreeMap::new();
        for (host, url) in &self.urls {
            fill.insert(format!("url.{host}"), url.clone());
            fill.insert(format!("port.{host}"), url.rsplit(':').next().unwrap_or_default().to_owned());
            fill.insert(format!("path.{host}"), self.serving.endpoint_path.clone());
        }
        fill
    }
}

/// The step of the phase that runs after so long, and the phase's place.
fn current(phases: &[Phase], elapsed: Duration) -> (usize, &Step) {
    let ends = phases.iter().scan(Duration::ZERO, |sum, phase| {
        *sum = sum.saturating_add(phase.lasts.unwrap_or(Duration::MAX));
        Some(*sum)
    });
    let index = ends.take_while(|end| *end <= elapsed).count().min(phases.len() - 1);
    (index, &phases[index].step)
}
