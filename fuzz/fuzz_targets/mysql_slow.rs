//! The reader `mysql_slow`.

#![no_main]

stanch_fuzz::target!(Target::Reader(ReaderKind::MysqlSlow));
