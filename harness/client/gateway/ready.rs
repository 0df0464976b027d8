//! Waiting until a gateway is ready: it answers at a path, and then a chat completion, plain and as a stream.

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{http::Asker, spec::Ready};
use crate::{
    client::{Outcome, ResultKind, program::Program},
    wire::clock,
};

/// How often is looked.
const LOOK: Duration = Duration::from_millis(50);
/// One try takes no longer.
const TRY: Duration = Duration::from_secs(10);

/// Waits. An error says why it is not ready.
pub fn wait(program: &Program, ready: &Ready, url: &str, asker: Asker) -> Result<(), String> {
    // A thread of its own: whoever starts a gateway again does so inside a runtime.
    let waited = thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let runtime = clock::real_runtime(|| ()).map_err(|error| format!("no runtime: {error}"))?;
            runtime.block_on(becomes_ready(program, ready, url, &asker))
        });
        waiting.join()
    });
    waited.unwrap_or_else(|_| Err("waiting for it broke down".to_owned()))
}

async fn becomes_ready(program: &Program, ready: &Ready, url: &str, asker: &Asker) -> Result<(), String> {
    let until = Instant::now() + *ready.within;
    let mut why = "it does not listen".to_owned();
    while Instant::now() < until {
        if let Some(how) = program.how(Duration::ZERO) {
            return Err(format!("it ended before it was ready: {how}"));
        }
        match timeout(TRY, answers(ready, url, asker)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(not_yet)) => why = not_yet,
            Err(_) => why = format!("it does not answer within {} s", TRY.as_secs()),
        }
        sleep(LOOK).await;
    }
    Err(format!("it was not ready within {}: {why}", ready.within))
}

/// Whether it answers now. What a first request makes it load is none of a scenario's time.
async fn answers(ready: &Ready, url: &str, asker: &Asker) -> Result<(), String> {
    match &ready.get {
        Some(path) => {
            let status = asker.get(&format!("{url}{path}")).await?;
            if status >= 300 {
                return Err(format!("`GET {path}` is answered {status}"));
            }
        }
        None => {
            let address = url.trim_start_matches("http://");
            TcpStream::connect(address).await.map_err(|error| format!("it does not listen: {error}"))?;
        }
    }
    for stream in [false, true] {
        let outcome = asker.probe(stream).await;
        if outcome.result != ResultKind::Completed {
            return Err(format!(
                "a {} is not answered: {}",
                if stream { "stream" } else { "plain request" },
                why(&outcome)
            ));
        }
    }
    Ok(())
}

fn why(outcome: &Outcome) -> String {
    let error = outcome.error.clone().unwrap_or_default();
    let status = error.status.map_or_else(String::new, |status| format!("{status} "));
    format!("{status}{} {}", error.native, error.message)
}
