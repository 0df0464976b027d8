//! Retries that all users of one client share: a bucket of tokens, filled by first attempts and by time.

use tokio::time::Instant;

use crate::policy::RetryBudget;

/// A bucket; without a policy there is no bound.
#[derive(Debug)]
pub struct Budget {
    policy: Option<RetryBudget>,
    tokens: f64,
    filled: Option<Instant>,
}

impl Budget {
    /// A bucket with one second's worth in it.
    pub fn new(policy: Option<RetryBudget>) -> Self {
        let tokens = policy.as_ref().map_or(0.0, |policy| policy.min_per_second.min(policy.cap));
        Budget { policy, tokens, filled: None }
    }

    /// A first attempt is made.
    pub fn earn(&mut self) {
        self.fill();
        if let Some(policy) = &self.policy {
            self.tokens = (self.tokens + policy.ratio).min(policy.cap);
        }
    }

    /// Whether a retry may be made; it is then paid for.
    pub fn spend(&mut self) -> bool {
        self.fill();
        if self.policy.is_none() {
            return true;
        }
        // A hair below one is one: sums of fifths are not exact.
        let enough = self.tokens >= 1.0 - 1e-9;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let since = self.filled.replace(now).map_or(0.0, |last| (now - last).as_secs_f64());
        if let Some(policy) = &self.policy {
            self.tokens = (self.tokens + since * policy.min_per_second).min(policy.cap);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::Policy;

    #[tokio::test(start_paused = true)]
    async fn first_attempts_and_time_pay_for_retries() {
        let policy = Policy::default().retry_budget.as_ref().cloned();
        let mut budget = Budget::new(policy);
        let spent = |budget: &mut Budget| (0..100).take_while(|_| budget.spend()).count();
        assert_eq!(spent(&mut budget), 2, "one second's worth");
        (0..10).for_each(|_| budget.earn());
        assert_eq!(spent(&mut budget), 2, "a fifth of ten");
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(spent(&mut budget), 6, "two a second");
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(spent(&mut budget), 20, "no more than the cap");
    }
}
