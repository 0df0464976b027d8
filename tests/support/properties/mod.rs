//! What random tests share: keys and words to build from, and a runner whose seed is the trial's name.

pub mod hostile;
pub mod policy;
pub mod power;
pub mod regressions;
pub mod schedule;
pub mod schedules;
pub mod splits;
pub mod step;
pub mod stream;
pub mod yaml;

use std::{env, fmt::Debug};

use libtest_mimic::{Failed, Trial};
use proptest::{
    option,
    prelude::*,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use serde_json::{Map, Value as Json};

/// A map of a scenario file.
pub type Keys = Map<String, Json>;
/// Any value of a scenario file.
pub type Any = BoxedStrategy<Json>;

/// Steps on the way to the smallest failing value.
const SHRINKS: u32 = 4096;

/// Cases of a property, over all its trials.
pub fn cases(usual: u32) -> u32 {
    number("BROWNOUT_CASES").unwrap_or(usual)
}

fn number(name: &str) -> Option<u32> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// A trial that puts so many random values to a test. What fails is shown as `Debug` shows it.
pub fn trial<T: Debug + 'static>(
    name: &str,
    cases: u32,
    strategy: impl FnOnce() -> BoxedStrategy<T> + Send + 'static,
    test: impl Fn(T) -> Result<(), String> + Send + 'static,
) -> Trial {
    let own = name.to_owned();
    Trial::test(name, move || run(&own, cases, SHRINKS, &strategy(), test).map_err(Failed::from))
}

/// Puts so many values to a test, and makes the first that fails smaller in so many steps.
pub fn run<T: Debug>(
    name: &str,
    cases: u32,
    max_shrink_iters: u32,
    strategy: &BoxedStrategy<T>,
    test: impl Fn(T) -> Result<(), String>,
) -> Result<(), String> {
    let config = Config { cases, failure_persistence: None, max_shrink_iters, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed(name)));
    match runner.run(strategy, |value| test(value).map_err(TestCaseError::fail)) {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, value)) => Err(format!("{reason}\nthe smallest value that fails:\n{value:?}")),
        Err(TestError::Abort(reason)) => Err(format!("aborted: {reason}")),
    }
}

/// FNV-1a of the name and of `BROWNOUT_SEED`, four times over.
fn seed(name: &str) -> [u8; 32] {
    let hash = |lane: u8| {
        let bytes = name.bytes().chain(number("BROWNOUT_SEED").unwrap_or(0).to_le_bytes()).chain([lane]);
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let mut seed = [0; 32];
    (0..4_u8).zip(seed.chunks_mut(8)).for_each(|(lane, part)| part.copy_from_slice(&hash(lane).to_le_bytes()));
    seed
}

/// One of these words; the first is the simplest.
pub fn word(words: &'static [&'static str]) -> Any {
    select(words).prop_map(Json::from).boxed()
}

/// One of these values; the first is the simplest.
pub fn value(values: Vec<Json>) -> Any {
    select(values).boxed()
}

/// A map in which each key stands as often as said.
pub fn keys(list: Vec<(&'static str, f64, Any)>) -> BoxedStrategy<Keys> {
    let (names, values): (Vec<_>, Vec<_>) =
        list.into_iter().map(|(name, often, value)| (name, option::weighted(often, value).boxed())).unzip();
    let stated = move |values: Vec<Option<Json>>| {
        let pairs = names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
        pairs.collect()
    };
    values.prop_map(stated).boxed()
}

/// A duration: fixed, or about as long as something in the policy, and never just as long: nobody can say who was first.
pub fn duration() -> Any {
    const FIXED: [&str; 6] = ["1ms", "20ms", "110ms", "310ms", "710ms", "1530ms"];
    const FACTORS: [&str; 7] = ["0.53", "0.11", "0.91", "0.99", "1.01", "1.09", "2.03"];
    const NAMES: [&str; 9] = [
        "attempt_timeout",
        "idle_timeout",
        "semantic_idle_timeout",
        "fallback.timeout",
        "fallback.reserve",
        "deadline",
        "backoff.first",
        "retry_after.ceiling",
        "parser.finish_grace",
    ];
    let relative = (select(&FACTORS[..]), select(&NAMES[..])).prop_map(|(factor, name)| format!("{factor} {name}"));
    prop_oneof![select(&FIXED[..]).prop_map(str::to_owned), relative].prop_map(Json::from).boxed()
}
