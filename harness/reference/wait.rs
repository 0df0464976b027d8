//! How long to wait before another attempt: backoff with jitter, or what the reply asked for.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

use crate::policy::{Backoff, RetryAfter};

/// The wait before attempt `n + 1`.
pub fn backoff(policy: &Backoff, n: u32, random: &mut fastrand::Rng) -> Duration {
    let grown = policy.first.as_secs_f64() * policy.factor.powi(i32::try_from(n).unwrap_or(i32::MAX) - 1);
    let nominal = grown.min(policy.cap.as_secs_f64());
    let least = policy.jitter.least();
    Duration::from_secs_f64(nominal * (least + (1.0 - least) * random.f64()))
}

/// The named wait with jitter on top: a floor, never shortened.
pub fn spread(policy: &RetryAfter, wait: Duration, random: &mut fastrand::Rng) -> Duration {
    wait + wait.mul_f64(policy.spread * random.f64())
}

/// The wait that a reply asks for: milliseconds first, then seconds or a date. Invalid or negative is as good as absent.
pub fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number =
        |text: &str, unit: f64| text.parse::<f64>().ok().and_then(|n| Duration::try_from_secs_f64(n / unit).ok());
    if let Some(wait) = text("retry-after-ms").and_then(|text| number(text, 1000.0)) {
        return Some(wait);
    }
    let after = text("retry-after")?;
    number(after, 1.0).or_else(|| {
        let until = httpdate::parse_http_date(after).ok()?;
        // The provider's own clock is the one its date was written by.
        let now = text("date").and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or_else(SystemTime::now);
        until.duration_since(now).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Jitter, Policy};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (reqwest::header::HeaderName::from_static(name), value.parse().expect("legal")))
            .collect()
    }

    #[test]
    fn all_three_forms_are_read_and_milliseconds_come_first() {
        let date = [("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:39 GMT")];
        assert_eq!(asked_for(&headers(&date)), Some(Duration::from_secs(2)));
        assert_eq!(asked_for(&headers(&[("retry-after", "2")])), Some(Duration::from_secs(2)));
        assert_eq!(asked_for(&headers(&[("retry-after", "0.5")])), Some(Duration::from_millis(500)));
        assert_eq!(
            asked_for(&headers(&[("retry-after", "9"), ("retry-after-ms", "250")])),
            Some(Duration::from_millis(250))
        );
        assert_eq!(asked_for(&headers(&[("retry-after", "0")])), Some(Duration::ZERO));
    }

    #[test]
    fn nonsense_and_the_past_are_as_good_as_absent() {
        for value in ["-1", "soon", "", "NaN", "inf", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(asked_for(&headers(&[("retry-after", value)])), None, "{value}");
        }
        assert_eq!(
            asked_for(&headers(&[("retry-after-ms", "-5"), ("retry-after", "1")])),
            Some(Duration::from_secs(1))
        );
    }

    #[test]
    fn every_kind_of_jitter_stays_between_its_bounds_and_reaches_both_ends() {
        for (jitter, least) in
            [(Jitter::None, 400.0), (Jitter::Proportional, 300.0), (Jitter::Equal, 200.0), (Jitter::Full, 0.0)]
        {
            let policy = Backoff { jitter, ..Policy::default().backoff };
            let mut random = fastrand::Rng::with_seed(7);
            let waits: Vec<f64> = (0..2000).map(|_| backoff(&policy, 3, &mut random).as_secs_f64() * 1000.0).collect();
            let (low, high) =
                waits.iter().fold((f64::MAX, f64::MIN), |(low, high), wait| (low.min(*wait), high.max(*wait)));
            assert!(low >= least - 1e-6 && high <= 400.0 + 1e-6, "{jitter:?}: {low}..{high}");
            assert!(low <= least + 5.0 && high >= 395.0, "{jitter:?}: {low}..{high}");
        }
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let policy = Backoff { jitter: Jitter::None, ..Policy::default().backoff };
        let waits: Vec<u128> =
            (1..7).map(|n| backoff(&policy, n, &mut fastrand::Rng::with_seed(1)).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn a_named_wait_is_never_shortened() {
        let policy = Policy::default().retry_after;
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..1000 {
            let wait = spread(&policy, Duration::from_secs(2), &mut random);
            assert!((2000..=2200).contains(&wait.as_millis()), "{wait:?}");
        }
    }
}
