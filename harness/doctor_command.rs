//! `doctor`: an adapter checked by itself, a line a check.

use std::io::{self, Write};

use brownout::{
    doctor::{Check, Finding, examine},
    gate::Exit,
};

use crate::{Done, cli::Doctor, clients, style};

/// Checks the adapter and says what is wrong with it.
pub fn doctor(doctor: &Doctor) -> Done {
    let start = clients::start(&doctor.command, doctor.errors.as_deref())?;
    let mut out = style::out();
    let (mut problems, mut printed) = (0, Ok(()));
    let exit = examine(&start, &mut |check| {
        problems += usize::from(matches!(check.finding, Finding::Problem(..)));
        if printed.is_ok() {
            printed = show(&mut out, check);
        }
    });
    printed?;
    match exit {
        Exit::Fine => writeln!(out, "the adapter is ready to be run")?,
        Exit::Unjudged => writeln!(out, "the adapter does not start: nothing else was checked")?,
        _ => writeln!(out, "{problems} problem{}", if problems == 1 { "" } else { "s" })?,
    }
    Ok(exit)
}

fn show(out: &mut impl Write, Check { name, finding }: &Check) -> io::Result<()> {
    let (word, text, remedy) = match finding {
        Finding::Fine(text) => ("ok", text, None),
        Finding::Skipped(text) => ("skipped", text, None),
        Finding::Problem(text, remedy) => ("problem", text, Some(remedy)),
    };
    writeln!(out, "{}", format!("{word:<8} {name:<18} {text}").trim_end())?;
    remedy.map_or(Ok(()), |remedy| writeln!(out, "{:<8} {:<18} remedy: {remedy}", "", ""))?;
    out.flush()
}
