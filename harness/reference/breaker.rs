//! A provider that fails again and again is left alone: for a while nothing is sent, then a few probes find out whether it is back.

use std::{cell::RefCell, collections::VecDeque};

use tokio::time::Instant;

use crate::policy::Breaker as Policy;

/// One provider's breaker, shared by all users of one client; without a policy it never opens.
#[derive(Debug)]
pub struct Breaker {
    policy: Option<Policy>,
    now: RefCell<Phase>,
}

/// A stretch in which the state does not change. What began in another one tells nothing about this one.
#[derive(Debug)]
struct Phase {
    number: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Everybody may ask. Failures since the last success, each with its moment.
    Closed(VecDeque<Instant>),
    /// Nobody may.
    Open { until: Instant },
    /// So many probes are under way.
    HalfOpen { probes: u32 },
}

/// What an attempt says about its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answered.
    Well,
    /// It failed in a way that counts.
    Ill,
}

/// Leave to make one attempt. An attempt that says nothing of the provider's health, or whose user leaves, gives its place back.
#[derive(Debug)]
pub struct Leave<'a> {
    breaker: &'a Breaker,
    phase: u64,
}

impl Breaker {
    /// A closed one.
    pub fn new(policy: Option<Policy>) -> Self {
        Breaker { policy, now: RefCell::new(Phase { number: 0, state: State::Closed(VecDeque::new()) }) }
    }

    /// Leave to ask the provider now; `None`: it is left alone.
    pub fn enter(&self) -> Option<Leave<'_>> {
        let mut now = self.now.borrow_mut();
        if matches!(now.state, State::Open { until } if Instant::now() >= until) {
            now.turn(State::HalfOpen { probes: 0 });
        }
        match (&mut now.state, &self.policy) {
            (State::Open { .. }, _) => return None,
            (State::HalfOpen { probes }, Some(policy)) if *probes >= policy.probes => return None,
            (State::HalfOpen { probes }, _) => *probes += 1,
            (State::Closed(_), _) => {}
        }
        Some(Leave { breaker: self, phase: now.number })
    }

    /// Whether nobody may ask at that moment, whatever happens until then.
    pub fn is_open_at(&self, moment: Instant) -> bool {
        matches!(self.now.borrow().state, State::Open { until } if moment < until)
    }
}

impl Leave<'_> {
    /// The attempt is over.
    pub fn ended(self, health: Health) {
        let Some(policy) = &self.breaker.policy else { return };
        let mut now = self.breaker.now.borrow_mut();
        if now.number != self.phase {
            return;
        }
        match (health, &mut now.state) {
            (Health::Well, State::Closed(failures)) => failures.clear(),
            (Health::Well, _) => now.turn(State::Closed(VecDeque::new())),
            (Health::Ill, State::Closed(failures)) => {
                if too_many(failures, policy) {
                    now.turn(open(policy));
                }
            }
            (Health::Ill, _) => now.turn(open(policy)),
        }
    }
}

/// Also after `ended`: by then a probe has changed the state.
impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut now = self.breaker.now.borrow_mut();
        if let (true, State::HalfOpen { probes }) = (now.number == self.phase, &mut now.state) {
            *probes = probes.saturating_sub(1);
        }
    }
}

impl Phase {
    fn turn(&mut self, state: State) {
        *self = Phase { number: self.number + 1, state };
    }
}

/// One more failure; whether it is one too many within the window.
fn too_many(failures: &mut VecDeque<Instant>, policy: &Policy) -> bool {
    let moment = Instant::now();
    failures.push_back(moment);
    failures.retain(|failure| moment - *failure <= *policy.window);
    failures.len() >= policy.failures as usize
}

fn open(policy: &Policy) -> State {
    State::Open { until: Instant::now() + *policy.open_for }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        Health::{Ill, Well},
        *,
    };

    /// Three failures within ten seconds open it for one second; then two probes at once.
    fn breaker() -> Breaker {
        let policy = crate::policy::Policy::default().breaker.as_ref().cloned().map(|usual| Policy {
            failures: 3,
            window: crate::duration::Span::ms(10_000),
            open_for: crate::duration::Span::ms(1_000),
            probes: 2,
            ..usual
        });
        Breaker::new(policy)
    }

    #[track_caller]
    fn attempts(breaker: &Breaker, health: &[Health]) {
        health.iter().for_each(|health| breaker.enter().expect("it may be asked").ended(*health));
    }

    fn opened() -> Breaker {
        let breaker = breaker();
        attempts(&breaker, &[Ill, Ill, Ill]);
        breaker
    }

    async fn after(ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_a_success_clears_the_count() {
        let breaker = breaker();
        attempts(&breaker, &[Ill, Ill, Well, Ill, Ill]);
        assert!(breaker.enter().is_some());
        attempts(&breaker, &[Ill]);
        assert!(breaker.enter().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_says_nothing_neither_counts_nor_clears() {
        let breaker = breaker();
        attempts(&breaker, &[Ill, Ill]);
        (0..9).for_each(|_| drop(breaker.enter()));
        assert!(breaker.enter().is_some());
        attempts(&breaker, &[Ill]);
        assert!(breaker.enter().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_counts_for_the_window_only() {
        let breaker = breaker();
        attempts(&breaker, &[Ill]);
        after(6_000).await;
        attempts(&breaker, &[Ill]);
        after(4_001).await;
        attempts(&breaker, &[Ill]);
        assert!(breaker.enter().is_some(), "the first is too old");
        after(5_999).await;
        attempts(&breaker, &[Ill]);
        assert!(breaker.enter().is_none(), "the second is just young enough");
    }

    #[tokio::test(start_paused = true)]
    async fn it_holds_for_its_time_and_then_lets_probes_through() {
        let breaker = opened();
        assert!(breaker.is_open_at(Instant::now() + Duration::from_millis(999)));
        assert!(!breaker.is_open_at(Instant::now() + Duration::from_millis(1_000)));
        after(999).await;
        assert!(breaker.enter().is_none());
        after(1).await;
        let probes: Vec<_> = (0..9).filter_map(|_| breaker.enter()).collect();
        assert_eq!(probes.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_success_closes_it_and_one_failure_opens_it_again() {
        let breaker = opened();
        after(1_000).await;
        attempts(&breaker, &[Ill]);
        after(999).await;
        assert!(breaker.enter().is_none(), "held for the whole time again");
        after(1).await;
        attempts(&breaker, &[Well]);
        let all: Vec<_> = (0..9).filter_map(|_| breaker.enter()).collect();
        assert_eq!(all.len(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_whose_user_leaves_gives_its_place_back() {
        let breaker = opened();
        after(1_000).await;
        let (first, second) = (breaker.enter(), breaker.enter());
        assert!(first.is_some() && second.is_some() && breaker.enter().is_none());
        drop(first);
        assert!(breaker.enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_of_an_earlier_phase_decides_nothing() {
        let breaker = breaker();
        let (late, later) = (breaker.enter().expect("closed"), breaker.enter().expect("closed"));
        attempts(&breaker, &[Ill, Ill, Ill]);
        late.ended(Well);
        assert!(breaker.enter().is_none(), "still open");
        after(1_000).await;
        let probe = breaker.enter().expect("half-open");
        later.ended(Ill);
        assert!(breaker.enter().is_some(), "half-open for the second probe");
        probe.ended(Well);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_policy_it_never_opens() {
        let breaker = Breaker::new(None);
        attempts(&breaker, &[Ill; 100]);
        assert!(breaker.enter().is_some());
    }
}
