//! Which step a request gets, and whose it is: found from what was seen so far.

use brownout::{
    scenario::{Host, Phase, Script, Step},
    wire::{Asked, Fill, Served},
};
use tokio::time::Instant;

use super::{Book, Desk, reply::Reply};

/// What a request gets.
pub struct Chosen<'a> {
    pub served: Served,
    pub user: Option<usize>,
    pub step: &'a Step,
    pub index: usize,
    pub own_script: bool,
}

impl Desk {
    pub fn choose(&self, book: &mut Book, host: Host, asked: &Asked, now: Instant) -> Chosen<'_> {
        let stock = &self.serving.stock;
        let user = self.whose(asked);
        let outside = |served, step| Chosen { served, user, step, index: usize::MAX, own_script: false };
        let path = asked.path();
        let here = format!("{}{path}", self.urls[&host]);
        let led = book.redirects.iter().position(|(to, whom)| *to == here && (user.is_none() || user == *whom));
        if let Some(led) = led {
            let (_, user) = book.redirects.remove(led);
            return self.scripted(book, Served::Hop, host, user, asked, now);
        }
        let known = user.is_some() || self.serving.keys.values().any(|key| asked.headers.hold(key));
        if asked.method != "POST" || path != self.serving.endpoint_path || !known {
            return outside(Served::Stray, &stock.not_found);
        }
        if book.recovered {
            return outside(Served::Step, self.ok(asked));
        }
        if self.serving.token_ttl.is_some_and(|ttl| now >= self.zero(now) + ttl) {
            return outside(Served::RefusedKey, &stock.refused_key);
        }
        self.scripted(book, Served::Step, host, user, asked, now)
    }

    fn scripted(
        &self,
        book: &Book,
        served: Served,
        host: Host,
        user: Option<usize>,
        asked: &Asked,
        now: Instant,
    ) -> Chosen<'_> {
        let own = user.and_then(|user| self.serving.own.get(user)?.get(&host));
        let before = || self.before(book, host, user, |served| matches!(served, Served::Step | Served::Hop));
        let (index, step) = match own.or_else(|| self.serving.hosts.get(&host)) {
            Some(Script::Steps(steps)) => {
                let index = before().min(steps.len() - 1);
                (index, &steps[index])
            }
            Some(Script::Phases(phases)) => phase(phases, self.zero(now), now),
            None => (0, self.ok(asked)),
        };
        Chosen { served, user, step, index, own_script: own.is_some() }
    }

    fn ok(&self, asked: &Asked) -> &Step {
        let stock = &self.serving.stock;
        let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        if body["stream"] == true { &stock.ok_stream } else { &stock.ok_plain }
    }

    /// Requests that this user, or nobody, had made of the host before.
    fn before(&self, book: &Book, host: Host, user: Option<usize>, counts: impl Fn(Served) -> bool) -> usize {
        let seen = book.entries.iter().map(|entry| &entry.seen).filter(|seen| seen.requested.is_some());
        seen.filter(|seen| seen.host == host && seen.user == user && counts(seen.served)).count()
    }

    /// Whose request it is: the last marker in its body, or else a user's name somewhere.
    fn whose(&self, asked: &Asked) -> Option<usize> {
        let body = asked.text();
        let users = || 0..self.serving.markers.len();
        let marked = users().filter_map(|user| Some((body.rfind(&self.serving.markers[user])?, user))).max();
        let named = |user: &usize| {
            let name = self.serving.names[*user].as_str();
            body.contains(name) || asked.header("x-brownout-user") == Some(name)
        };
        marked.map(|(_, user)| user).or_else(|| users().find(named))
    }

    /// When the first user arrived, or will.
    fn zero(&self, now: Instant) -> Instant {
        self.zero.get().copied().unwrap_or(now)
    }

    /// Names that stand for something in this reply.
    pub fn fill(&self, book: &Book, host: Host, user: Option<usize>) -> Fill {
        let serving = &self.serving;
        let number = self.before(book, host, user, |_| true) + 1;
        let who = user.map_or_else(|| "x".to_owned(), |user| user.to_string());
        let letter = &host.to_string()[..1];
        let mut fill = vec![
            ("mark".to_owned(), format!("u{who}.{letter}{number}")),
            ("key".to_owned(), serving.keys[&host].clone()),
            ("model".to_owned(), serving.models[&host].clone()),
        ];
        if let Some(user) = user {
            fill.push(("prompt".to_owned(), serving.markers[user].clone()));
            fill.push(("user".to_owned(), serving.names[user].clone()));
        }
        for (host, url) in &self.urls {
            let port = url.rsplit(':').next().unwrap_or_default();
            fill.push((format!("url.{host}"), url.clone()));
            fill.push((format!("port.{host}"), port.to_owned()));
            fill.push((format!("path.{host}"), serving.endpoint_path.clone()));
        }
        fill.into_iter().collect()
    }

    /// What comes where a reply of ours leads belongs to the same user.
    pub fn remember_redirect(&self, book: &mut Book, reply: &Reply, user: Option<usize>) {
        let location = reply.header("location").filter(|_| (300..400).contains(&reply.status));
        let to = location.and_then(|location| location.split('?').next());
        book.redirects.extend(to.map(|to| (to.to_owned(), user)));
    }
}

/// The phase that runs now.
fn phase(phases: &[Phase], zero: Instant, now: Instant) -> (usize, &Step) {
    let mut begins = zero;
    for (index, phase) in phases.iter().enumerate() {
        match phase.lasts {
            Some(lasts) if now >= begins + lasts => begins += lasts,
            _ => return (index, &phase.step),
        }
    }
    (phases.len() - 1, &phases[phases.len() - 1].step)
}
