//! The family `expect`.

use super::*;

#[rstest]
#[case::other_outcome("as-expected", story().asks(0, Primary, good()).completed(20, 0).expect(outcome(ResultWord::Failed, None)))]
#[case::other_class("as-expected", story().asks(0, Primary, status(400)).failed(20, Class::Server).expect(outcome(ResultWord::Failed, Some(Class::InvalidRequest))))]
#[case::other_count("as-expected", story().asks(0, Primary, good()).completed(20, 0).expect(attempts(2)))]
#[case::too_late("as-expected", story().asks(0, Primary, good()).completed(551, 0).expect(within(500)))]
#[case::never("as-expected", story().asks(0, Primary, silent(9000)).expect(within(500)))]
#[case::too_much_taken("as-expected", story().asks(0, Primary, good()).facts(|t| t.attempts[0].sent = 101).completed(20, 0).expect(at_most_taken(100)))]
#[case::far_too_much_taken("as-expected", story().asks(0, Primary, good()).facts(|t| t.attempts[0].sent = 5000).completed(20, 0).expect(at_most_taken(100)))]
#[case::too_many_together("as-expected", story().asks(0, Primary, good()).completed(20, 0).facts(|t| _ = t.total.insert(Primary, Count { from: 2, to: None })))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::met("as-expected", story().asks(0, Primary, good()).completed(20, 0).expect(outcome(ResultWord::Completed, None)).expect(attempts(1)))]
#[case::just_in_time("as-expected", story().asks(0, Primary, good()).completed(550, 0).expect(within(500)))]
#[case::as_much_as_may_be("as-expected", story().asks(0, Primary, good()).facts(|t| t.attempts[0].sent = 100).completed(20, 0).expect(at_most_taken(100)))]
#[case::as_many_together("as-expected", story().asks(0, Primary, good()).completed(20, 0).facts(|t| _ = t.total.insert(Primary, Count { from: 1, to: Some(1) })))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

/// What differs is said in words that name both sides.
#[test]
fn what_differs_is_named() {
    let breach = |expect: Expect| {
        let story = story().asks(0, Primary, status(500)).failed(20, Class::Server).expect(expect);
        let breaches = story.verdict("as-expected").expect("it speaks").breaches;
        breaches.into_iter().map(|breach| (breach.actual, breach.expected)).collect::<Vec<_>>()
    };
    let pair = |actual: &str, expected: &str| vec![(actual.to_owned(), expected.to_owned())];
    assert_eq!(breach(outcome(ResultWord::Completed, None)), pair("failed: server", "completed"));
    assert_eq!(breach(outcome(ResultWord::Failed, Some(Class::Auth))), pair("failed: server", "failed: auth"));
    assert_eq!(breach(attempts(2)), pair("1 attempts at the primary", "2"));
}
