//! Strict loading of the YAML files that people write: scenarios, policy, tables.
//!
//! A file goes through three steps, and an error of any of them points to the exact key or value:
//!
//! 1. [`Source::read`] reads the text, with a limit on its size;
//! 2. [`parse`] makes it a tree of [`Node`]s that hold their byte [`Span`]s, and refuses what a reader of the file could
//!    misread: anchors, tags, merge keys, duplicate keys, keys that are not text;
//! 3. [`from_node`] deserialises a tree, or any part of one, after the caller has replaced whatever it wants to replace.
//!
//! Steps that do not know the file report a [`Problem`]; [`Source::error`] turns it into a [`SourceError`], which prints
//! the place, the line with carets, and what to write instead.

mod build;
mod de;
mod error;
mod fault;
mod node;
mod parse;
mod place;
mod scalar;
mod source;
mod variant;

pub use de::from_node;
pub use error::{Problem, SourceError, closest};
pub use node::{Key, Node, Span, Value};
pub use parse::{Document, parse};
pub use source::Source;
