//! Reads csvlog: quoted fields, records that span lines, records that were torn.

use crate::clock::{Clock, local_us};
use crate::harvest::{Harvest, Reason};
use crate::lines::Line;
use crate::postgres::record::{PgRecord, Writer};
use crate::postgres::words::Words;
use crate::reader::Reader;
use stanch_model::Position;
use std::sync::Arc;

/// A column of csvlog or a key of jsonlog, by csvlog's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    LogTime,
    User,
    Database,
    Pid,
    ConnectionFrom,
    Port,
    SessionId,
    LineNum,
    CommandTag,
    Severity,
    SqlState,
    Message,
    Detail,
    Hint,
    InternalQuery,
    Context,
    Query,
    App,
    BackendType,
    QueryId,
    TransactionId,
    /// Known, and of no use here.
    Unused,
}

impl Column {
    /// The column of that name; packs list them in the file's order.
    pub(crate) fn from_name(name: &str) -> Option<Column> {
        Some(match name {
            "log_time" => Column::LogTime,
            "user_name" => Column::User,
            "database_name" => Column::Database,
            "process_id" => Column::Pid,
            "connection_from" => Column::ConnectionFrom,
            "connection_port" => Column::Port,
            "session_id" => Column::SessionId,
            "session_line_num" => Column::LineNum,
            "command_tag" => Column::CommandTag,
            "error_severity" => Column::Severity,
            "sql_state_code" => Column::SqlState,
            "message" => Column::Message,
            "detail" => Column::Detail,
            "hint" => Column::Hint,
            "internal_query" => Column::InternalQuery,
            "context" => Column::Context,
            "query" => Column::Query,
            "application_name" => Column::App,
            "backend_type" => Column::BackendType,
            "query_id" => Column::QueryId,
            "transaction_id" => Column::TransactionId,
            "session_start_time"
            | "virtual_transaction_id"
            | "internal_query_pos"
            | "query_pos"
            | "location"
            | "leader_pid" => Column::Unused,
            _ => return None,
        })
    }

    /// Puts a value into its place in a record.
    pub(crate) fn put<'a>(self, record: &mut PgRecord<'a>, value: &'a str) {
        match self {
            Column::User => record.user = value,
            Column::Database => record.database = value,
            Column::Pid => record.pid = value,
            Column::ConnectionFrom => record.connection_from = value,
            Column::Port => record.port = value,
            Column::SessionId => record.session_id = value,
            Column::LineNum => record.line_num = value,
            Column::CommandTag => record.command_tag = value,
            Column::Severity => record.severity = value,
            Column::SqlState => record.sqlstate = value,
            Column::Message => record.message = value,
            Column::Detail => record.detail = value,
            Column::Hint => record.hint = value,
            Column::InternalQuery => record.internal_query = value,
            Column::Context => record.context = value,
            Column::Query => record.statement = value,
            Column::App => record.app = value,
            Column::BackendType => record.backend_type = value,
            Column::QueryId => record.query_id = value,
            Column::TransactionId => record.transaction_id = value,
            Column::LogTime | Column::Unused => {}
        }
    }
}

/// Columns of the oldest csvlog that is read (PostgreSQL 8.4), and how many a future one may have.
const COLUMNS: std::ops::RangeInclusive<usize> = 22..=40;
/// How often a record in several lines is tried before it counts as torn.
const TRIES_MAX: u32 = 64;

/// The reader.
pub(crate) struct Csv {
    clock: Clock,
    columns: Arc<Vec<Column>>,
    words: Arc<Words>,
    record_bytes_max: usize,
    fields: Fields,
    writer: Writer,
    open: Option<Open>,
}

/// A record whose last field is still open.
struct Open {
    text: String,
    position: Position,
    lines: u64,
    tries: u32,
}

impl Csv {
    pub(crate) fn new(clock: Clock, columns: Arc<Vec<Column>>, words: Arc<Words>, record_bytes_max: usize) -> Csv {
        let writer = Writer::new(Arc::clone(&words));
        Csv { clock, columns, words, record_bytes_max, fields: Fields::default(), writer, open: None }
    }

    /// Makes an event of a whole record's text.
    fn emit(&mut self, text: &str, position: Position, lines: u64, harvest: &mut Harvest) -> Result<(), Reason> {
        match self.fields.split(text) {
            Split::Whole => {}
            Split::Open => return Err("the record is cut off: its quotes never close".into()),
            Split::Malformed => return Err("a field goes on behind its closing quote".into()),
        }
        let count = self.fields.len();
        if !COLUMNS.contains(&count) {
            return Err("not the number of columns that csvlog has".into());
        }
        let time = self.clock.iso(self.fields.get(text, 0)).map_err(|fault| fault.reason())?;
        let mut record = PgRecord::default();
        for (i, column) in self.columns.iter().enumerate().take(count) {
            column.put(&mut record, self.fields.get(text, i));
        }
        let is_word = record.severity.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if record.severity.is_empty() || !is_word && !self.words.knows(record.severity) {
            return Err("no severity in its column".into());
        }
        self.writer.write(&record, (time, position, lines), harvest);
        Ok(())
    }

    /// Adds a line to the open record. False if it cannot belong to it: the record was torn.
    fn go_on(&mut self, mut open: Open, line: &Line<'_>, harvest: &mut Harvest) -> bool {
        let closing = match first_odd_quote(line.text) {
            OddQuote::None => false,
            OddQuote::Closes => true,
            OddQuote::Opens => return self.give_up(&open, harvest),
        };
        if open.text.len() + line.text.len() > self.record_bytes_max {
            return self.give_up(&open, harvest);
        }
        open.text.push('\n');
        open.text.push_str(line.text);
        let end = line.position.offset + u64::from(line.position.length);
        open.position.length = u32::try_from(end - open.position.offset).unwrap_or(u32::MAX);
        open.lines += 1;
        if !closing {
            self.open = Some(open);
            return true;
        }
        open.tries += 1;
        if matches!(self.fields.split(&open.text), Split::Open) && open.tries < TRIES_MAX {
            self.open = Some(open);
            return true;
        }
        if let Err(reason) = self.emit(&open.text, open.position, open.lines, harvest) {
            harvest.unread_lines(open.position, open.lines, reason);
        }
        true
    }

    fn give_up(&mut self, open: &Open, harvest: &mut Harvest) -> bool {
        harvest.unread_lines(open.position, open.lines, "the record is cut off: its quotes never close");
        false
    }
}

impl Reader for Csv {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        if let Some(open) = self.open.take()
            && self.go_on(open, line, harvest)
        {
            return;
        }
        if !starts_a_record(line.text) {
            return harvest.unread(line, "no record begins here");
        }
        if matches!(self.fields.split(line.text), Split::Open) {
            self.open = Some(Open { text: line.text.to_owned(), position: line.position, lines: 1, tries: 0 });
        } else if let Err(reason) = self.emit(line.text, line.position, 1, harvest) {
            harvest.unread(line, reason);
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        if let Some(open) = self.open.take() {
            self.give_up(&open, harvest);
        }
    }
}

fn starts_a_record(text: &str) -> bool {
    local_us(text.strip_prefix('"').unwrap_or(text)).is_some()
}

/// The first quote of a line that stands alone, not doubled. Inside a field every quote is doubled, so that a lone one
/// must close it, and then a comma or the end follows; one that opens instead shows that the field had been torn off.
/// A statement that holds a forged record cannot do that: its quotes are doubled too.
enum OddQuote {
    None,
    Closes,
    Opens,
}

fn first_odd_quote(text: &str) -> OddQuote {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'"', &bytes[at..]) {
        let start = at + found;
        let run = bytes[start..].iter().take_while(|b| **b == b'"').count();
        at = start + run;
        if run % 2 == 1 {
            return if matches!(bytes.get(at), None | Some(b',')) { OddQuote::Closes } else { OddQuote::Opens };
        }
    }
    OddQuote::None
}

/// The fields of one record, as ranges of its text or of `unquoted`.
#[derive(Default)]
struct Fields {
    ranges: Vec<(u32, u32, bool)>,
    unquoted: String,
}

enum Split {
    Whole,
    Open,
    Malformed,
}

impl Fields {
    fn len(&self) -> usize {
        self.ranges.len()
    }

    fn get<'a>(&'a self, text: &'a str, i: usize) -> &'a str {
        let (from, to, unquoted) = self.ranges[i];
        let of = if unquoted { self.unquoted.as_str() } else { text };
        &of[from as usize..to as usize]
    }

    fn split(&mut self, text: &str) -> Split {
        self.ranges.clear();
        self.unquoted.clear();
        let bytes = text.as_bytes();
        let mut at = 0;
        loop {
            if bytes.get(at) == Some(&b'"') {
                match self.quoted(text, at + 1) {
                    Some(end) => at = end,
                    None => return Split::Open,
                }
            } else {
                let end = memchr::memchr(b',', &bytes[at..]).map_or(bytes.len(), |n| at + n);
                self.push(at, end, false);
                at = end;
            }
            match bytes.get(at) {
                None => return Split::Whole,
                Some(b',') => at += 1,
                Some(_) => return Split::Malformed,
            }
            if self.ranges.len() > *COLUMNS.end() {
                return Split::Malformed;
            }
        }
    }

    /// A quoted field from behind its opening quote; where it ends.
    fn quoted(&mut self, text: &str, from: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        let mut end = from + memchr::memchr(b'"', &bytes[from..])?;
        if bytes.get(end + 1) != Some(&b'"') {
            self.push(from, end, false);
            return Some(end + 1);
        }
        let start = self.unquoted.len();
        let mut part = from;
        loop {
            self.unquoted.push_str(&text[part..end]);
            if bytes.get(end + 1) != Some(&b'"') {
                self.push(start, self.unquoted.len(), true);
                return Some(end + 1);
            }
            self.unquoted.push('"');
            part = end + 2;
            end = part + memchr::memchr(b'"', bytes.get(part..)?)?;
        }
    }

    fn push(&mut self, from: usize, to: usize, unquoted: bool) {
        // Records are bounded far below 4 GiB by the line limit.
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.ranges.push((narrow(from), narrow(to), unquoted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> Option<Vec<String>> {
        let mut fields = Fields::default();
        matches!(fields.split(text), Split::Whole)
            .then(|| (0..fields.len()).map(|i| fields.get(text, i).to_owned()).collect())
    }

    #[test]
    fn quoted_fields_may_hold_commas_quotes_and_newlines() {
        assert_eq!(
            split("a,\"b,\"\"c\"\"\nd\",,\"\""),
            Some(vec!["a".into(), "b,\"c\"\nd".into(), "".into(), "".into()])
        );
        assert_eq!(split("a,\"b"), None);
        assert_eq!(split("a,\"b\"c"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_as_csv_reads_back(fields in prop::collection::vec("[a\",\n é]{0,8}", 1..30)) {
            let text = fields.iter().map(|f| format!("\"{}\"", f.replace('"', "\"\""))).collect::<Vec<_>>().join(",");
            prop_assert_eq!(split(&text), Some(fields));
        }

        #[test]
        fn a_line_inside_a_quoted_field_never_looks_like_a_torn_record(text in "[a\", 0-9:-]{0,40}") {
            let inside = text.replace('"', "\"\"");
            prop_assert!(matches!(first_odd_quote(&inside), OddQuote::None));
        }
    }
}
