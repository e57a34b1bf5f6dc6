"""Writes README.md, store.toml and truth/README.md of a recording: the times and the choices, in words."""

from __future__ import annotations

import gzip
import shutil
from datetime import datetime, timezone
from pathlib import Path

from .truth import Truth

HERE = Path(__file__).parent
# Of the store, not of one recording: every recording needs it beside its store.toml.
PLATFORM = Path("platform") / "copperleaf.yaml"

README = """\
# {name}: a recorded breach

{name} sells houseware. On {day} somebody broke in by way of a vendor. Everything here was recorded from real software on loopback: a django-oscar 4
store, PostgreSQL 15, nginx, sqlmap, psql. {customers} people were invented for it (seed {seed}); none of them exists. Addresses are from the
documentation ranges, e-mail domains are reserved, telephone numbers are from ranges kept for fiction where such exist.

## What happened

The store's customers shop, its staff look after orders, and **Vendor X**, who makes its product recommendations, reads some views at night and fetches orders by
the API. Vendor X's service is old. It was given more of the database than it needs.

1. From {stuffing} passwords leaked elsewhere are tried on the login page, a few from each of 48 addresses. {accounts} accounts open, and their pages are read.
2. From {injection} sqlmap dumps part of the accounts and of the address book through Vendor X's `/v1/similar` {how}, then reads
   password hashes one yes-or-no question at a time; the last one is broken off. Before that, `/_debug` gave away Vendor X's API key and database login.
3. From {scraping} the key is used from elsewhere: customers and orders one by one, then in pages.
4. From {plunder} the database login is used from elsewhere: a COPY of orders with addresses, a ranked SELECT, and two UPDATEs that alter orders and stored cards.

Meanwhile an administrator looks through customers and exports orders, twice; Vendor X's job runs, twice; customers register, order, mistype passwords, change addresses;
an assistant moves orders along. All that is legitimate and must not be counted.

The database was dumped at {before}, before the intrusion, and at {after}, after it. All times are UTC. A quiet day is pressed into {minutes} minutes.

## What is here

| file | lines | bytes | what it is |
|---|---:|---:|---|
{files}

Web logs are nginx's combined format followed by `rt=$request_time rid=$request_id host=$host`; `rid` is `request_id` in the application's logs. Vendor X's nginx logs JSON.
The database log is PostgreSQL's csvlog: the store's role with `log_statement = mod`, `vendor_x` with `all` and, by pgaudit, a second line with the number of rows.
The store reaches the database from 127.0.0.10 and Vendor X from 127.0.0.20. The superuser's sessions (backups, monitoring) are logged only as connections.
Session data and migrations were left out of the dumps; of a person, nothing was.

`store.toml` says what a responder would know: the store, where the dumps are, when it was noticed.
`truth/` is what the intruder really received, for scoring. No stage reads it.

Made by `python -m range record --seed {seed} --customers {customers} --technique {technique} --minutes {minutes}`. Licence: Apache-2.0, data included.
"""

HOW = {"union": "by UNION", "error": "by the text of error messages"}

WHAT = {
    "web/access.log": "the store's nginx, newest", "web/access.log.1": "rotated once", "web/access.log.2.gz": "rotated twice, compressed",
    "vendor/access.json.log": "Vendor X's nginx, newest", "vendor/access.json.log.1.gz": "rotated, compressed",
    "vendor/recs.log": "Vendor X's own log", "vendor/recs.log.1.gz": "rotated, compressed",
    "app/store.log": "the store's application and login log", "app/store.log.1.gz": "rotated, compressed",
    "before.sql.gz": "pg_dump from before the intrusion", "after.sql.gz": "pg_dump of the live store after it",
    "cells.csv": "person × data class × effect × step",
}

TRUTH = """\
# What the intruder really got

`cells.csv` has one row for each person, data class, effect and step. It was written by `range/truth.py` from what the
intruder's tools received: sqlmap's dump and session files, the bodies of the HTTP responses, the files that psql wrote.
Changes are the difference of the table right before and right after the UPDATE, read over a separate superuser session. No log was used.

Person: the account's e-mail, else the guest order's, in lower case. An address belongs to the account or order that it hangs on.

| step | what | effect |
|---|---|---|
| 1 | accounts opened with guessed passwords, pages read | disclosed |
| 2a | SQL injection in Vendor X {technique}, dump of auth_user and address_useraddress | disclosed |
| 2b | boolean-blind SQL injection, password hashes | disclosed |
| 3a | store API with the stolen key, one record at a time | disclosed |
| 3b | store API with the stolen key, list pages | disclosed |
| 4a | COPY with the stolen role | disclosed |
| 4d | SELECT … ORDER BY … LIMIT with the stolen role; the limit cuts through equal values | disclosed |
| 4b | UPDATE of orders or their addresses | altered |
| 4c | UPDATE of stored cards | altered |

certainty: `exact`; `partial` (a hash of which only the beginning was read); `tie` (received, but another row of the same rank could have come instead).

## When

{times}

## How many cells

| step | effect | data class | certainty | cells |
|---|---|---|---|---|
{counts}
"""


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%H:%M:%S")


def _readme(out: Path, name: str, seed: int, customers: int, technique: str, minutes: float, moments: dict, steps: list, truth: Truth) -> str:
    files = []
    for path in sorted(path for folder in ("evidence", "snapshot", "truth") for path in (out / folder).rglob("*") if path.suffix != ".md"):
        if path.is_file():
            content = path.read_bytes()
            lines = (gzip.decompress(content) if path.suffix == ".gz" else content).count(b"\n")
            relative = path.relative_to(out)
            what = WHAT.get(str(Path(*relative.parts[1:])), "PostgreSQL's csvlog" + (", rotated, compressed" if path.suffix == ".gz" else ", newest"))
            files.append(f"| `{relative}` | {lines:,} | {len(content):,} | {what} |")
    def first(prefix: str) -> str:
        return _clock(min(began for step, began, _ in steps if step.startswith(prefix)))

    return README.format(
        name=name, seed=seed, customers=customers, technique=technique, how=HOW[technique], minutes=f"{minutes:g}",
        day=datetime.fromtimestamp(moments["began"], timezone.utc).strftime("%-d %B %Y"),
        accounts=len({email for email, _, _, step in truth.cells if step == "1"}),
        stuffing=first("1 "), injection=first("2a"), scraping=first("3 "), plunder=first("4"),
        before=_clock(moments["before"]), after=_clock(moments["after"]), files="\n".join(files),
    )


def _store_file(out: Path, **values: str) -> None:
    text = (HERE / "store.toml.in").read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    (out / "store.toml").write_text(text)
    platform = HERE.parent / "examples" / "copperleaf" / PLATFORM
    if not (out / PLATFORM).exists():
        (out / PLATFORM).parent.mkdir(exist_ok=True)
        shutil.copyfile(platform, out / PLATFORM)


def write(
    out: Path, name: str, seed: int, customers: int, technique: str, minutes: float, moments: dict, steps: list, truth: Truth
) -> None:
    (out / "README.md").write_text(_readme(out, name, seed, customers, technique, minutes, moments, steps, truth))
    ended = moments["intrusion ended"]
    _store_file(
        out, name=name, before=instant(moments["before"]), after=instant(moments["after"]),
        discovered=instant(ended + 26 * 3600), aware=instant(ended + 31 * 3600), determined=instant(ended + 55 * 3600),
    )
    times = [f"- {instant(at)} {what}" for what, at in moments.items()]
    times += [f"- {instant(began)} to {instant(stopped)}: {what}" for what, began, stopped in steps]
    counts = [
        f"| {step} | {effect} | {data_class} | {certainty} | {count} |"
        for (step, data_class, effect, certainty), count in sorted(truth.summary().items())
    ]
    (out / "truth" / "README.md").write_text(
        TRUTH.format(technique=HOW[technique], times="\n".join(sorted(times, key=lambda line: line[2:])), counts="\n".join(counts))
    )
