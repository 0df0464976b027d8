//! Provider profiles: data files laid over the common schema.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::{policy::Profile, yaml};

/// Every profile and its file.
pub const EMBEDDED: [(Profile, &str); 7] = [
    (Profile::Openai, include_str!("profiles/openai.yaml")),
    (Profile::Cometapi, include_str!("profiles/cometapi.yaml")),
    (Profile::ClaudeCompat, include_str!("profiles/claude-compat.yaml")),
    (Profile::GeminiCompat, include_str!("profiles/gemini-compat.yaml")),
    (Profile::Deepseek, include_str!("profiles/deepseek.yaml")),
    (Profile::Openrouter, include_str!("profiles/openrouter.yaml")),
    (Profile::Groq, include_str!("profiles/groq.yaml")),
];

const COMMON: &str = include_str!("chat-request.schema.json");

/// What a provider changes in the common schema. Places are JSON pointers into it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Whose dialect it is.
    title: String,
    /// Where it is documented.
    #[expect(dead_code, reason = "for people who read the file")]
    source: String,
    #[serde(default)]
    adds: Vec<Added>,
    #[serde(default)]
    refuses: Vec<Refused>,
    #[serde(default)]
    limits: Vec<Limit>,
}

/// A property that only this provider takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Added {
    at: String,
    schema: Json,
    #[expect(dead_code, reason = "for people who read the file")]
    source: String,
}

/// A documented property that this provider does not take.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    at: String,
    #[expect(dead_code, reason = "for people who read the file")]
    source: String,
}

/// A bound that is another one here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    at: String,
    to: Json,
    #[expect(dead_code, reason = "for people who read the file")]
    source: String,
}

/// Whose dialect it is, and its schema.
pub fn schema(profile: Profile) -> Result<(String, Json), String> {
    let text = EMBEDDED.iter().find(|(known, _)| *known == profile).map(|(_, text)| *text);
    let source = yaml::Source::new(format!("profiles/{profile}.yaml"), text.ok_or("no file")?);
    let document = yaml::parse(&source).map_err(|error| error.to_string())?;
    let file: File = yaml::from_node(&document.root).map_err(|problem| source.error(problem).to_string())?;
    let mut schema: Json = serde_json::from_str(COMMON).map_err(|error| error.to_string())?;
    for added in file.adds {
        let new = put(&mut schema, &added.at, added.schema)?.is_none();
        new.then_some(()).ok_or_else(|| format!("{profile} adds {}, which is there", added.at))?;
    }
    for refused in file.refuses {
        let known = put(&mut schema, &refused.at, Json::Bool(false))?.is_some();
        known.then_some(()).ok_or_else(|| format!("{profile} refuses {}, which is not there", refused.at))?;
    }
    for limit in file.limits {
        let known = put(&mut schema, &limit.at, limit.to)?.is_some();
        known.then_some(()).ok_or_else(|| format!("{profile} limits {}, which is not there", limit.at))?;
    }
    Ok((file.title, schema))
}

/// Puts a value at a place whose parent is there; what stood there before.
fn put(schema: &mut Json, at: &str, value: Json) -> Result<Option<Json>, String> {
    let (parent, key) = at.rsplit_once('/').ok_or_else(|| format!("{at} is no pointer"))?;
    let parent = schema.pointer_mut(parent).and_then(Json::as_object_mut);
    let parent = parent.ok_or_else(|| format!("nothing stands above {at}"))?;
    Ok(parent.insert(key.to_owned(), value))
}
