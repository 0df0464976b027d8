//! The family `storm`.

use super::*;

/// Fifty users with two attempts each, one user every so many milliseconds.
fn twice(every: u64) -> Story {
    (0..50).fold(story(), |story, n| {
        let (story, at) = (if n == 0 { story } else { story.user(n * every) }, n * every);
        let story = story.asks(at, Primary, status(500)).asks(at + 60, Primary, good());
        story.completed(at + 80, 2 * n as usize + 1)
    })
}

#[rstest]
#[case::twice_as_many_at_once("no-storm", twice(1))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::what_the_budget_earns_in_a_minute("no-storm", twice(1200), Some(Status::Pass))]
#[case::few_users_are_no_storm("no-storm", (0..9).fold(story(), |s, n| s.asks(n, Primary, status(500))).failed(20, Class::Server), None)]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}
