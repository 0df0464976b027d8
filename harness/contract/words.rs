//! What a validator says, in words that hold nothing of the body but names of fields.

use jsonschema::{
    JsonType, JsonTypeSet, ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
    paths::{Location, LocationSegment},
};
use serde_json::Value as Json;

use super::Contract;
use crate::{transcript::Finding, yaml::closest};

/// A longer name of an unknown field is not shown: it may be a text.
const LONGEST: usize = 40;

impl Contract {
    /// One finding a mistake: of several forms, those of the form that was meant.
    pub(super) fn worded(&self, error: &ValidationError) -> Vec<Finding> {
        let at = self.pointer(error.instance_path());
        let keyword = error.kind().keyword().to_owned();
        match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                let siblings = self.siblings(error.schema_path());
                unexpected.iter().map(|name| unknown(&at, keyword.clone(), name, &siblings)).collect()
            }
            Kind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                vec![Finding { pointer: format!("{at}/{name}"), keyword, what: "it is missing".to_owned() }]
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => match meant(error, context) {
                Some(errors) => errors.iter().flat_map(|error| self.worded(error)).collect(),
                None => vec![Finding { pointer: at, keyword, what: misfit(error, context) }],
            },
            kind => vec![Finding { pointer: at, keyword, what: self.what(kind, error.instance()) }],
        }
    }

    fn what(&self, kind: &Kind, instance: &Json) -> String {
        match kind {
            Kind::Type { kind } => wrong_type(instance, types(kind)),
            Kind::Constant { expected_value } => format!("it must be {expected_value}"),
            Kind::Enum { options } => format!("it must be one of {options}"),
            Kind::Maximum { limit } => format!("it must be at most {limit}"),
            Kind::Minimum { limit } => format!("it must be at least {limit}"),
            Kind::MaxItems { limit } => format!("it must hold at most {limit}"),
            Kind::MinItems { limit } | Kind::MinProperties { limit } => format!("it must hold at least {limit}"),
            Kind::MaxProperties { limit } => format!("it must hold at most {limit}"),
            Kind::MaxLength { limit } => format!("it must have at most {limit} characters"),
            Kind::MinLength { limit } => format!("it must have at least {limit} characters"),
            Kind::Pattern { pattern } => format!("it must match {pattern}"),
            Kind::FalseSchema => format!("{} does not take it", self.title),
            Kind::PropertyNames { .. } => "a name in it is not allowed".to_owned(),
            kind => format!("it breaks `{}`", kind.keyword()),
        }
    }

    /// A pointer in which only names of the schema are shown.
    fn pointer(&self, path: &Location) -> String {
        let part = |segment: LocationSegment| match segment {
            LocationSegment::Index(index) => format!("/{index}"),
            LocationSegment::Property(name) if self.names.contains(name.as_ref()) => format!("/{name}"),
            LocationSegment::Property(_) => "/*".to_owned(),
        };
        path.iter().map(part).collect()
    }

    /// The properties beside a keyword.
    fn siblings(&self, keyword: &Location) -> Vec<&str> {
        let parent = keyword.as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
        let properties = self.schema.pointer(&format!("{parent}/properties")).and_then(Json::as_object);
        properties.into_iter().flat_map(|properties| properties.keys().map(String::as_str)).collect()
    }
}

fn unknown(at: &str, keyword: String, name: &str, siblings: &[&str]) -> Finding {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(plain) {
        return Finding { pointer: format!("{at}/*"), keyword, what: "no such field is known".to_owned() };
    }
    let hint =
        closest(name, siblings.iter().copied()).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Finding { pointer: format!("{at}/{name}"), keyword, what: format!("no such field is known{hint}") }
}

/// The form that was meant: the one whose kind fits, and of several the one with the fewest mistakes.
fn meant<'e>(
    error: &ValidationError,
    forms: &'e [Vec<ValidationError<'static>>],
) -> Option<&'e Vec<ValidationError<'static>>> {
    let here = error.instance_path().as_str();
    let kind = format!("{here}/type");
    let another = |error: &ValidationError| match error.kind() {
        Kind::Type { .. } => error.instance_path().as_str() == here,
        Kind::Constant { .. } | Kind::Enum { .. } => [here, kind.as_str()].contains(&error.instance_path().as_str()),
        _ => false,
    };
    forms.iter().filter(|errors| !errors.iter().any(another)).min_by_key(|errors| errors.len())
}

/// None was: which types would have been right, if that is all that is wrong.
fn misfit(error: &ValidationError, forms: &[Vec<ValidationError<'static>>]) -> String {
    let here = error.instance_path();
    let wanted = |error: &ValidationError| match error.kind() {
        Kind::Type { kind } => types(kind),
        Kind::Enum { options } => {
            let options = options.as_array().into_iter().flatten();
            options.fold(JsonTypeSet::empty(), |all, option| all.insert(JsonType::from(option)))
        }
        Kind::Constant { expected_value } => JsonTypeSet::from(JsonType::from(expected_value.as_ref())),
        _ => JsonTypeSet::empty(),
    };
    let right = forms.iter().flatten().filter(|error| error.instance_path() == here).map(wanted);
    let right = right.fold(JsonTypeSet::empty(), JsonTypeSet::union);
    let own = JsonType::from(error.instance().as_ref());
    if right.is_empty() || right.contains(own) {
        "it has none of the forms that are allowed here".to_owned()
    } else {
        wrong_type(error.instance(), right)
    }
}

fn types(kind: &TypeKind) -> JsonTypeSet {
    match kind {
        TypeKind::Single(one) => JsonTypeSet::from(*one),
        TypeKind::Multiple(several) => *several,
    }
}

fn wrong_type(instance: &Json, right: JsonTypeSet) -> String {
    let right: Vec<String> = right.iter().map(|one| one.to_string()).collect();
    let found = match instance {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    };
    format!("it is {found}, not {}", right.join(" or "))
}
