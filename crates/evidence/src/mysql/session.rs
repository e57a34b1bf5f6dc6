//! What a log has told about its connections so far: who, from where, in which database.

use std::collections::BTreeMap;

/// Connections that are remembered; the oldest go first.
const SESSIONS_MAX: usize = 65_536;
/// Bytes of a name that is remembered.
const NAME_BYTES_MAX: usize = 1 << 10;

/// Why a statement is in doubt whose own quotes do not close.
pub(crate) const DOUBT_OPEN: &str = "its quotes do not close; what follows may be part of it";

/// Why a record is in doubt that the end of a refused login follows.
pub(crate) const DOUBT_USER_NAME: &str = "the end of a refused login follows; this may be part of its user name";

/// Why a record is in doubt whose connection is known from one that is.
pub(crate) const DOUBT_SESSION: &str = "who this connection is stands in a record that may be part of a user name";

/// Why a record is in doubt that stands behind a statement whose quotes do not close.
pub(crate) const DOUBT_OPEN_STATEMENT: &str = "the statement before does not close its quotes; this may be part of it";

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) database: String,
    /// Whether the record that told of it may be no record of the server's own.
    pub(crate) in_doubt: bool,
}

/// All connections that are open.
#[derive(Default)]
pub(crate) struct Sessions(BTreeMap<u64, Session>);

impl Sessions {
    /// The connection of that number.
    pub(crate) fn get(&self, id: u64) -> Option<&Session> {
        self.0.get(&id)
    }

    /// Somebody has come or become another.
    pub(crate) fn login(&mut self, id: u64, (user, host, database): (&str, &str, &str), in_doubt: bool) {
        let session = self.at(id);
        session.in_doubt = in_doubt;
        for (name, value) in [(&mut session.user, user), (&mut session.host, host), (&mut session.database, database)] {
            remember(name, value);
        }
    }

    /// The connection has changed its database.
    pub(crate) fn enter(&mut self, id: u64, database: &str) {
        remember(&mut self.at(id).database, database);
    }

    /// The connection has ended.
    pub(crate) fn leave(&mut self, id: u64) {
        self.0.remove(&id);
    }

    fn at(&mut self, id: u64) -> &mut Session {
        if self.0.len() >= SESSIONS_MAX && !self.0.contains_key(&id) {
            self.0.pop_first();
        }
        self.0.entry(id).or_default()
    }
}

fn remember(name: &mut String, value: &str) {
    name.clear();
    if value.len() <= NAME_BYTES_MAX {
        name.push_str(value);
    }
}
