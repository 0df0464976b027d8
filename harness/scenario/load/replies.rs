//! Named replies.

use std::sync::{Arc, OnceLock};

use super::{
    context::{Context, at_key, typed},
    files::is_words,
    names::{Piece, is_built_in, pieces},
    step,
};
use crate::{
    policy::Policy,
    scenario::{Step, Stock, file},
    yaml::{Node, Problem, Source, SourceError, Value, closest, parse},
};

const EMBEDDED: &str = include_str!("../../../scenarios/replies.yaml");
/// Nobody listens: the one fate that no reply can say.
pub(super) const REFUSE: &str = "refuse";
/// The harness itself answers with these.
const REQUIRED: [&str; 4] = ["ok", "rate-limited", "bad-key", "not-found"];

/// The named replies of a folder.
#[derive(Debug, Clone)]
pub struct Replies {
    replies: Arc<[(String, file::Reply)]>,
    root: Arc<Node>,
}

impl Replies {
    /// The replies of the suite, read once.
    pub(super) fn embedded() -> Result<Self, SourceError> {
        static READ: OnceLock<Result<Replies, SourceError>> = OnceLock::new();
        let source = || Source { path: "scenarios/replies.yaml".to_owned(), text: EMBEDDED.to_owned() };
        READ.get_or_init(|| Self::read(source(), &Policy::default())).clone()
    }

    /// Reads and checks them all.
    pub(super) fn read(source: Source, policy: &Policy) -> Result<Self, SourceError> {
        let document = parse(&source)?;
        Self::checked(document.root, policy).map_err(|problem| source.error(problem))
    }

    fn checked(root: Node, policy: &Policy) -> Result<Self, Problem> {
        names_are_known(&root)?;
        let file: file::ReplyFile = typed(&root)?;
        let replies = Replies { replies: file.0.into(), root: Arc::new(root) };
        for (name, reply) in replies.replies.iter() {
            check(name, reply, &replies.root)?;
            for stream in [false, true] {
                replies.resolve(name, stream, policy)?;
            }
        }
        match REQUIRED.iter().find(|name| replies.find(name).is_none()) {
            Some(missing) => Err(Problem::new(replies.root.head(), format!("there is no reply `{missing}`"))
                .help("the harness answers with it: add it")),
            None => Ok(replies),
        }
    }

    /// All names, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.replies.iter().map(|(name, _)| name.as_str())
    }

    /// What a reply is, for people.
    pub fn about(&self, name: &str) -> Option<&str> {
        self.find(name).and_then(|reply| reply.about.as_deref())
    }

    /// The step that says a reply and nothing else, as asked for: plain, or as a stream. `None`: there is no such reply.
    pub fn step(&self, name: &str, stream: bool, policy: &Policy) -> Option<Step> {
        self.resolve(name, stream, policy).ok().flatten()
    }

    /// What the harness itself answers with.
    pub(super) fn stock(&self, policy: &Policy) -> Arc<Stock> {
        let step =
            |name: &str, stream: bool| self.step(name, stream, policy).expect("checked when the replies were read");
        Arc::new(Stock {
            ok_plain: step("ok", false),
            ok_stream: step("ok", true),
            busy: step("rate-limited", false),
            refused_key: step("bad-key", false),
            not_found: step("not-found", false),
        })
    }

    fn find(&self, name: &str) -> Option<&file::Reply> {
        self.replies.iter().find(|(known, _)| known == name).map(|(_, reply)| reply)
    }

    fn resolve(&self, name: &str, stream: bool, policy: &Policy) -> Result<Option<Step>, Problem> {
        let Some(reply) = self.find(name) else { return Ok(None) };
        let context = Context { policy, replies: None, bytes: &[], sets_timeouts: false };
        let node = self.root.get(name).unwrap_or(&self.root);
        let (body, node) = match (&reply.plain, &reply.stream) {
            (Some(plain), Some(_)) if !stream => (plain.clone(), node.get("plain").unwrap_or(node)),
            (_, Some(stream)) => (stream.clone(), node.get("stream").unwrap_or(node)),
            _ => (reply.body(), node),
        };
        step::of_reply(name, &body, node, &context).map(Some)
    }

    /// The same, for a step of a scenario; an error stands where the name was written.
    pub(super) fn named(&self, name: &str, place: &Node, stream: bool, policy: &Policy) -> Result<Step, Problem> {
        match self.resolve(name, stream, policy) {
            Ok(Some(step)) => Ok(step),
            Ok(None) => Err(self.unknown(name, place)),
            Err(problem) => Err(Problem::new(
                place.head(),
                format!("the reply `{name}` cannot be served here: {}", problem.message),
            )),
        }
    }

    fn unknown(&self, name: &str, place: &Node) -> Problem {
        let problem = Problem::new(place.head(), format!("unknown reply `{name}`"));
        let names = || self.names().chain([REFUSE]);
        match closest(name, names()) {
            Some(close) => problem.help(format!("did you mean `{close}`?")),
            None => problem.help(format!("known: {}", names().collect::<Vec<_>>().join(", "))),
        }
    }
}

/// What the types cannot say about one reply.
fn check(name: &str, reply: &file::Reply, root: &Node) -> Result<(), Problem> {
    let node = root.get(name).unwrap_or(root);
    if !is_words(name) {
        return Err(at_key(root, name, format!("`{name}` is no name of a reply"))
            .help("write lower-case words with hyphens between them"));
    }
    if name == REFUSE {
        return Err(at_key(root, name, "`refuse` is the harness's own").help("choose another name"));
    }
    if reply.about.as_ref().is_none_or(|about| about.trim().is_empty()) {
        return Err(at_key(root, name, format!("`{name}` does not say what it is")).help("add `about: …`"));
    }
    let split = reply.plain.is_some() || reply.stream.is_some();
    let own = node.entries().iter().find(|(key, _)| !["about", "plain", "stream"].contains(&key.text.as_str()));
    match (split, own) {
        (true, Some((key, _))) => {
            Err(at_key(node, &key.text, format!("`{}` stands beside `plain` and `stream`", key.text))
                .help("move it into both"))
        }
        (true, None) if reply.plain.is_none() => {
            Err(at_key(node, "stream", "`plain` is missing").help("write both, or neither"))
        }
        (true, None) if reply.stream.is_none() => {
            Err(at_key(node, "plain", "`stream` is missing").help("write both, or neither"))
        }
        _ => Ok(()),
    }
}

/// Replies know no axes and no bytes: only what the harness fills in.
fn names_are_known(node: &Node) -> Result<(), Problem> {
    match &node.value {
        Value::Text(text) => pieces(text).into_iter().try_for_each(|piece| match piece {
            Piece::Name(name) if !is_built_in(name) => {
                let known = super::names::built_ins();
                Err(Problem::new(node.span, format!("nothing is called `${name}`"))
                    .did_you_mean(name, known.iter().map(String::as_str)))
            }
            Piece::Bare => Err(Problem::new(node.span, "this `$` begins no name").help("write `$$` for a dollar")),
            _ => Ok(()),
        }),
        _ => node.items().iter().chain(node.entries().iter().map(|(_, value)| value)).try_for_each(names_are_known),
    }
}
