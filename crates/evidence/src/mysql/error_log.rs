//! Reads the error log: refused logins, and whatever else the server says.

use crate::clock::{Clock, TimeFault};
use crate::harvest::Harvest;
use crate::held::{Held, KeptLine};
use crate::json;
use crate::lines::Line;
use crate::mysql::account::Denied;
use crate::mysql::lookahead::{Look, Lookahead};
use crate::mysql::session::DOUBT_USER_NAME;
use crate::mysql::stamp::Stamp;
use crate::reader::Reader;
use crate::reader::make::Make;
use stanch_model::event::Record;
use stanch_model::{EventClass, Instant, TextField};

/// Levels as servers write them, between brackets.
const LEVELS: &[&str] = &["Note", "Warning", "ERROR", "System"];
/// Who writes lines without a level.
const WRITERS: &[&str] = &["mysqld_safe ", "InnoDB: ", "server_audit: ", "Plugin ", "mysqld ", "mariadbd ", "UTC - "];
/// Programs under whose names a system log holds such lines.
const PROGRAMS: &[&str] = &["mysqld", "mariadbd", "mysql", "mysqld_safe"];
/// Lines that may go on with one record: those of a crash are some hundreds.
const LINES_MAX: u64 = 1_000;

/// The reader.
pub(crate) struct ErrorLog {
    clock: Clock,
    bytes_max: usize,
    lines_max: u64,
    ahead: Lookahead,
    pending: Held,
    in_doubt: bool,
    /// Whether any line may go on with the record that waits: it tells of a crash or an error.
    takes_all: bool,
    /// Whether threads are connections' numbers: the server's own is then 0. Before 5.7 it is the process's number.
    threads_are_connections: bool,
    unmapped: String,
}

/// One record, taken apart.
struct Said<'a> {
    stamp: Stamp<'a>,
    thread: &'a str,
    level: &'a str,
    code: &'a str,
    subsystem: &'a str,
    words: &'a str,
}

impl<'a> Said<'a> {
    /// Reads `2026-03-02T21:14:05.123456Z 8 [Note] [MY-010926] [Server] words` and its older forms.
    fn read(text: &'a str) -> Option<Said<'a>> {
        let (stamp, rest) = Stamp::at_start(text).or_else(|| Stamp::at_start(behind_program(text)?))?;
        let rest = rest.trim_start();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (thread, rest) = match rest[digits..].strip_prefix(' ') {
            Some(after) if digits > 0 => (&rest[..digits], after),
            _ => ("", rest),
        };
        // Many programs write a time and a level; a connection's number between them does MySQL alone, and before it
        // had one its times had two digits for the year.
        let is_own = matches!(stamp, Stamp::Short(_)) || !thread.is_empty();
        let Some((level, rest)) = bracketed(rest).filter(|(level, _)| is_own && LEVELS.contains(level)) else {
            let is_known = WRITERS.iter().any(|writer| rest.starts_with(writer));
            return is_known.then_some(Said { stamp, thread, level: "", code: "", subsystem: "", words: rest });
        };
        let (code, rest) = bracketed(rest).filter(|(code, _)| code.starts_with("MY-")).unwrap_or(("", rest));
        let (subsystem, words) = bracketed(rest).filter(|_| !code.is_empty()).unwrap_or(("", rest));
        Some(Said { stamp, thread, level, code, subsystem, words })
    }
}

/// What stands between brackets at a text's beginning, and what follows.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let (inner, rest) = text.strip_prefix('[')?.split_once(']')?;
    Some((inner, rest.strip_prefix(' ').unwrap_or(rest)))
}

/// The server's own words behind a system log's header: `Mar  2 21:14:05 db1 mysqld[2769]: `.
fn behind_program(text: &str) -> Option<&str> {
    let (header, words) = text.split_once(": ")?;
    let tag = header.rsplit(' ').next()?;
    let program = tag.split_once('[').map_or(tag, |(program, _)| program);
    (header.contains(' ') && PROGRAMS.contains(&program)).then_some(words)
}

impl ErrorLog {
    pub(crate) fn new(make: Make<'_>) -> ErrorLog {
        ErrorLog {
            bytes_max: make.bytes_max,
            lines_max: make.lines_max().min(LINES_MAX),
            clock: make.clock,
            ahead: Lookahead::default(),
            pending: Held::default(),
            in_doubt: false,
            takes_all: false,
            threads_are_connections: false,
            unmapped: String::new(),
        }
    }

    fn take(&mut self, kept: &KeptLine, in_doubt: bool, harvest: &mut Harvest) {
        let line = kept.line();
        if Said::read(line.text).is_some() {
            self.flush(harvest);
            self.pending.begin(line.text, line.position, kept.lines);
            self.takes_all = ["got signal", "got exception", "[ERROR]"].iter().any(|words| line.text.contains(words));
            self.in_doubt = in_doubt;
            return;
        }
        let lines = self.pending.place().map_or(0, |(_, lines)| lines);
        let goes_on = lines > 0 && lines < self.lines_max && (self.takes_all || goes_on(line.text));
        if !goes_on || !self.pending.go_on(line.text, line.position, kept.lines, self.bytes_max) {
            kept.refuse(harvest, "no time, level and words as the server writes them");
        }
    }

    fn flush(&mut self, harvest: &mut Harvest) {
        let Some((position, lines)) = self.pending.end() else { return };
        let text = std::mem::take(&mut self.pending);
        if let Err(fault) = self.emit(text.text(), (position, lines), harvest) {
            harvest.unread_lines(position, lines, fault.reason());
        }
        self.pending = text;
    }

    fn emit(
        &mut self,
        text: &str,
        (position, lines): (stanch_model::Position, u64),
        harvest: &mut Harvest,
    ) -> Result<(), TimeFault> {
        let said = Said::read(text).ok_or(TimeFault::NotATime)?;
        let time: Instant = said.stamp.read(&mut self.clock)?;
        self.threads_are_connections |= said.thread == "0" || said.stamp.is_iso();
        let mut record = Record::new(time, EventClass::Base, position);
        let out = &mut self.unmapped;
        out.clear();
        for (name, value) in [("level", said.level), ("subsystem", said.subsystem)] {
            if !value.is_empty() {
                json::push_member(out, name, value);
            }
        }
        match said.thread {
            "" | "0" => {}
            thread if self.threads_are_connections => record.set_text(TextField::SessionUid, thread),
            thread => json::push_member_plain(out, "thread", thread),
        }
        if self.in_doubt {
            json::push_member(out, "doubt", DOUBT_USER_NAME);
        }
        if !said.code.is_empty() {
            record.set_text(TextField::StatusCode, said.code);
        }
        if Denied::begins(said.words) {
            refused_login(&mut record, said.words);
        } else {
            aborted(&mut record, said.words);
            record.set_text(TextField::Message, said.words);
        }
        if !out.is_empty() {
            out.insert(0, '{');
            out.push('}');
            record.set_text(TextField::Unmapped, out);
        }
        harvest.event(record, lines);
        Ok(())
    }
}

fn refused_login<'a>(record: &mut Record<'a>, words: &'a str) {
    record.class = EventClass::Authentication;
    record.set_text(TextField::Activity, "logon");
    record.set_text(TextField::Status, "failure");
    record.set_text(TextField::StatusDetail, words);
    let Some(denied) = Denied::read(words) else { return };
    record.set_text(TextField::UserName, denied.user);
    match denied.database {
        // Here stands the account's pattern for addresses, not the client's own.
        Some(database) => record.set_text(TextField::Database, database),
        None if denied.host.is_empty() => {}
        None => record.set_text(TextField::SrcIp, denied.host),
    }
}

/// `Aborted connection 8 to db: 'store' user: 'vendor_x' host: '192.0.2.30' (Got timeout reading communication packets)`
fn aborted<'a>(record: &mut Record<'a>, words: &'a str) {
    let Some(rest) = words.strip_prefix("Aborted connection ") else { return };
    record.class = EventClass::DatastoreActivity;
    record.set_text(TextField::Activity, "aborted_connection");
    if let Some((id, _)) = rest.split_once(' ') {
        record.set_text(TextField::SessionUid, id);
    }
    for (name, end, field) in [
        ("db: '", "' user: '", TextField::Database),
        ("user: '", "' host: '", TextField::UserName),
        ("host: '", "' (", TextField::SrcIp),
    ] {
        let value = rest.split_once(name).and_then(|(_, after)| after.split_once(end));
        if let Some((value, _)) = value.filter(|(value, _)| !value.is_empty() && *value != "unconnected") {
            record.set_text(field, value);
        }
    }
}

/// Whether a line without a time goes on with any record: an indented one, or the server's version behind its start.
fn goes_on(text: &str) -> bool {
    text.starts_with([' ', '\t']) || text.starts_with("Version: '") || text.starts_with("InnoDB: ")
}

fn look(text: &str) -> Look {
    match Said::read(text) {
        Some(said) if Denied::begins(said.words) => {
            if Denied::is_whole(said.words) {
                Look::Login
            } else {
                Look::OpenLogin
            }
        }
        Some(_) => Look::Other,
        None if Denied::ends(text) => Look::LoginEnd,
        None => Look::Other,
    }
}

impl Reader for ErrorLog {
    fn line(&mut self, line: &Line<'_>, harvest: &mut Harvest) {
        self.ahead.push(line, look(line.text));
        while let Some(waiting) = self.ahead.pop(false) {
            self.take(&waiting.kept, waiting.in_doubt, harvest);
            self.ahead.reuse(waiting);
        }
    }

    fn finish(&mut self, harvest: &mut Harvest) {
        while let Some(waiting) = self.ahead.pop(true) {
            self.take(&waiting.kept, waiting.in_doubt, harvest);
        }
        self.flush(harvest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<(&str, &str, &str, &str, &str)> {
        Said::read(text).map(|s| (s.thread, s.level, s.code, s.subsystem, s.words))
    }

    #[test]
    fn records_in_every_shape() {
        for (text, expect) in [
            (
                "2026-03-02T21:14:05.123456Z 8 [Note] [MY-010926] [Server] [x] y",
                ("8", "Note", "MY-010926", "Server", "[x] y"),
            ),
            ("2026-03-02T21:14:05.123456Z 8 [Note] x", ("8", "Note", "", "", "x")),
            ("2026-03-02  9:14:05 8 [Warning] x", ("8", "Warning", "", "", "x")),
            ("260302 21:14:05 [Warning] x", ("", "Warning", "", "", "x")),
            ("260302 21:14:05 mysqld_safe Starting", ("", "", "", "", "mysqld_safe Starting")),
            ("Mar  2 21:14:05 db1 mysqld[2769]: 2026-03-02T20:14:05.1Z 8 [Note] x", ("8", "Note", "", "", "x")),
        ] {
            assert_eq!(read(text), Some(expect), "{text}");
        }
        for text in [
            "2026-03-02 21:14:05 INFO x",
            "2026-03-02T21:14:05Z x",
            "x",
            "Mar  2 21:14:05 db1 sshd[1]: 260302 21:14:05 [Note] x",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(2026-03-02T21:14:05Z|260302 21:14:05)?( 8)?[ \\[\\]A-Za-z:'é-]{0,40}") {
            let _ = (read(&text), look(&text));
        }
    }
}
