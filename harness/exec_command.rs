//! `exec`: a whole command, once per scenario, with the variables that SDKs read pointing at the provider.

use std::io::Write;

use brownout::{
    run::{Asker, Command, run_command},
    scenario::Case,
    select::select,
    transcript::Transcript,
    verdict::judge,
};

use crate::{Done, Failed, cli::Exec, clients, library, results::Results, run_command::Saved, style, usage};

/// What is run where no scenario is named: no two alike, all answered at once, none that asks for more than one plain request.
const SMOKE: [&str; 12] = [
    // What is sent at all: path, key, body.
    "request-contract/documented-fields[plain]",
    // A key that is refused, and repeated in the refusal: it must not come out.
    "auth/bad-key",
    // A key must not travel with a redirect.
    "auth/redirect-to-the-other-provider[307]",
    "request-contract/redirected-post-stays-a-post[302]",
    // What a second attempt does not mend: the request, the model, money.
    "request-contract/bad-request[plain]",
    "request-contract/unknown-model[code]",
    "rate-quota/payment-required",
    "rate-quota/quota-exhausted[ok]",
    // What it may mend, within bounds.
    "rate-quota/injected-429[safe]",
    "provider-transient/injected-500[safe]",
    "provider-transient/one-bad-moment-and-no-other[unavailable]",
    // A success that is none.
    "parser/broken-bodies[truncated]",
];

/// Runs the command against each scenario, one after the other.
pub fn exec(exec: &Exec) -> Done {
    let (_, library) = library(&exec.files)?;
    let smoke: Vec<String> = SMOKE.map(str::to_owned).to_vec();
    // A folder of scenarios of one's own has no smoke set: all of it is meant.
    let patterns = match (&exec.scenario[..], &exec.files.scenarios) {
        ([], None) => &smoke,
        (patterns, _) => &patterns.to_vec(),
    };
    let cases: Vec<Case> = select(&library.cases, patterns).map_err(usage)?.into_iter().cloned().collect();
    let command = command(exec)?;
    clients::watch_interrupts();
    let words = clients::shown(&exec.command);
    let again = move |transcript: &Transcript| format!("brownout exec --scenario '{}' -- {words}", transcript.scenario);
    let mut results = Results::new(&exec.output, &library.cases, Box::new(again))?;
    let mut saved = exec.transcripts.as_ref().map(|file| Saved::create(file)).transpose()?;
    let (mut out, mut judgements) = (style::out(), Vec::new());
    for (place, case) in cases.iter().enumerate() {
        let transcript = run_command(case, &command, exec.seed.wrapping_add(place as u64));
        let judgement = judge(&transcript);
        results.tell(&mut out, &transcript, &judgement)?;
        out.flush()?;
        if let Some(saved) = &mut saved {
            saved.write(&[(transcript, judgement.clone())])?;
        }
        judgements.push(judgement);
    }
    results.finish(&mut out, &judgements)
}

fn command(exec: &Exec) -> Result<Command, Failed> {
    let name = exec.command.first().and_then(|word| word.rsplit('/').next()).unwrap_or_default().to_owned();
    Ok(Command {
        command: exec.command.clone(),
        variables: exec.env.clone(),
        limit: *exec.timeout,
        expect_exit: exec.expect_exit,
        asker: Asker { name, capabilities: clients::claims(&exec.claims)?, one_request: exec.one_request },
    })
}
