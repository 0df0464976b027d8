//! Clients whose work outlives the call.

use std::{rc::Rc, time::Duration};

use brownout::{
    causes::Class,
    client::{Call, Deltas, Outcome},
    policy::MalformedEvent,
    reference::Reference,
};
use tokio::{
    task::spawn_local,
    time::{sleep, timeout},
};

use super::{Mutant, ask, failed, outliving};

pub static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "tries-on-in-the-background",
        home: "provider-transient/given-up-for-good",
        rule: "nothing-after-the-end",
        may_also: &["no-double-charge"],
        make: |policy, seed| {
            outliving(policy, seed, async |client: Rc<Reference>, call: Call| {
                let outcome = ask(&client, &call).await;
                if outcome.error.as_ref().is_some_and(|error| error.status == Some(504)) {
                    spawn_local(later(client, call));
                }
                Outcome { attempts: None, ..outcome }
            })
        },
    },
    Mutant {
        name: "leaves-timed-out-requests-open",
        home: "client-timeout/nobody-waits-any-more[plain]",
        rule: "nothing-after-the-end",
        // Answers that come late, and in time, it does not wait for.
        may_also: &["as-expected", "valid-reply-accepted"],
        make: |policy, seed| {
            outliving(policy, seed, async |client: Rc<Reference>, call: Call| {
                // With one attempt and no fallback, one timer more is all that is broken.
                if call.request.fallback_safe || call.policy.attempts > 1 {
                    return ask(&client, &call).await;
                }
                let limit = *call.policy.attempt_timeout - Duration::from_millis(200);
                let task = spawn_local(async move { ask(&client, &call).await });
                let outcome = timeout(limit, task).await.ok().and_then(Result::ok);
                outcome.unwrap_or_else(|| failed(Class::Timeout))
            })
        },
    },
    Mutant {
        name: "reads-on-after-a-bad-event",
        home: "streaming/bad-event-early-on",
        rule: "nothing-after-the-end",
        // It believes a stream that was over before it looked.
        may_also: &["as-expected", "honest-success"],
        make: |policy, seed| {
            let mut lenient = policy.clone();
            lenient.parser.malformed_event = MalformedEvent::Skip;
            outliving(&lenient, seed, async |client: Rc<Reference>, call: Call| {
                if call.request.fallback_safe || call.policy.attempts > 1 || !call.request.stream {
                    return ask(&client, &call).await;
                }
                let seen = call.deltas.clone();
                let task = spawn_local(async move { ask(&client, &call).await });
                loop {
                    // A second piece of text comes after the bad event, which this client's parser has passed over.
                    if task.is_finished() {
                        return task.await.expect("the client does not panic");
                    }
                    if seen.all().len() > 1 {
                        return failed(Class::MalformedResponse);
                    }
                    sleep(Duration::from_millis(20)).await;
                }
            })
        },
    },
    Mutant {
        name: "does-not-hear-that-the-user-left",
        home: "client-timeout/user-leaves[mid-stream]",
        rule: "cancel-propagates",
        may_also: &["as-expected"],
        make: |policy, seed| {
            outliving(policy, seed, async |client: Rc<Reference>, call: Call| {
                spawn_local(async move { ask(&client, &call).await }).await.expect("the client does not panic")
            })
        },
    },
    Mutant {
        name: "wakes-up-to-ask-for-nobody",
        home: "client-timeout/user-leaves-during-a-wait[backoff]",
        rule: "cancel-propagates",
        // It begins anew, whatever there was.
        may_also: &["as-expected", "bounded-attempts", "committed-answer", "one-fallback"],
        make: |policy, seed| {
            outliving(policy, seed, async |client: Rc<Reference>, call: Call| {
                let guard = OnLeaving(Some((client.clone(), call.clone())));
                let outcome = ask(&client, &call).await;
                guard.stays();
                outcome
            })
        },
    },
];

/// The same request once more, when its user has what there is.
async fn later(client: Rc<Reference>, call: Call) {
    sleep(Duration::from_millis(300)).await;
    ask(&client, &Call { deltas: Deltas::default(), ..call }).await;
}

/// What a future that is dropped leaves behind.
struct OnLeaving(Option<(Rc<Reference>, Call)>);

impl OnLeaving {
    fn stays(mut self) {
        self.0 = None;
    }
}

impl Drop for OnLeaving {
    fn drop(&mut self) {
        if let Some((client, call)) = self.0.take() {
            spawn_local(later(client, call));
        }
    }
}
