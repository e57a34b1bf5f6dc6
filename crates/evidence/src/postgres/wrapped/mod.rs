//! Reads PostgreSQL's log inside what a container's runtime or a log service puts around it: a time before each line,
//! or a JSON object that holds the line, the record's columns, or a line of pgAudit taken apart.

mod audit;
mod peel;

use audit::{AuditKey, Pieces, audit_of};
use peel::{docker, peeled};

use crate::clock::Clock;
use crate::harvest::{Harvest, Reason};
use crate::json;
use crate::lines::Line;
use crate::postgres::csv::Column;
use crate::postgres::pending::{NOTHING_TO_GO_ON_WITH, Place};
use crate::postgres::record::{PgRecord, Writer};
use crate::postgres::stderr::{Outer, Stderr};
use crate::postgres::words::Words;
use crate::reader::Reader;
use serde::Deserialize;
use stanch_model::event::Record;
use stanch_model::{EventClass, Position, TextField};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How deep objects may hold objects as text.
const DEPTH_MAX: usize = 4;

/// Where in an object what stands. Paths with dots, the first that is there counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// An object with the record's columns; the empty path is the whole object.
    record: Vec<String>,
    /// A line of the log, or an object as text.
    text: Vec<String>,
    /// When the line was taken in.
    time: Vec<String>,
    /// An object with a line of pgAudit taken apart.
    audit: Vec<String>,
    /// Its keys: what stands there.
    audit_keys: BTreeMap<String, AuditKey>,
    /// The machine, or what stands for it.
    device: Vec<String>,
}

type Members<'a> = [(Cow<'a, str>, &'a str)];

/// What a reader is made of.
pub(crate) struct Parts {
    pub(crate) clock: Clock,
    pub(crate) layout: Arc<Layout>,
    pub(crate) keys: Arc<BTreeMap<String, Column>>,
    pub(crate) words: Arc<Words>,
    /// Reads lines; none if no line of the sample has a prefix.
    pub(crate) lines: Option<Stderr>,
    pub(crate) record_bytes_max: usize,
    /// Whether only what is PostgreSQL's is read, as when the format is still to be told.
    pub(crate) strict: bool,
}

/// The reader.
pub(crate) struct Wrapped {
    parts: Parts,
    writer: Writer,
    /// A line that its runtime cut into pieces.
    cut: Cut,
    audit: Option<Pieces>,
}

#[derive(Default)]
struct Cut {
    text: String,
    place: Option<Place>,
}

impl Layout {
    fn first<'a>(members: &Members<'a>, paths: &[String]) -> Option<&'a str> {
        paths.iter().find_map(|path| json::at_path(members, path))
    }

    fn text_at<'a>(members: &Members<'a>, paths: &[String]) -> Option<Cow<'a, str>> {
        paths
            .iter()
            .find_map(|path| json::at_path(members, path).filter(|raw| raw.starts_with('"')).and_then(json::text))
    }

    /// The line inside an object, or inside what that holds; for the sample from which a prefix is worked out.
    pub(crate) fn line_in(&self, text: &str) -> Option<String> {
        let mut text = Cow::Borrowed(peeled(text).text);
        for _ in 0..DEPTH_MAX {
            if !text.starts_with('{') {
                return Some(text.into_owned());
            }
            let members = json::members(&text)?;
            let inner = Self::text_at(&members, &self.text)?.trim_end_matches(['\n', '\r']).to_owned();
            text = Cow::Owned(inner);
        }
        None
    }
}

impl Wrapped {
    pub(crate) fn new(parts: Parts) -> Wrapped {
        Wrapped { writer: Writer::new(Arc::clone(&parts.words)), cut: Cut::default(), audit: None, parts }
    }

    /// One text with its time, whatever it was wrapped in so far.
    fn take(
        &mut self,
        text: &str,
        place: Place,
        outer: Outer<'_>,
        depth: usize,
        harvest: &mut Harvest,
    ) -> Result<(), Reason> {
        if !text.starts_with('{') {
            let taken = self.take_text(text, place, outer, harvest);
            let is_other = is_no_piece(&taken) && depth == 0 && !text.trim().is_empty();
            return if is_other && self.other(None, Some(text), place, outer, harvest) { Ok(()) } else { taken };
        }
        let Some(members) = json::members(text) else { return Err("not one whole JSON object".into()) };
        let layout = Arc::clone(&self.parts.layout);
        let own_time = layout
            .time
            .iter()
            .find_map(|path| self.parts.clock.any(&json::text(json::at_path(&members, path)?)?).ok())
            .or(outer.time);
        let device = Layout::text_at(&members, &layout.device).unwrap_or(Cow::Borrowed(outer.device));
        let outer = Outer { time: own_time, device: &device };
        if let Some(taken) = self.take_audit(&members, place, outer, harvest) {
            return taken;
        }
        if let Some(taken) = self.take_record(&members, place, outer, harvest) {
            return taken;
        }
        let inner = Layout::text_at(&members, &layout.text).filter(|_| depth < DEPTH_MAX);
        let taken = match &inner {
            Some(inner) => self.take(inner, place, outer, depth + 1, harvest),
            None => Err("an object without a record or line of PostgreSQL".into()),
        };
        if is_no_piece(&taken) && depth == 0 && self.other(Some(text), inner.as_deref(), place, outer, harvest) {
            return Ok(());
        }
        taken
    }

    /// What is in the same log and not PostgreSQL's own: an operator's doings, a container's start. False if it has no
    /// time.
    fn other(
        &mut self,
        object: Option<&str>,
        said: Option<&str>,
        place: Place,
        outer: Outer<'_>,
        harvest: &mut Harvest,
    ) -> bool {
        let Some(time) = outer.time.filter(|_| !self.parts.strict) else { return false };
        self.flush(harvest);
        let mut record = Record::new(time, EventClass::Base, place.position);
        let texts =
            [(TextField::Message, said), (TextField::Device, Some(outer.device)), (TextField::Unmapped, object)];
        for (field, text) in texts {
            if let Some(text) = text.map(str::trim_end).filter(|t| !t.is_empty()) {
                record.set_text(field, text);
            }
        }
        harvest.event(record, place.lines);
        true
    }

    /// A text that may hold several lines.
    fn take_text(&mut self, text: &str, place: Place, outer: Outer<'_>, harvest: &mut Harvest) -> Result<(), Reason> {
        let Some(lines) = &mut self.parts.lines else { return Err("no line of PostgreSQL in it".into()) };
        let mut of_text = text.trim_end_matches(['\n', '\r']).split('\n');
        lines.take(of_text.next().unwrap_or_default().trim_end_matches('\r'), place, outer, harvest)?;
        for further in of_text {
            lines.take_further(further.trim_end_matches('\r'), Place { lines: 0, ..place });
        }
        Ok(())
    }

    /// A record whose columns are members of an object. Nothing if there is none.
    fn take_record(
        &mut self,
        members: &Members<'_>,
        place: Place,
        outer: Outer<'_>,
        harvest: &mut Harvest,
    ) -> Option<Result<(), Reason>> {
        let layout = Arc::clone(&self.parts.layout);
        layout.record.iter().find_map(|path| {
            if path.is_empty() {
                return self.of_columns(members, place, outer, harvest);
            }
            let object = json::at_path(members, path).filter(|raw| raw.starts_with('{'))?;
            self.of_columns(&json::members(object)?, place, outer, harvest)
        })
    }

    fn of_columns(
        &mut self,
        members: &Members<'_>,
        place: Place,
        outer: Outer<'_>,
        harvest: &mut Harvest,
    ) -> Option<Result<(), Reason>> {
        let keys = &self.parts.keys;
        let values: Vec<(Column, Cow<'_, str>)> =
            members.iter().filter_map(|(key, raw)| Some((*keys.get(key.as_ref())?, json::text(raw)?))).collect();
        let mut record = PgRecord { device: outer.device, ..PgRecord::default() };
        let mut time = None;
        for (column, value) in &values {
            match column {
                Column::LogTime => time = Some(self.parts.clock.any(value)),
                column => column.put(&mut record, value),
            }
        }
        if record.severity.is_empty() {
            return None;
        }
        let time = match (time, outer.time) {
            (Some(Ok(time)), _) => time,
            (_, Some(time)) => time,
            (Some(Err(fault)), None) => return Some(Err(fault.reason().into())),
            (None, None) => return Some(Err("no key for the time".into())),
        };
        self.flush(harvest);
        // An operator puts pgAudit's line beside the record, taken apart.
        match json::at_path(members, "audit").filter(|raw| raw.starts_with('{')).and_then(json::members) {
            Some(audit) => {
                let (audit, _) = audit_of(&audit, &self.parts.layout.audit_keys);
                self.writer.write_audit(&record, audit, (time, place.position, place.lines), harvest);
            }
            None => self.writer.write(&record, (time, place.position, place.lines), harvest),
        }
        Some(Ok(()))
    }

    /// A line of pgAudit that a service takes apart. Nothing if there is none.
    fn take_audit(
        &mut self,
        members: &Members<'_>,
        place: Place,
        outer: Outer<'_>,
        harvest: &mut Harvest,
    ) -> Option<Result<(), Reason>> {
        let object = Layout::first(members, &self.parts.layout.audit).filter(|raw| raw.starts_with('{'))?;
        let (audit, said) = audit_of(&json::members(object)?, &self.parts.layout.audit_keys);
        if audit.kind.is_empty() || audit.class.is_empty() {
            return None;
        }
        let Some(time) = outer.time else { return Some(Err("no member that holds a time".into())) };
        let next = Pieces { audit, time, place, device: outer.device.to_owned(), ..said };
        if let Some(open) = &mut self.audit
            && open.goes_on_with(&next)
        {
            open.add(&next);
        } else {
            self.flush(harvest);
            self.audit = Some(next);
        }
        if self.audit.as_ref().is_some_and(|a| a.piece >= a.pieces || a.held() > self.parts.record_bytes_max) {
            self.flush(harvest);
        }
        Some(Ok(()))
    }

    /// Hands out what waited for more.
    fn flush(&mut self, harvest: &mut Harvest) {
        if let Some(lines) = &mut self.parts.lines {
            lines.flush(harvest);
        }
        if let Some(mut done) = self.audit.take() {
            if done.pieces > 1 {
                let _ = done.audit.set_parameters(&done.parameters);
            }
            let record = PgRecord {
                user: &done.user,
                database: &done.database,
                session_id: &done.session,
                device: &done.device,
                severity: "LOG",
                ..PgRecord::default()
            };
            let Place { position, lines } = done.place;
            self.writer.write_audit(&record, done.audit, (done.time, position, lines), harvest);
        }
    }
}

/// Whether a text is refused for another reason than that the record is missing that it goes on with.
fn is_no_piece(taken: &Result<(), Reason>) -> bool {
    taken.as_ref().is_err_and(|reason| reason != NOTHING_TO_GO_ON_WITH)
}

impl Wrapped {
    /// A line that its runtime cut, or the rest of one. Nothing as long as more is to come.
    fn joined(&mut self, line: &Line<'_>, text: &str, is_cut: bool) -> Option<(String, Place)> {
        let mut joined = std::mem::take(&mut self.cut.text);
        joined.push_str(text);
        let mut place = Place { position: line.position, lines: 1 };
        if let Some(begun) = self.cut.place.take() {
            let end = line.position.offset + u64::from(line.position.length);
            let length = u32::try_from(end.saturating_sub(begun.position.offset)).unwrap_or(u32::MAX);
            place = Place { position: Position { length, ..begun.position }, lines: begun.lines + 1 };
        }
        if is_cut && joined.len() < self.parts.record_bytes_max {
            self.cut = Cut { text: joined, place: Some(place) };
            return None;
        }
        Some((joined, place))
    }
}

impl Reader for Wrapped {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        let peeled = peeled(line.text);
        if !peeled.is_wrapped && !peeled.text.starts_with('{') {
            return harvest.unread(line, "neither an object nor a line behind a time");
        }
        let mut time = peeled.time.and_then(|t| self.parts.clock.any(t).ok());
        // Docker leaves out of a line that it cuts the newline that it keeps of others.
        let docker = docker(peeled.text);
        if let Some(t) = docker.as_ref().and_then(|d| d.time.as_ref()) {
            time = self.parts.clock.any(t).ok().or(time);
        }
        let is_cut = peeled.is_cut || docker.as_ref().is_some_and(|d| !d.log.ends_with('\n'));
        let text = docker.as_ref().map_or(peeled.text, |d| &d.log);
        let outer = Outer { time, device: "" };
        let (taken, lines, position) = if self.cut.place.is_none() && !is_cut {
            let place = Place { position: line.position, lines: 1 };
            (self.take(text.trim_end_matches('\n'), place, outer, 0, harvest), 1, line.position)
        } else {
            let Some((joined, place)) = self.joined(line, text, is_cut) else { return };
            let taken = self.take(joined.trim_end_matches('\n'), place, outer, 0, harvest);
            (taken, place.lines, place.position)
        };
        match taken {
            Ok(()) => {}
            Err(reason) if lines == 1 => harvest.unread(line, reason),
            Err(reason) => harvest.unread_lines(position, lines, reason),
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        if let Some(place) = self.cut.place.take() {
            self.cut.text.clear();
            harvest.unread_lines(place.position, place.lines, "a line that was cut and of which the rest is missing");
        }
        self.flush(harvest);
    }
}
