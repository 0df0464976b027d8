//! Tool calls, put together from their pieces.

use serde_json::Value as Json;

use super::body::digest_of_call;

/// Calls in the order in which they began.
#[derive(Debug, Default)]
pub struct Calls(Vec<Call>);

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Calls {
    /// Takes one piece.
    pub fn piece(&mut self, piece: &Json) {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let function = &piece["function"];
        let (index, id, name) = (piece["index"].as_u64(), text(&piece["id"]), text(&function["name"]));
        let arguments = argument_text(&function["arguments"]);
        let Some(at) = self.place(index, &id, &name) else {
            return self.0.push(Call { index, id, name, arguments });
        };
        let call = &mut self.0[at];
        call.arguments.push_str(&arguments);
        if call.id.is_empty() {
            call.id = id;
        }
        if call.name.is_empty() {
            call.name = name;
        }
    }

    /// Which call a piece belongs to; `None`: a new one. The index decides. Where it is used twice, or missing, the id does: a new
    /// id begins a new call if a name stands beside it, since some servers give every piece an id of its own.
    fn place(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let mine = |call: &Call| index.is_none() || call.index == index;
        let last = self.0.iter().rposition(mine)?;
        if !id.is_empty()
            && let Some(same) = self.0.iter().rposition(|call| mine(call) && call.id == id)
        {
            return Some(same);
        }
        let known = &self.0[last];
        let other = if id.is_empty() { index.is_none() && name != known.name } else { !known.id.is_empty() };
        (name.is_empty() || known.name.is_empty() || !other).then_some(last)
    }

    /// Whether any has begun.
    pub fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// What each is compared by.
    pub fn digests(&self) -> Vec<String> {
        self.0.iter().map(|call| digest_of_call(&call.name, &call.arguments)).collect()
    }

    /// The arguments of each.
    pub fn arguments(self) -> Vec<String> {
        self.0.into_iter().map(|call| call.arguments).collect()
    }
}

/// Arguments as text: some servers send the object itself.
pub fn argument_text(arguments: &Json) -> String {
    arguments
        .as_str()
        .map_or_else(|| if arguments.is_null() { String::new() } else { arguments.to_string() }, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls as `id name arguments`, from pieces `index id name arguments`, where `-` is left out.
    fn calls(pieces: &[&str]) -> Vec<String> {
        let mut calls = Calls::default();
        for piece in pieces {
            let given: Vec<&str> = piece.split(' ').collect();
            let mut json = serde_json::json!({ "function": {} });
            if let Ok(index) = given[0].parse::<u64>() {
                json["index"] = index.into();
            }
            for (place, pointer) in [(1, "id"), (2, "name"), (3, "arguments")] {
                let value = Json::from(given[place]);
                match pointer {
                    _ if given[place] == "-" => {}
                    "id" => json["id"] = value,
                    _ => json["function"][pointer] = value,
                }
            }
            calls.piece(&json);
        }
        calls.0.iter().map(|call| format!("{} {} {}", call.id, call.name, call.arguments)).collect()
    }

    #[test]
    fn the_index_decides() {
        assert_eq!(calls(&["0 a f {", "1 b g [", "0 - - }", "1 - - ]"]), ["a f {}", "b g []"]);
        assert_eq!(calls(&["1 a f {", "1 - - }"]), ["a f {}"]);
        assert_eq!(calls(&["0 a f {", "0 a f }"]), ["a f {}"], "id and name again");
        assert_eq!(calls(&["0 a f {", "0 b - ,", "0 c - }"]), ["a f {,}"], "an id alone begins nothing");
        assert_eq!(calls(&["0 a - -", "0 - f {}"]), ["a f {}"], "the name comes late");
    }

    #[test]
    fn where_the_index_says_nothing_the_id_does() {
        assert_eq!(calls(&["0 a f {}", "0 b f []", "0 - - ,"]), ["a f {}", "b f [],"]);
        assert_eq!(calls(&["- a f {", "- - - }", "- b g []"]), ["a f {}", "b g []"]);
        assert_eq!(calls(&["- a f {", "- b g [", "- a - }", "- b - ]"]), ["a f {}", "b g []"]);
        assert_eq!(calls(&["- - f {}", "- - g []"]), [" f {}", " g []"], "a new name");
        assert_eq!(calls(&["- - f {", "- - f }"]), [" f {}"], "the same name again");
    }
}
