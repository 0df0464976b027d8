//! Contract tests and scripted faults for clients of chat-completions APIs.
//!
//! The pure column, top to bottom; each uses only what stands above it:
//! [`scenario`] (what is scripted) with [`policy`] and [`causes`] (what is right), [`reply`] (what a reply says),
//! [`transcript`] (what happened), [`rules`] and [`verdict`] (what that means), [`baseline`] (what of it is known) and [`gate`]
//! (what follows), [`report`] (words).
//!
//! The ring of I/O: [`wire`] (the provider), [`client`] (the client under test), [`run`] (which joins them),
//! [`mod@test_main`] (a `harness = false` test of a client of your own), `doctor` (which checks an adapter by itself).
//! [`mod@reference`] is a client that does everything right.

pub mod baseline;
pub mod causes;
pub mod client;
pub mod contract;
#[cfg(all(unix, feature = "stdio"))]
pub mod doctor;
pub mod duration;
pub mod gate;
pub mod policy;
#[cfg(feature = "reference")]
pub mod reference;
pub mod reply;
pub mod report;
pub mod rules;
pub mod run;
pub mod scenario;
pub mod select;
pub mod test_main;
pub mod transcript;
pub mod verdict;
pub mod wire;
pub mod yaml;

pub use test_main::{TestMain, test_main};
