//! Colours, on a terminal only.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

/// Standard output, that drops colours where nobody sees them.
pub fn out() -> impl Write {
    anstream::stdout()
}

/// A text with the words that lines begin with in colour.
pub fn coloured(text: &str) -> String {
    let words: [(&str, Style); 8] = [
        ("FAIL", AnsiColor::Red.on_default().bold()),
        ("ERROR", AnsiColor::Red.on_default().bold()),
        ("INCONCLUSIVE", AnsiColor::Yellow.on_default().bold()),
        ("NOT EXERCISED", AnsiColor::Yellow.on_default().bold()),
        ("NOT RUN", AnsiColor::Yellow.on_default().bold()),
        ("WARN", AnsiColor::Yellow.on_default().bold()),
        ("PASS", AnsiColor::Green.on_default()),
        ("N/A", AnsiColor::BrightBlack.on_default()),
    ];
    let colour = |line: &str| {
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        let known = words.iter().find(|(word, _)| trimmed.starts_with(word));
        known.map_or_else(
            || line.to_owned(),
            |(word, style)| format!("{indent}{style}{word}{style:#}{}", &trimmed[word.len()..]),
        )
    };
    text.split_inclusive('\n').map(colour).collect()
}

/// Says on standard error what went wrong.
pub fn error(text: &str) {
    let red = AnsiColor::Red.on_default().bold();
    let text = text.strip_prefix("error").map_or_else(|| text.to_owned(), |rest| format!("{red}error{red:#}{rest}"));
    // Nobody is left to be told that standard error is gone.
    writeln!(anstream::AutoStream::auto(io::stderr()), "{text}").ok();
}

/// Says something on standard error that is no error, so that reports can be piped.
pub fn note(text: &str) {
    writeln!(anstream::AutoStream::auto(io::stderr()), "{text}").ok();
}
