//! The grammar of a scenario file, as people write it: types with strict keys, read from nodes whose axes are already in place.
//!
//! What the types cannot say (one of several keys, names that must exist) is checked in [`load`](super::load). The comments on
//! the fields become the descriptions in the JSON Schema.

mod bytes;
mod duration;
mod expect;
mod item;
mod ordered;
mod point;
mod reading;
mod reply;
mod step;
mod vary;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use bytes::{Bytes, Hex, Part, RepeatBytes};
pub use duration::{D, Every, POLICY_DURATIONS, PolicyDuration, Signed};
pub use expect::{AnyOf, Expect, Expects, Outcome};
pub use item::{Item, NamedEvent, Repeat, Times, Tool};
pub use ordered::Ordered;
pub use point::{AtMost, CancelAfter, Count, Point, Tokens};
pub use reply::{Reply, ReplyBody, ReplyFile};
pub use step::{Cut, Encoding, Framing, FullStep, Header, Status, Step, Wait};
pub use vary::Axis;

use super::{Capability, Host, Role};
use crate::policy::Policy;
use reading::by_kind;

/// One scenario: what a client meets, why it matters and where it comes from.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub title: String,
    /// Why it matters, in a sentence.
    pub why: String,
    /// Where it comes from: issues, documents, standards.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Incidents of the catalogue whose stimulus it serves; at most four.
    #[serde(default)]
    #[schemars(length(max = 4))]
    pub incidents: Vec<String>,
    /// Capabilities without which a client is not applicable, beyond those that follow from the rest.
    #[serde(default)]
    pub needs: Vec<Capability>,
    /// The scenario that punishes the opposite mistake; it must point back.
    #[serde(default)]
    pub pair: Option<String>,
    /// What is asked.
    #[serde(default)]
    pub request: Option<Request>,
    /// What the client is told, where that is not what the harness would tell it.
    #[serde(default)]
    pub client: Option<Told>,
    /// Changes to the policy, laid over it key by key.
    #[serde(default)]
    #[schemars(with = "Policy")]
    pub policy: Option<serde_json::Value>,
    /// Who asks: a number of like users, or a list. Default: one.
    #[serde(default)]
    pub users: Option<Users>,
    /// When users arrive, one after another. Default: all at once.
    #[serde(default)]
    pub arrive: Option<Every>,
    /// When each user leaves. Default: never.
    #[serde(default)]
    pub cancel_after: Option<CancelAfter>,
    /// What the provider asked first does, attempt by attempt; the last step repeats. Default: it answers `ok`.
    #[serde(default)]
    pub primary: Option<Script>,
    /// What the provider asked next does. Default: it answers `ok`.
    #[serde(default)]
    pub fallback: Option<Script>,
    /// What nobody's host does: where redirects lead. Default: it answers `ok`.
    #[serde(default)]
    pub elsewhere: Option<Script>,
    /// Requests that a provider takes at once; one more is answered `rate-limited`.
    #[serde(default)]
    pub capacity: Option<BTreeMap<Host, u32>>,
    /// Bytes that text cannot hold, by name; used as `$name` in text, data, raw and body.
    #[serde(default)]
    pub bytes: Option<Ordered<Bytes>>,
    /// Axes: each choice of their values is a case of its own. Used as `$axis`, or `$axis.field` for a record.
    #[serde(default)]
    pub vary: Option<Ordered<Axis>>,
    /// What no rule can derive.
    #[serde(default)]
    pub expect: Option<Expects>,
}

/// Steps, one an attempt; the last repeats. Or phases, all but the last with `for`.
pub type Script = Vec<Step>;

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    /// Events are asked for. Default: false.
    pub stream: Option<bool>,
    /// A tool is offered. Default: false.
    pub tools: Option<bool>,
    /// Doing it twice costs twice. Default: false.
    pub charge_sensitive: Option<bool>,
    /// About so many tokens of prompt: 12000, or 12k. Default: a short one.
    pub size: Option<Tokens>,
    /// Messages in the conversation. Default: 1.
    #[schemars(range(min = 1))]
    pub messages: Option<u32>,
    /// Choices asked for. Default: 1.
    #[schemars(range(min = 1))]
    pub n: Option<u32>,
    /// Whose instructions stand before the conversation. Default: nobody's.
    pub instructions: Option<Role>,
    /// Whether another provider may answer. Default: safe.
    pub fallback: Option<Safety>,
}

/// Whether another provider may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// It may.
    Safe,
    /// It may not.
    Unsafe,
}

/// What the client is told, where that is not what the harness would tell it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Told {
    /// The primary's base URL. Default: `$url.primary/v1`.
    pub base_url: Option<String>,
    /// The primary's key. Default: `$key`.
    pub key: Option<String>,
    /// Keys are refused so long after the first user arrived. Default: never.
    pub token_ttl: Option<D>,
    /// Client objects that share the users, turn by turn. Default: 1.
    #[schemars(range(min = 1))]
    pub copies: Option<u32>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Users {
    /// So many like users.
    Alike(u64),
    /// These.
    Each(Vec<User>),
}

by_kind!(
    Users,
    "a number of users, or a list of them",
    int => |n: u64| Ok::<_, String>(Users::Alike(n)),
    seq => Vec<User> => Users::Each,
);

impl JsonSchema for Users {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Users".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let user = generator.subschema_for::<User>();
        schemars::json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "array", "items": user, "minItems": 1 },
        ]})
    }
}

/// A user, or several alike. What is left out is the scenario's.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct User {
    /// So many alike. Default: 1.
    #[schemars(range(min = 1))]
    pub count: Option<u64>,
    /// When the first of them arrives, after the first user of all.
    pub at: Option<D>,
    /// When the others follow, one after another.
    pub arrive: Option<Every>,
    /// When each of them leaves.
    pub cancel_after: Option<CancelAfter>,
    /// What is asked; keys that are left out are the scenario's.
    pub request: Option<Request>,
    /// What the primary does for them.
    pub primary: Option<Script>,
    /// What the fallback does for them.
    pub fallback: Option<Script>,
    /// What is expected of them, on top of what is expected of all.
    pub expect: Option<Expects>,
}
