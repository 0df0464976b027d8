//! The family `request`.

use super::*;

#[rstest]
#[case::wrong_path("endpoint-path", story().asks(0, Primary, good()).asked(|r| r.path = "/chat/completions".to_owned()).completed(20, 0))]
#[case::stray_path("endpoint-path", story().stray("POST", "/v1/v1/chat/completions").failed(20, Class::InvalidRequest))]
#[case::no_key("auth-header", story().asks(0, Primary, good()).asked(|r| r.auth = AuthFact::Missing).completed(20, 0))]
#[case::bare_key("auth-header", story().asks(0, Primary, good()).asked(|r| r.auth = AuthFact::Malformed).completed(20, 0))]
#[case::unknown_key("auth-header", story().asks(0, Primary, good()).asked(|r| r.auth = AuthFact::Unknown).completed(20, 0))]
#[case::form("content-type", story().asks(0, Primary, good()).asked(|r| r.content_type = Some("application/x-www-form-urlencoded".to_owned())).completed(20, 0))]
#[case::no_type("content-type", story().asks(0, Primary, good()).asked(|r| r.content_type = None).completed(20, 0))]
#[case::nearly_json("content-type", story().asks(0, Primary, good()).asked(|r| r.content_type = Some("application/jsonp".to_owned())).completed(20, 0))]
#[case::misspelled("request-schema", story().asks(0, Primary, good()).asked(wrong("/temprature")).completed(20, 0))]
#[case::on_the_retry("request-schema", story().asks(0, Primary, status(500)).asks(100, Primary, good()).asked(wrong("/n")).completed(120, 1))]
#[case::beside_what_is_allowed("request-schema", story().policy(|p| p.request.allows = vec!["/top_k".to_owned()]).asks(0, Primary, good()).asked(wrong("/top_kk")).completed(20, 0))]
#[case::above_what_is_allowed("request-schema", story().policy(|p| p.request.allows = vec!["/messages/*/weight".to_owned()]).asks(0, Primary, good()).asked(wrong("/messages/0")).completed(20, 0))]
#[case::replayed("redirect-guarded", story().asks(0, Primary, good()).led(Elsewhere, "POST").completed(20, 0))]
#[case::replayed_at_the_other_provider("redirect-guarded", story().asks(0, Primary, good()).led(Fallback, "POST").completed(20, 0))]
#[case::key_went_along("redirect-guarded", story().asks(0, Primary, good()).led_by(302, Elsewhere, "GET", true).completed(20, 0))]
#[case::key_went_along_by_a_303("redirect-guarded", story().asks(0, Primary, good()).led_by(303, Elsewhere, "GET", true).completed(20, 0))]
#[case::became_a_get("redirect-guarded", story().asks(0, Primary, good()).led_by(301, Primary, "GET", false).completed(20, 0))]
#[case::at_the_second_hop("redirect-guarded", story().asks(0, Primary, good()).led(Primary, "POST").led(Elsewhere, "POST").completed(20, 0))]
fn breaks(#[case] rule: &str, #[case] story: Story) {
    super::breaks(rule, &story);
}

#[rstest]
#[case::pinned_path("endpoint-path", story().asks(0, Primary, good()).completed(20, 0))]
#[case::right_key("auth-header", story().asks(0, Primary, good()).completed(20, 0))]
#[case::json("content-type", story().asks(0, Primary, good()).completed(20, 0))]
#[case::json_with_charset("content-type", story().asks(0, Primary, good()).asked(|r| r.content_type = Some("Application/JSON; charset=utf-8".to_owned())).completed(20, 0))]
#[case::nothing_found("request-schema", story().asks(0, Primary, good()).completed(20, 0))]
#[case::allowed("request-schema", story().policy(|p| p.request.allows = vec!["/top_k".to_owned()]).asks(0, Primary, good()).asked(wrong("/top_k")).completed(20, 0))]
#[case::allowed_below("request-schema", story().policy(|p| p.request.allows = vec!["/messages/*/weight".to_owned()]).asks(0, Primary, good()).asked(wrong("/messages/7/weight/0")).completed(20, 0))]
#[case::same_body("request-stable", story().asks(0, Primary, status(500)).asks(100, Primary, good()).completed(120, 1))]
#[case::mended("request-stable", story().asks(0, Primary, status(422)).asks(100, Primary, good()).asked(another_body).completed(120, 1))]
#[case::within_the_origin("redirect-guarded", story().asks(0, Primary, good()).led(Primary, "POST").completed(20, 0))]
#[case::a_key_at_home("redirect-guarded", story().asks(0, Primary, good()).led_by(307, Primary, "POST", true).completed(20, 0))]
#[case::see_other("redirect-guarded", story().asks(0, Primary, good()).led_by(303, Primary, "GET", false).completed(20, 0))]
#[case::not_followed("redirect-guarded", story().asks(0, Primary, moved()).failed(20, Class::InvalidRequest))]
fn keeps(#[case] rule: &str, #[case] story: Story) {
    super::keeps(rule, &story);
}

#[rstest]
#[case::a_stray_get("endpoint-path", story().asks(0, Primary, good()).stray("GET", "/v1/models").completed(20, 0), Some(Status::Pass))]
#[case::one_attempt("request-stable", story().asks(0, Primary, good()).completed(20, 0), None)]
#[case::the_fallback_has_its_own("request-stable", story().asks(0, Primary, status(500)).asks(100, Fallback, good()).asked(another_body).completed(120, 1), None)]
#[case::a_should_only_warns("request-stable", story().asks(0, Primary, status(500)).asks(100, Primary, good()).asked(another_body).completed(120, 1), Some(Status::Warn))]
#[case::mended_once_and_then_again("request-stable", story().asks(0, Primary, status(422)).asks(100, Primary, status(500)).asked(another_body).asks(300, Primary, good()).completed(320, 2), Some(Status::Warn))]
#[case::no_redirect("redirect-guarded", story().asks(0, Primary, good()).completed(20, 0), None)]
#[case::other_hosts_key_is_not_the_headers("auth-header", story().asks(0, Primary, good()).asked(|r| r.auth = AuthFact::OtherHosts).completed(20, 0), Some(Status::Pass))]
fn leaves_alone(#[case] rule: &str, #[case] story: Story, #[case] says: Option<Status>) {
    super::leaves_alone(rule, &story, says);
}

/// What the client sent is filed under the request, whatever the provider did then.
#[test]
fn the_request_is_the_applications() {
    let failing = story().asks(0, Primary, status(500)).asked(wrong("/x")).failed(20, Class::Server);
    let verdict = failing.verdict("request-schema").expect("it speaks");
    assert_eq!((verdict.mode.to_string().as_str(), verdict.owner.as_str()), ("request-contract", "application owner"));
    let keyless = story().asks(0, Primary, status(500)).asked(|r| r.auth = AuthFact::Missing).failed(20, Class::Server);
    assert_eq!(keyless.verdict("auth-header").expect("it speaks").owner, "platform or secrets owner");
}

fn wrong(pointer: &'static str) -> impl Fn(&mut RequestFacts) {
    move |request| {
        let (pointer, keyword, what) = (pointer.to_owned(), "type".to_owned(), "it is null, not string".to_owned());
        request.findings.push(Finding { pointer, keyword, what });
    }
}

fn another_body(request: &mut RequestFacts) {
    request.digest = "another".to_owned();
}

/// A redirect that was left alone.
fn moved() -> Answer {
    status(307).located(Location::CrossOrigin)
}
