//! Reading the intruder's events: requests, what the application's log says of them, statements.

use super::{Gathering, LINK_US, Outcome, Request, Statement};
use crate::error::ScopeError;
use stanch_lake::{EventOrder, EventRow, Lake};
use stanch_model::{EventClass, EventFields, Instant, Intruder, NumberField, TextField};
use std::collections::{BTreeMap, BTreeSet, HashMap};

impl Gathering<'_> {
    pub(super) fn requests(&mut self, lake: &Lake, intruder: &Intruder) -> Result<(), ScopeError> {
        use NumberField as N;
        use TextField as T;
        let Some(filter) = identity_filter(intruder) else { return Ok(()) };
        let filter = format!("class_uid <> {} AND ({filter})", EventClass::DatastoreActivity.uid());
        let texts = [
            T::LogName,
            T::SrcIp,
            T::UserUid,
            T::UserName,
            T::SessionUid,
            T::CredentialUid,
            T::HttpMethod,
            T::Url,
            T::RequestUid,
            T::UserAgent,
            T::Status,
        ];
        let numbers = [N::HttpStatus, N::ResponseBytes, N::DurationUs, N::Rows];
        let doing = "read the intruder's requests";
        let events =
            lake.events(&texts, &numbers, Some(&filter), EventOrder::ByTime).map_err(ScopeError::lake(doing))?;
        for rows in events {
            let rows = rows.map_err(ScopeError::lake(doing))?;
            for row in rows.iter().filter(|row| intruder.claims(row).is_some()) {
                self.accesses.events += 1;
                if row.class() == EventClass::HttpActivity {
                    self.request(&row);
                } else {
                    self.word(&row);
                }
            }
        }
        Ok(())
    }

    fn request(&mut self, row: &EventRow<'_>) {
        let text = |field| row.text_of(field).map(str::to_owned);
        let (Some(method), Some(target), Some(status)) =
            (text(TextField::HttpMethod), text(TextField::Url), row.number(NumberField::HttpStatus))
        else {
            return;
        };
        let log = row.text_of(TextField::LogName).unwrap_or_default();
        self.requests.push(Request {
            spot: self.spot(row),
            service: self.services.get(log).cloned().unwrap_or_else(|| "store".to_owned()),
            method,
            target,
            status,
            bytes: row.number(NumberField::ResponseBytes),
            duration: row.number(NumberField::DurationUs).unwrap_or(0),
            uid: text(TextField::RequestUid),
            address: text(TextField::SrcIp),
        });
    }

    fn word(&mut self, row: &EventRow<'_>) {
        let account = row.text_of(TextField::UserUid).map(str::to_owned);
        if let (Some(account), Some(address)) = (&account, row.text_of(TextField::SrcIp))
            && row.text_of(TextField::Status) != Some("failure")
        {
            self.accounts_of_address.entry(address.to_owned()).or_default().insert(account.clone());
        }
        let Some(uid) = row.text_of(TextField::RequestUid) else { return };
        let word = self.words.entry(uid.to_owned()).or_default();
        word.time = word.time.max(Some(row.time()));
        word.account = account.or(word.account.take());
        word.rows = row.number(NumberField::Rows).or(word.rows);
    }

    pub(super) fn statements(&mut self, lake: &Lake, intruder: &Intruder) -> Result<(), ScopeError> {
        use NumberField as N;
        use TextField as T;
        let roles = self.roles_of_pasting_services();
        let mut wanted: Vec<String> = identity_filter(intruder).into_iter().collect();
        if let Some(window) = self.requests.iter().map(|r| r.spot.time).fold(None, stretch) {
            wanted.extend(roles.iter().map(|role| {
                format!(
                    "(actor_user_name = '{}' AND time BETWEEN to_timestamp_micros({}) AND to_timestamp_micros({}))",
                    role.replace('\'', "''"),
                    window.0.0 - LINK_US,
                    window.1.0 + LINK_US
                )
            }));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let filter = format!("class_uid = {} AND ({})", EventClass::DatastoreActivity.uid(), wanted.join(" OR "));
        let texts = [
            T::SrcIp,
            T::UserName,
            T::SessionUid,
            T::Activity,
            T::Query,
            T::QueryParameters,
            T::StatusCode,
            T::StatusDetail,
        ];
        let doing = "read the intruder's statements";
        let events =
            lake.events(&texts, &[N::Rows], Some(&filter), EventOrder::ByTime).map_err(ScopeError::lake(doing))?;
        let mut last: HashMap<String, usize> = HashMap::new();
        for rows in events {
            let rows = rows.map_err(ScopeError::lake(doing))?;
            for row in rows.iter() {
                self.statement(&row, intruder, &mut last);
            }
        }
        self.link();
        self.accesses.statements.iter_mut().for_each(Statement::bind);
        Ok(())
    }

    fn statement(&mut self, row: &EventRow<'_>, intruder: &Intruder, last: &mut HashMap<String, usize>) {
        let session = row.text_of(TextField::SessionUid).unwrap_or_default();
        let statements = &mut self.accesses.statements;
        let of_session = last.get(session).copied();
        match row.text_of(TextField::Activity) {
            Some("error") => {
                let failed = Outcome::Failed {
                    code: row.text_of(TextField::StatusCode).unwrap_or_default().to_owned(),
                    message: row.text_of(TextField::StatusDetail).unwrap_or_default().to_owned(),
                };
                let same = |s: &Statement| row.text_of(TextField::Query).is_none_or(|q| q.trim() == s.text.trim());
                match of_session.filter(|at| same(&statements[*at])) {
                    Some(at) => statements[at].outcome = failed,
                    None => self.push_statement(row, intruder, failed, last),
                }
            }
            Some("audit") => {
                if let (Some(at), Some(rows)) = (of_session, row.number(NumberField::Rows)) {
                    statements[at].rows = statements[at].rows.max(Some(rows));
                }
            }
            Some("statement" | "execute" | "fetch") => self.push_statement(row, intruder, Outcome::Ran, last),
            _ => {}
        }
    }

    fn push_statement(
        &mut self,
        row: &EventRow<'_>,
        intruder: &Intruder,
        outcome: Outcome,
        last: &mut HashMap<String, usize>,
    ) {
        let Some(text) = row.text_of(TextField::Query) else { return };
        let session = row.text_of(TextField::SessionUid).unwrap_or_default();
        let direct = intruder.claims(row).is_some();
        self.accesses.events += u64::from(direct);
        last.insert(session.to_owned(), self.accesses.statements.len());
        self.accesses.statements.push(Statement {
            spot: self.spot(row),
            text: text.to_owned(),
            parameters: row.text_of(TextField::QueryParameters).map(str::to_owned),
            outcome,
            shows_errors: direct,
            rows: row.number(NumberField::Rows),
            bytes: None,
            because: "",
            session: self.names.name(session),
            role: self.names.name(row.text_of(TextField::UserName).unwrap_or_default()),
            direct,
        });
    }
}

fn stretch(window: Option<(Instant, Instant)>, time: Instant) -> Option<(Instant, Instant)> {
    Some(window.map_or((time, time), |(from, to)| (from.min(time), to.max(time))))
}

fn identity_filter(intruder: &Intruder) -> Option<String> {
    let mut by_column: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for identity in intruder.confirmed() {
        let value = format!("'{}'", identity.value.replace('\'', "''"));
        by_column.entry(identity.kind.field().column()).or_default().insert(value);
    }
    let parts: Vec<String> = by_column
        .into_iter()
        .map(|(column, values)| format!("{column} IN ({})", values.into_iter().collect::<Vec<_>>().join(", ")))
        .collect();
    (!parts.is_empty()).then(|| parts.join(" OR "))
}
