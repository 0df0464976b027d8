//! What is not accepted as YAML at all: the place, the message and the help.

use brownout::yaml::{Source, SourceError, parse};
use rstest::rstest;
use std::path::{Path, PathBuf};

fn refused(text: &str) -> SourceError {
    parse(&Source::new("test.yaml", text)).expect_err("the text is not accepted")
}

#[rstest]
#[case::anchor("a: &x 1\n", 1, 4, "anchors are not allowed", "write the value out again")]
#[case::anchor_on_map("a: &x\n  b: 1\n", 1, 4, "anchors are not allowed", "write the value out again")]
#[case::alias("a: 1\nb: [*x]\n", 2, 5, "aliases are not allowed", "write the value out again")]
#[case::tag("a:\n  - !!str 5\n", 2, 5, "tags are not allowed", "remove the tag; quote a value to make it text")]
#[case::tag_on_map("a: !t\n  b: 1\n", 1, 4, "tags are not allowed", "remove the tag; quote a value to make it text")]
#[case::merge("a:\n  <<: {b: 1}\n", 2, 3, "merge keys are not allowed", "write the keys out again")]
#[case::duplicate(
    "a: 1\nb: 2\n\na: 3\n",
    4,
    1,
    "the key `a` is given twice",
    "it is on line 1 already: keep one of them"
)]
#[case::duplicate_quoted(
    "x: {a: 1, \"a\": 2}\n",
    1,
    11,
    "the key `a` is given twice",
    "it is on line 1 already: keep one of them"
)]
#[case::documents("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here", "put each document in a file of its own")]
#[case::integer_key("a:\n  429: x\n", 2, 3, "the key `429` is not text", "quote it: \"429\"")]
#[case::boolean_key("{a: 1, true: x}\n", 1, 8, "the key `true` is not text", "quote it: \"true\"")]
#[case::null_key("null: x\n", 1, 1, "the key `null` is not text", "quote it: \"null\"")]
#[case::no_key("a: 1\n: x\n", 2, 1, "there is no key before the `:`", "write a key, or remove the line")]
#[case::list_key("? [a]\n: b\n", 1, 3, "a list or a map cannot be a key", "write a text before the `:`")]
#[case::integer_too_large(
    "a: 9223372036854775808\n",
    1,
    4,
    "the number 9223372036854775808 is too large",
    "put it in quotes if it is meant as text"
)]
#[case::tab(
    "a:\n\t- b\n",
    2,
    1,
    "tabs disallowed within this context (block indentation)",
    "indent with spaces, not with tabs"
)]
#[case::tab_after_text(
    "a: b\n\tc: 1\n",
    2,
    1,
    "while scanning a plain scalar, found a tab",
    "indent with spaces, not with tabs"
)]
#[case::colon_in_text(
    "é: ü: x\n",
    1,
    5,
    "mapping values are not allowed in this context",
    "put the text in quotes if it has `: ` in it; else check the indentation"
)]
#[case::quote("a: 1\nb: 'x\n", 2, 4, "unclosed quote", "end the text with the quote it begins with")]
#[case::multi_byte("é€😀: [ü, *x]\n", 1, 10, "aliases are not allowed", "write the value out again")]
fn refused_at(
    #[case] text: &str,
    #[case] line: usize,
    #[case] column: usize,
    #[case] message: &str,
    #[case] help: &str,
) {
    let error = refused(text);
    assert_eq!((error.line, error.column, error.message.as_str()), (line, column, message));
    assert_eq!(error.help.as_deref(), Some(help));
}

#[rstest]
#[case::nothing("")]
#[case::comments("# one\n# two\n")]
#[case::only_a_mark("---\n")]
fn empty(#[case] text: &str) {
    let error = refused(text);
    assert_eq!((error.line, error.column, error.message.as_str()), (1, 1, "the file has no content"));
}

#[rstest]
#[case::followed("a: 1\nb: [1, 2\nc: 3\n", 3, 2, "the `[` on line 2 is not closed before this")]
#[case::at_the_end("a: 1\nb: [1, 2\n", 2, 4, "close it")]
#[case::map("a: 1\nb: {c: 1\nd: 3\ne: 4\n", 3, 2, "the `{` on line 2 is not closed before this")]
fn unclosed_bracket(#[case] text: &str, #[case] line: usize, #[case] column: usize, #[case] help: &str) {
    let error = refused(text);
    assert_eq!((error.line, error.column, error.help.as_deref()), (line, column, Some(help)), "{error}");
}

#[rstest]
#[case::flow("[", "]")]
#[case::block("- ", "")]
fn nesting(#[case] open: &str, #[case] close: &str) {
    let nested = |depth: usize| format!("{}1{}\n", open.repeat(depth), close.repeat(depth));
    assert!(parse(&Source::new("deep.yaml", nested(64))).is_ok());
    for depth in [65, 400, 1500] {
        let error = refused(&nested(depth));
        assert_eq!((error.line, error.column), (1, 64 * open.len() + 1));
        assert_eq!(error.message, "lists and maps are nested deeper than 64");
    }
}

#[test]
fn enormous_nesting_is_refused_without_harm() {
    refused(&"[".repeat(1_000_000));
    refused(&"- ".repeat(500_000));
    refused(&"{a: ".repeat(250_000));
}

#[test]
fn many_nodes() {
    let error = refused(&format!("[{}]\n", "1,".repeat(200_001)));
    assert_eq!((error.line, error.column), (1, 2 + 2 * 200_000));
    assert_eq!(error.message, "the file has more than 200000 keys and values");
}

#[test]
fn many_comments_are_no_error() {
    let comments = "# a\n".repeat(500);
    let text = format!("{comments}a:\n{comments}  - 1\n{comments}  - 2\n{comments}");
    let document = parse(&Source::new("test.yaml", text)).expect("comments are allowed");
    assert_eq!(document.comments.len(), 2000);
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).expect("the file is written");
    path
}

#[test]
fn not_utf8() {
    let path = file("latin1.yaml", b"a: 1\n\xc3\xa9: caf\xe9 x\n");
    let error = Source::read(&path, "shown.yaml").expect_err("it is not UTF-8");
    assert_eq!((error.line, error.column, error.message.as_str()), (2, 7, "the byte 0xe9 is not UTF-8"));
    assert_eq!(error.path, "shown.yaml");
    assert_eq!(error.help.as_deref(), Some("save the file as UTF-8"));
}

#[test]
fn too_large() {
    let path = file("large.yaml", &vec![b'#'; 1_048_577]);
    let error = Source::read(&path, "large.yaml").expect_err("it is too large");
    let shown = "large.yaml: the file is too large: the limit is 1048576 bytes (1 MiB), it has 1048577 bytes\n\
                 help: split it into several files";
    assert_eq!(error.to_string(), shown);
    assert!(Source::read(&file("full.yaml", &vec![b'#'; 1_048_576]), "full.yaml").is_ok());
}

#[test]
fn missing_or_directory() {
    let missing = Source::read(Path::new("no/such/file.yaml"), "file.yaml").expect_err("there is none");
    assert_eq!(missing.to_string(), "file.yaml: there is no such file");
    let directory = Source::read(Path::new(env!("CARGO_TARGET_TMPDIR")), "dir").expect_err("it is a directory");
    assert_eq!(directory.to_string(), "dir: this is a directory, not a file\nhelp: name a file inside it");
    assert_eq!((directory.line, directory.column), (0, 0));
}

#[test]
fn a_byte_order_mark_is_stripped() {
    let source = Source::read(&file("bom.yaml", b"\xef\xbb\xbfa: *x\n"), "bom.yaml").expect("it is read");
    assert_eq!(source.text, "a: *x\n");
    let error = parse(&source).expect_err("it has an alias");
    assert_eq!((error.line, error.column), (1, 4));
}
