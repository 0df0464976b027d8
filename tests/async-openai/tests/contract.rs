//! async-openai under test. For a client of your own, copy this file and edit `Mine`.

use async_openai::{config::OpenAIConfig, error::OpenAIError, types::chat::FinishReason};
use brownout::client::{About, Call, Capability, Class, Client, Failure, Host, Outcome, Policy, ResultKind};
use futures_util::StreamExt;
use serde_json::{json, to_value};

fn main() -> std::process::ExitCode {
    brownout::TestMain::new(Mine::new).baseline("baseline.yaml").run()
}

/// What an application holds: plain replies have a limit as a whole, streams have one for each silence.
struct Mine {
    plain: reqwest::Client,
    stream: reqwest::Client,
}

impl Mine {
    fn new(policy: &Policy, _seed: u64) -> Self {
        let http = || reqwest::Client::builder().no_proxy().connect_timeout(*policy.connect_timeout);
        let plain = http().timeout(*policy.attempt_timeout).build().expect("without TLS nothing can fail");
        let stream = http().read_timeout(*policy.idle_timeout).build().expect("without TLS nothing can fail");
        Mine { plain, stream }
    }

    async fn ask(&self, call: &Call) -> Result<Outcome, OpenAIError> {
        let (provider, stream) = (call.provider(Host::Primary).expect("a primary"), call.request.stream);
        let config = OpenAIConfig::new().with_api_base(&provider.base_url).with_api_key(&provider.api_key);
        let http = if stream { &self.stream } else { &self.plain };
        let client = async_openai::Client::with_config(config).with_http_client(http.clone());
        let request = json!({
            "model": provider.model, "messages": call.messages, "user": call.user, "n": call.request.n,
            "stream_options": stream.then(|| json!({ "include_usage": true })),
        });
        let request = serde_json::from_value(request).expect("a request has this shape");
        let mut outcome = Outcome::new(ResultKind::Unusable);
        if !stream {
            let reply = client.chat().create(request).await?;
            outcome.usage = reply.usage.and_then(|usage| to_value(usage).ok());
            let Some(choice) = reply.choices.into_iter().next() else { return Ok(outcome) };
            outcome.text = choice.message.content;
            return Ok(ended(outcome, choice.finish_reason, &choice.message.refusal.unwrap_or_default()));
        }
        let (mut chunks, mut finish, mut refusal) = (client.chat().create_stream(request).await?, None, String::new());
        while let Some(chunk) = chunks.next().await.transpose()? {
            outcome.usage = chunk.usage.and_then(|usage| to_value(usage).ok()).or(outcome.usage);
            // Some providers count on where there is one choice only.
            for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0 || call.request.n == 1) {
                let text = choice.delta.content.unwrap_or_default();
                call.deltas.push(&text);
                outcome.text.get_or_insert_default().push_str(&text);
                refusal.push_str(&choice.delta.refusal.unwrap_or_default());
                finish = choice.finish_reason.or(finish);
            }
        }
        Ok(ended(outcome, finish, &refusal))
    }
}

fn ended(outcome: Outcome, finish: Option<FinishReason>, refusal: &str) -> Outcome {
    let refused = !refusal.is_empty() || finish == Some(FinishReason::ContentFilter);
    let result = if refused { ResultKind::Refused } else { ResultKind::Completed };
    let finish_reason = finish.and_then(|finish| Some(to_value(finish).ok()?.as_str()?.to_owned()));
    Outcome { result, finish_reason, ..outcome }
}

fn failed(error: &OpenAIError) -> Outcome {
    let (class, status) = match error {
        OpenAIError::Reqwest(error) if error.is_timeout() => (Class::Timeout, None),
        OpenAIError::Reqwest(_) => (Class::Connection, None),
        OpenAIError::ApiError(api) => (Class::of_status(api.status_code.as_u16()), Some(api.status_code.as_u16())),
        OpenAIError::JSONDeserialize(..) => (Class::MalformedResponse, None),
        OpenAIError::StreamError(_) => (Class::StreamInterrupted, None),
        _ => (Class::Other, None),
    };
    Outcome::failed(Failure { status, ..Failure::new(class, error) })
}

impl Client for Mine {
    fn about(&self) -> About {
        About { name: "async-openai".to_owned(), version: "0.43".to_owned() }
    }

    fn capabilities(&self) -> Vec<Capability> {
        vec![Capability::Stream, Capability::Cancel, Capability::Retry, Capability::RetryAfter, Capability::Usage]
    }

    async fn call(&self, call: Call) -> Outcome {
        self.ask(&call).await.unwrap_or_else(|error| failed(&error))
    }
}
