//! What holds of every schedule, every split and every input: random ones, made smaller until nothing can be left out.
//!
//! A trial's seed is its name's, so it says the same at each run. `BROWNOUT_CASES=50000` makes each property a long run of so many
//! cases; `BROWNOUT_SEED=7` makes it one of other cases.

mod support {
    pub mod mutants;
    pub mod properties;
    pub mod suite;
}

use brownout::wire::clock;
use libtest_mimic::Arguments;
use support::properties::{hostile, power, schedules, splits};

fn main() {
    let arguments = Arguments::from_args();
    clock::raise_file_limit();
    let trials = [schedules::trials(), splits::trials(), power::trials(), hostile::trials()];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit();
}
