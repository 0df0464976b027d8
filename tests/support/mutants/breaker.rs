//! Clients who leave a provider alone at the wrong time, or not at all.

use std::cell::Cell;

use brownout::{
    causes::Class,
    client::{Call, Outcome},
    duration::{OrNone, Span},
    policy::{Breaker, Policy},
    reference::Reference,
    scenario::Host,
};

use super::{Mutant, acting, ask, class, told};

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "knows-no-breaker",
        home: "fallback/breaker-four-phases",
        rule: "breaker-opens",
        may_also: &["as-expected"],
        make: |policy, seed| told(policy, seed, |policy| policy.breaker = OrNone::None),
    },
    Mutant {
        name: "comes-back-too-soon",
        home: "fallback/breaker-four-phases",
        rule: "breaker-opens",
        may_also: &["as-expected"],
        make: |policy, seed| told(policy, seed, |policy| change(policy, |breaker| breaker.open_for = Span::ms(300))),
    },
    Mutant {
        name: "counts-to-nine",
        home: "fallback/breaker-of-each-client-object",
        rule: "breaker-opens",
        may_also: &["as-expected"],
        make: |policy, seed| told(policy, seed, |policy| change(policy, |breaker| breaker.failures = 9)),
    },
    Mutant {
        name: "thinks-silence-is-no-failure",
        home: "fallback/breaker-slow-death",
        rule: "breaker-opens",
        may_also: &[],
        make: |policy, seed| {
            told(policy, seed, |policy| change(policy, |breaker| breaker.counts.retain(|mode| !is_timeout(*mode))))
        },
    },
    Mutant {
        name: "sends-everybody-after-a-probe",
        home: "fallback/breaker-probes-slow-failures[1]",
        rule: "breaker-probes",
        may_also: &[],
        make: |policy, seed| told(policy, seed, |policy| change(policy, |breaker| breaker.probes = 1000)),
    },
    Mutant {
        name: "never-comes-back",
        home: "fallback/breaker-four-phases",
        rule: "breaker-closes",
        may_also: &["as-expected"],
        make: |policy, seed| {
            told(policy, seed, |policy| change(policy, |breaker| breaker.open_for = Span::ms(3_600_000)))
        },
    },
    Mutant {
        name: "never-forgets-a-failure",
        home: "fallback/breaker-window",
        rule: "breaker-closes",
        may_also: &[],
        make: |policy, seed| {
            told(policy, seed, |policy| change(policy, |breaker| breaker.window = Span::ms(3_600_000)))
        },
    },
    Mutant {
        name: "opens-at-the-first-failure",
        home: "fallback/breaker-window",
        rule: "breaker-closes",
        may_also: &["as-expected", "retry-transient"],
        make: |policy, seed| told(policy, seed, |policy| change(policy, |breaker| breaker.failures = 1)),
    },
    Mutant {
        name: "forgives-nothing",
        home: "fallback/breaker-success-clears",
        rule: "breaker-closes",
        may_also: &["as-expected"],
        make: |policy, seed| {
            let lost = Cell::new(0);
            acting(policy, seed, async move |client: &Reference, call: Call| {
                let outcome =
                    if lost.get() < 3 { ask(client, &call).await } else { past_the_primary(client, &call).await };
                lost.set(lost.get() + u32::from(outcome.served_by != Some(Host::Primary)));
                outcome
            })
        },
    },
    Mutant {
        name: "opens-on-bad-requests",
        home: "fallback/breaker-ignores-bad-requests[field]",
        rule: "breaker-closes",
        may_also: &["as-expected"],
        make: |policy, seed| {
            let bad = Cell::new(0);
            acting(policy, seed, async move |client: &Reference, call: Call| {
                let outcome =
                    if bad.get() < 6 { ask(client, &call).await } else { past_the_primary(client, &call).await };
                bad.set(bad.get() + u32::from(class(&outcome) == Some(Class::InvalidRequest)));
                outcome
            })
        },
    },
    Mutant {
        name: "probes-for-ever",
        home: "fallback/breaker-closes-at-once",
        rule: "breaker-closes",
        may_also: &["as-expected"],
        make: |policy, seed| {
            let (ill, probing) = (Cell::new(false), Cell::new(false));
            acting(policy, seed, async move |client: &Reference, call: Call| {
                if ill.get() && probing.get() {
                    return past_the_primary(client, &call).await;
                }
                probing.set(true);
                let outcome = ask(client, &call).await;
                probing.set(false);
                ill.set(ill.get() || outcome.served_by == Some(Host::Fallback));
                outcome
            })
        },
    },
];

fn change(policy: &mut Policy, change: impl FnOnce(&mut Breaker)) {
    if let Some(mut breaker) = policy.breaker.as_ref().cloned() {
        change(&mut breaker);
        policy.breaker = OrNone::Some(breaker);
    }
}

fn is_timeout(mode: brownout::causes::Mode) -> bool {
    mode == brownout::causes::Mode::ClientTimeout
}

/// Asks the fallback at once, if another provider may answer.
async fn past_the_primary(client: &Reference, call: &Call) -> Outcome {
    let mut other = call.clone();
    other.providers.retain(|provider| provider.name == Host::Fallback || !call.request.fallback_safe);
    ask(client, &other).await
}
