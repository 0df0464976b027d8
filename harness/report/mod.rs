//! Verdicts in words: each report is a function to a `String`; only the program prints.

pub mod explain;
pub mod json;
#[cfg(feature = "cli")]
pub mod junit;
pub mod matrix;
pub mod measured;
pub mod snapshot;
pub mod text;

use crate::transcript::Micros;

/// Seconds with three decimals and a sign, as on a timeline.
fn clock(micros: Micros) -> String {
    format!("+{:.3}", micros as f64 / 1e6)
}
