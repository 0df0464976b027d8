//! Who asks, and when.

use std::{collections::BTreeMap, time::Duration};

use super::{
    builder::scripts_of,
    checks,
    context::{Context, at, at_key},
    expect, script,
};
use crate::{
    scenario::{Cancel, Expect, Host, Request, Script, User, file},
    yaml::{Node, Problem},
};

/// More at one instant would overrun the backlog of a listener.
const TOGETHER: usize = 512;
/// Tokens of one prompt.
const LARGEST: u64 = 10_000_000;
/// Messages of one conversation.
const MOST_MESSAGES: u32 = 100_000;
/// More in one scenario are a load test.
const MOST: u64 = 10_000;

/// The users of a scenario, in the order written.
pub(super) fn resolve(scenario: &file::Scenario, node: &Node, context: &Context<'_>) -> Result<Vec<User>, Problem> {
    let every = gap(scenario.arrive, node, context)?;
    let common = scenario
        .expect
        .as_ref()
        .map(|expects| expect::group(expects, node.get("expect").unwrap_or(node), context))
        .transpose()?;
    let maker = Maker { scenario, node, context, common };
    let users = match &scenario.users {
        None => maker.alike(1, every)?,
        Some(file::Users::Alike(n)) => {
            bounded(*n, node)?;
            maker.alike(*n, every)?
        }
        Some(file::Users::Each(list)) => maker.each(list, every)?,
    };
    together(&users, node)?;
    Ok(users)
}

fn bounded(n: u64, node: &Node) -> Result<(), Problem> {
    match n {
        0 => Err(at(node, "users", "nobody asks anything").help("write 1 or more")),
        n if n > MOST => Err(at(node, "users", format!("{n} users are too many")).help(format!("at most {MOST}"))),
        _ => Ok(()),
    }
}

fn gap(every: Option<file::Every>, node: &Node, context: &Context<'_>) -> Result<Duration, Problem> {
    Ok(context.duration(every.map(|every| every.0), node, "arrive")?.unwrap_or_default())
}

fn together(users: &[User], node: &Node) -> Result<(), Problem> {
    let mut at_once: BTreeMap<Duration, usize> = BTreeMap::new();
    users.iter().for_each(|user| *at_once.entry(user.at).or_default() += 1);
    match at_once.values().max() {
        Some(n) if *n > TOGETHER => {
            let message = format!("{n} users arrive at one instant; at most {TOGETHER} may");
            Err(at_key(node, "users", message).help("spread them: `arrive: every 1ms`"))
        }
        _ => Ok(()),
    }
}

struct Maker<'a> {
    scenario: &'a file::Scenario,
    node: &'a Node,
    context: &'a Context<'a>,
    common: Option<Vec<Expect>>,
}

impl Maker<'_> {
    fn alike(&self, n: u64, every: Duration) -> Result<Vec<User>, Problem> {
        let one = self.user(&file::User::default(), self.node, Duration::ZERO)?;
        Ok((0..n).map(|nth| User { at: times(every, nth), ..one.clone() }).collect())
    }

    fn each(&self, list: &[file::User], every: Duration) -> Result<Vec<User>, Problem> {
        if list.is_empty() {
            return Err(at(self.node, "users", "nobody asks anything").help("leave `users` out for one"));
        }
        let place = |n: usize| self.node.get("users").and_then(|users| users.items().get(n)).unwrap_or(self.node);
        let mut users = Vec::new();
        for (n, written) in list.iter().enumerate() {
            let node = place(n);
            bounded(written.count.unwrap_or(1), node)?;
            let own = gap(written.arrive, node, self.context)?;
            let first = self.context.duration(written.at, node, "at")?.unwrap_or_else(|| times(every, n as u64));
            let one = self.user(written, node, first)?;
            users
                .extend((0..written.count.unwrap_or(1)).map(|nth| User { at: first + times(own, nth), ..one.clone() }));
        }
        Ok(users)
    }

    fn user(&self, written: &file::User, node: &Node, at: Duration) -> Result<User, Problem> {
        let usual = self.scenario.request.as_ref();
        let request = request(usual, written.request.as_ref());
        large(&request, node)?;
        let own = [(Host::Primary, written.primary.as_ref()), (Host::Fallback, written.fallback.as_ref())];
        let mut scripts = script::scripts(&own, node, self.context, request.stream)?;
        checks::refuse_nobody(&scripts, node)?;
        if request.stream != usual.and_then(|usual| usual.stream).unwrap_or(false) {
            self.in_its_own_form(&mut scripts, request.stream)?;
        }
        let own = written
            .expect
            .as_ref()
            .map(|expects| expect::group(expects, node.get("expect").unwrap_or(node), self.context))
            .transpose()?;
        Ok(User {
            at,
            cancel: self.cancel(written, node)?,
            request,
            scripts,
            expect: self.common.clone().into_iter().chain(own).collect(),
        })
    }

    /// A named reply follows the request, so a user who asks for a stream in a scenario of plain requests needs the common
    /// scripts in another form.
    fn in_its_own_form(&self, scripts: &mut BTreeMap<Host, Script>, stream: bool) -> Result<(), Problem> {
        for (host, script) in script::scripts(&scripts_of(self.scenario), self.node, self.context, stream)? {
            scripts.entry(host).or_insert(script);
        }
        Ok(())
    }

    fn cancel(&self, written: &file::User, node: &Node) -> Result<Option<Cancel>, Problem> {
        let (cancel, node) = match written.cancel_after {
            Some(own) => (Some(own), node),
            None => (self.scenario.cancel_after, self.node),
        };
        let Some(cancel) = cancel else { return Ok(None) };
        let after = self.context.duration(cancel.wait, node, "cancel_after")?.unwrap_or_default();
        Ok(Some(Cancel { point: cancel.point, after }))
    }
}

fn large(request: &Request, node: &Node) -> Result<(), Problem> {
    let place = node.get("request").unwrap_or(node);
    match (request.size, request.messages) {
        (LARGEST.., _) => {
            Err(at(place, "size", "no model takes as many tokens").help(format!("write less than {LARGEST}")))
        }
        (_, MOST_MESSAGES..) => {
            Err(at(place, "messages", "no conversation is as long").help(format!("write less than {MOST_MESSAGES}")))
        }
        _ => Ok(()),
    }
}

fn times(gap: Duration, nth: u64) -> Duration {
    gap.saturating_mul(u32::try_from(nth).unwrap_or(u32::MAX))
}

/// What an entry leaves out is the scenario's, and then the default.
fn request(usual: Option<&file::Request>, own: Option<&file::Request>) -> Request {
    let of = |requests: [Option<&file::Request>; 2]| requests.into_iter().flatten().cloned().collect::<Vec<_>>();
    let written = of([own, usual]);
    let default = Request::default();
    let safety = written.iter().find_map(|request| request.fallback);
    Request {
        stream: written.iter().find_map(|request| request.stream).unwrap_or(default.stream),
        tools: written.iter().find_map(|request| request.tools).unwrap_or(default.tools),
        charge_sensitive: written
            .iter()
            .find_map(|request| request.charge_sensitive)
            .unwrap_or(default.charge_sensitive),
        fallback_safe: safety.map_or(default.fallback_safe, |safety| safety == file::Safety::Safe),
        size: written.iter().find_map(|request| request.size).map_or(default.size, |size| size.0),
        messages: written.iter().find_map(|request| request.messages).unwrap_or(default.messages),
        n: written.iter().find_map(|request| request.n).unwrap_or(default.n),
        instructions: written.iter().find_map(|request| request.instructions),
    }
}
