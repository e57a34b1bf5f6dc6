//! The reader `mysql_error`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::MysqlError));
