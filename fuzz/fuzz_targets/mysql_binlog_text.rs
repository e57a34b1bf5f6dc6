//! The reader `mysql_binlog_text`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::MysqlBinlogText));
