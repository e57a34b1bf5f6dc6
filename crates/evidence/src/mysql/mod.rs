//! Reads what MySQL, MariaDB and Percona Server write: query logs, audit logs, the error log, the binary log as text.

pub(crate) mod account;
pub(crate) mod audit_csv;
pub(crate) mod audit_event;
pub(crate) mod audit_json;
pub(crate) mod audit_xml;
pub(crate) mod audited;
pub(crate) mod binlog_event;
pub(crate) mod binlog_head;
pub(crate) mod binlog_statement;
pub(crate) mod binlog_text;
pub(crate) mod command;
pub(crate) mod error_log;
pub(crate) mod general;
pub(crate) mod lookahead;
#[cfg(test)]
mod robustness;
pub(crate) mod server_audit;
pub(crate) mod session;
pub(crate) mod slow;
pub(crate) mod slow_record;
pub(crate) mod sql;
pub(crate) mod stamp;
pub(crate) mod start;

use crate::formats::ReaderKind;
use crate::reader::Reader;
use crate::reader::make::Make;

/// The reader of that kind, if it is one of these.
pub(crate) fn reader(make: Make<'_>) -> Option<Box<dyn Reader>> {
    Some(match make.format.reader {
        ReaderKind::MysqlGeneral => Box::new(general::General::new(make)),
        ReaderKind::MariadbServerAudit => Box::new(server_audit::ServerAudit::new(make)),
        ReaderKind::MysqlAuditXml => Box::new(audit_xml::AuditXml::new(make)),
        ReaderKind::MysqlAuditJson => Box::new(audit_json::AuditJson::new(make)),
        ReaderKind::MysqlAuditCsv => Box::new(audit_csv::AuditCsv::new(make)),
        ReaderKind::MysqlError => Box::new(error_log::ErrorLog::new(make)),
        ReaderKind::MysqlBinlogText => Box::new(binlog_text::BinlogText::new(make)),
        ReaderKind::MysqlSlow => Box::new(slow::Slow::new(make)),
        _ => return None,
    })
}
