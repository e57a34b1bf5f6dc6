//! Reads JSON objects by a pack's rules: one a line, or cut out of a document.

use crate::clock::Clock;
use crate::harvest::{Harvest, Reason};
use crate::json;
use crate::lines::Line;
use crate::reader::Reader;
use crate::reader::before::{Before, Headed};
use crate::reader::patterns::InMessage;
use crate::reader::rules::Rules;
use crate::reader::tree::Tree;
use crate::targets::Draft;
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

/// The reader.
pub(crate) struct JsonRecords {
    clock: Clock,
    rules: Arc<Rules>,
    in_message: Arc<InMessage>,
    before: Option<Arc<Before>>,
}

impl JsonRecords {
    /// `before` is what may stand before an object on its line.
    pub(crate) fn new(
        clock: Clock,
        rules: Arc<Rules>,
        in_message: Arc<InMessage>,
        before: Option<Arc<Before>>,
    ) -> JsonRecords {
        JsonRecords { clock, rules, in_message, before }
    }
}

/// Opens a record as the rules have it, out of its envelope if they know one. None if it is not one whole JSON object.
fn opened<T>(text: &str, rules: &Rules, read: impl FnOnce(Tree<'_>) -> T) -> Option<T> {
    let mut around = json::members(text)?;
    let envelope = rules.unpack.iter().find_map(|key| {
        let at = around.iter().position(|(k, _)| k == key)?;
        let inner = json::text(around[at].1).filter(|inner| inner.starts_with('{'))?;
        Some((at, inner))
    });
    let inner = match &envelope {
        Some((at, inner)) => json::members(inner).inspect(|_| drop(around.remove(*at))),
        None => None,
    };
    Some(match inner {
        Some(inner) => read(Tree::new(Rc::new(inner), around)),
        None => read(Tree::new(Rc::new(around), Vec::new())),
    })
}

/// Why a text is no record by the rules, if it is none.
pub(crate) fn refusal(text: &str, rules: &Rules) -> Option<Reason> {
    opened(text, rules, |tree| rules.refusal(&tree)).unwrap_or_else(|| Some(NO_OBJECT.into()))
}

const NO_OBJECT: &str = "not one whole JSON object";
const TOO_MANY: &str = "more elements than are read of one record";
/// Bytes that what stands around a record's elements may take in its events together, since each of them has it; and
/// events that it may have in any case. Without them, a record would become as large as its length times its length.
const ELEMENTS_BYTES: usize = 16 << 20;
const ELEMENTS_LEAST: usize = 16;

impl Reader for JsonRecords {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let (rules, before) = (Arc::clone(&self.rules), self.before.clone());
        let before = before.as_ref().filter(|_| !line.text.starts_with('{'));
        let (head, object) = before.map_or((Vec::new(), line.text), |before| before.split(line.text));
        let is_read = |text: &str, reader: &mut JsonRecords, harvest: &mut Harvest| {
            opened(text, &rules, |tree| reader.record(&rules, (&head, tree), line, harvest)).is_some()
        };
        if is_read(object, self, harvest) {
            return;
        }
        let repaired = if object.starts_with('{') { json::repaired(object) } else { None };
        if !repaired.is_some_and(|text| is_read(&text, self, harvest)) {
            harvest.unread(line, NO_OBJECT);
        }
    }

    fn is_line_by_line(&self) -> bool {
        true
    }
}

impl JsonRecords {
    fn by<'a>(&'a mut self, rules: &'a Rules) -> (&'a Rules, &'a InMessage, &'a mut Clock) {
        (rules, &self.in_message, &mut self.clock)
    }

    /// Reads a record behind the values of what stands before it on its line.
    fn record(
        &mut self,
        rules: &Rules,
        (head, mut tree): (&[(&str, &str)], Tree<'_>),
        line: &Line<'_>,
        harvest: &mut Harvest,
    ) {
        if let Some(reason) = rules.refusal(&Headed { head, record: &tree }) {
            return harvest.unread(line, reason);
        }
        let elements = rules.each.as_deref().and_then(|key| Some((key, tree.elements(key)?)));
        let Some((key, elements)) = elements else {
            if let Err(reason) = emit(self.by(rules), (head, &tree), (line, 1), harvest) {
                harvest.unread(line, reason);
            }
            return;
        };
        // Of the events that a line gives, one counts it.
        let (mut lines, mut failed) = (1, None);
        let own: usize = elements.iter().map(|element| element.len()).sum();
        let around = line.text.len().saturating_sub(own);
        let most = (ELEMENTS_BYTES / around.max(1)).max(ELEMENTS_LEAST);
        if elements.len() > most {
            harvest.further_records += 1;
            harvest.unread_lines(line.position, 1, TOO_MANY);
        }
        for element in elements.into_iter().take(most) {
            tree.stand_at(key, element);
            match emit(self.by(rules), (head, &tree), (line, lines), harvest) {
                Ok(()) => lines = 0,
                Err(reason) => failed = Some(reason),
            }
        }
        if let Some(reason) = failed.filter(|_| lines == 1) {
            harvest.unread(line, reason);
        }
    }
}

/// Hands out a record as an event.
fn emit(
    (rules, in_message, clock): (&Rules, &InMessage, &mut Clock),
    (head, tree): (&[(&str, &str)], &Tree<'_>),
    (line, lines): (&Line<'_>, u64),
    harvest: &mut Harvest,
) -> Result<(), Reason> {
    let record = Headed { head, record: tree };
    let mut draft = Draft::default();
    let (time, class, used) = rules.apply(&record, clock, &mut draft).map_err(|fault| Cow::Borrowed(fault.reason()))?;
    for (key, raw) in tree.top() {
        if !rules.uses(used, &key) && !json::is_empty(raw) {
            draft.unmapped_json(&key, raw);
        }
    }
    record.rest(rules, used, &mut draft);
    let class = in_message.read_in(&mut draft).unwrap_or(class);
    draft.finish((time, class, line.position), |record| harvest.event(record, lines));
    Ok(())
}
