//! `clients`: who is known, and what is installed of it.

use std::io::Write;

use brownout::gate::Exit;
use serde_json::json;

use crate::{
    Done,
    cli::{Clients, Format},
    registry::{Driver, Entry, Registry},
    style,
};

/// Lists them.
pub fn clients(clients: &Clients) -> Done {
    let known = Registry::read(clients.clients.as_deref())?;
    let mut out = style::out();
    if clients.format == Format::Text {
        let version = env!("CARGO_PKG_VERSION");
        writeln!(
            out,
            "{:<20} {:<10} {:<8} {:<16} our own, which keeps every rule",
            "reference", "rust", "inside", version
        )?;
    }
    for entry in &known.0 {
        match clients.format {
            Format::Text => writeln!(out, "{}", line(entry))?,
            Format::Json => writeln!(out, "{}", object(entry))?,
        }
    }
    if known.0.is_empty() && clients.format == Format::Text {
        writeln!(out, "no others: a folder with a `client.yaml` makes one known, see `--clients`")?;
    }
    Ok(Exit::Fine)
}

fn line(entry: &Entry) -> String {
    let installed = match entry.installed() {
        Some(version) => version,
        None if entry.is_there() => "installed".to_owned(),
        None => "not installed".to_owned(),
    };
    let command = entry.command().join(" ");
    format!("{:<20} {:<10} {:<8} {installed:<16} {command}", entry.name, entry.language, driver(entry))
}

fn driver(entry: &Entry) -> &'static str {
    match entry.driver {
        Driver::Stdio => "stdio",
        Driver::Gateway => "gateway",
    }
}

fn object(entry: &Entry) -> serde_json::Value {
    json!({
        "name": entry.name, "language": entry.language, "driver": driver(entry), "command": entry.command(),
        "is_installed": entry.is_there(), "version": entry.installed(), "defaults": entry.defaults,
    })
}
