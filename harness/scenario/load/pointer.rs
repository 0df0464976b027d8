//! Changes in a JSON body, by JSON pointer.

use serde_json::Value as Json;

/// Puts a value where the pointer says: a new key, a key that is there, a place of a list, or `-` for its end.
pub(super) fn set(body: &mut Json, pointer: &str, value: &Json) -> Result<(), String> {
    let (parent, last) = parent(body, pointer)?;
    match parent {
        Json::Object(map) => {
            map.insert(last, value.clone());
            Ok(())
        }
        Json::Array(list) => match place(&last, list.len()) {
            Some(at) if at == list.len() => {
                list.push(value.clone());
                Ok(())
            }
            Some(at) => {
                list[at] = value.clone();
                Ok(())
            }
            None => Err(format!("`{pointer}` leads nowhere: the list has {}", list.len())),
        },
        _ => Err(format!("`{pointer}` leads nowhere: there is neither a map nor a list above `{last}`")),
    }
}

/// Takes out what the pointer names.
pub(super) fn unset(body: &mut Json, pointer: &str) -> Result<(), String> {
    let (parent, last) = parent(body, pointer)?;
    let taken = match parent {
        Json::Object(map) => map.shift_remove(&last).is_some(),
        Json::Array(list) => match place(&last, list.len()) {
            Some(at) if at < list.len() => {
                list.remove(at);
                true
            }
            _ => false,
        },
        _ => false,
    };
    if taken { Ok(()) } else { Err(format!("`{pointer}` leads nowhere: nothing is there to take out")) }
}

fn parent<'a>(body: &'a mut Json, pointer: &str) -> Result<(&'a mut Json, String), String> {
    let Some((above, last)) = pointer.rsplit_once('/').filter(|_| pointer.starts_with('/')) else {
        return Err(format!("`{pointer}` is no JSON pointer\nwrite it like /choices/0/message/content"));
    };
    match body.pointer_mut(above) {
        Some(parent) => Ok((parent, last.replace("~1", "/").replace("~0", "~"))),
        None => Err(format!("`{pointer}` leads nowhere: there is no `{above}`")),
    }
}

fn place(last: &str, len: usize) -> Option<usize> {
    match last {
        "-" => Some(len),
        digits => digits.parse().ok().filter(|at| *at <= len),
    }
}
