//! What a rule, a scenario, a failure mode or a cause is, in words.

use std::fmt::Write;

use crate::{
    causes::{Cause, Causes, Match, Mode, OneOrMany},
    rules::{self, Level, Rule},
    scenario::{Case, Family},
};

/// Explains the thing of this name; `None`: there is no such thing.
pub fn explain(name: &str, cases: &[Case], table: &Causes) -> Option<String> {
    if let Some(rule) = crate::rules::find(name) {
        return Some(of_rule(rule));
    }
    if let Some(cause) = table.row(name) {
        return Some(of_cause(cause, table));
    }
    if let Some(family) = Family::ALL.into_iter().find(|family| family.to_string() == name) {
        return Some(of_family(family, cases, table));
    }
    let found: Vec<&Case> =
        cases.iter().filter(|case| case.id == name || case.id.split('[').next() == Some(name)).collect();
    found.first().map(|case| of_case(case, &found))
}

/// Every name that can be explained, for suggestions.
pub fn names(cases: &[Case], table: &Causes) -> Vec<String> {
    let slugs = rules::all().map(|rule| rule.slug.to_owned());
    let causes = table.causes.iter().map(|cause| cause.id.clone());
    let families = Family::ALL.into_iter().map(|family| family.to_string());
    slugs.chain(causes).chain(families).chain(cases.iter().map(|case| case.id.clone())).collect()
}

fn lines(title: &str, rows: &[(&str, String)]) -> String {
    let mut out = format!("{title}\n");
    for (name, text) in rows.iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(out, "  {name:<11} {text}").expect("a String takes all");
    }
    out
}

fn of_rule(rule: &Rule) -> String {
    let level = if rule.level == Level::Must { "must: a breach fails" } else { "should: a breach warns" };
    let needs = rule.needs.map_or_else(|| "every client".to_owned(), |needs| format!("clients that claim `{needs}`"));
    lines(
        &format!("rule {}", rule.slug),
        &[
            ("contract", rule.sentence.to_owned()),
            ("level", level.to_owned()),
            ("judges", needs),
            ("source", rule.source.to_owned()),
            ("remedy", rule.remedy.to_owned()),
        ],
    )
}

fn of_cause(cause: &Cause, table: &Causes) -> String {
    let remedy = table.remedy(cause);
    let results: Vec<_> = cause.results.iter().map(ToString::to_string).collect();
    let classes: Vec<_> = cause.classes.iter().map(ToString::to_string).collect();
    lines(
        &format!("cause {}", cause.id),
        &[
            ("when", matches(&cause.matches)),
            ("mode", cause.mode.to_string()),
            ("retry", cause.retry.to_string()),
            (
                "changed",
                cause
                    .changed
                    .map(|part| format!("one more attempt is allowed with another {part:?}").to_lowercase())
                    .unwrap_or_default(),
            ),
            ("fallback", cause.fallback.to_string()),
            ("charged", cause.charged.to_string()),
            ("waits", cause.waits.to_string()),
            ("outcomes", results.join(", ")),
            ("classes", classes.join(", ")),
            ("owner", remedy.owner),
            ("action", remedy.action),
            ("source", cause.source.join(", ")),
            ("why", cause.why.clone().unwrap_or_default()),
        ],
    )
}

/// The facts a cause asks for, as they stand in the table.
fn matches(matches: &OneOrMany<Match>) -> String {
    let facts = |facts: &Match| {
        let json = serde_json::to_value(facts).expect("plain values have a JSON form");
        let pairs = json
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key} {}", value.to_string().replace('"', "")));
        pairs.collect::<Vec<_>>().join(", ")
    };
    matches.iter().map(facts).collect::<Vec<_>>().join(" | ")
}

fn of_family(family: Family, cases: &[Case], table: &Causes) -> String {
    let mode: Mode = family.mode();
    let remedy = table.remedy_of_mode(mode);
    let ids: Vec<&str> = cases.iter().filter(|case| case.family == family).map(|case| case.id.as_str()).collect();
    let title = format!("failure mode {family}");
    let mode = if mode.to_string() == family.to_string() { String::new() } else { format!("filed under {mode}") };
    let scenarios = format!("{}: {}", ids.len(), ids.join(" "));
    lines(&title, &[("mode", mode), ("owner", remedy.owner), ("action", remedy.action), ("scenarios", scenarios)])
}

fn of_case(case: &Case, all: &[&Case]) -> String {
    let ids: Vec<&str> = all.iter().map(|case| case.id.as_str()).collect();
    let needs: Vec<_> = case.needs.iter().map(ToString::to_string).collect();
    lines(
        &format!("scenario {}", case.id.split('[').next().unwrap_or(&case.id)),
        &[
            ("title", case.title.clone()),
            ("why", case.why.clone()),
            ("sources", case.sources.join(", ")),
            ("incidents", case.incidents.join(", ")),
            ("needs", needs.join(", ")),
            ("pair", case.pair.clone().unwrap_or_default()),
            ("file", case.path.clone()),
            ("ids", ids.join(" ")),
        ],
    )
}
