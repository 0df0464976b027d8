//! The lines that a test program prints, as libtest prints them.

use std::{
    io::{self, Write},
    time::Instant,
};

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Well; perhaps with something to read.
    Passed(String),
    /// The client does not claim to do this.
    Ignored(String),
    /// Badly, with its report.
    Failed(String),
}

/// Prints trials as they end, and counts them.
pub struct Console<'a> {
    out: &'a mut dyn Write,
    terse: bool,
    show_output: bool,
    started: Instant,
    passed: usize,
    ignored: usize,
    failures: Vec<(String, String)>,
    printed: io::Result<()>,
}

impl<'a> Console<'a> {
    /// Nothing has been printed yet.
    pub fn new(out: &'a mut dyn Write, terse: bool, show_output: bool) -> Self {
        let (started, printed) = (Instant::now(), Ok(()));
        Console { out, terse, show_output, started, passed: 0, ignored: 0, failures: Vec::new(), printed }
    }

    /// Prints text. After the first error nothing more is printed: nobody reads any more.
    pub fn print(&mut self, text: &str) {
        if self.printed.is_ok() {
            self.printed = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        }
    }

    /// How many trials follow.
    pub fn begin(&mut self, trials: usize) {
        self.print(&format!("\nrunning {trials} test{}\n", if trials == 1 { "" } else { "s" }));
    }

    /// A trial has ended.
    pub fn ended(&mut self, name: &str, ended: Ended) {
        let (letter, word, text) = match &ended {
            Ended::Passed(text) => (".", "ok".to_owned(), text),
            Ended::Ignored(why) => ("i", format!("ignored, {why}"), &String::new()),
            Ended::Failed(_) => ("F", "FAILED".to_owned(), &String::new()),
        };
        let line = if self.terse { letter.to_owned() } else { format!("test {name} ... {word}\n") };
        self.print(&line);
        if self.show_output {
            self.print(text);
        }
        match ended {
            Ended::Passed(_) => self.passed += 1,
            Ended::Ignored(_) => self.ignored += 1,
            Ended::Failed(text) => self.failures.push((name.to_owned(), text)),
        }
    }

    /// Reports of what failed, and the summary; whether nothing failed and all could be printed.
    pub fn finish(mut self, filtered_out: usize) -> io::Result<bool> {
        let failures = std::mem::take(&mut self.failures);
        if !failures.is_empty() {
            self.print("\n\nfailures:\n");
            failures.iter().for_each(|(name, text)| self.print(&format!("\n---- {name} ----\n{}\n", text.trim_end())));
            self.print("\n\nfailures:\n");
            failures.iter().for_each(|(name, _)| self.print(&format!("    {name}\n")));
        }
        let (word, seconds) = (if failures.is_empty() { "ok" } else { "FAILED" }, self.started.elapsed().as_secs_f64());
        self.print(&format!(
            "\ntest result: {word}. {} passed; {} failed; {} ignored; 0 measured; {filtered_out} filtered out; finished in \
             {seconds:.2}s\n\n",
            self.passed,
            failures.len(),
            self.ignored,
        ));
        self.printed.map(|()| failures.is_empty())
    }
}
