//! Puts the scenario library into the binary, so that a bare run needs no files.

use std::{env, error::Error, fmt::Write, fs, path::Path, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("scenarios");
    println!("cargo::rerun-if-changed=scenarios");
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut code = String::from("/// Every file of the scenario library: its path below `scenarios/`, and its text.\n");
    code.push_str("static FILES: &[(&str, &str)] = &[\n");
    for file in &files {
        let path = file.strip_prefix(&root)?.to_str().ok_or("a scenario's path is not UTF-8")?.replace('\\', "/");
        writeln!(code, "    ({path:?}, include_str!({file:?})),")?;
    }
    code.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("scenarios.rs"), code)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    Ok(())
}
