//! Why an attempt ended, and what a client may do next: the status table (`causes.yaml`) as data, and the pure look-up in it.
//!
//! The head of `causes.yaml` states the precedence and explains every word. A cell that says `may` is never judged.

mod cells;
mod find;
mod load;
mod words;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cells::{Cells, Circumstances};
pub use find::Facts;
pub use words::*;

/// The whole table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Causes {
    /// Version of this file's format: 1.
    pub version: u32,
    /// What a policy may do to an entry.
    pub policy_may: PolicyMay,
    /// Error classes that are right for any cause, and when.
    pub also_accepted: BTreeMap<Class, String>,
    /// The failure modes, each with the owner and the review action.
    pub modes: BTreeMap<Mode, Remedy>,
    /// What circumstances change, applied from top to bottom.
    pub adjust: Vec<Adjust>,
    /// The first match wins; no match means a good answer.
    pub causes: Vec<Cause>,
}

/// What a policy may do to an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyMay {
    /// Cells it may override.
    #[serde(rename = "override")]
    pub overrides: Vec<String>,
    /// Keys it may widen.
    pub widen: Vec<String>,
    /// What it may add.
    pub add: Vec<String>,
    /// Keys it may never touch.
    pub never: Vec<String>,
}

/// Who acts on a failure, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remedy {
    /// Who is likely to own it.
    pub owner: String,
    /// What the review checks.
    pub action: String,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// Permanent name.
    pub id: String,
    /// Facts that must all hold; of a list, any.
    #[serde(rename = "match")]
    pub matches: OneOrMany<Match>,
    /// The failure mode it belongs to.
    pub mode: Mode,
    /// Same provider, same credential, same body again?
    pub retry: Retry,
    /// One more attempt is allowed if this part differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Part>,
    /// Another provider?
    pub fallback: Demand,
    /// May billable work have been done?
    pub charged: Charged,
    /// What the next attempt waits for.
    pub waits: Waits,
    /// Error classes that are right.
    pub classes: Vec<Class>,
    /// Accepted outcomes.
    #[serde(default = "only_failed")]
    pub results: Vec<ResultWord>,
    /// A parser switch of the policy, and the cells each of its values gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<BTreeMap<String, BTreeMap<String, CellOverride>>>,
    /// Cells that no policy may override.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<Cell>,
    /// Where it differs from the mode's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where it differs from the mode's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Documents, incidents, or `inferred`.
    pub source: Vec<String>,
    /// The reason, where it is not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

fn only_failed() -> Vec<ResultWord> {
    vec![ResultWord::Failed]
}

/// Facts an entry may ask for; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// How the wire ended; left out: `whole`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire: Option<Wire>,
    /// Effective status after promotion: numbers, or 2xx 3xx 4xx 5xx.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<Status>,
    /// Words of the error object, case ignored; a final `*` is a prefix.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<String>,
    /// Words in the error message, case ignored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<String>,
    /// Where a redirect points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// What the reply carried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<Body>,
    /// The finish_reason of any choice; `unlisted` = none of the five known, or null on a plain reply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finish: Vec<String>,
    /// Which terminal signals a stream gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// The reply is an event stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// The connection was used before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reused: Option<bool>,
    /// The first content has reached the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<bool>,
}

/// What circumstances change in a cause's cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjust {
    /// Permanent name.
    pub id: String,
    /// When it applies.
    pub when: When,
    /// New values, or old values to new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Change>,
    /// A switch of the policy, and the change each of its values makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<BTreeMap<String, BTreeMap<String, Change>>>,
    /// Classes that are right as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_classes: Vec<Class>,
    /// Neither a policy nor a later line undoes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixed: bool,
    /// Documents, incidents, or `inferred`.
    pub source: Vec<String>,
    /// The reason, where it is not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Circumstances; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The error came as an object on a 2xx.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_band: Option<bool>,
    /// The reply is an event stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Reply headers and their values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The cause's `waits` cell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Waits>,
    /// The wait that the reply names, against the policy and the time left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wait: Vec<TooLong>,
    /// Less time is left than the fallback's reserve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
    /// What the request class says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_safe: Option<bool>,
    /// Which provider the attempt went to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<crate::scenario::Host>,
    /// What the request class says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_sensitive: Option<bool>,
    /// The cause's `charged` cell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub charged: Vec<Charged>,
    /// A retry here would carry the same key, and keys deduplicate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_idempotency_key: Option<bool>,
    /// The first content has reached the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<bool>,
}

/// New values of cells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// The failure mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The retry cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<To<Retry>>,
    /// The fallback cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<To<Demand>>,
    /// The charged cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charged: Option<To<Charged>>,
}

/// Cells as a policy or a switch overrides them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CellOverride {
    /// The retry cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// The fallback cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Demand>,
    /// The charged cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charged: Option<Charged>,
    /// The waits cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
    /// Accepted outcomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<ResultWord>>,
    /// Error classes that are right as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<Class>>,
}
