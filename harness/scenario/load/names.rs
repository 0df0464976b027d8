//! `$name`s in text: axes, bytes, and what the harness fills in while it serves.

/// Names that the harness fills in.
pub(super) const PLAIN: [&str; 5] = ["key", "prompt", "user", "mark", "model"];
/// Names that it fills in by host: `$url.primary`.
pub(super) const BY_HOST: [&str; 3] = ["url", "port", "path"];
const HOSTS: [&str; 3] = ["primary", "fallback", "elsewhere"];

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text, with `$$` as it is written.
    Text(&'a str),
    /// A name, without its dollar.
    Name(&'a str),
    /// A dollar that begins no name.
    Bare,
}

/// Takes a text apart. A name ends at the first character that is no letter, digit, `_` or `.`; a dot that ends a sentence is
/// not part of it.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        found.push(Piece::Text(before));
        let (piece, len) = dollar(from);
        found.push(piece);
        rest = &from[len..];
    }
    found.push(Piece::Text(rest));
    found.retain(|piece| *piece != Piece::Text(""));
    found
}

fn dollar(from: &str) -> (Piece<'_>, usize) {
    let after = &from[1..];
    if after.starts_with('$') {
        return (Piece::Text(&from[..2]), 2);
    }
    let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(after.len());
    match after[..end].trim_end_matches('.') {
        "" => (Piece::Bare, 1),
        name => (Piece::Name(name), 1 + name.len()),
    }
}

/// The name that is all of a text.
pub(super) fn whole(text: &str) -> Option<&str> {
    match pieces(text)[..] {
        [Piece::Name(name)] => Some(name),
        _ => None,
    }
}

/// Whether the harness fills it in.
pub(super) fn is_built_in(name: &str) -> bool {
    match name.split_once('.') {
        None => PLAIN.contains(&name),
        Some((head, host)) => BY_HOST.contains(&head) && HOSTS.contains(&host),
    }
}

/// Whether a name that a scenario declares would hide one of the harness's.
pub(super) fn is_reserved(name: &str) -> bool {
    PLAIN.contains(&name) || BY_HOST.contains(&name)
}

/// All names of the harness, for messages.
pub(super) fn built_ins() -> Vec<String> {
    let by_host = BY_HOST.iter().flat_map(|head| HOSTS.iter().map(move |host| format!("{head}.{host}")));
    PLAIN.iter().map(|name| (*name).to_owned()).chain(by_host).collect()
}
