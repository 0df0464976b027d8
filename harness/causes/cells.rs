//! What a row demands in its circumstances: entry, switch, the policy's overrides, then adjustments from top to bottom.

use super::{
    Adjust, Cause, Causes, Cell, CellOverride, Change, Charged, Class, Demand, Left, Mode, Part, ResultWord, Retry,
    TooLong, Waits, When,
};
use crate::{
    policy::{Parser, Policy, ShouldRetry},
    scenario::Host,
};

/// What surrounds an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Circumstances {
    /// Where it went.
    pub host: Host,
    /// The error came as an object on a 2xx.
    pub in_band: bool,
    /// The reply is an event stream.
    pub stream: bool,
    /// The header `x-should-retry`.
    pub should_retry: Option<String>,
    /// Why the wait it names is not slept.
    pub wait: Option<TooLong>,
    /// Less than the fallback's reserve is left.
    pub under_reserve: bool,
    /// Another provider may answer.
    pub fallback_safe: bool,
    /// Doing it twice costs twice.
    pub charge_sensitive: bool,
    /// Another attempt here carries the same key, and keys deduplicate.
    pub same_idempotency_key: bool,
    /// Text of it reached the user.
    pub content: bool,
}

/// What a client may and must do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    /// The failure mode.
    pub mode: Mode,
    /// The same request to the same provider.
    pub retry: Retry,
    /// One more attempt is allowed if this part differs.
    pub changed: Option<Part>,
    /// Another provider.
    pub fallback: Demand,
    /// May billable work have been done?
    pub charged: Charged,
    /// What the next attempt waits for.
    pub waits: Waits,
    /// Error classes that are right.
    pub classes: Vec<Class>,
    /// Accepted outcomes.
    pub results: Vec<ResultWord>,
}

impl Causes {
    /// The cells of a row.
    pub fn cells(&self, cause: &Cause, policy: &Policy, circumstances: &Circumstances) -> Cells {
        let mut sum = Sum::under(cause, policy);
        if let Some(fallback) = policy.fallback.on.get(&cause.id) {
            sum.lay_over(&CellOverride { fallback: Some(*fallback), ..CellOverride::default() });
        }
        for adjust in &self.adjust {
            if sum.cells.meet(&adjust.when, circumstances) {
                sum.adjust(adjust, policy);
            }
        }
        // An answer that nothing but a completion fits is a good one.
        if sum.cells.results == [ResultWord::Completed] {
            (sum.cells.retry, sum.cells.fallback) = (Retry::Never, Demand::Never);
        }
        sum.cells
    }
}

impl Cause {
    /// Whether this policy takes it as a good answer: nothing but a completion is accepted.
    pub(super) fn is_good(&self, policy: &Policy) -> bool {
        Sum::under(self, policy).cells.results == [ResultWord::Completed]
    }
}

fn entry(cause: &Cause) -> Cells {
    Cells {
        mode: cause.mode,
        retry: cause.retry,
        changed: cause.changed,
        fallback: cause.fallback,
        charged: cause.charged,
        waits: cause.waits,
        classes: cause.classes.clone(),
        results: cause.results.clone(),
    }
}

/// The policy's value of a switch that a row names, as a word.
fn value_of(parser: &Parser, switch: &str) -> Option<String> {
    let parser = serde_json::to_value(parser).ok()?;
    let value = parser.get(switch)?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Cells under way, and those that nothing may change any more.
struct Sum {
    cells: Cells,
    fixed: Vec<Cell>,
}

impl Sum {
    /// The entry, with what the policy's switches and overrides lay over it.
    fn under(cause: &Cause, policy: &Policy) -> Self {
        let mut sum = Sum { cells: entry(cause), fixed: cause.fixed.clone() };
        cause.switch.iter().for_each(|switch| {
            let given = switch.iter().filter_map(|(name, values)| values.get(&value_of(&policy.parser, name)?));
            given.for_each(|given| sum.lay_over(given));
        });
        policy.cells.get(&cause.id).into_iter().for_each(|given| sum.lay_over(given));
        sum
    }

    fn free(&self, cell: Cell) -> bool {
        !self.fixed.contains(&cell)
    }

    fn lay_over(&mut self, given: &CellOverride) {
        if let Some(retry) = given.retry.filter(|_| self.free(Cell::Retry)) {
            self.cells.retry = retry;
        }
        if let Some(fallback) = given.fallback.filter(|_| self.free(Cell::Fallback)) {
            self.cells.fallback = fallback;
        }
        if let Some(charged) = given.charged.filter(|_| self.free(Cell::Charged)) {
            self.cells.charged = charged;
        }
        self.cells.waits = given.waits.unwrap_or(self.cells.waits);
        self.cells.results = given.results.clone().unwrap_or_else(|| self.cells.results.clone());
        self.cells.classes.extend(given.classes.iter().flatten());
    }

    fn adjust(&mut self, adjust: &Adjust, policy: &Policy) {
        adjust.set.iter().for_each(|change| self.change(change, adjust.fixed));
        let switches = adjust.switch.iter().flatten().filter(|(name, _)| *name == "x_should_retry");
        let value = match policy.parser.x_should_retry {
            ShouldRetry::Obey => "obey",
            ShouldRetry::Ignore => "ignore",
            ShouldRetry::Either => "either",
        };
        switches.filter_map(|(_, values)| values.get(value)).for_each(|change| self.change(change, adjust.fixed));
        let new = adjust.add_classes.iter().filter(|class| !self.cells.classes.contains(class)).copied();
        let new: Vec<Class> = new.collect();
        self.cells.classes.extend(new);
    }

    /// A fixed adjustment overrides even fixed cells, since both only forbid, and nothing after it undoes it.
    fn change(&mut self, change: &Change, fixes: bool) {
        self.cells.mode = change.mode.unwrap_or(self.cells.mode);
        if let Some(to) = change.retry.as_ref().filter(|_| fixes || self.free(Cell::Retry)) {
            self.cells.retry = to.apply(self.cells.retry);
            self.fixed.extend(fixes.then_some(Cell::Retry));
        }
        if let Some(to) = change.fallback.as_ref().filter(|_| fixes || self.free(Cell::Fallback)) {
            self.cells.fallback = to.apply(self.cells.fallback);
            self.fixed.extend(fixes.then_some(Cell::Fallback));
        }
        if let Some(to) = change.charged.as_ref().filter(|_| fixes || self.free(Cell::Charged)) {
            self.cells.charged = to.apply(self.cells.charged);
            self.fixed.extend(fixes.then_some(Cell::Charged));
        }
    }
}

impl Cells {
    fn meet(&self, when: &When, now: &Circumstances) -> bool {
        let is = |wanted: Option<bool>, got: bool| wanted.is_none_or(|wanted| wanted == got);
        is(when.in_band, now.in_band)
            && is(when.stream, now.stream)
            && is(when.fallback_safe, now.fallback_safe)
            && is(when.charge_sensitive, now.charge_sensitive)
            && is(when.same_idempotency_key, now.same_idempotency_key)
            && is(when.content, now.content)
            && when.provider.is_none_or(|host| host == now.host)
            && when.left.is_none_or(|Left::UnderReserve| now.under_reserve)
            && (when.waits.is_empty() || when.waits.contains(&self.waits))
            && (when.wait.is_empty() || now.wait.is_some_and(|wait| when.wait.contains(&wait)))
            && (when.charged.is_empty() || when.charged.contains(&self.charged))
            && when
                .headers
                .iter()
                .all(|(name, value)| name == "x-should-retry" && now.should_retry.as_ref() == Some(value))
    }
}
