//! What a run costs: the suite by its length, a case of the kind that property tests make by the thousand, the parts of one, and
//! the program from its start to its first verdict.

use std::{process::Command, rc::Rc, sync::Arc};

use brownout::{
    client::AnyClient,
    policy::Policy,
    reference::Reference,
    run::{Options, Suite, run_alone, run_suite},
    scenario::{Case, Content, Host, Script, load},
    transcript::{ClockKind, Transcript},
    verdict::{Judgement, Status, judge},
    wire::clock,
};
use divan::{Bencher, black_box, counter::ItemsCount};

fn main() {
    divan::main();
}

fn reference(policy: &Policy, seed: u64) -> Rc<dyn AnyClient> {
    Rc::new(Reference::new(policy, seed))
}

fn embedded() -> Vec<Case> {
    load::embedded(&Policy::default()).expect("the library is right").cases
}

/// So many ids on the virtual clock and all cores, drawn evenly from the whole library, each as often as any other.
#[divan::bench(args = [500, 1000, 2000, 4000], sample_count = 3, sample_size = 1)]
fn suite(bencher: Bencher, ids: usize) {
    let library = embedded();
    let drawn = || (0..ids).map(|nth| library[nth * library.len() / ids].clone()).collect();
    let suite = || Arc::new(Suite { cases: drawn(), factory: Box::new(reference) });
    let failed = |(_, judgement): &(Transcript, Judgement)| judgement.status > Status::NotApplicable;
    bencher.counter(ItemsCount::new(ids)).with_inputs(suite).bench_local_values(|suite| {
        let results = run_suite(suite, Options::new(ClockKind::Virtual, 1), &mut |_, _| ()).expect("the suite runs");
        assert_eq!(results.iter().filter(|result| failed(result)).count(), 0);
        results
    });
}

/// Small scenarios of one attempt or two, none like the one before, each run and judged on one core.
#[divan::bench(sample_count = 5000, sample_size = 1)]
fn small_case(bencher: Bencher) {
    let bases = ["[ ok ]", "[ { status: 500 }, ok ]"].map(case);
    let mut rng = fastrand::Rng::with_seed(1);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        let seed = rng.u64(..);
        let case = varied(&bases[rng.usize(..bases.len())], &mut rng);
        judge(&run_alone(&case, &reference, seed))
    });
}

fn case(primary: &str) -> Case {
    let text = format!("title: T\nwhy: W\nsources: [s]\nprimary: {primary}\n");
    let library = load::load(&[load::SourceFile::new("scenarios", "parser/x.yaml", text)], &Policy::default());
    library.expect("the scenario is right").cases.remove(0)
}

/// The case with another status in place of its first step's.
fn varied(case: &Case, rng: &mut fastrand::Rng) -> Case {
    let mut case = case.clone();
    if let Some(Script::Steps(steps)) = case.hosts.get_mut(&Host::Primary)
        && let Content::Reply { status, .. } = &mut steps[0].content
        && *status == 500
    {
        *status = *rng.choice(&[400, 401, 404, 409, 429, 500, 502, 503]).expect("there are some");
    }
    case
}

/// Its parts.
#[divan::bench]
fn paused_runtime() -> tokio::runtime::Runtime {
    clock::virtual_runtime(|| ()).expect("a runtime")
}

#[divan::bench]
fn client_object() -> Reference {
    Reference::new(black_box(&Policy::default()), 1)
}

#[divan::bench(sample_count = 50)]
fn loading_the_library() -> Vec<Case> {
    embedded()
}

/// A whole process, from its start to its first verdicts.
#[divan::bench(args = ["--version", "list", "run parser/ordinary-answer"], sample_count = 50, sample_size = 1)]
fn process(arguments: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_brownout")).args(arguments.split(' ')).output().expect("it starts");
    assert!(output.status.success());
}
