//! Requests per second of the provider, beside `wiremock` and bare servers.
//!
//! What counts is the ratio, and the speed of a machine drifts. So the rivals take turns, round by round, and a ratio is that of
//! two neighbours of one round. An argument limits the rivals: `cargo bench --bench provider -- provider`.
#![expect(clippy::print_stdout, reason = "figures are printed")]

mod load;
mod rivals;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use load::Load;
use rivals::{Entry, RIVALS, Rival};

/// Each rival is measured so often.
const ROUNDS: usize = 15;
/// Requests of one measurement.
const REQUESTS: usize = 10_240;
/// Requests before it.
const WARM_UP: usize = 1_024;

/// One measurement.
struct Figures {
    /// Requests per second.
    rate: f64,
    /// Microseconds of the server's thread a request.
    cost: f64,
}

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let rivals: Vec<Entry> = RIVALS.into_iter().filter(|(name, _)| name.starts_with(&wanted)).collect();
    let base = rivals.iter().position(|(name, _)| *name == "wiremock").unwrap_or(0);
    for connections in [1, 32] {
        let rounds: Vec<Vec<Figures>> = (0..ROUNDS).map(|_| round(&rivals, connections)).collect();
        println!("\n{connections} connections; medians, with the least and the most of {ROUNDS} rounds");
        println!(
            "{:<26} {:>26} {:>20} {:>22} {:>18}",
            "", "requests/s", "x wiremock", "server us/request", "x wiremock"
        );
        for (place, (name, _)) in rivals.iter().enumerate() {
            let of = |figure: fn(&[Figures], usize, usize) -> f64| {
                rounds.iter().map(|round| figure(round, place, base)).collect()
            };
            println!(
                "{name:<26} {:>26} {:>20} {:>22} {:>18}",
                spread(of(|round, place, _| round[place].rate), 0),
                spread(of(|round, place, base| round[place].rate / round[base].rate), 2),
                spread(of(|round, place, _| round[place].cost), 1),
                spread(of(|round, place, base| round[base].cost / round[place].cost), 2),
            );
        }
    }
}

/// Each rival, one after the other.
fn round(rivals: &[Entry], connections: usize) -> Vec<Figures> {
    rivals.iter().map(|(_, start)| measure(*start, connections)).collect()
}

fn measure(start: fn() -> Rival, connections: usize) -> Figures {
    // The thread of the one before takes its time with it.
    while threads().count() > 1 {
        thread::sleep(Duration::from_millis(1));
    }
    let rival = start();
    let mut load = Load::dial(rival.address, connections, rival.request.clone());
    load.run(WARM_UP / connections);
    let busy = elsewhere();
    let took = load.run(REQUESTS / connections).as_secs_f64();
    let cost = (elsewhere() - busy) / REQUESTS as f64;
    Figures { rate: REQUESTS as f64 / took, cost }
}

/// Microseconds that threads other than this one have run for: beside the load there is only the server's. Linux tells.
fn elsewhere() -> f64 {
    let ran = |path: &Path| {
        let told = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        told.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e3
    };
    threads().map(|thread| ran(&thread)).sum::<f64>() - ran("/proc/thread-self".as_ref())
}

fn threads() -> impl Iterator<Item = PathBuf> {
    fs::read_dir("/proc/self/task").into_iter().flatten().flatten().map(|thread| thread.path())
}

/// Median, least and most.
fn spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    let (least, median, most) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    format!("{median:.digits$} ({least:.digits$}-{most:.digits$})")
}
