//! What one record of the slow query log says.

use crate::clock::{Clock, TimeFault};
use crate::harvest::Harvest;
use crate::mysql::account::Account;
use crate::mysql::sql;
use crate::mysql::stamp::Stamp;
use crate::targets::{Draft, Target, whole};
use stanch_model::{EventClass, Instant, NumberField, Position, TextField};
use std::collections::BTreeMap;

/// What a statement's time is set by.
pub(crate) const TIMESTAMP: &str = "timestamp=";

/// Under which names servers give a statement's error, 0 for none.
const ERRORS: &[&str] = &["Last_errno", "Errno"];

/// A record, taken apart.
#[derive(Default)]
pub(crate) struct SlowRecord<'a> {
    /// `# Time:` as written, where it stands.
    written: Option<&'a str>,
    /// `SET timestamp=`, where it stands.
    pub(crate) timestamp: Option<&'a str>,
    account: Option<Account<'a>>,
    used: Option<&'a str>,
    /// Names and values of its `#` lines.
    values: Vec<(&'a str, &'a str)>,
    plan: String,
    statement: &'a str,
}

impl<'a> SlowRecord<'a> {
    /// Takes a head and a statement apart.
    pub(crate) fn of(head: &'a str, statement: &'a str) -> SlowRecord<'a> {
        let mut record = SlowRecord { statement, ..SlowRecord::default() };
        head.split('\n').for_each(|line| record.head_line(line));
        record
    }

    fn head_line(&mut self, line: &'a str) {
        if let Some(time) = line.strip_prefix("# Time: ") {
            self.written = Some(time.trim());
        } else if let Some(rest) = line.strip_prefix("# User@Host: ") {
            let (account, id) = match rest.rsplit_once("]  Id:") {
                Some((account, id)) => (&rest[..=account.len()], Some(id.trim())),
                None => (rest, None),
            };
            self.account = Account::read(account);
            self.values.extend(id.map(|id| ("Id", id)));
        } else if let Some(plan) = line.strip_prefix("# explain: ") {
            if !self.plan.is_empty() {
                self.plan.push('\n');
            }
            self.plan.push_str(plan);
        } else if let Some(pairs) = line.strip_prefix('#') {
            self.pairs(pairs);
        } else if let Some((_, number)) = line.rsplit_once(TIMESTAMP).filter(|_| line.starts_with("SET ")) {
            self.timestamp = Some(number.trim_end_matches(';'));
        } else {
            self.used = sql::used_database(line);
        }
    }

    /// `Query_time: 0.1  Lock_time: 0.0`: names end with a colon, values with the next name. A database's name may hold
    /// anything, so that it ends with what the server writes behind it.
    fn pairs(&mut self, mut rest: &'a str) {
        loop {
            rest = rest.trim_start();
            let Some((name, after)) = rest.split_once(':').filter(|(name, _)| is_name(name)) else { return };
            let after = after.strip_prefix(' ').unwrap_or(after);
            let end = if name == "Schema" {
                ["  QC_hit: ", "  Last_errno: "].iter().find_map(|next| after.rfind(next)).unwrap_or(after.len())
            } else {
                after.find(' ').unwrap_or(after.len())
            };
            let (value, next) = after.split_at(end);
            if !value.is_empty() {
                self.values.push((name, value));
            }
            rest = next;
        }
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.values.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }

    fn number(&self, name: &str) -> i64 {
        self.value(name).and_then(whole).unwrap_or(0)
    }

    /// Whether the numbers show that the server understood the statement, so that its quotes close.
    pub(crate) fn ran(&self) -> bool {
        let counts = ["Rows_sent", "Rows_examined", "Rows_affected"].iter().any(|name| self.number(name) > 0);
        counts || self.error() == Some("0") || self.plan.contains('\n')
    }

    fn error(&self) -> Option<&'a str> {
        ERRORS.iter().find_map(|name| self.value(name))
    }

    /// The moment. `# Time` with date, `T` and zone is exact; the older shape of it has no zone, and `SET timestamp` is
    /// better than that.
    pub(crate) fn time(&self, clock: &mut Clock) -> Result<Instant, TimeFault> {
        let stamp = self.written.and_then(Stamp::at_start).map(|(stamp, _)| stamp);
        match (stamp, self.timestamp) {
            (Some(stamp), _) if stamp.is_iso() => stamp.read(clock),
            (_, Some(seconds)) => epoch(seconds).ok_or(TimeFault::NotATime),
            (Some(stamp), None) => stamp.read(clock),
            (None, None) => Err(TimeFault::NotATime),
        }
    }

    /// Hands it on as an event.
    pub(crate) fn emit(
        &self,
        (time, position, lines): (Instant, Position, u64),
        keys: &BTreeMap<String, Target>,
        doubt: Option<&str>,
        harvest: &mut Harvest,
    ) {
        let mut draft = Draft::default();
        let text = |field| Target::Text(field);
        if let Some(account) = &self.account {
            for (field, value) in [(TextField::UserName, account.user), (TextField::SrcIp, account.address())] {
                if !value.is_empty() {
                    draft.put(text(field), value);
                }
            }
            if !account.ip.is_empty() && !account.host.is_empty() {
                draft.unmapped_text("host", account.host);
            }
        }
        if let Some(database) = self.used {
            draft.put(text(TextField::Database), database);
        }
        self.put_values(&mut draft, keys);
        self.put_statement(&mut draft);
        if let (Some(seconds), Some(true)) = (self.timestamp, self.written.map(|w| w.contains('T'))) {
            draft.unmapped_plain("set_timestamp", seconds);
        }
        if !self.plan.is_empty() {
            draft.unmapped_text("explain", &self.plan);
        }
        if let Some(doubt) = doubt {
            draft.unmapped_text("doubt", doubt);
        }
        draft.finish((time, EventClass::DatastoreActivity, position), |record| harvest.event(record, lines));
    }

    fn put_values(&self, draft: &mut Draft<'a>, keys: &BTreeMap<String, Target>) {
        for (name, value) in self.values.iter().filter(|(name, _)| !ERRORS.contains(name)) {
            match keys.get(*name) {
                Some(target) => draft.put(*target, *value),
                None => draft.unmapped_plain(name, value),
            }
        }
        // Of a statement that sends none, the rows are those that it changed.
        if self.number("Rows_sent") == 0 && self.number("Rows_affected") > 0 {
            draft.put(Target::Number(NumberField::Rows), self.value("Rows_affected").unwrap_or_default());
        }
    }

    fn put_statement(&self, draft: &mut Draft<'a>) {
        let activity = Target::Text(TextField::Activity);
        let statement = self.statement.strip_suffix(';').unwrap_or(self.statement);
        if let Some(command) = statement.strip_prefix("# administrator command: ") {
            draft.put(activity, command.to_ascii_lowercase().replace(' ', "_"));
            return;
        }
        let status = Target::Text(TextField::Status);
        match self.error() {
            Some(code) if code != "0" => {
                draft.put(status, "failure");
                draft.put(Target::Text(TextField::StatusCode), code);
                draft.put(activity, "error");
            }
            known => {
                known.iter().for_each(|_| draft.put(status, "success"));
                draft.put(activity, "statement");
            }
        }
        draft.put(Target::Text(TextField::Query), statement);
        if let Some(command) = sql::command(statement) {
            draft.put(Target::Text(TextField::QueryCommand), command);
        }
    }
}

/// Whether a text is the name of a value: `Query_time`.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Seconds since 1970, of any size: a client may set its session's time to whatever it likes.
fn epoch(text: &str) -> Option<Instant> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let micros = format!("{:0<6.6}", fraction).parse::<i64>().ok()?;
    seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros).map(Instant)
}
