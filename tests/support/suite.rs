//! The library of this checkout, and the clients that tests run it with.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
};

use brownout::{
    client::AnyClient,
    policy::Policy,
    reference::Reference,
    scenario::{Case, load},
};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Every case of `scenarios/`, read from disk: a new file is a new trial without any other change.
pub fn cases() -> Vec<Case> {
    match load::load_dir(&root().join("scenarios"), &Policy::default()) {
        Ok(library) => library.cases,
        Err(error) => panic!("the library does not load:\n{error}"),
    }
}

#[allow(dead_code, reason = "not every test file runs it")]
pub fn reference(policy: &Policy, seed: u64) -> Rc<dyn AnyClient> {
    Rc::new(Reference::new(policy, seed))
}

/// A file name for an id: `slug@a,b`.
#[allow(dead_code, reason = "not every test file names snapshots")]
pub fn snapshot_name(id: &str) -> String {
    let slug = id.split_once('/').map_or(id, |(_, slug)| slug);
    slug.replace('[', "@").replace(']', "")
}
