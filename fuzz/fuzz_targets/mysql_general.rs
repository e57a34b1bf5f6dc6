//! The reader `mysql_general`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::MysqlGeneral));
