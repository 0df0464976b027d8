//! The family `breaker`. The default policy: five failures open it, for one second; then one probe at once.

use super::*;

/// A user comes and is served by the primary.
fn served(story: Story, at: u64) -> Story {
    asks(story, at, good(), 10)
}

/// A user comes, asks the primary, and is served by the fallback if that fails and the request is not at fault.
fn asks(story: Story, at: u64, answer: Answer, took: u64) -> Story {
    let story = arrives(story, at).asks(at, Primary, answer.timed(Some(took), Some(took)));
    let attempt = story.t.attempts.len() - 1;
    match story.t.attempts[attempt].reply.status {
        Some(200) if !story.t.attempts[attempt].reply.in_band => story.completed(at + took, attempt),
        Some(400) => story.failed(at + took, Class::InvalidRequest),
        _ => from_fallback(story, at + took + 1),
    }
}

/// A user comes and gets nothing from the primary before its client gives it up.
fn waits(story: Story, at: u64) -> Story {
    from_fallback(arrives(story, at).asks(at, Primary, silent(2000)), at + 2001)
}

/// A user comes and is served by the fallback at once.
fn kept_away(story: Story, at: u64) -> Story {
    from_fallback(arrives(story, at), at)
}

fn from_fallback(story: Story, at: u64) -> Story {
    let story = story.asks(at, Fallback, good());
    let attempt = story.t.attempts.len() - 1;
    story.completed(at + 10, attempt)
}

/// The first user is there already.
fn arrives(story: Story, at: u64) -> Story {
    if story.t.attempts.is_empty() { story } else { story.user(at) }
}

/// So many failures, the last of them at 410 ms.
fn ill(failures: u64) -> Story {
    (5 - failures..5).fold(story(), |s, n| asks(s, n * 100, status(500), 10))
}

/// It opens at 410 ms, so it is half-open from 1410 ms on.
fn opened() -> Story {
    ill(5)
}

/// And closes at 1510 ms.
fn closed() -> Story {
    served(opened(), 1500)
}

/// So many whose head comes at once and whose body drags on: some clients count the first, some the last.
fn dragging(failures: u64) -> Story {
    (0..failures).fold(story(), |s, n| {
        let at = n * 100;
        from_fallback(arrives(s, at).asks(at, Primary, status(500).timed(Some(5), Some(900))), at + 910)
    })
}

/// So many of another kind.
fn five(answer: fn() -> Answer) -> Story {
    (0..5).fold(story(), |s, n| asks(s, n * 100, answer(), 10))
}

/// Two client objects take turns.
fn shared_by_two(story: Story) -> Story {
    story.facts(|t| t.copies = 2)
}

/// The user of the last line leaves so many milliseconds after the start.
fn leaves(story: Story, at: u64) -> Story {
    let story = story.facts(|t| t.attempts.last_mut().expect("an attempt").wire = Wire::UserLeft);
    story.facts(|t| {
        let user = t.users.last_mut().expect("a user");
        (user.left, user.ended, user.outcome) = (Some(at * 1000), None, None);
    })
}

/// A probe whose user leaves at 1600 ms.
fn deserted() -> Story {
    leaves(arrives(opened(), 1500).asks(1500, Primary, silent(100)), 1600)
}

#[rstest]
#[case::asked_at_51_ms("breaker-opens", asks(opened(), 461, status(500), 10))]
#[case::asked_3_ms_too_early("breaker-opens", served(opened(), 1407))]
#[case::asked_and_well("breaker-opens", served(opened(), 900))]
#[case::silence_counts("breaker-opens", waits((0..5).fold(story(), |s, n| waits(s, n * 100)), 2500))]
#[case::one_failed_probe_opens_it_again("breaker-opens", served(asks(opened(), 1500, status(503), 10), 2400))]
#[case::a_retry_too("breaker-opens", asks(opened(), 405, status(500), 3).asks(700, Primary, status(500)))]
#[case::the_fallback_has_one("breaker-opens", (0..6).fold(story(), |s, n| arrives(s, n * 100).asks(n * 100, Primary, status(500)).asks(n * 100 + 20, Fallback, status(500)).failed(n * 100 + 30, Class::Server)).facts(|t| t.attempts.retain(|a| a.host == Fallback)))]
#[case::an_error_in_a_200_counts("breaker-opens", asks((0..5).fold(story(), |s, n| asks(s, n * 100, status(500).in_band(500), 10)), 600, status(500), 10))]
#[case::of_each_client_object("breaker-opens", asks(shared_by_two((0..10).fold(story(), |s, n| asks(s, n * 40, status(500), 10))), 600, status(500), 10))]
#[case::where_limits_count("breaker-opens", asks(five(limited).policy(count_limits), 600, limited(), 10))]
#[case::two_probes("breaker-probes", asks(asks(opened(), 1500, status(500), 600), 1600, status(500), 600))]
#[case::two_probes_that_hang("breaker-probes", waits(waits(opened(), 1500), 1600))]
#[case::just_before_the_first_is_over(
    "breaker-probes",
    asks(asks(opened(), 1500, status(500), 600), 2049, status(500), 600)
)]
#[case::three_of_two("breaker-probes", (0..3).fold(opened().policy(two_probes), |s, n| asks(s, 1500 + n, status(500), 600)))]
#[case::never_asked_again("breaker-closes", kept_away(kept_away(opened(), 2460), 2500))]
#[case::not_asked_though_closed("breaker-closes", kept_away(closed(), 1560))]
#[case::not_asked_after_bad_requests("breaker-closes", kept_away(five(|| status(400)), 600))]
#[case::not_asked_after_too_few("breaker-closes", kept_away(ill(4), 600))]
#[case::not_asked_after_failures_too_old("breaker-closes", kept_away((0..5).fold(story(), |s, n| asks(s, n * 4000, status(500), 10)), 17_000))]
#[case::a_success_clears_the_count("breaker-closes", kept_away(asks(served(ill(4), 600), 700, status(500), 10), 900))]
#[case::the_place_of_a_probe_is_lost("breaker-closes", kept_away(kept_away(deserted(), 3650), 3700))]
#[case::failed_for_it("breaker-closes", ill(4).user(600).failed(610, Class::Exhausted))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
    let others: Vec<_> =
        story.failing().into_iter().filter(|other| other.starts_with("breaker-") && other != rule).collect();
    assert_eq!(others, Vec::<String>::new(), "each breach belongs to one rule");
}

#[rstest]
#[case::on_its_way_at_50_ms("breaker-opens", asks(opened(), 460, status(500), 10))]
#[case::a_grain_early("breaker-opens", served(opened(), 1408))]
#[case::held_and_closed("breaker-opens", kept_away(closed(), 700))]
#[case::under_way_when_it_opens("breaker-opens", asks(asks(ill(4), 405, status(500), 300), 410, status(500), 300))]
#[case::half_of_them_each("breaker-opens", asks(shared_by_two((0..9).fold(story(), |s, n| asks(s, n * 40, status(500), 10))), 600, status(500), 10))]
#[case::one_after_another("breaker-probes", asks(asks(opened(), 1500, status(500), 600), 3200, status(500), 600))]
#[case::within_the_allowance_of_the_end(
    "breaker-probes",
    asks(asks(opened(), 1500, status(500), 600), 2050, status(500), 600)
)]
#[case::two_of_two("breaker-probes", (0..2).fold(opened().policy(two_probes), |s, n| asks(s, 1500 + n, status(500), 600)))]
#[case::all_at_once_after_a_success("breaker-probes", (0..9).fold(closed(), |s, n| asks(s, 1600 + n, status(500), 600)))]
#[case::asked_by_one_of_many("breaker-closes", served(served(kept_away(opened(), 1450), 1500), 1600))]
#[case::asked_after_bad_requests("breaker-closes", served(five(|| status(400)), 600))]
#[case::asked_after_too_few("breaker-closes", served(ill(4), 600))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::no_breaker("breaker-opens", asks(opened(), 600, status(500), 10).policy(|policy| policy.breaker = brownout::duration::OrNone::None), None)]
#[case::four_are_too_few("breaker-opens", asks(ill(3), 600, status(500), 10), None)]
#[case::bad_requests("breaker-opens", asks(five(|| status(400)), 600, status(400), 10), None)]
#[case::limits("breaker-opens", asks(five(limited), 600, limited(), 10), None)]
#[case::failures_that_others_call_a_limit("breaker-opens", asks(five(|| status(529)), 600, status(500), 10), None)]
#[case::a_success_at_the_same_time("breaker-opens", asks(served(opened(), 405), 600, status(500), 10), None)]
#[case::connections_that_nobody_can_own("breaker-opens", asks(opened(), 600, status(500), 10).facts(|t| t.contacts.push(Contact { host: Primary, accepted: 0 })), None)]
#[case::refused_for_a_while("breaker-opens", asks(opened(), 600, status(500), 10).facts(|t| t.refusing.push(Primary)), None)]
#[case::given_up_in_haste("breaker-opens", asks((0..5).fold(story(), |s, n| asks(s, n * 700, silent(600), 600)), 3500, status(500), 10), None)]
#[case::errors_that_drag_on("breaker-opens", asks(dragging(5), 1500, status(500), 10), None)]
#[case::errors_that_may_have_counted_at_their_head("breaker-closes", kept_away(dragging(5), 600), None)]
#[case::a_late_success_closes_some("breaker-opens", asks(asks(ill(4), 400, good(), 300), 800, status(500), 10), None)]
#[case::a_probe_whose_user_leaves("breaker-probes", asks(deserted(), 1650, status(500), 600), Some(Status::Pass))]
#[case::a_bad_request_for_a_probe(
    "breaker-opens",
    served(asks(opened(), 1500, status(400), 10), 1700),
    Some(Status::Pass)
)]
#[case::soon_after_it_closed("breaker-closes", kept_away(closed(), 1559), Some(Status::Pass))]
#[case::one_user_alone("breaker-closes", kept_away(kept_away(opened(), 2459), 2500), Some(Status::Pass))]
#[case::a_refused_key_may_be_benched("breaker-closes", kept_away(five(|| status(401)), 600), None)]
#[case::a_limit_may_be_waited_for("breaker-closes", kept_away(five(limited), 600), None)]
#[case::a_503_that_names_a_wait("breaker-closes", kept_away((0..4).fold(story(), |s, n| asks(s, n * 100, status(503).wait(5000), 10)), 600), None)]
#[case::five_of_which_some_may_count("breaker-closes", kept_away((0..5).fold(story(), |s, n| asks(s, n * 100, status(529), 10)), 600), None)]
#[case::a_user_who_left("breaker-closes", leaves(kept_away(ill(4), 600), 600), Some(Status::Pass))]
#[case::a_request_refused_by_the_client("breaker-closes", ill(4).user(600).failed(610, Class::InvalidRequest), Some(Status::Pass))]
#[case::nothing_was_ever_wrong("breaker-closes", kept_away(served(story(), 0), 600), None)]
#[case::the_fallback_may_be_left_alone("fallback-used", nobody_answers(5), None)]
#[case::the_fallback_must_be_asked("fallback-used", nobody_answers(4), Some(Status::Fail))]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}

/// So many users whom both providers fail, and one who never asks the fallback.
fn nobody_answers(failures: u64) -> Story {
    let both = |s: Story, at: u64| {
        arrives(s, at).asks(at, Primary, status(400).code("tool_use_failed")).asks(at + 20, Fallback, status(500))
    };
    let story = (0..failures).fold(story(), |s, n| both(s, n * 100).failed(n * 100 + 30, Class::Server));
    story.user(600).asks(600, Primary, status(500)).failed(620, Class::Server)
}

fn two_probes(policy: &mut brownout::policy::Policy) {
    change(policy, |breaker| breaker.probes = 2);
}

fn count_limits(policy: &mut brownout::policy::Policy) {
    change(policy, |breaker| breaker.counts.push(brownout::causes::Mode::RateQuota));
}

fn change(policy: &mut brownout::policy::Policy, change: impl FnOnce(&mut brownout::policy::Breaker)) {
    let mut breaker = policy.breaker.as_ref().cloned().expect("the default has one");
    change(&mut breaker);
    policy.breaker = brownout::duration::OrNone::Some(breaker);
}
