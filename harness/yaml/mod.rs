//! YAML as people write it, read strictly: a tree whose every node knows its place, and serde types made from it.
//!
//! The tree stands between text and types so that a scenario's axes can be put into it before typing: an error in an axis value
//! is then shown where that value was written.

mod de;
mod error;
mod node;
mod parse;

pub use de::from_node;
pub use error::{Problem, Source, SourceError, closest};
pub use node::{Key, Node, Span, Value};
pub use parse::{Document, parse};
