//! The matrix as a page.

use std::fmt::Write;

use super::{Cell, Gaps, Matrix, Row};
use crate::{
    rules,
    scenario::Family,
    transcript::{ClockKind, Micros},
};

/// The page. It says of each number how it was got, and leaves out the tables of which nothing is known.
pub fn markdown(matrix: &Matrix) -> String {
    let clients = &labelled(&matrix.clients);
    let mut out = String::from("# What each client does\n\n");
    out.push_str("Failed of judged; in brackets how many do not apply to what the client claims, after `?` those without a verdict.\n\n");
    out.push_str(&table(&["client", "version", "run on", "time", "all"], clients.iter().map(who)));
    out.push_str("\n## By failure mode\n\n");
    let families: Vec<Family> =
        Family::ALL.into_iter().filter(|family| clients.iter().any(|row| row.modes.contains_key(family))).collect();
    let names: Vec<String> = families.iter().map(ToString::to_string).collect();
    let heads: Vec<&str> = ["client"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let line = |row: &Row| {
        let cells = families.iter().map(|family| cell(row.modes.get(family)));
        [row.client.clone()].into_iter().chain(cells).collect()
    };
    out.push_str(&table(&heads, clients.iter().map(line)));
    out.push_str("\n## By rule\n\n");
    out.push_str(&by_rule(clients));
    out.push_str("\n## In numbers\n\n");
    out.push_str("Of scenarios with one user. A request in trouble is one whose first attempt brought no good answer; waits are from the head of the failed reply, or from its end, to the next attempt at the same provider: shortest / middle / longest.\n\n");
    let heads = [
        "client",
        "in trouble",
        "failed",
        "attempts of a failed one (mean, most)",
        "own waits",
        "waits that were named",
        "cut streams passed off as complete",
        "longest",
    ];
    out.push_str(&table(&heads, clients.iter().map(numbers)));
    out.push_str("\n## Settings\n\n");
    clients.iter().for_each(|row| settings(row, &mut out));
    out
}

/// The rows, each under a name that no other has: two versions of one client are told apart.
fn labelled(rows: &[Row]) -> Vec<Row> {
    let label = |row: &Row| {
        let alone = rows.iter().filter(|other| other.client == row.client).count() == 1;
        if alone { row.client.clone() } else { format!("{} {}", row.client, row.version) }
    };
    rows.iter().map(|row| Row { client: label(row), ..row.clone() }).collect()
}

fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut out = format!("| {} |\n|{}\n", heads.join(" | "), " --- |".repeat(heads.len()));
    rows.for_each(|row| writeln!(out, "| {} |", row.join(" | ")).expect("a String takes all"));
    out
}

fn who(row: &Row) -> Vec<String> {
    let days = match &row.days {
        None => "–".to_owned(),
        Some((first, last)) if first == last => first.clone(),
        Some((first, last)) => format!("{first} to {last}"),
    };
    let clock = if row.clock == ClockKind::Real { "true" } else { "virtual" };
    vec![row.client.clone(), row.version.clone(), days, clock.to_owned(), cell(Some(&row.all))]
}

/// `2/41 (3)`: two failed of 41 judged, three do not apply.
fn cell(cell: Option<&Cell>) -> String {
    let Some(cell) = cell else { return "–".to_owned() };
    let judged = match cell {
        Cell { judged: 0, .. } => "–".to_owned(),
        Cell { failed: 0, judged, .. } => format!("0/{judged}"),
        Cell { failed, judged, .. } => format!("**{failed}**/{judged}"),
    };
    let left_out = if cell.not_applicable > 0 { format!(" ({})", cell.not_applicable) } else { String::new() };
    let unknown = if cell.unjudged > 0 { format!(" ?{}", cell.unjudged) } else { String::new() };
    format!("{judged}{left_out}{unknown}")
}

/// Rules down, clients across: there are more rules.
fn by_rule(clients: &[Row]) -> String {
    let heads: Vec<&str> = ["rule"].into_iter().chain(clients.iter().map(|row| row.client.as_str())).collect();
    let said = rules::all().filter(|rule| clients.iter().any(|row| row.rules.contains_key(rule.slug)));
    let line = |rule: &rules::Rule| {
        let cells = clients.iter().map(|row| cell(row.rules.get(rule.slug)));
        [rule.slug.to_owned()].into_iter().chain(cells).collect()
    };
    table(&heads, said.map(line))
}

fn numbers(row: &Row) -> Vec<String> {
    let of = &row.numbers;
    let attempts =
        if of.failed == 0 { "–".to_owned() } else { format!("{:.2}, {}", of.attempts_mean, of.attempts_most) };
    vec![
        row.client.clone(),
        of.troubled.to_string(),
        of.failed.to_string(),
        attempts,
        gaps(&of.own_gaps),
        gaps(&of.named_gaps),
        of.silent_truncations.to_string(),
        format!("{} s", seconds(of.longest)),
    ]
}

fn gaps(gaps: &Gaps) -> String {
    match gaps {
        Gaps { n: 0, .. } => "–".to_owned(),
        Gaps { n, least, median, most } => {
            format!("{} / {} / {} s ({n})", seconds(*least), seconds(*median), seconds(*most))
        }
    }
}

fn seconds(micros: Micros) -> String {
    format!("{:.2}", micros as f64 / 1e6)
}

fn settings(row: &Row, out: &mut String) {
    let capabilities: Vec<String> = row.capabilities.iter().map(ToString::to_string).collect();
    let claims = if capabilities.is_empty() { "nothing".to_owned() } else { capabilities.join(", ") };
    writeln!(out, "- **{} {}** claims: {claims}.", row.client, row.version).expect("a String takes all");
    let set: Vec<String> = row.settings.iter().map(|(key, value)| format!("`{key}: {value}`")).collect();
    if !set.is_empty() {
        writeln!(out, "  Held to a policy with {}.", set.join(", ")).expect("a String takes all");
    }
    let own = row.own_defaults.iter().map(|(key, (own, set))| format!("`{key}: {own}` (here {set})"));
    let own: Vec<String> = own.collect();
    if !own.is_empty() {
        writeln!(out, "  Its own defaults, which the policy sets otherwise: {}.", own.join(", "))
            .expect("a String takes all");
    }
}
