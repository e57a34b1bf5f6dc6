//! An invented breach as events: shoppers, staff, a crawler and a vendor at their work, and an intruder among them.

use stanch_lake::EventRows;
use stanch_model::event::Record;
use stanch_model::{EventBatch, EventClass, Instant, NumberField, Position, Seal, TextField};
use std::collections::BTreeMap;

/// 2026-03-02T20:00:00Z.
pub(crate) const START_S: i64 = 1_772_481_600;

/// Addresses of those who must not be proposed.
pub(crate) const VENDOR: &str = "198.51.100.20";
pub(crate) const VENDOR_DB: &str = "10.0.0.20";
pub(crate) const STAFF: &str = "198.51.100.40";
pub(crate) const CRAWLER: &str = "203.0.113.7";
pub(crate) const MISTYPER: &str = "192.0.2.77";
pub(crate) const OFFICE: &str = "192.0.2.99";
pub(crate) const OWNER: &str = "192.0.2.11";

/// Addresses of the intruder.
pub(crate) const OPERATOR: &str = "203.0.113.250";
pub(crate) const SCRAPERS: [&str; 2] = ["203.0.113.201", "2001:db8:aaaa:1::9"];
pub(crate) const THIEF_DB: &str = "10.66.0.6";

/// The 25 addresses from which passwords are tried.
pub(crate) fn exits() -> Vec<String> {
    (0..25)
        .map(|n| if n % 3 == 0 { format!("2001:db8:{:x}::5", 0x9000 + n) } else { format!("198.18.{n}.9") })
        .collect()
}

const TEXTS: usize = TextField::COUNT;

/// One event, before it is put into a batch.
#[derive(Clone, Default)]
struct Line {
    at_s: f64,
    log: &'static str,
    class: Option<EventClass>,
    texts: BTreeMap<usize, (TextField, String)>,
    numbers: Vec<(NumberField, i64)>,
}

/// All events of the story, in files as logs are.
#[derive(Default)]
pub(crate) struct Story {
    lines: Vec<Line>,
    requests: u64,
}

impl Story {
    /// Two hours in which the intruder comes after one.
    pub(crate) fn told() -> Story {
        let mut story = Story::default();
        story.shoppers();
        story.look_alikes();
        story.stuffing();
        story.injection();
        story.scraping();
        story.plunder();
        story
    }

    /// The same without the intruder.
    pub(crate) fn quiet() -> Story {
        let mut story = Story::default();
        story.shoppers();
        story.look_alikes();
        story
    }

    /// Batches of `size` events, each log a file of its own, in order of time.
    pub(crate) fn batches(&self, size: usize) -> Vec<EventRows> {
        let mut by_log: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
        self.lines.iter().for_each(|l| by_log.entry(l.log).or_default().push(l));
        let mut out = Vec::new();
        for (log, mut lines) in by_log {
            lines.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
            let seal = Seal(format!("{:0>64}", log.replace(|c: char| !c.is_ascii_hexdigit(), "0")));
            let mut offset = 0;
            for chunk in lines.chunks(size) {
                let mut batch = EventBatch::default();
                for line in chunk {
                    let position = Position { line: offset / 100 + 1, offset, length: 99 };
                    offset += 100;
                    let time = Instant(START_S * 1_000_000 + (line.at_s * 1e6) as i64);
                    let mut record =
                        Record::new(time, line.class.expect("every line is pushed with its class"), position);
                    line.texts.values().for_each(|(field, text)| record.set_text(*field, text));
                    line.numbers.iter().for_each(|(field, number)| record.set_number(*field, *number));
                    record.set_text(TextField::LogName, line.log);
                    batch.push(&record);
                }
                out.push(EventRows::from_batch(&seal, batch));
            }
        }
        out
    }

    fn push(&mut self, at_s: f64, log: &'static str, class: EventClass, texts: &[(TextField, &str)], status: i64) {
        let mut line = Line { at_s, log, class: Some(class), ..Line::default() };
        for (field, text) in texts {
            line.texts.insert(*field as usize % TEXTS, (*field, (*text).to_owned()));
        }
        if status > 0 {
            line.numbers.push((NumberField::HttpStatus, status));
        }
        self.lines.push(line);
    }

    /// A request as a web server logs it; its id.
    #[expect(clippy::too_many_arguments, reason = "one per column of the log, in its order")]
    fn web(
        &mut self,
        at_s: f64,
        log: &'static str,
        ip: &str,
        agent: &str,
        method: &str,
        url: &str,
        status: i64,
    ) -> String {
        self.requests += 1;
        let request = format!("r{:08}", self.requests);
        let outcome = if status < 400 { "success" } else { "failure" };
        let texts = [
            (TextField::SrcIp, ip),
            (TextField::UserAgent, agent),
            (TextField::HttpMethod, method),
            (TextField::Url, url),
            (TextField::RequestUid, request.as_str()),
            (TextField::Status, outcome),
        ];
        self.push(at_s, log, EventClass::HttpActivity, &texts, status);
        request
    }

    /// A login: the web server's line and the store's.
    fn login(&mut self, at_s: f64, ip: &str, agent: &str, user: u32, through: bool) {
        let status = if through { 302 } else { 200 };
        let request = self.web(at_s, "web", ip, agent, "POST", "/accounts/login/", status);
        let (name, uid, session) =
            (format!("user{user}@shop.example"), user.to_string(), format!("s{user}x{}", at_s as i64));
        let mut texts = vec![
            (TextField::SrcIp, ip),
            (TextField::UserName, name.as_str()),
            (TextField::RequestUid, request.as_str()),
            (TextField::Activity, "logon"),
            (TextField::Status, if through { "success" } else { "failure" }),
        ];
        if through {
            texts.extend([(TextField::UserUid, uid.as_str()), (TextField::SessionUid, session.as_str())]);
        }
        self.push(at_s + 0.01, "store", EventClass::Authentication, &texts, 0);
    }

    /// A page that a logged-in person is served.
    fn page(&mut self, at_s: f64, ip: &str, agent: &str, user: u32, session_at: f64, url: &str) {
        let request = self.web(at_s, "web", ip, agent, "GET", url, 200);
        let (uid, session) = (user.to_string(), format!("s{user}x{}", session_at as i64));
        let texts = [
            (TextField::SrcIp, ip),
            (TextField::UserUid, uid.as_str()),
            (TextField::SessionUid, session.as_str()),
            (TextField::Url, url),
            (TextField::RequestUid, request.as_str()),
        ];
        self.push(at_s + 0.01, "store", EventClass::WebResources, &texts, 200);
    }

    /// A request to the store's API with the vendor's key.
    fn api(&mut self, at_s: f64, ip: &str, agent: &str, url: &str, status: i64) {
        let request = self.web(at_s, "web", ip, agent, "GET", url, status);
        let texts = [
            (TextField::SrcIp, ip),
            (TextField::CredentialUid, "vx-1"),
            (TextField::Url, url),
            (TextField::RequestUid, request.as_str()),
        ];
        self.push(at_s + 0.01, "store", EventClass::ApiActivity, &texts, status);
    }

    fn statement(&mut self, at_s: f64, role: &str, ip: &str, program: &str, session: &str, query: &str) {
        let texts = [
            (TextField::SrcIp, ip),
            (TextField::UserName, role),
            (TextField::AppName, program),
            (TextField::SessionUid, session),
            (TextField::Query, query),
            (TextField::Activity, "statement"),
            (TextField::Database, "store"),
        ];
        self.push(at_s, "db", EventClass::DatastoreActivity, &texts, 0);
    }

    /// Sixty shoppers who browse, log in, now and then mistype, and look at their orders.
    fn shoppers(&mut self) {
        for n in 0..60u32 {
            let (ip, agent) = (format!("192.0.2.{}", 10 + n), agent(n));
            for visit in 0..4u32 {
                let at = f64::from(n * 29 + visit * 1700 + 3);
                for view in 0..6u32 {
                    let url = format!("/catalogue/plain-mug_{}/", (n * 7 + visit * 3 + view) % 90);
                    self.web(at + f64::from(view) * 8.0, "web", &ip, agent, "GET", &url, 200);
                    let similar = format!("/v1/similar?product={}", (n + view) % 90);
                    self.web(at + f64::from(view) * 8.0 + 0.3, "vendor", &ip, agent, "GET", &similar, 200);
                }
                if (n + visit) % 9 == 0 {
                    self.login(at + 50.0, &ip, agent, 1000 + n, false);
                }
                self.login(at + 60.0, &ip, agent, 1000 + n, true);
                self.page(at + 65.0, &ip, agent, 1000 + n, at + 60.0, "/accounts/orders/");
                self.page(
                    at + 70.0,
                    &ip,
                    agent,
                    1000 + n,
                    at + 60.0,
                    &format!("/accounts/orders/{}/", 100_000 + n * 31),
                );
                let select = format!("SELECT * FROM order_order WHERE user_id = {n}");
                self.statement(at + 70.0, "store", "10.0.0.10", "store", "db.store", &select);
                self.statement(
                    at + 71.0,
                    "store",
                    "10.0.0.10",
                    "store",
                    "db.store",
                    "UPDATE auth_user SET last_login = '1' WHERE id = 4",
                );
            }
        }
    }

    fn look_alikes(&mut self) {
        // Staff open customers as they come, walk through the list, export it.
        self.login(100.0, STAFF, agent(3), 2, true);
        for n in 0..45 {
            let url = format!("/dashboard/users/{}/", 5 + (n * 37) % 900);
            self.page(1200.0 + f64::from(n) * 20.0, STAFF, agent(3), 2, 100.0, &url);
            let url = format!("/dashboard/orders/?page={}", 1 + n % 12);
            self.page(3900.0 + f64::from(n) * 20.0, STAFF, agent(3), 2, 100.0, &url);
        }
        // An assistant moves orders along, one after another.
        for n in 0..40 {
            let url = format!("/dashboard/orders/{}/", 100_400 + n);
            self.page(2400.0 + f64::from(n) * 15.0, STAFF, agent(3), 2, 100.0, &url);
        }
        // The vendor: its job in the database, and pages of orders through the API, before, while and after the intruder is there.
        for n in 0..200 {
            let at = f64::from(n) * 36.0;
            let view = format!("SELECT product_id, sum(quantity) FROM vendor_order_facts WHERE day > {n} GROUP BY 1");
            self.statement(at, "vendor_x", VENDOR_DB, "vendor-recs", "db.vendor", &view);
            let similar = format!("SELECT p.id, p.title FROM catalogue_product p WHERE p.id = {n}");
            self.statement(at + 1.0, "vendor_x", VENDOR_DB, "vendor-recs", "db.vendor", &similar);
        }
        for n in 0..90 {
            self.api(
                f64::from(n) * 80.0,
                VENDOR,
                "vendor-sync/2.1",
                &format!("/api/v1/orders/?page={}", 1 + n % 30),
                200,
            );
        }
        // A crawler walks through the catalogue, pages and products.
        for n in 0..400u32 {
            let url =
                if n % 3 == 0 { format!("/catalogue/?page={}", n / 3) } else { format!("/catalogue/plain-mug_{n}/") };
            let status = if n % 40 == 1 { 404 } else { 200 };
            self.web(
                f64::from(n) * 15.0,
                "web",
                CRAWLER,
                "Mozilla/5.0 (compatible; Shopfinder/3.1)",
                "GET",
                &url,
                status,
            );
        }
        // A shopper mistypes five times during the burst and gets in; an office of many people mostly gets in.
        for n in 0..5 {
            self.login(3640.0 + f64::from(n) * 9.0, MISTYPER, agent(1), 1400, false);
        }
        self.login(3700.0, MISTYPER, agent(1), 1400, true);
        for n in 0..24u32 {
            self.login(3610.0 + f64::from(n) * 7.0, OFFICE, agent(n), 1500 + n, n % 6 != 0);
            self.login(3625.0 + f64::from(n) * 7.0, OFFICE, agent(n), 1500 + n, true);
        }
        self.web(700.0, "web", OWNER, agent(2), "GET", "/search/?q=select+a+union+jack+mug", 200);
        // A stranger's scan of the internet.
        self.web(900.0, "web", "203.0.113.60", "Mozilla/5.0 zgrab/0.x", "GET", "/", 200);
    }

    fn stuffing(&mut self) {
        let old = "Mozilla/5.0 (Windows NT 6.1; WOW64) Chrome/79.0.3945.88";
        for (n, user) in (0..600u32).zip(5000..) {
            let (at, ip) = (3600.0 + f64::from(n) * 0.4, exits()[n as usize % 25].clone());
            let opened = n % 120 == 60;
            self.login(at, &ip, old, if opened { 1000 + n / 60 } else { user }, opened);
            if opened {
                for (k, page) in ["/accounts/profile/", "/accounts/addresses/"].iter().enumerate() {
                    self.page(at + 1.0 + k as f64, &ip, old, 1000 + n / 60, at, page);
                }
            }
        }
        // One of the accounts is read again from the operator's own address.
        self.login(3900.0, OPERATOR, agent(2), 1001, true);
        self.page(3903.0, OPERATOR, agent(2), 1001, 3900.0, "/accounts/addresses/");
    }

    fn injection(&mut self) {
        self.web(3950.0, "vendor", OPERATOR, agent(2), "GET", "/_debug", 200);
        for n in 0..300u32 {
            let attempt = match n % 3 {
                0 => format!(
                    "-{n}%20UNION%20ALL%20SELECT%20NULL,(CHR(113)||CHR(98))||email,NULL%20FROM%20auth_user%20OFFSET%20{n}--%20x"
                ),
                1 => format!(
                    "{n}%20AND%20ASCII(SUBSTRING((SELECT%20password%20FROM%20auth_user)::text%20FROM%201%20FOR%201))%3E{n}"
                ),
                _ => format!("{n}%20AND%201{n}=1{n}"),
            };
            let agent = "sqlmap/1.8.11#stable (https://sqlmap.org)";
            let at = 4000.0 + f64::from(n) * 0.5;
            self.web(at, "vendor", OPERATOR, agent, "GET", &format!("/v1/similar?product={attempt}"), 200);
            let query = format!(
                "SELECT p.id FROM catalogue_product p WHERE p.id = {n} AND ASCII((SELECT password FROM auth_user)) > {n}"
            );
            self.statement(at, "vendor_x", VENDOR_DB, "vendor-recs", "db.vendor", &query);
        }
    }

    fn scraping(&mut self) {
        for n in 0..120 {
            let status = if n % 4 == 0 { 404 } else { 200 };
            let url = format!("/api/v1/customers/{}/", 2000 + n);
            self.api(4300.0 + f64::from(n), SCRAPERS[n as usize % 2], "python-requests/2.32.3", &url, status);
        }
        for n in 0..8 {
            let url = format!("/api/v1/orders/?page={}", 2 + n);
            self.api(4500.0 + f64::from(n), SCRAPERS[0], "python-requests/2.32.3", &url, 200);
        }
    }

    fn plunder(&mut self) {
        let lines = [
            "COPY (SELECT number FROM order_order o JOIN order_billingaddress b ON b.id = o.id) TO STDOUT",
            "SELECT o.number, c.name FROM order_order o JOIN payment_bankcard c ON c.user_id = o.user_id",
            "UPDATE order_order SET status = 'Cancelled' WHERE total > 40",
        ];
        for (n, query) in lines.iter().enumerate() {
            self.statement(4700.0 + n as f64, "vendor_x", THIEF_DB, "psql", &format!("db.thief{n}"), query);
        }
    }
}

fn agent(n: u32) -> &'static str {
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Safari/604.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15",
    ][n as usize % 4]
}
