//! What a good file becomes, and that every span is exactly what was written.

mod yaml_types;

use brownout::yaml::{Node, Source, Span, Value, from_node, parse};
use rstest::rstest;
use serde_json::json;
use yaml_types::{Cut, Even, Item, Loose, Name, Range, Scenario, Tagged, Wait};

fn root(text: &str) -> Node {
    parse(&Source::new("test.yaml", text)).expect("the text is YAML").root
}

fn slice(text: &str, span: Span) -> &str {
    &text[span.start..span.end]
}

#[rstest]
#[case::plain("a: one two # c\n", "one two", json!("one two"))]
#[case::plain_lines("a: one\n  two\nb: 1\n", "one\n  two", json!("one two"))]
#[case::integer("a: -12\n", "-12", json!(-12))]
#[case::number("a: 1.50 \n", "1.50", json!(1.5))]
#[case::single("a: 'it''s' # c\n", "'it''s'", json!("it's"))]
#[case::double("é: 1\na: \"\\u00e9\\n\"\n", "\"\\u00e9\\n\"", json!("é\n"))]
#[case::literal("a: |\n  one\n  two\n\nb: 1\n", "one\n  two", json!("one\ntwo\n"))]
#[case::folded("a: >-\n  one\n  two\n", "one\n  two", json!("one two"))]
#[case::carriage("a: one\r\nb: 1\r\n", "one", json!("one"))]
#[case::flow_list("a: [1, 'b', [c]] # c\n", "[1, 'b', [c]]", json!([1, "b", ["c"]]))]
#[case::flow_map("a: {b: 1, \"c\": é}\nd: 1\n", "{b: 1, \"c\": é}", json!({"b": 1, "c": "é"}))]
#[case::block_list("a:\n  - 1\n  - b: 2\n    c: 3 # c\n\nd: 1\n", "- 1\n  - b: 2\n    c: 3", json!([1, {"b": 2, "c": 3}]))]
#[case::flat_list("a:\n- 1\n- 2\nd: 1\n", "- 1\n- 2", json!([1, 2]))]
#[case::flat_list_of_lists("x: 1\na:\n-   - 1\n    - 2\n- - 3\n", "-   - 1\n    - 2\n- - 3", json!([[1, 2], [3]]))]
#[case::flat_list_with_comment("a: # c\n# d\n- # é\n  b: 1\n", "- # é\n  b: 1", json!([{"b": 1}]))]
#[case::flat_list_of_nothing("a:\n-\nb: 1\n", "-", json!([null]))]
#[case::empty_literal("a: |\n\n\nb: 1\n", "|", json!(""))]
#[case::block_map("a:\n  b: 1\n  c: {d: 2}\n# c\ne: 1\n", "b: 1\n  c: {d: 2}", json!({"b": 1, "c": {"d": 2}}))]
#[case::nothing("a:\nb: 1\n", "", json!(null))]
fn value_spans(#[case] text: &str, #[case] written: &str, #[case] value: serde_json::Value) {
    let root = root(text);
    let node = root.get("a").expect("there is an a");
    assert_eq!((slice(text, node.span), node.to_json()), (written, value));
}

#[rstest]
#[case::plain("a b: 1\n", "a b", "a b")]
#[case::single("'a b': 1\n", "a b", "'a b'")]
#[case::double("x: 1\n\"\\u00e9\": 1\n", "é", "\"\\u00e9\"")]
#[case::flow("{é: 1, \"b\": 2}\n", "b", "\"b\"")]
#[case::quoted_number("\"429\": 1\n", "429", "\"429\"")]
fn key_spans(#[case] text: &str, #[case] key: &str, #[case] written: &str) {
    let span = root(text).key_span(key);
    assert_eq!(slice(text, span), written);
}

#[rstest]
#[case("null", Value::Null)]
#[case("~", Value::Null)]
#[case("true", Value::Bool(true))]
#[case("false", Value::Bool(false))]
#[case("0", Value::Int(0))]
#[case("-9223372036854775808", Value::Int(i64::MIN))]
#[case("0.5", Value::Float(0.5))]
#[case("-10.25", Value::Float(-10.25))]
fn resolved(#[case] text: &str, #[case] value: Value) {
    assert_eq!(root(&format!("a: {text}\n")).get("a").map(|node| &node.value), Some(&value));
    let quoted = root(&format!("a: '{text}'\n"));
    assert_eq!(quoted.get("a").and_then(Node::as_text), Some(text));
    let block = root(&format!("a: |-\n  {text}\n"));
    assert_eq!(block.get("a").and_then(Node::as_text), Some(text));
}

#[rstest]
fn stays_text(
    #[values(
        "yes",
        "no",
        "on",
        "off",
        "True",
        "NULL",
        "Null",
        "0x1f",
        "0o17",
        "007",
        "1e3",
        "1.5e3",
        "2s",
        ".5",
        "5.",
        "+5",
        "1_000",
        "1:30",
        ".inf",
        ".nan",
        "--1",
        "1.2.3",
        "2024-01-01",
        "-0.5.",
        "٣"
    )]
    text: &str,
) {
    assert_eq!(root(&format!("a: [{text} ]\n")).get("a").map(Node::to_json), Some(json!([text])));
}

#[test]
fn comments_are_kept() {
    let text = "# é\na: 1 # two\nb: '# no'\n";
    let document = parse(&Source::new("test.yaml", text)).expect("the text is YAML");
    let comments: Vec<&str> = document.comments.iter().map(|span| slice(text, *span)).collect();
    assert_eq!(comments, ["# é", "# two"]);
}

#[test]
fn paths() {
    let text = "primary:\n  - cut: {after: 3}\n";
    let root = root(text);
    assert_eq!(root.at("primary[0].cut.after").value, Value::Int(3));
    assert_eq!(slice(text, root.at("primary[0].cut").key_span("after")), "after");
    assert_eq!(slice(text, root.at("primary[0].cut.before[7]").span), "{after: 3}", "the deepest place that exists");
    assert_eq!(
        slice(text, root.at("primary[0]").key_span("end")),
        "cut",
        "a key that is not there is told at the first"
    );
    assert_eq!(root.at("[0]"), &root);
}

#[test]
fn changed_nodes() {
    let mut root = root("a: 1\nb: 2\nc: 3\n");
    assert_eq!(root.remove("b").map(|node| node.value), Some(Value::Int(2)));
    assert_eq!(root.remove("b"), None);
    root.get_mut("c").expect("there is a c").value = Value::Text("new".to_owned());
    assert_eq!(root.to_json(), json!({"a": 1, "c": "new"}));
}

const GOOD: &str = "\
title: x
primary:
  - finish
  - text: |
      hello
  - cut: {after: 1}
  - wait: 2s
  - wait: {from: 1, to: 2}
  - pick: [1, 2]
  - repeat:
      count: 3
  - even: 4
  - shape: any
  - shape: {square: 2}
limit: null
weights: [1, 0.5]
pair: [1, 2]
named: {é: true}
";

fn good() -> Scenario {
    Scenario {
        title: "x".to_owned(),
        primary: vec![
            Item::Finish,
            Item::Text("hello\n".to_owned()),
            Item::Cut(Cut { head_after: None, after: Some(1) }),
            Item::Wait(Wait::Fixed(2)),
            Item::Wait(Wait::Range(Range { from: 1, to: 2 })),
            Item::Pick(1, 2),
            Item::Repeat { count: 3 },
            Item::Even(Even(4)),
            Item::Shape(Loose::Plain("any".to_owned())),
            Item::Shape(Loose::Tagged(Tagged::Square(2))),
        ],
        limit: None,
        weights: vec![1.0, 0.5],
        pair: Some((1, 2)),
        named: [(Name("é".to_owned()), true)].into(),
    }
}

#[test]
fn good_files_are_read() {
    assert_eq!(from_node::<Scenario>(&root(GOOD)), Ok(good()));
}

#[test]
fn texts_can_be_borrowed() {
    let root = root("[a, 'b']\n");
    assert_eq!(from_node::<Vec<&str>>(&root), Ok(vec!["a", "b"]));
}

#[test]
fn long_lines_and_keys_are_read() {
    let long = "x".repeat(3000);
    let text = format!("- {{a: [{long}, {long}], b: '{long}'}}\n- [{}1]\n", "{c: 1}, ".repeat(500));
    assert_eq!(slice(&text, root(&text).at("[0].b").span).len(), 3002);
}

fn check_spans(text: &str, node: &Node, within: Span) {
    assert!(within.start <= node.span.start && node.span.end <= within.end, "{text}");
    assert!(text.get(node.span.start..node.span.end).is_some(), "{text}");
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| check_spans(text, item, node.span)),
        Value::Map(entries) => entries.iter().for_each(|(_, value)| check_spans(text, value, node.span)),
        _ => {}
    }
}

/// Whatever people mistype: no panic, an error inside the file, every span inside the one around it.
fn check_any(text: &str) {
    let source = Source::new("test.yaml", text);
    let error = match parse(&source) {
        Ok(document) => {
            check_spans(text, &document.root, Span::new(0, text.len()));
            from_node::<Scenario>(&document.root).err().map(|problem| source.error(problem))
        }
        Err(error) => Some(error),
    };
    if let Some(error) = error {
        assert!(error.line >= 1 && error.line <= text.lines().count() + 1, "{error}");
        assert!(error.to_string().contains('^'), "{error}");
    }
}

#[rstest]
fn mistyped(
    #[values("\n", "\r", "\t", " ", "-", "- ", ": ", ":", "{", "]", "|", "#", "'", "é", "? ", "!", "\u{2028}")]
    typed: &str,
) {
    for (at, _) in GOOD.char_indices() {
        check_any(&GOOD[..at]);
        check_any(&format!("{}{typed}{}", &GOOD[..at], &GOOD[at..]));
    }
}
