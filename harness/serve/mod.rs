//! The provider kept up for tests of any framework: its doors stay where they are, and a control endpoint arms one scenario after
//! another and hands out verdicts and transcripts.

mod http;

use std::{io, sync::Arc};

use serde_json::{Value as Json, json};
use tokio::{net::TcpListener, sync::Mutex};

use crate::{
    report,
    run::{Asker, Identity, Open},
    scenario::{Case, Host},
    transcript::{CommandFacts, Transcript},
    verdict::judge,
    wire::{Front, Place},
    yaml::closest,
};

/// What is served, and what was.
pub struct Control {
    cases: Vec<Case>,
    front: Arc<Front>,
    asker: Asker,
    seed: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    armed: Option<(Open, Asker)>,
    /// The transcript of the scenario that was armed last, once it has ended.
    last: Option<Transcript>,
    count: u64,
}

impl Control {
    /// Opens the provider's doors, the primary's at this port; 0: any.
    pub fn open(cases: Vec<Case>, port: u16, asker: Asker, seed: u64) -> io::Result<Self> {
        let keys = Identity::issue(fastrand::u64(..), 0).keys;
        let front = if port == 0 { Front::open(keys)? } else { Front::open_at(port, keys)? };
        Ok(Control { cases, front, asker, seed, state: Mutex::default() })
    }

    /// Where the providers are: the same for all scenarios.
    pub fn place(&self) -> Json {
        let urls = self.front.urls();
        let of = |host: Host| {
            json!({
                "base_url": format!("{}/v1", urls[&host]), "api_key": self.front.keys()[&host], "model": format!("brownout-{host}"),
            })
        };
        let mut place = of(Host::Primary);
        place["fallback"] = of(Host::Fallback);
        place
    }

    /// Serves this scenario from now on; the one before ends. An error says why it cannot.
    pub async fn arm(&self, scenario: &str, one_request: Option<bool>) -> Result<Json, String> {
        let case = self.cases.iter().find(|case| case.id == scenario).ok_or_else(|| self.unknown(scenario))?;
        let mut state = self.state.lock().await;
        state.end().await;
        state.last = None;
        state.count += 1;
        let place = Place { front: self.front.clone(), alone: true };
        let open = Open::start(case, self.seed.wrapping_add(state.count), Some(place)).await;
        let open = open.map_err(|error| format!("the provider did not start: {error}"))?;
        let one_request = one_request.unwrap_or(self.asker.one_request);
        state.armed = Some((open, Asker { one_request, ..self.asker.clone() }));
        let mut armed = self.place();
        armed["scenario"] = scenario.into();
        Ok(armed)
    }

    fn unknown(&self, scenario: &str) -> String {
        let close = closest(scenario, self.cases.iter().map(|case| case.id.as_str()));
        let hint = close.map_or_else(String::new, |close| format!(": did you mean `{close}`?"));
        format!("there is no scenario `{scenario}`{hint}")
    }

    /// Ends the scenario that is armed, and says what was seen.
    pub async fn transcript(&self) -> Option<Transcript> {
        let mut state = self.state.lock().await;
        state.end().await;
        state.last.clone()
    }

    /// Ends the scenario that is armed, and judges it.
    pub async fn verdict(&self) -> Option<String> {
        let transcript = self.transcript().await?;
        Some(report::json::line(&transcript, &judge(&transcript)))
    }
}

impl State {
    async fn end(&mut self) {
        let Some((open, asker)) = self.armed.take() else { return };
        self.last = Some(open.finish(&asker, CommandFacts::default(), None).await);
    }
}

/// Answers at the control endpoint for as long as it is polled.
pub async fn listen(control: Arc<Control>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(http::answer(control.clone(), stream))),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    }
}
