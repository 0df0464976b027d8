//! What a scenario asks of a client, beyond what it says itself.

use std::collections::BTreeMap;

use crate::{
    scenario::{Capability, Count, Host, User, file},
    yaml::Node,
};

/// Keys of a policy that a client must obey, and the capability of being told them. All others only judge.
const OBEYED: [(&str, Capability); 13] = [
    ("endpoint", Capability::ConfigurableEndpoint),
    ("request", Capability::ConfigurableEndpoint),
    ("attempts", Capability::ConfigurableAttempts),
    ("connect_timeout", Capability::ConfigurableTimeouts),
    ("attempt_timeout", Capability::ConfigurableTimeouts),
    ("idle_timeout", Capability::ConfigurableTimeouts),
    ("semantic_idle_timeout", Capability::ConfigurableTimeouts),
    ("deadline", Capability::ConfigurableTimeouts),
    ("backoff", Capability::ConfigurableBackoff),
    ("retry_after", Capability::ConfigurableBackoff),
    ("parser", Capability::ConfigurableParser),
    ("breaker", Capability::Breaker),
    ("retry_budget", Capability::RetryBudget),
];

/// Whether the scenario's own policy sets the deadline or a timeout.
pub(super) fn sets_timeouts(policy: Option<&Node>) -> bool {
    let keys = ["deadline", "attempt_timeout", "idle_timeout", "semantic_idle_timeout"];
    policy.is_some_and(|policy| keys.iter().any(|key| policy.get(key).is_some()))
}

/// All that is needed, each once, in a fixed order.
pub(super) fn derive(
    scenario: &file::Scenario,
    node: &Node,
    users: &[User],
    total: &BTreeMap<Host, Count>,
) -> Vec<Capability> {
    let mut needs = scenario.needs.clone();
    let mut add = |needed: bool, capability: Capability| needs.extend(needed.then_some(capability));
    add(users.iter().any(|user| user.request.stream), Capability::Stream);
    add(users.iter().any(|user| user.request.tools), Capability::Tools);
    add(users.iter().any(|user| user.cancel.is_some()), Capability::Cancel);
    add(scenario.client.as_ref().is_some_and(|told| told.token_ttl.is_some()), Capability::RefreshCredential);
    let policy = node.get("policy");
    for (key, capability) in OBEYED {
        add(policy.and_then(|policy| policy.get(key)).is_some_and(|stated| !is_no_breaker(key, stated)), capability);
    }
    add(at_least(users, total, Host::Primary, 2), Capability::Retry);
    add(at_least(users, total, Host::Fallback, 1), Capability::Fallback);
    add(
        users.iter().any(|user| user.expect.iter().flatten().any(|expect| !expect.telemetry.is_empty())),
        Capability::Telemetry,
    );
    needs.sort_unstable();
    needs.dedup();
    needs
}

/// A client without a breaker obeys `none` as it is.
fn is_no_breaker(key: &str, stated: &Node) -> bool {
    key == "breaker" && stated.as_text() == Some("none")
}

/// Whether every alternative of some group asks for so many attempts at a host.
fn at_least(users: &[User], total: &BTreeMap<Host, Count>, host: Host, n: u32) -> bool {
    let asks = |count: Option<&Count>| count.is_some_and(|count| count.from >= n);
    let lone = users.len() == 1 && asks(total.get(&host));
    lone || users
        .iter()
        .flat_map(|user| &user.expect)
        .any(|group| group.iter().all(|expect| asks(expect.attempts.get(&host))))
}
