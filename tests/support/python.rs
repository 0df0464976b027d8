//! The Python that adapters, gateways and commands of tests run on.

use std::{process::Command, sync::OnceLock};

/// The interpreter itself: what stands before it on the path may be a slow script that looks for it.
pub fn python() -> &'static str {
    static FOUND: OnceLock<String> = OnceLock::new();
    FOUND.get_or_init(|| {
        let found = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
        String::from_utf8(found.expect("there is Python 3").stdout).expect("a path").trim().to_owned()
    })
}
