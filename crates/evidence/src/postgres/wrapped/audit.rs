//! pgAudit's lines as services take them apart, long statements in several entries.

use super::Members;
use crate::json;
use crate::postgres::message::{Audit, is_left_out};
use crate::postgres::pending::Place;
use serde::Deserialize;
use stanch_model::{Instant, Position};
use std::collections::BTreeMap;

/// What a key of an audit object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AuditKey {
    Kind,
    StatementId,
    SubstatementId,
    Class,
    Command,
    ObjectType,
    Object,
    Statement,
    Parameters,
    Rows,
    User,
    Database,
    Session,
    /// Of a statement too long for one entry: which piece this is, from 1, and of how many.
    Piece,
    Pieces,
}

/// An audited statement of which further pieces are to come.
pub(super) struct Pieces {
    pub(super) audit: Audit,
    pub(super) parameters: String,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) session: String,
    pub(super) device: String,
    pub(super) piece: i64,
    pub(super) pieces: i64,
    pub(super) time: Instant,
    pub(super) place: Place,
}

/// An audit object's values, and those that are no part of pgAudit's line.
pub(super) fn audit_of(members: &Members<'_>, keys: &BTreeMap<String, AuditKey>) -> (Audit, Pieces) {
    let mut audit = Audit::default();
    let mut said = Pieces::default();
    for (key, raw) in members {
        let (Some(key), Some(value)) = (keys.get(key.as_ref()), json::text(raw)) else {
            continue;
        };
        let number = || value.parse().unwrap_or(1);
        match key {
            AuditKey::Kind => audit.kind = value.into_owned(),
            AuditKey::StatementId => audit.statement_id = value.into_owned(),
            AuditKey::SubstatementId => audit.substatement_id = value.into_owned(),
            AuditKey::Class => audit.class = value.into_owned(),
            AuditKey::Command => audit.command = value.into_owned(),
            AuditKey::ObjectType => audit.object_type = value.into_owned(),
            AuditKey::Object => audit.object = value.into_owned(),
            AuditKey::Statement => audit.set_statement(value.into_owned()),
            AuditKey::Parameters => said.parameters = value.into_owned(),
            AuditKey::Rows => audit.rows = value.parse().ok(),
            AuditKey::User => said.user = value.into_owned(),
            AuditKey::Database => said.database = value.into_owned(),
            AuditKey::Session => said.session = value.into_owned(),
            AuditKey::Piece => said.piece = number(),
            AuditKey::Pieces => said.pieces = number(),
        }
    }
    if said.pieces == 1 {
        // What is cut off stays absent, as in any line of pgAudit.
        let _ = audit.set_parameters(&said.parameters);
    }
    (audit, said)
}

impl Default for Pieces {
    fn default() -> Self {
        Pieces {
            audit: Audit::default(),
            parameters: String::new(),
            user: String::new(),
            database: String::new(),
            session: String::new(),
            device: String::new(),
            piece: 1,
            pieces: 1,
            time: Instant::default(),
            place: Place { position: Position { line: 0, offset: 0, length: 0 }, lines: 0 },
        }
    }
}

impl Pieces {
    /// Whether another entry goes on with this one.
    pub(super) fn goes_on_with(&self, next: &Pieces) -> bool {
        let of = |p: &Pieces| (p.audit.statement_id.clone(), p.audit.substatement_id.clone(), p.pieces);
        self.pieces > 1 && next.piece == self.piece + 1 && self.session == next.session && of(self) == of(next)
    }

    /// Adds what another entry goes on with.
    pub(super) fn add(&mut self, next: &Pieces) {
        let more = next.audit.statement.as_deref().unwrap_or_default();
        self.audit.statement.get_or_insert_default().push_str(more);
        if !is_left_out(&next.parameters) {
            self.parameters.push_str(&next.parameters);
        }
        self.piece = next.piece;
        let end = next.place.position.offset + u64::from(next.place.position.length);
        let length = end.saturating_sub(self.place.position.offset);
        self.place.position.length = u32::try_from(length).unwrap_or(u32::MAX);
        self.place.lines += next.place.lines;
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.audit.statement.as_ref().map_or(0, String::len) + self.parameters.len()
    }
}
