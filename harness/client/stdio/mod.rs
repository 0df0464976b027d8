//! A client in any language: one long-lived process that speaks the adapter protocol, version 1, as JSON lines.
//!
//! [`Adapter::start`] starts it and shakes hands; its [`Adapter::factory`] makes client objects as any other factory does, so that
//! rules, run and report need not know. What the adapter does wrong is never the client's failure, and a dead one never passes.

mod adapter;
mod cases;
mod delay;
mod errors;
mod group;
mod life;
mod lines;
mod message;
mod policy;
mod said;
mod session;

pub use adapter::{Adapter, Start};
pub use cases::{Breach, End};
pub use errors::{ErrorMap, Row};
pub use group::end_all;
pub use life::Life;
pub use message::{Driven, Ready};

use std::time::Duration;

/// The version of the protocol that is spoken.
pub const PROTOCOL: u32 = 1;
/// From `hello` to `ready`.
pub const STARTUP: Duration = Duration::from_secs(30);
/// A line is no longer, but an `outcome`.
const LINE: usize = 1 << 20;
/// An `outcome` is no longer.
const OUTCOME: usize = 16 << 20;
/// Lines of standard error that are shown of a process that ended.
const TAIL: usize = 40;
/// Starts after the first; then the rest is not run.
const RESTARTS: u32 = 3;
/// A case beyond its limit is cancelled and has so long to end; then the process group is ended.
const GRACE: Duration = Duration::from_secs(1);
