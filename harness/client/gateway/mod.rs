//! A gateway: a process that takes chat completions over HTTP and passes them on to providers, both of which are ours.
//!
//! [`Gateway::start`] starts it once, as a [`Spec`] says, and waits until it answers; its [`Gateway::factory`] makes client objects
//! as any other factory does. A call goes to the gateway's own endpoint, and its outcome is what a plain, careful application would
//! make of the answer. One process serves all cases: its upstreams stand behind a [`Front`](crate::wire::Front), unless it can be
//! told with each request where they are.

mod answer;
mod events;
mod fill;
mod http;
mod process;
mod ready;
mod session;
mod spec;
mod start;

pub use process::Gateway;
pub use spec::{OnlyHere, Ready, Request, Spec, Who};

use std::time::Duration;

/// From the start of the process to its first answer, unless its description says otherwise.
const STARTUP: Duration = Duration::from_secs(30);
/// Starts after the first; then the rest is not run.
const RESTARTS: u32 = 3;
/// Lines of its output that are shown of a process that ended.
const TAIL: usize = 40;
