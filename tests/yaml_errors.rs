//! Files that are YAML but do not fit their type: the place, the message and the help.

mod yaml_types;

use brownout::yaml::{Source, SourceError, from_node, parse};
use rstest::rstest;
use yaml_types::Scenario;

fn failed(text: &str) -> SourceError {
    let source = Source::new("test.yaml", text);
    let document = parse(&source).expect("the text is YAML");
    source.error(from_node::<Scenario>(&document.root).expect_err("the text does not fit"))
}

#[rstest]
#[case::two_tags(
    "title: x\nprimary:\n  - text: a\n    cut: {after: 1}\n",
    4,
    5,
    "one of `text` and `cut`, not both",
    "write a list of two items"
)]
#[case::two_tags_in_flow(
    "title: x\nprimary: [{text: a, cut: {}}]\n",
    2,
    21,
    "one of `text` and `cut`, not both",
    "write a list of two items"
)]
#[case::no_tag(
    "title: x\nprimary: [{}]\n",
    2,
    11,
    "expected one key, found an empty map",
    "known keys: finish, text, cut, wait, pick, repeat, even, shape"
)]
#[case::deep_unknown_key(
    "title: x\nprimary: [finish, {cut: {after: 1, head_aftr: 2}}]\n",
    2,
    36,
    "unknown key `head_aftr`",
    "did you mean `head_after`?"
)]
#[case::far_unknown_key(
    "title: x\ncolour: red\n",
    2,
    1,
    "unknown key `colour`",
    "known keys: title, primary, limit, weights, pair, named"
)]
#[case::quoted_unknown_key("title: x\n\"titel\": x\n", 2, 1, "unknown key `titel`", "did you mean `title`?")]
#[case::integer_for_text("title: 42\n", 1, 8, "expected a string, found the integer 42", "quote it: \"42\"")]
#[case::boolean_for_text("title: true\n", 1, 8, "expected a string, found the boolean true", "quote it: \"true\"")]
#[case::number_for_text("title: 1.5\n", 1, 8, "expected a string, found the number 1.5", "quote it: \"1.5\"")]
#[case::rounded_for_text("title: 1.50\n", 1, 8, "expected a string, found the number 1.5", "put it in quotes")]
#[case::null_for_text("title: ~\n", 1, 8, "expected a string, found null", "put it in quotes")]
#[case::nothing_for_text("title:\n", 1, 7, "expected a string, found null", "write \"\" for an empty text")]
#[case::text_in_newtype(
    "title: x\nprimary:\n  - text: 5\n",
    3,
    11,
    "expected a string, found the integer 5",
    "quote it: \"5\""
)]
#[case::unknown_variant("title: x\nprimary: [finsh]\n", 2, 11, "unknown value `finsh`", "did you mean `finish`?")]
#[case::far_variant(
    "title: x\nprimary:\n  - elephant\n",
    3,
    5,
    "unknown value `elephant`",
    "known values: finish, text, cut, wait, pick, repeat, even, shape"
)]
#[case::variant_as_key("title: x\nprimary:\n  - cutt: {}\n", 3, 5, "unknown key `cutt`", "did you mean `cut`?")]
#[case::second_key_unknown(
    "title: x\nprimary:\n  - text: a\n    elephant: 1\n",
    4,
    5,
    "unknown key `elephant`",
    "known keys: finish, text, cut, wait, pick, repeat, even, shape"
)]
#[case::variant_without_value(
    "title: x\nprimary: [cut]\n",
    2,
    11,
    "`cut` needs a value",
    "write it as a key: `cut: ...`"
)]
#[case::variant_with_value("title: x\nprimary: [finish: 1]\n", 2, 19, "`finish` takes no value", "write just `finish`")]
#[case::variant_with_colon("title: x\nprimary:\n  - finish:\n", 3, 5, "`finish` takes no value", "write just `finish`")]
#[case::extra_item("title: x\npair: [1, 2, 3]\n", 2, 14, "the list has more than 2 items", "remove this item")]
#[case::conversion("title: x\nprimary: [even: 4, even: 5]\n", 2, 26, "the number is odd", "add one")]
#[case::custom_map(
    "title: x\nprimary:\n  - wait: {from: 1, too: 2}\n",
    3,
    21,
    "unknown key `too`",
    "did you mean `to`?"
)]
#[case::custom_variant(
    "title: x\nprimary:\n  - shape: {circl: 2}\n",
    3,
    13,
    "unknown key `circl`",
    "did you mean `circle`?"
)]
#[case::custom_two_variants(
    "title: x\nprimary:\n  - shape: {circle: 1, square: 2}\n",
    3,
    24,
    "one of `circle` and `square`, not both",
    "write a list of two items"
)]
#[case::multi_byte("{\"title\": é€😀, limt: 1}\n", 1, 16, "unknown key `limt`", "did you mean `limit`?")]
fn failed_at(
    #[case] text: &str,
    #[case] line: usize,
    #[case] column: usize,
    #[case] message: &str,
    #[case] help: &str,
) {
    let error = failed(text);
    assert_eq!((error.line, error.column, error.message.as_str()), (line, column, message));
    assert_eq!(error.help.as_deref(), Some(help));
}

#[rstest]
#[case::missing("limit: 1\npair: [1, 2]\n", 1, 1, "missing key `title`")]
#[case::missing_after_comment("# a\n\nlimit: 1\n", 3, 1, "missing key `title`")]
#[case::missing_in_empty("{}\n", 1, 1, "missing key `title`")]
#[case::missing_in_variant("title: x\nprimary:\n  - repeat: {}\n", 3, 13, "missing key `count`")]
#[case::missing_in_custom("title: x\nprimary: [{wait: {to: 1}}]\n", 2, 19, "missing key `from`")]
#[case::text_for_integer(
    "title: x\nlimit: \"5\"\n",
    2,
    8,
    "expected an integer from 0 to 4294967295, found the string \"5\""
)]
#[case::negative("title: x\nlimit: -1\n", 2, 8, "expected an integer from 0 to 4294967295, found the integer -1")]
#[case::number_for_integer(
    "title: x\nlimit: 1.5\n",
    2,
    8,
    "expected an integer from 0 to 4294967295, found the number 1.5"
)]
#[case::yes_is_text("title: x\nnamed: {é: true, 'ü': yes}\n", 2, 23, "expected a boolean, found the string \"yes\"")]
#[case::exponent_is_text("title: x\nweights: [1, 1.5, 1e3]\n", 2, 19, "expected a number, found the string \"1e3\"")]
#[case::map_for_list("title: x\nprimary: {cut: {}}\n", 2, 10, "expected a list, found a map")]
#[case::list_for_map("title: x\nprimary: [cut: [1]]\n", 2, 16, "expected a map, found a list")]
#[case::text_for_all("hello\n", 1, 1, "expected a map, found the string \"hello\"")]
#[case::integer_for_variant(
    "title: x\nprimary: [7]\n",
    2,
    11,
    "expected one of finish, text, cut, wait, pick, repeat, even, shape, found the integer 7"
)]
#[case::short_tuple("title: x\nprimary: [pick: [1]]\n", 2, 17, "expected a list of length 2, found one of length 1")]
#[case::list_for_struct("title: x\nprimary: [repeat: [1]]\n", 2, 19, "expected a map, found a list")]
#[case::list_for_file("[x, []]\n", 1, 1, "expected a map, found a list")]
#[case::short_pair("title: x\npair: [1]\n", 2, 7, "expected a list of length 2, found one of length 1")]
#[case::text_for_pair("title: x\npair: a\n", 2, 7, "expected a list, found the string \"a\"")]
#[case::custom_text("title: x\nprimary: [wait: 2s, wait: 2m]\n", 2, 27, "a duration ends with `s`")]
#[case::custom_type(
    "title: x\nprimary: [wait: 2]\n",
    2,
    17,
    "expected a duration like 2s or a range, found the integer 2"
)]
fn failed_without_help(#[case] text: &str, #[case] line: usize, #[case] column: usize, #[case] message: &str) {
    let error = failed(text);
    assert_eq!((error.line, error.column, error.message.as_str(), error.help), (line, column, message, None));
}

#[test]
fn shown_like_a_compiler_does() {
    let shown = "test.yaml:3:11: unknown key `aftr`\n  \
                   |\n\
                 3 |   - cut: {aftr: 2}\n  \
                   |           ^^^^\n\
                 help: did you mean `after`?";
    assert_eq!(failed("title: x\nprimary:\n  - cut: {aftr: 2}\n").to_string(), shown);
}

#[test]
fn only_the_first_line_of_a_block_is_marked() {
    let shown = "test.yaml:3:3: expected a list, found a map\n  \
                   |\n\
                 3 |   cut: # why\n  \
                   |   ^^^^^^^^^^";
    assert_eq!(failed("title: x\nprimary:\n  cut: # why\n    after: 1\n").to_string(), shown);
}

#[test]
fn wide_characters_keep_the_carets_in_place() {
    let shown = "test.yaml:1:10: expected a boolean, found the integer 1\n  \
                   |\n\
                 1 | named: {漢: 1}\n  \
                   |             ^";
    let shown = shown.replace(":1:10:", ":1:12:");
    assert_eq!(failed("named: {漢: 1}\n").to_string(), shown);
}

#[rstest]
#[case::near_the_end(370)]
#[case::in_the_middle(200)]
#[case::near_the_start(40)]
fn a_long_line_is_cropped_around_the_carets(#[case] before: usize) {
    let items = |length: usize| "finish, ".repeat(length / 8);
    let text = format!("title: x\nprimary: [{}{{cut: {{aftr: 2}}}}, {}finish]\n", items(before), items(400 - before));
    let error = failed(&text);
    assert_eq!((error.line, error.column), (2, 11 + before / 8 * 8 + 7));
    let shown = error.to_string();
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines.iter().all(|line| line.chars().count() <= 140), "{shown}");
    let caret = lines[3].find("^^^^").expect("the carets are shown");
    assert_eq!(&lines[2][caret..caret + 4], "aftr", "{shown}");
}
