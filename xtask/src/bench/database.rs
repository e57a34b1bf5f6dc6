//! A PostgreSQL csvlog in which a stolen role walks through the customers by number, with the store it was done to, and what
//! the thief received.

use super::access::number;
use super::chance::Chance;
use super::dump;
use super::log::Clock;
use super::people::{Customer, People};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Statements in the log, the store's own included.
    pub statements: u64,
    /// Customers of the store.
    pub customers: u64,
}

/// The classes a customer can lose, by bit; the last is the phone number being altered.
const CLASSES: [(&str, &str); 8] = [
    ("email", "disclosed"),
    ("name", "disclosed"),
    ("phone", "disclosed"),
    ("password_hash", "disclosed"),
    ("postal_address", "disclosed"),
    ("payment_card_partial", "disclosed"),
    ("order_history", "disclosed"),
    ("phone", "altered"),
];
const EMAIL: u8 = 1;
const NAME: u8 = 2;
const PHONE: u8 = 4;
const PASSWORD: u8 = 8;
const POSTAL: u8 = 16;
const CARD: u8 = 32;
const ORDERS: u8 = 64;
const PHONE_ALTERED: u8 = 128;

/// Who a statement comes from.
struct Session {
    role: &'static str,
    from: &'static str,
    app: &'static str,
    process: u64,
    started: String,
    lines: u64,
}

impl Session {
    fn new(role: &'static str, from: &'static str, app: &'static str, process: u64, clock: &mut Clock) -> Session {
        Session { role, from, app, process, started: clock.plain().0.to_owned(), lines: 0 }
    }
}

/// What one statement says in the log.
#[derive(Default)]
struct Statement {
    tag: &'static str,
    message: Vec<u8>,
    detail: Vec<u8>,
}

impl Statement {
    fn plain(&mut self, tag: &'static str, sql: &str) {
        self.tag = tag;
        self.message.clear();
        self.detail.clear();
        self.message.extend_from_slice(b"statement: ");
        self.message.extend_from_slice(sql.as_bytes());
    }

    fn prepared(&mut self, tag: &'static str, name: &str, sql: &str, parameter: u64) {
        self.tag = tag;
        self.message.clear();
        self.detail.clear();
        for part in ["execute ", name, ": ", sql] {
            self.message.extend_from_slice(part.as_bytes());
        }
        self.detail.extend_from_slice(b"\"parameters: $1 = '");
        number(&mut self.detail, parameter);
        self.detail.extend_from_slice(b"'\"");
    }
}

/// The thief, and what it has received so far.
struct Theft {
    people: People,
    /// Bits of [`CLASSES`], by customer in order.
    taken: Vec<u8>,
    next_id: u64,
    statement: Statement,
}

/// Writes `evidence/postgresql.csv`, `before.sql`, `platform.yaml`, `store.toml` and `truth/cells.csv` into `out`.
///
/// # Errors
///
/// When a file cannot be written.
pub fn generate(out: &Path, size: Size, seed: u64) -> Result<()> {
    let people = People { count: size.customers.max(10), seed };
    for folder in ["evidence", "truth"] {
        std::fs::create_dir_all(out.join(folder)).with_context(|| format!("creating {folder}"))?;
    }
    dump::write(out, people)?;
    let mut theft =
        Theft { people, taken: vec![0; people.count as usize], next_id: 1, statement: Statement::default() };
    let path = out.join("evidence").join("postgresql.csv");
    write_log(&path, size.statements, seed, &mut theft).with_context(|| format!("writing {}", path.display()))?;
    let path = out.join("truth").join("cells.csv");
    write_truth(&path, &theft).with_context(|| format!("writing {}", path.display()))
}

fn write_log(path: &Path, statements: u64, seed: u64, theft: &mut Theft) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut chance = Chance::new(seed);
    let mut clock = Clock::starting(1_772_409_600, 60_000);
    let mut line = Vec::with_capacity(1024);
    let mut store = Session::new("shop", "10.0.0.5:40112", "gunicorn", 2001, &mut clock);
    let mut nightly = Session::new("reports", "10.0.0.9:51822", "reports-nightly", 2002, &mut clock);
    let mut thief = None;
    let quiet = statements / 10;
    let mut own = Statement::default();
    for n in 0..statements {
        clock.tick(&mut chance);
        if n == quiet {
            clock.skip(6 * 3600);
        }
        let kind = chance.below(100);
        let (session, statement) = if n >= quiet && kind < 88 {
            theft.act(&mut chance);
            let thief =
                thief.get_or_insert_with(|| Session::new("reports", "203.0.113.66:39944", "psql", 7001, &mut clock));
            (thief, &theft.statement)
        } else if kind == 99 {
            report(&mut own, &mut chance);
            (&mut nightly, &own)
        } else {
            serve(&mut own, theft.people, &mut chance);
            (&mut store, &own)
        };
        line.clear();
        record(&mut line, session, statement, &mut clock);
        file.write_all(&line)?;
    }
    file.flush()
}

/// One record of PostgreSQL's csvlog, as version 14 and later write it.
fn record(line: &mut Vec<u8>, session: &mut Session, statement: &Statement, clock: &mut Clock) {
    session.lines += 1;
    let (second, ms) = clock.plain();
    line.extend_from_slice(second.as_bytes());
    // Writing to memory does not fail.
    let _ = write!(
        line,
        ".{ms:03} UTC,\"{}\",\"shop\",{process},\"{}\",65e39a2c.{process:x},{},\"{}\",{} UTC,5/{},0,LOG,00000,\"",
        session.role,
        session.from,
        session.lines,
        statement.tag,
        session.started,
        session.lines,
        process = session.process
    );
    line.extend_from_slice(&statement.message);
    line.extend_from_slice(b"\",");
    line.extend_from_slice(&statement.detail);
    let _ = writeln!(line, ",,,,,,,,\"{}\",\"client backend\",,0", session.app);
}

/// What the store does for its shoppers.
fn serve(statement: &mut Statement, people: People, chance: &mut Chance) {
    let c = people.nth(chance.below(people.count));
    match chance.below(3) {
        0 => statement.prepared(
            "SELECT",
            "<unnamed>",
            "SELECT id, total, placed_at FROM orders WHERE customer_id = $1",
            c.id,
        ),
        1 => {
            statement.prepared("SELECT", "<unnamed>", "SELECT id, email, first_name FROM customer WHERE id = $1", c.id)
        }
        _ => statement.prepared("UPDATE", "<unnamed>", "UPDATE basket SET changed_at = now() WHERE id = $1", c.id),
    }
}

/// What the stolen role's owner does with it.
fn report(statement: &mut Statement, chance: &mut Chance) {
    match chance.below(2) {
        0 => statement.plain("SELECT", "SELECT country, count(*) FROM address GROUP BY country"),
        _ => statement.plain("SELECT", "SELECT date_trunc('day', placed_at), sum(total) FROM orders GROUP BY 1"),
    }
}

const POINT: &str = "SELECT id, email, first_name, last_name, phone FROM customer WHERE id = ";

impl Theft {
    /// The next statement of the thief, and what it gives.
    fn act(&mut self, chance: &mut Chance) {
        if chance.below(100) < 5 && self.next_id > 200 {
            self.other(chance);
        } else {
            self.walk(chance);
        }
    }

    /// The next number, with its literal in the text or as a parameter.
    fn walk(&mut self, chance: &mut Chance) {
        let id = self.next_id;
        self.next_id = if id >= self.people.last_id() { 1 } else { id + 1 };
        if chance.below(10) < 3 {
            self.statement.prepared("SELECT", "s1", &format!("{POINT}$1"), id);
        } else {
            self.statement.plain("SELECT", POINT);
            number(&mut self.statement.message, id);
        }
        self.take_id(id, EMAIL | NAME | PHONE);
    }

    /// One of a dozen other shapes, over customers that were walked past already.
    fn other(&mut self, chance: &mut Chance) {
        let id = 1 + chance.below(self.next_id.min(self.people.last_id()) - 1);
        match chance.below(12) {
            0 => {
                self.say(&format!("SELECT brand, last4, expiry FROM payment_card WHERE customer_id = {id}"));
                if self.people.by_id(id).is_some_and(|c| c.card().is_some()) {
                    self.take_id(id, CARD);
                }
            }
            1 => {
                self.say(&format!("SELECT street, city, postcode, country FROM address WHERE customer_id = {id}"));
                self.take_id(id, POSTAL);
            }
            2 => {
                self.say(&format!("SELECT email FROM customer WHERE id BETWEEN {id} AND {}", id + 40));
                self.take_between(id, id + 40, EMAIL);
            }
            3 => {
                self.say(&format!("SELECT id, total, placed_at FROM orders WHERE customer_id = {id}"));
                if self.people.by_id(id).is_some_and(|c| c.order().is_some()) {
                    self.take_id(id, ORDERS);
                }
            }
            4 => {
                self.say(&format!("SELECT password FROM customer WHERE id = {id}"));
                self.take_id(id, PASSWORD);
            }
            5 => self.say("SELECT count(*) FROM customer"),
            6 => {
                self.say("SELECT max(id) FROM orders");
                // The highest order number is that of the last customer who has ordered.
                if let Some(last) =
                    (0..self.people.count).rev().map(|k| self.people.nth(k)).find(|c| c.order().is_some())
                {
                    self.take(last, ORDERS);
                }
            }
            7 => self.join(id),
            8 => self.page(chance),
            9 => {
                self.say(&format!("SELECT * FROM customer WHERE id = {id}"));
                self.take_id(id, EMAIL | NAME | PHONE | PASSWORD);
            }
            10 => {
                self.statement.plain("UPDATE", &format!("UPDATE customer SET phone = '+00 0' WHERE id = {id}"));
                self.take_id(id, PHONE_ALTERED);
            }
            _ => {
                let other = 1 + chance.below(self.next_id - 1);
                self.say(&format!(
                    "SELECT email FROM customer WHERE id = {id} UNION SELECT phone FROM customer WHERE id = {other}"
                ));
                self.take_id(id, EMAIL);
                self.take_id(other, PHONE);
            }
        }
    }

    fn join(&mut self, id: u64) {
        let ids: Vec<String> = (0..5).map(|n| (id + 9 * n).to_string()).collect();
        self.say(&format!(
            "SELECT c.email, a.city FROM customer c JOIN address a ON a.customer_id = c.id WHERE c.id IN ({})",
            ids.join(", ")
        ));
        for n in 0..5 {
            self.take_id(id + 9 * n, EMAIL | POSTAL);
        }
    }

    fn page(&mut self, chance: &mut Chance) {
        let from = chance.below(self.people.count);
        self.say(&format!("SELECT first_name, last_name FROM customer ORDER BY id LIMIT 50 OFFSET {from}"));
        for k in from..(from + 50).min(self.people.count) {
            self.taken[k as usize] |= NAME;
        }
    }

    fn say(&mut self, sql: &str) {
        self.statement.plain("SELECT", sql);
    }

    fn take_id(&mut self, id: u64, what: u8) {
        if let Some(customer) = self.people.by_id(id) {
            self.take(customer, what);
        }
    }

    fn take_between(&mut self, from: u64, to: u64, what: u8) {
        for customer in self.people.between(from, to) {
            self.take(customer, what);
        }
    }

    fn take(&mut self, customer: Customer, what: u8) {
        self.taken[((customer.id - 1) / 4) as usize] |= what;
    }
}

fn write_truth(path: &Path, theft: &Theft) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(file, "person_email,customer_id,data_class,effect,step,certainty")?;
    for (k, taken) in theft.taken.iter().enumerate().filter(|(_, t)| **t != 0) {
        let customer = theft.people.nth(k as u64);
        let email = customer.email();
        for (bit, (class, effect)) in CLASSES.iter().enumerate() {
            if taken & (1 << bit) != 0 {
                writeln!(file, "{email},{},{class},{effect},stolen_role,exact", customer.id)?;
            }
        }
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_dump_and_truth_agree_and_repeat() {
        let make = || {
            let folder = tempfile::tempdir().unwrap();
            generate(folder.path(), Size { statements: 20_000, customers: 2000 }, 3).unwrap();
            let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
            (read("evidence/postgresql.csv"), read("before.sql"), read("truth/cells.csv"))
        };
        let (log, dump, truth) = make();
        assert_eq!((log.clone(), dump.clone(), truth.clone()), make());
        assert_eq!(log.lines().count(), 20_000);
        assert_eq!(dump.lines().filter(|l| l.contains("pbkdf2_sha256$")).count(), 2000);
        assert!(truth.lines().skip(1).all(|l| l.ends_with(",stolen_role,exact")));
        for (class, effect) in CLASSES {
            assert!(truth.contains(&format!(",{class},{effect},")), "{class} {effect}");
        }
    }

    #[test]
    fn every_record_has_the_columns_of_csvlog() {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path(), Size { statements: 500, customers: 100 }, 1).unwrap();
        let mut log = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_path(folder.path().join("evidence/postgresql.csv"))
            .unwrap();
        assert!(log.records().all(|r| r.unwrap().len() == 26));
    }
}
