//! Reads the systemd journal as `journalctl` gives it out: JSON objects, or the export format.

mod export;
mod json;

pub(crate) use export::JournaldExport;
pub(crate) use json::JournaldJson;

use crate::clock::{Clock, TimeFault};
use crate::harvest::{Harvest, Reason};
use crate::reader::rules::{Named, Rules, Used};
use crate::targets::{Draft, Target};
use stanch_model::{EventClass, Instant, NumberField, Position, TextField};
use std::borrow::Cow;
use std::collections::HashMap;

/// One entry: its fields in their order. A client may have given a field several times.
#[derive(Debug, Default)]
struct Entry<'a> {
    fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Fields whose values were left out for their length.
    left_out: Vec<Cow<'a, str>>,
}

impl Named for Entry<'_> {
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        self.fields.iter().find(|(k, _)| k == key).map(|(_, value)| Cow::Borrowed(value.as_ref()))
    }
}

/// The program's own name, which the journal adds; its tag is what the program says of itself.
const COMM: &str = "_COMM";
/// The entry's place in its journal.
const CURSOR: &str = "__CURSOR";

impl Entry<'_> {
    /// Hands out the entry as an event, or says why it is none.
    fn write(
        &self,
        (rules, clock): (&Rules, &mut Clock),
        (position, lines): (Position, u64),
        harvest: &mut Harvest,
    ) -> Result<(), Reason> {
        if let Some(reason) = rules.refusal(self) {
            return Err(reason);
        }
        let mut draft = Draft::default();
        let (time, class, used) = rules.apply(self, clock, &mut draft).map_err(TimeFault::reason)?;
        let sequence = Target::Number(NumberField::Sequence);
        if !draft.has(sequence)
            && let Some(n) = self.value(CURSOR).and_then(|cursor| counter(&cursor))
        {
            draft.put(sequence, n.to_string());
        }
        self.keep_the_rest((rules, used), &mut draft);
        message_event(draft, (time, class, position, lines), harvest);
        Ok(())
    }

    fn keep_the_rest(&self, (rules, used): (&Rules, Used), draft: &mut Draft<'_>) {
        let mut seen: HashMap<&str, usize> = HashMap::with_capacity(self.fields.len());
        for (key, value) in &self.fields {
            let count = seen.entry(key).or_default();
            *count += 1;
            let is_second_name = key == COMM && draft.text(Target::Text(TextField::Process)) != Some(value);
            match count {
                1 if rules.uses(used, key) && !is_second_name => {}
                1 => draft.unmapped_text(key, value),
                n => draft.unmapped_text(&format!("{key}#{n}"), value),
            }
        }
        for key in &self.left_out {
            draft.unmapped_json(key, "null");
        }
    }
}

/// The entry's number in its journal, which older versions give in the cursor alone: `…;i=1f3a;…`, hexadecimal.
fn counter(cursor: &str) -> Option<i64> {
    let digits = cursor.split(';').find_map(|part| part.strip_prefix("i="))?;
    i64::from_str_radix(digits, 16).ok()
}

/// Hands out what a program said as an event. The draft has who said it (`process.name`, `process.pid`,
/// `device.hostname`) and the text (`message`).
fn message_event(
    draft: Draft<'_>,
    (time, class, position, lines): (Instant, EventClass, Position, u64),
    harvest: &mut Harvest,
) {
    draft.finish((time, class, position), |record| harvest.event(record, lines));
}
