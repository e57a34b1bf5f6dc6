//! The general query log's commands, and what each says.

use crate::harvest::Harvest;
use crate::json;
use crate::mysql::account::{Denied, Login};
use crate::mysql::session::{DOUBT_SESSION, Sessions};
use crate::mysql::sql;
use crate::mysql::stamp::Stamp;
use stanch_model::event::Record;
use stanch_model::{EventClass, Instant, Position, TextField};

/// The names of the protocol's commands, as servers write them, each with what it is called here.
const COMMANDS: &[(&str, &str)] = &[
    ("Query", "statement"),
    ("Execute", "execute"),
    ("Prepare", "prepare"),
    ("Close stmt", "close"),
    ("Connect", "logon"),
    ("Quit", "logoff"),
    ("Init DB", "use"),
    ("Field List", "field_list"),
    ("Statistics", "statistics"),
    ("Change user", "logon"),
    ("Reset stmt", "reset"),
    ("Long Data", "long_data"),
    ("Fetch", "fetch"),
    ("Bulk_execute", "execute"),
    ("Ping", "ping"),
    ("Processlist", "processlist"),
    ("Kill", "kill"),
    ("Refresh", "refresh"),
    ("Shutdown", "shutdown"),
    ("Create DB", "create"),
    ("Drop DB", "drop"),
    ("Debug", "debug"),
    ("Sleep", "sleep"),
    ("Time", "time"),
    ("Delayed insert", "delayed_insert"),
    ("Binlog Dump GTID", "binlog_dump"),
    ("Binlog Dump", "binlog_dump"),
    ("Table Dump", "table_dump"),
    ("Connect Out", "connect_out"),
    ("Register Slave", "register_replica"),
    ("Register Replica", "register_replica"),
    ("Set option", "set_option"),
    ("Reset Connection", "reset_connection"),
    ("Reset connection", "reset_connection"),
    ("Daemon", "daemon"),
    ("Clone", "clone"),
    ("Error", "error"),
];

/// A command of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Command {
    /// As the server writes it.
    pub(crate) name: &'static str,
    /// As events call it.
    activity: &'static str,
}

impl Command {
    /// The command that a text begins with.
    fn at_start(text: &str) -> Option<Command> {
        let fitting = COMMANDS.iter().filter(|(name, _)| text.starts_with(name));
        fitting.max_by_key(|(name, _)| name.len()).map(|(name, activity)| Command { name, activity })
    }

    /// Whether it carries a statement.
    pub(crate) fn has_statement(self) -> bool {
        matches!(self.name, "Query" | "Execute" | "Prepare" | "Bulk_execute")
    }

    /// Whether somebody proves who they are.
    pub(crate) fn is_login(self) -> bool {
        self.activity == "logon"
    }
}

/// The beginning of a record.
pub(crate) struct Head<'a> {
    pub(crate) stamp: Option<Stamp<'a>>,
    pub(crate) id: &'a str,
    pub(crate) command: Command,
    pub(crate) argument: &'a str,
}

impl<'a> Head<'a> {
    /// Reads time, connection, command and argument; instead of a time that has not changed stand blanks or tabs.
    pub(crate) fn read(text: &'a str) -> Option<Head<'a>> {
        let (stamp, rest) = match text.as_bytes().first()? {
            b'\t' | b' ' => (None, text),
            b'0'..=b'9' => Stamp::at_start(text).map(|(stamp, rest)| (Some(stamp), rest))?,
            _ => return None,
        };
        let rest = rest.trim_start_matches(['\t', ' ']);
        let digits = rest.bytes().take(20).take_while(u8::is_ascii_digit).count();
        let (id, rest) = rest.split_at(digits);
        let rest = rest.strip_prefix(' ').filter(|_| digits > 0)?;
        let command = Command::at_start(rest)?;
        let argument = &rest[command.name.len()..];
        let argument = match argument.as_bytes().first() {
            None => "",
            Some(b'\t') => &argument[1..],
            // Servers before 5.1 fill the command up with blanks.
            Some(b' ') => argument.trim_start_matches(' '),
            Some(_) => return None,
        };
        Some(Head { stamp, id, command, argument })
    }
}

/// One whole record.
pub(crate) struct Entry<'a> {
    pub(crate) command: Command,
    pub(crate) id: u64,
    pub(crate) id_text: &'a str,
    pub(crate) argument: &'a str,
    /// The words of a second record by which the server refuses this login.
    pub(crate) refusal: &'a str,
    /// Whether the next record is of the same connection.
    pub(crate) goes_on: bool,
    /// Whether nothing speaks against its being a record of the server's own.
    pub(crate) is_certain: bool,
}

impl Entry<'_> {
    /// Hands it on as an event, and learns from it who the connection is.
    pub(crate) fn emit(
        &self,
        (time, position, lines): (Instant, Position, u64),
        sessions: &mut Sessions,
        unmapped: &mut String,
        harvest: &mut Harvest,
    ) {
        let mut record = Record::new(time, EventClass::DatastoreActivity, position);
        record.set_text(TextField::SessionUid, self.id_text);
        record.set_text(TextField::Activity, self.command.activity);
        let login = self.command.is_login().then(|| Login::read(self.argument)).flatten();
        let refusal = if Denied::begins(self.argument) { self.argument } else { self.refusal };
        // What is in doubt may tell of a connection that nothing else has told of, no more.
        if refusal.is_empty() && (self.is_certain || sessions.get(self.id).is_none()) {
            self.learn(login.as_ref(), sessions);
        }
        let known = sessions.get(self.id);
        if unmapped.is_empty() && known.is_some_and(|s| s.in_doubt) {
            json::push_member(unmapped, "doubt", DOUBT_SESSION);
        }
        for (field, value) in [
            (TextField::UserName, known.map(|s| s.user.as_str())),
            (TextField::SrcIp, known.map(|s| s.host.as_str())),
            (TextField::Database, known.map(|s| s.database.as_str())),
        ] {
            set(&mut record, field, value.unwrap_or_default());
        }
        self.told(&mut record, login.as_ref());
        if !refusal.is_empty() {
            refuse(&mut record, refusal, self.command);
        }
        if !unmapped.is_empty() {
            unmapped.insert(0, '{');
            unmapped.push('}');
            record.set_text(TextField::Unmapped, unmapped);
        }
        harvest.event(record, lines);
        if self.command.activity == "logoff" && self.is_certain {
            sessions.leave(self.id);
        }
    }

    fn learn(&self, login: Option<&Login<'_>>, sessions: &mut Sessions) {
        if let Some(login) = login {
            sessions.login(self.id, (login.user, login.host, login.database), !self.is_certain);
        } else if self.command.name == "Init DB" {
            sessions.enter(self.id, self.argument);
        } else if self.command.name == "Query"
            && let Some(database) = sql::used_database(self.argument)
        {
            sessions.enter(self.id, database);
        }
    }
}

impl<'a> Entry<'a> {
    /// What the record itself tells.
    fn told(&self, record: &mut Record<'a>, login: Option<&Login<'a>>) {
        match self.command.activity {
            "logon" => {
                record.class = EventClass::Authentication;
                if let Some(login) = login {
                    set(record, TextField::UserName, login.user);
                    set(record, TextField::SrcIp, login.host);
                    set(record, TextField::Database, login.database);
                    set(record, TextField::Protocol, login.protocol.unwrap_or_default());
                    // The line is written before the answer is known; a refusal would follow at once.
                    set(record, TextField::Status, if self.goes_on { "success" } else { "" });
                } else {
                    set(record, TextField::Message, self.argument);
                }
            }
            "logoff" => record.class = EventClass::Authentication,
            _ if self.command.has_statement() => {
                let text = self.argument.trim_end_matches(['\n', '\r']);
                record.set_text(TextField::Query, text);
                set(record, TextField::QueryCommand, sql::command(text).unwrap_or_default());
            }
            "use" | "create" | "drop" => set(record, TextField::Database, self.argument),
            "field_list" => set(record, TextField::Resource, self.argument.trim()),
            _ => set(record, TextField::Message, self.argument),
        }
    }
}

/// A login or a database that the server refused.
fn refuse<'a>(record: &mut Record<'a>, words: &'a str, command: Command) {
    record.set_text(TextField::Status, "failure");
    record.set_text(TextField::StatusDetail, words);
    if !command.is_login() {
        record.set_text(TextField::Activity, "error");
    }
    let Some(denied) = Denied::read(words) else { return };
    record.set_text(TextField::UserName, denied.user);
    match denied.database {
        // Here stands the account's pattern for addresses, not the client's own.
        Some(database) => record.set_text(TextField::Database, database),
        None => set(record, TextField::SrcIp, denied.host),
    }
}

fn set<'a>(record: &mut Record<'a>, field: TextField, value: &'a str) {
    if !value.is_empty() {
        record.set_text(field, value);
    }
}
