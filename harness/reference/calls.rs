//! Tool calls: put together from fragments, and handed over only if they are whole.

use serde_json::{Value as Json, json};

/// Calls under way.
#[derive(Debug, Default)]
pub struct Calls(Vec<Fragments>);

#[derive(Debug)]
struct Fragments {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Calls {
    /// Whether none has begun.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a fragment. Only arguments grow; an id or a name that comes again says nothing new.
    pub fn add(&mut self, call: &Json) {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let function = &call["function"];
        let new = Fragments {
            index: call["index"].as_u64(),
            id: text(&call["id"]),
            name: text(&function["name"]),
            arguments: argument_text(&function["arguments"]),
        };
        let named = self.0.iter().rposition(|known| known.is_named_by(&new));
        let going_on = || self.0.iter().rposition(|known| known.shares_index(&new));
        let place = named.or_else(going_on).filter(|at| !self.0[*at].is_followed_by(&new));
        match place.map(|at| &mut self.0[at]) {
            Some(known) => known.take(new),
            None => self.0.push(new),
        }
    }

    /// The calls in OpenAI's shape.
    pub fn whole(&self) -> Vec<Json> {
        let call = |call: &Fragments| {
            let function = json!({ "name": call.name, "arguments": call.arguments });
            json!({ "id": call.id, "type": "function", "function": function })
        };
        self.0.iter().map(call).collect()
    }
}

impl Fragments {
    fn take(&mut self, new: Fragments) {
        self.arguments.push_str(&new.arguments);
        if self.id.is_empty() {
            self.id = new.id;
        }
        if self.name.is_empty() {
            self.name = new.name;
        }
    }

    fn shares_index(&self, new: &Fragments) -> bool {
        new.index.is_none() || new.index == self.index
    }

    fn is_named_by(&self, new: &Fragments) -> bool {
        self.shares_index(new) && !self.id.is_empty() && self.id == new.id
    }

    /// Some servers give every call the same index, or none: then a name beside another id begins a call, as does another name
    /// where there are no ids.
    fn is_followed_by(&self, new: &Fragments) -> bool {
        let named = !self.name.is_empty() && !new.name.is_empty();
        let another = match (self.id.is_empty(), new.id.is_empty()) {
            (false, false) => self.id != new.id,
            (_, true) => new.index.is_none() && self.name != new.name,
            (true, false) => false,
        };
        named && another
    }
}

/// A call of a plain reply, with arguments that came as an object written out.
pub fn normalised(call: &Json) -> Json {
    let mut call = call.clone();
    if call["function"]["arguments"].is_object() {
        call["function"]["arguments"] = argument_text(&call["function"]["arguments"]).into();
    }
    call
}

/// Whether the arguments are a JSON object; none at all means an empty one.
pub fn is_whole(call: &Json) -> bool {
    let arguments = call["function"]["arguments"].as_str().unwrap_or_default().trim();
    arguments.is_empty() || serde_json::from_str::<Json>(arguments).is_ok_and(|arguments| arguments.is_object())
}

fn argument_text(arguments: &Json) -> String {
    match arguments {
        Json::String(text) => text.clone(),
        Json::Object(_) => arguments.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(fragments: &[Json]) -> Vec<String> {
        let mut calls = Calls::default();
        fragments.iter().for_each(|fragment| calls.add(fragment));
        let said = |call: &Json| {
            let function = &call["function"];
            format!("{}:{}{}", call["id"], function["name"], function["arguments"].as_str().unwrap_or_default())
        };
        calls.whole().iter().map(|call| said(call).replace('"', "")).collect()
    }

    fn piece(mut keys: Json, name: &str, arguments: &str) -> Json {
        keys["function"] = json!({ "name": name, "arguments": arguments });
        keys
    }

    #[test]
    fn one_call_in_every_kind_of_fragments_is_one_call() {
        let first = || piece(json!({ "index": 0, "id": "a" }), "f", "[1,");
        for rest in [
            piece(json!({ "index": 0 }), "", "2]"),
            piece(json!({ "index": 0, "id": "a" }), "f", "2]"),
            piece(json!({ "index": 0, "id": "b" }), "", "2]"),
            piece(json!({ "id": "a" }), "", "2]"),
        ] {
            assert_eq!(calls(&[first(), rest.clone()]), ["a:f[1,2]"], "{rest}");
        }
    }

    #[test]
    fn two_calls_stay_two_whatever_tells_them_apart() {
        let two = ["a:f[1,2]", "b:f[3,4]"];
        for indices in [[json!(0), json!(1)], [json!(4), json!(7)]] {
            let [one, other] = indices.map(|index| {
                move |keys: Json| {
                    let mut keys = keys;
                    keys["index"] = index.clone();
                    keys
                }
            });
            let interleaved = [
                piece(one(json!({ "id": "a" })), "f", "[1,"),
                piece(other(json!({ "id": "b" })), "f", "[3,"),
                piece(one(json!({})), "", "2]"),
                piece(other(json!({})), "", "4]"),
            ];
            assert_eq!(calls(&interleaved), two);
        }
        for same in [json!({ "index": 0 }), json!({})] {
            let with = |id: &str| {
                let mut keys = same.clone();
                keys["id"] = id.into();
                keys
            };
            let after_each_other = [
                piece(with("a"), "f", "[1,"),
                piece(same.clone(), "", "2]"),
                piece(with("b"), "f", "[3,"),
                piece(same.clone(), "", "4]"),
            ];
            assert_eq!(calls(&after_each_other), two);
        }
    }

    #[test]
    fn arguments_are_whole_only_as_an_object() {
        for (arguments, whole) in [
            (json!("{}"), true),
            (json!(""), true),
            (json!({ "a": 1 }), true),
            (json!("{\"a\":"), false),
            (json!("{}{}"), false),
        ] {
            let call = normalised(&json!({ "function": { "name": "f", "arguments": arguments } }));
            assert_eq!(is_whole(&call), whole, "{call}");
        }
    }
}
