//! What a client in this process says besides its outcome: log records, structured ones, and panics.
//!
//! One listener for the whole process (listeners of one thread lose events: tokio-rs/tracing#3611) routes what it hears to the
//! case that runs on the thread it was said on, and to the user whose call is being polled. A record of our own is said in each
//! case: where it is not heard, another listener was first, and silence means nothing.

use std::{
    cell::{Cell, RefCell},
    fmt,
    panic::{self, PanicHookInfo},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

/// Records that are kept of one case; a client that says more is heard no further.
const MOST: usize = 20_000;
/// Characters of a value that are kept.
const LONGEST: usize = 16 << 10;
/// Who says the record of our own.
const OURS: &str = "brownout::canary";

/// One log record.
#[derive(Debug, Clone, Default)]
pub struct LogRecord {
    /// Whose call was being polled.
    pub user: Option<usize>,
    /// Fields and values; a null has none. The message is the field `message`.
    pub fields: Vec<(String, Option<String>)>,
}

/// What is heard of one case.
#[derive(Debug, Default)]
pub struct Heard {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tracing: bool,
    log: bool,
    records: Vec<LogRecord>,
    panics: Vec<String>,
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether both kinds of log reach us.
    pub fn is_heard(&self) -> bool {
        let inner = self.lock();
        inner.tracing && inner.log
    }

    /// All records, in order.
    pub fn records(&self) -> Vec<LogRecord> {
        self.lock().records.clone()
    }

    /// Where panics happened: places in code.
    pub fn panics(&self) -> Vec<String> {
        self.lock().panics.clone()
    }

    fn take(&self, record: LogRecord) {
        let mut inner = self.lock();
        if inner.records.len() < MOST {
            inner.records.push(record);
        }
    }
}

thread_local! {
    static CASE: RefCell<Option<Arc<Heard>>> = const { RefCell::new(None) };
    static USER: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Listens from now on to what is said on this thread; ends when dropped.
#[derive(Debug)]
pub struct Listening {
    heard: Arc<Heard>,
}

impl Listening {
    /// Begins with a record of our own.
    pub fn start() -> Self {
        install();
        let heard = Arc::new(Heard::default());
        listen_on_this_thread(Some(heard.clone()));
        tracing::debug!(target: OURS, "heard");
        log::debug!(target: OURS, "heard");
        Listening { heard }
    }

    /// What is heard.
    #[cfg(test)]
    fn heard(&self) -> &Heard {
        &self.heard
    }

    /// To be called on each further thread of a runtime, so that what is said there is heard too.
    pub fn on_further_threads(&self) -> impl Fn() + Send + Sync + 'static {
        let heard = self.heard.clone();
        move || listen_on_this_thread(Some(heard.clone()))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        listen_on_this_thread(None);
    }
}

fn listen_on_this_thread(heard: Option<Arc<Heard>>) {
    CASE.with(|case| *case.borrow_mut() = heard);
}

/// The case that runs on this thread.
pub fn on_this_thread() -> Option<Arc<Heard>> {
    // A thread that is ending hears nothing any more.
    CASE.try_with(|case| case.borrow().clone()).ok().flatten()
}

/// A user's call, polled and dropped with its number noted, so that what it says is known as its own.
pub struct OfUser<'a, T> {
    user: usize,
    call: Option<Pin<Box<dyn Future<Output = T> + 'a>>>,
}

/// Notes the number of the user whose call this is.
pub fn of_user<'a, T>(user: usize, call: Pin<Box<dyn Future<Output = T> + 'a>>) -> OfUser<'a, T> {
    OfUser { user, call: Some(call) }
}

impl<T> Future for OfUser<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let _speaking = Speaking(USER.replace(Some(self.user)));
        self.call.as_mut().map_or(Poll::Pending, |call| call.as_mut().poll(context))
    }
}

impl<T> Drop for OfUser<'_, T> {
    fn drop(&mut self) {
        let _speaking = Speaking(USER.replace(Some(self.user)));
        self.call = None;
    }
}

/// Puts the number back that was noted before, even when a poll panics.
struct Speaking(Option<usize>);

impl Drop for Speaking {
    fn drop(&mut self) {
        USER.set(self.0);
    }
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Where another listener was first, our own record is not heard, and the transcript says so.
        tracing::subscriber::set_global_default(Listener).ok();
        log::set_logger(&Listener).ok();
        log::set_max_level(log::LevelFilter::Debug);
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !note_panic(info) {
                before(info);
            }
        }));
    });
}

/// Notes where a panic happened, if it is a case's; its words may hold anything, so they are not kept.
fn note_panic(info: &PanicHookInfo) -> bool {
    let Some(case) = on_this_thread() else { return false };
    let place =
        info.location().map_or_else(|| "an unknown place".to_owned(), |at| format!("{}:{}", at.file(), at.line()));
    case.lock().panics.push(place);
    true
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    /// The fields of a span are written beside each of its events by most formatters: they count as said.
    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        say(span.metadata(), |fields| span.record(fields));
        span::Id::from_u64(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        keep(|fields| values.record(fields));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == OURS {
            on_this_thread().iter().for_each(|case| case.lock().tracing = true);
        } else {
            say(event.metadata(), |fields| event.record(fields));
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        if record.target() == OURS {
            on_this_thread().iter().for_each(|case| case.lock().log = true);
        } else {
            keep(|fields| fields.add("message", Some(record.args().to_string())));
        }
    }

    fn flush(&self) {}
}

/// A field that is declared and not given is null.
fn say(metadata: &Metadata, write: impl FnOnce(&mut Fields)) {
    keep(|fields| {
        fields.0.extend(metadata.fields().iter().map(|field| (field.name().to_owned(), None)));
        write(fields);
    });
}

fn keep(write: impl FnOnce(&mut Fields)) {
    let Some(case) = on_this_thread() else { return };
    let mut fields = Fields(Vec::new());
    write(&mut fields);
    if !fields.0.is_empty() {
        case.take(LogRecord { user: USER.try_with(Cell::get).ok().flatten(), fields: fields.0 });
    }
}

/// Fields as text; `None` and `null` are null.
struct Fields(Vec<(String, Option<String>)>);

impl Fields {
    fn add(&mut self, name: &str, value: Option<String>) {
        let short =
            |text: String| text.char_indices().nth(LONGEST).map_or(text.clone(), |(at, _)| text[..at].to_owned());
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.map(short),
            None => self.0.push((name.to_owned(), value.map(short))),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), Some(value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        let value = match text.as_str() {
            "None" | "null" | "Null" => None,
            _ => Some(text),
        };
        self.add(field.name(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_on_a_thread_is_its_cases_and_knows_its_user() {
        let listening = Listening::start();
        assert!(listening.heard().is_heard(), "no other listener is installed in this process");
        futures_util::FutureExt::now_or_never(of_user(
            3,
            Box::pin(async {
                tracing::info!(status = 200, code = tracing::field::Empty, none = ?None::<u8>, word = "a", "done");
                log::warn!("by {}", "log");
            }),
        ))
        .expect("nothing is awaited");
        tracing::info!("nobody's");
        tracing::trace!("too fine to be kept");
        let records = listening.heard().records();
        assert_eq!(records.iter().map(|record| record.user).collect::<Vec<_>>(), [Some(3), Some(3), None]);
        let field =
            |name: &str| records[0].fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        assert_eq!(field("status"), Some(Some("200".to_owned())));
        assert_eq!(field("word"), Some(Some("a".to_owned())));
        assert_eq!(field("none"), Some(None), "a null is there and has no value");
        assert_eq!(field("code"), Some(None), "an empty field is there and has no value");
        assert_eq!(records[1].fields, [("message".to_owned(), Some("by log".to_owned()))]);
        let other = std::thread::spawn(|| tracing::info!("another thread's")).join();
        assert!(other.is_ok() && listening.heard().records().len() == 3);
    }

    #[test]
    fn a_panic_is_noted_by_its_place_and_not_by_its_words() {
        let listening = Listening::start();
        let caught = panic::catch_unwind(|| panic!("a secret"));
        assert!(caught.is_err());
        let panics = listening.heard().panics();
        assert_eq!(panics.len(), 1);
        assert!(panics[0].contains("heard.rs:") && !panics[0].contains("secret"), "{panics:?}");
    }
}
