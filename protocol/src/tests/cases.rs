use std::{env, hash::BuildHasher as _};

use proptest::test_runner::{Config, RngSeed};

/// How a model is run: in `few` cases, or in as many as `PROPTEST_CASES` says; from a seed that is
/// printed, or that `PROPTEST_RNG_SEED` says.
pub(crate) fn cases(few: u32) -> Config {
    let number = |name: &str| env::var(name).ok()?.parse().ok();
    let random = || std::hash::RandomState::new().hash_one(());
    let seed = number("PROPTEST_RNG_SEED").unwrap_or_else(random);
    println!("PROPTEST_RNG_SEED={seed}");
    Config {
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::with_cases(number("PROPTEST_CASES").map_or(few, |cases| cases as u32))
    }
}
