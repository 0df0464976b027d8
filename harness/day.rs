//! The day of a run, for what is saved.

use std::time::SystemTime;

/// Today in UTC, as `2026-11-27`.
pub fn today() -> String {
    /// As HTTP writes them.
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let date = httpdate::fmt_http_date(SystemTime::now());
    // `Fri, 27 Nov 2026 11:28:17 GMT`
    let mut words = date.split(' ').skip(1);
    let (day, month, year) = (words.next(), words.next(), words.next());
    let month = MONTHS.iter().position(|name| Some(*name) == month).unwrap_or_default() + 1;
    format!("{}-{month:02}-{}", year.unwrap_or_default(), day.unwrap_or_default())
}
