//! What random schedules found, smaller: name, seed and scenario.

/// Schedules that once broke a must.
pub const SCHEDULES: &[(&str, u64, &str)] = &[];
