//! `replies.yaml`: replies that steps ask for by name.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{Cut, FullStep, Header, Item, Ordered, Status};

/// Named replies, by name.
pub type ReplyFile = Ordered<Reply>;

/// A named reply: either one body, or one for plain requests and one for streams.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reply {
    /// What it is, for people.
    pub about: Option<String>,
    /// What is answered where no stream is asked for.
    pub plain: Option<ReplyBody>,
    /// What is answered where a stream is asked for.
    pub stream: Option<ReplyBody>,
    /// The status, from 200 to 599.
    pub status: Option<Status>,
    /// Headers beyond those that the harness sets.
    pub headers: Option<Ordered<Header>>,
    /// The body as JSON; sets the content type.
    #[serde(deserialize_with = "super::reading::given")]
    #[schemars(with = "Json")]
    pub json: Option<Json>,
    /// The body as written; no content type.
    pub body: Option<String>,
    /// The body as server-sent events; sets the content type.
    pub events: Option<Vec<Item>>,
    /// All bytes from the status line on.
    pub raw: Option<String>,
    /// Where the reply breaks off, and how.
    pub cut: Option<Cut>,
}

/// What one kind of request is answered.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplyBody {
    /// The status, from 200 to 599.
    pub status: Option<Status>,
    /// Headers beyond those that the harness sets.
    pub headers: Option<Ordered<Header>>,
    /// The body as JSON; sets the content type.
    #[serde(deserialize_with = "super::reading::given")]
    #[schemars(with = "Json")]
    pub json: Option<Json>,
    /// The body as written; no content type.
    pub body: Option<String>,
    /// The body as server-sent events; sets the content type.
    pub events: Option<Vec<Item>>,
    /// All bytes from the status line on.
    pub raw: Option<String>,
    /// Where the reply breaks off, and how.
    pub cut: Option<Cut>,
}

impl Reply {
    /// The keys of a body that stand beside `about`, as a body.
    pub fn body(&self) -> ReplyBody {
        ReplyBody {
            status: self.status,
            headers: self.headers.clone(),
            json: self.json.clone(),
            body: self.body.clone(),
            events: self.events.clone(),
            raw: self.raw.clone(),
            cut: self.cut.clone(),
        }
    }
}

impl ReplyBody {
    /// The step that says just this.
    pub fn step(&self) -> FullStep {
        FullStep {
            status: self.status,
            headers: self.headers.clone(),
            json: self.json.clone(),
            body: self.body.clone(),
            events: self.events.clone(),
            raw: self.raw.clone(),
            cut: self.cut.clone(),
            ..FullStep::default()
        }
    }
}
