//! A client of your own under test: this one is the reference client with one vice, it does not wait when it is told to.
//!
//! `cargo run --example impatient` runs it over the rate-limit scenarios and prints what the rules say.

use std::{io::Write, process::ExitCode, rc::Rc, sync::Arc};

use brownout::{
    client::AnyClient,
    policy::Policy,
    reference::Reference,
    report,
    run::{Options, Suite, run_suite},
    scenario::load,
    select::select,
    transcript::ClockKind,
    verdict::Status,
};

/// One client object a scenario, made from the policy it is told and a seed for its randomness.
fn impatient(policy: &Policy, seed: u64) -> Rc<dyn AnyClient> {
    let mut vice = policy.clone();
    vice.retry_after.honour = false;
    Rc::new(Reference::new(&vice, seed))
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let library = load::embedded(&Policy::default())?;
    let cases = select(&library.cases, &["rate-quota/retry-after".to_owned()])?.into_iter().cloned().collect();
    let suite = Arc::new(Suite { cases, factory: Box::new(impatient) });
    let options = Options::new(ClockKind::Virtual, 1);
    let results = run_suite(suite, options, &mut |_, _| ())?;
    let mut out = std::io::stdout().lock();
    for (transcript, judgement) in &results {
        write!(out, "{}", report::text::block(transcript, judgement))?;
    }
    let judgements: Vec<_> = results.into_iter().map(|(_, judgement)| judgement).collect();
    write!(out, "{}", report::text::summary(&judgements))?;
    let failed = judgements.iter().any(|judgement| judgement.status == Status::Fail);
    Ok(ExitCode::from(u8::from(failed)))
}
