//! Chance: what a client that draws its waits at random comes to once in a million times, and so is not blamed for.
//!
//! Both bounds hold for any number of users and need no table. A client that does not wait, or not at random, is far beyond them, so
//! it is caught every time.

use crate::transcript::Micros;

/// How often a correct client may be blamed, for each crowd of users that is judged.
const FALSE_ALARM: f64 = 1e-6;

/// The mean of so many draws from 0 to 1 that a correct client stays below once in a million times at most, by Hoeffding's
/// inequality: P(mean <= 1/2 - t) <= exp(-2 n t^2). For 50 users 0.13, for 200 users 0.31; without any wait, it is 0.
pub fn least_mean(n: usize) -> f64 {
    0.5 - ((1.0 / FALSE_ALARM).ln() / (2.0 * n.max(1) as f64)).sqrt()
}

/// The largest number of moments within one window.
pub fn most_together(mut moments: Vec<Micros>, window: Micros) -> usize {
    moments.sort_unstable();
    let until = |start: Micros| moments.partition_point(|moment| *moment <= start + window);
    moments.iter().enumerate().map(|(n, start)| until(*start) - n).max().unwrap_or(0)
}

/// The largest crowd within one window among so many users, each of whom is in any given window with no more than this probability,
/// that a correct client exceeds once in a million times at most. Every crowd begins with one of the users, so
/// P(more than m) <= n P(Bin(n - 1, share) >= m). `None`: no crowd of these users would prove anything.
///
/// With windows of a tenth and the grain of timers, for waits of up to 1 s: 21 of 50 users, 49 of 200. Without jitter, it is all.
pub fn largest_crowd(users: usize, share: f64) -> Option<usize> {
    if users == 0 || share >= 0.5 {
        return None;
    }
    let others = users - 1;
    let mut log = others as f64 * (1.0 - share).ln();
    let mut exactly = vec![log];
    for k in 0..others {
        log += ((others - k) as f64 / (k + 1) as f64 * share / (1.0 - share)).ln();
        exactly.push(log);
    }
    let mut at_least = 0.0;
    let rare = exactly.iter().rev().take_while(|log| {
        at_least += log.exp();
        at_least * users as f64 <= FALSE_ALARM
    });
    let most = users - rare.count();
    (most < users).then_some(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_those_of_an_exact_sum() {
        // By rational arithmetic, outside of this program.
        for (users, share, most) in [
            (50, 0.102, 21),
            (50, 0.12, 22),
            (60, 0.102, 23),
            (100, 0.102, 31),
            (100, 0.18, 43),
            (200, 0.102, 49),
            (500, 0.102, 96),
        ] {
            assert_eq!(largest_crowd(users, share), Some(most), "{users} users, {share}");
        }
        assert_eq!(largest_crowd(3, 0.1), None, "three at once may be chance");
        assert_eq!(largest_crowd(200, 0.5), None);
        assert!(largest_crowd(5000, 0.102).is_some_and(|most| most < 750), "large numbers do not vanish");
        assert!((least_mean(50) - 0.1283).abs() < 1e-4 && (least_mean(200) - 0.3142).abs() < 1e-4);
    }

    /// The bound is of one in a million, so that twenty thousand herds give no alarm; in truth it is exceeded less often still.
    #[test]
    fn a_herd_that_waits_at_random_is_never_blamed() {
        let mut random = fastrand::Rng::with_seed(11);
        for users in [50, 200] {
            let (mut largest, mut least) = (0, 1.0_f64);
            for _ in 0..10_000 {
                let waits: Vec<f64> = (0..users).map(|_| random.f64()).collect();
                let millis = waits.iter().map(|wait| (wait * 1000.0).ceil() as Micros * 1000).collect();
                largest = largest.max(most_together(millis, 100_000));
                least = least.min(waits.iter().sum::<f64>() / users as f64);
            }
            assert!(Some(largest) <= largest_crowd(users, 0.102) && least > least_mean(users), "{largest}, {least}");
            assert!(
                largest * 3 > largest_crowd(users, 0.102).expect("it is bounded") * 2,
                "the bound is not idle: {largest}"
            );
        }
    }

    #[test]
    fn those_within_a_window_are_counted_ends_included() {
        assert_eq!(most_together(vec![0, 10, 20, 30, 100], 20), 3);
        // From 0 to 20 there are four, from 0 to 19 three; from 9 to 28, three.
        assert_eq!(most_together(vec![30, 0, 20, 10, 9], 20), 4);
        assert_eq!(most_together(vec![30, 0, 20, 10, 9], 19), 3);
        assert_eq!(most_together(vec![7; 50], 0), 50);
        assert_eq!(most_together(Vec::new(), 10), 0);
    }
}
