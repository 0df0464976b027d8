//! The arguments that `cargo test`, nextest and people give a test program.

use std::ffi::OsString;

use lexopt::{Arg, Parser, ValueExt};

pub const HELP: &str = "\
Usage: [OPTIONS] [FILTER...]

A scenario id that holds one of the filters is run; without a filter all are.

      --list              print the names, run nothing
      --exact             a filter is a whole name
      --skip FILTER       leave out what holds this
      --nocapture         print reports of warnings too
      --show-output       the same
  -q, --quiet             one character a trial
      --format FORMAT     pretty or terse
      --write-baseline    add what fails to the baseline, with reasons to be written
  -h, --help              print this

--ignored, --include-ignored, --test, --bench, --color and --test-threads are understood; no trial is ignored or a benchmark, and
as many scenarios run at once as the clock allows.
";

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    pub filters: Vec<String>,
    pub skip: Vec<String>,
    pub exact: bool,
    pub list: bool,
    /// Nothing but ignored trials, or benchmarks: there is none of either.
    pub nothing: bool,
    pub terse: bool,
    pub show_output: bool,
    pub write_baseline: bool,
    pub help: bool,
}

impl Arguments {
    /// Reads arguments, without the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let (mut parser, mut found) = (Parser::from_args(arguments), Arguments::default());
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Value(filter) => found.filters.push(filter.string()?),
                Arg::Long("skip") => found.skip.push(parser.value()?.string()?),
                Arg::Long("exact") => found.exact = true,
                Arg::Long("list") => found.list = true,
                Arg::Long("ignored" | "bench") => found.nothing = true,
                Arg::Long("nocapture" | "no-capture" | "show-output") => found.show_output = true,
                Arg::Short('q') | Arg::Long("quiet") => found.terse = true,
                Arg::Long("format") => found.terse = terse(&parser.value()?.string()?)?,
                Arg::Long("write-baseline") => found.write_baseline = true,
                Arg::Short('h') | Arg::Long("help") => found.help = true,
                Arg::Long("include-ignored" | "test") => {}
                Arg::Long("color" | "test-threads") | Arg::Short('Z') => drop(parser.value()?),
                unknown => return Err(unknown.unexpected()),
            }
        }
        Ok(found)
    }

    /// Whether a trial of this name is asked for.
    pub fn wants(&self, name: &str) -> bool {
        let holds = |filter: &String| if self.exact { filter == name } else { name.contains(filter.as_str()) };
        !self.nothing && (self.filters.is_empty() || self.filters.iter().any(holds)) && !self.skip.iter().any(holds)
    }
}

fn terse(format: &str) -> Result<bool, lexopt::Error> {
    match format {
        "pretty" => Ok(false),
        "terse" => Ok(true),
        other => Err(format!("unknown format `{other}`: write pretty or terse").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Arguments {
        Arguments::parse(line.split_whitespace().map(OsString::from)).expect("these are understood")
    }

    #[test]
    fn what_cargo_and_nextest_say_is_understood() {
        let listed = parse("--list --format terse");
        assert!(listed.list && listed.terse && listed.wants("a/b"));
        // Nextest asks for the ignored ones too, and must not get all a second time.
        assert!(!parse("--list --format=terse --ignored").wants("a/b"));
        let one = parse("a/b[c] --exact --nocapture");
        assert!(one.wants("a/b[c]") && !one.wants("a/b[c,d]") && one.show_output);
        assert!(parse("--test-threads 1 --color=always -Z unstable-options --include-ignored -q").wants("a/b"));
        assert!(!parse("--bench").wants("a/b"));
    }

    #[test]
    fn filters_are_parts_of_names_and_any_is_enough() {
        let arguments = parse("streaming retry --skip [date]");
        for (name, wanted) in [
            ("streaming/x", true),
            ("rate/retry-after[secs]", true),
            ("rate/retry-after[date]", false),
            ("auth/x", false),
        ] {
            assert_eq!(arguments.wants(name), wanted, "{name}");
        }
    }

    #[test]
    fn a_slip_of_the_fingers_is_refused() {
        for line in ["--exat", "--format json", "--skip"] {
            assert!(Arguments::parse(line.split_whitespace().map(OsString::from)).is_err(), "{line}");
        }
    }
}
