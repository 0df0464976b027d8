//! The request contract: what the body of a chat completion may hold at each provider whose dialect is known.
//!
//! `chat-request.schema.json` is the common schema, closed at every level; a file of `profiles/` says what a provider adds to it,
//! refuses and limits. Both are a lint of what was sent, not a promise of what is accepted. Nothing said here holds a value of a
//! body: values may be prompts.

mod features;
mod profile;
mod words;

use std::{collections::BTreeSet, sync::OnceLock};

use jsonschema::Validator;
use serde_json::Value as Json;

pub use features::{features, tokens};

use crate::{policy::Profile, transcript::Finding};

/// More findings of one body are a flood.
const MOST: usize = 20;

/// The schema of one provider's dialect.
#[derive(Debug)]
pub struct Contract {
    /// Whose.
    title: String,
    schema: Json,
    validator: Validator,
    /// Every property that the schema names: what a pointer may show.
    names: BTreeSet<String>,
}

impl Contract {
    /// The contract of a provider, made once.
    pub fn of(profile: Profile) -> &'static Contract {
        static MADE: [OnceLock<Contract>; profile::EMBEDDED.len()] = [const { OnceLock::new() }; _];
        let place = profile::EMBEDDED.iter().position(|(known, _)| *known == profile);
        MADE[place.expect("a test finds a file for every profile")].get_or_init(|| {
            let (title, schema) = profile::schema(profile).expect("a test reads every embedded profile");
            let validator = jsonschema::draft202012::new(&schema).expect("a test compiles every embedded profile");
            let mut names = BTreeSet::new();
            properties(&schema, &mut names);
            Contract { title, schema, validator, names }
        })
    }

    /// Where a body breaks the contract.
    pub fn findings(&self, body: &Json) -> Vec<Finding> {
        // The plain answer is much cheaper than the reasons, and nearly always enough.
        if self.validator.is_valid(body) {
            return Vec::new();
        }
        let mut findings: Vec<Finding> = Vec::new();
        for finding in self.validator.iter_errors(body).flat_map(|error| self.worded(&error)) {
            if findings.len() < MOST && !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        findings
    }
}

/// What is wrong with a body that is no JSON.
pub fn no_json() -> Finding {
    Finding { pointer: String::new(), keyword: "json".to_owned(), what: "the body is no JSON".to_owned() }
}

/// The names of all properties, at every level.
fn properties(schema: &Json, names: &mut BTreeSet<String>) {
    match schema {
        Json::Object(keys) => {
            let own = keys.get("properties").and_then(Json::as_object);
            names.extend(own.into_iter().flat_map(|own| own.keys().cloned()));
            keys.values().for_each(|value| properties(value, names));
        }
        Json::Array(items) => items.iter().for_each(|item| properties(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
