#!/usr/bin/env bash
# The one gate, the same here and in CI: format, lints, the README's test command, documentation.
set -euo pipefail
cd "$(dirname "$0")/.."

# A clean machine may have neither component.
for component in rustfmt clippy; do
  cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component"
done

step() { printf '\n== %s\n' "$1"; }

step "format"
cargo fmt --check
step "lints"
cargo clippy --all-targets --locked -- -D warnings
cargo clippy --lib --no-default-features --locked -- -D warnings
step "tests"
# Snapshots are accepted by people, never by a test run.
INSTA_UPDATE=no cargo test --locked
step "every broken client over every scenario"
BROWNOUT_MATRIX=all INSTA_UPDATE=no cargo test --release --locked --test mutants
step "a crate that adopts it"
CARGO_TARGET_DIR=target cargo test --manifest-path tests/async-openai/Cargo.toml --locked
step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked
step "the suite, as a user runs it"
cargo run --release --locked
printf '\nall checks passed\n'
