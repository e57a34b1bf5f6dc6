"""Writes store.toml and truth/README.md of a recording: the times and the choices, in words."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from .truth import Truth

STORE = """\
# The store whose evidence lies beside this file. Read by `stanch run evidence --store store.toml`.

[store]
name = "{name}"
platform = "oscar"            # packs/platforms/oscar: routes, tables, columns, how to reach a person
time_zone = "UTC"             # every log of this recording is in UTC
residence = "address"         # a person lives where the default address says, else where the last order went

[snapshot]
before = {{ file = "snapshot/before.sql.gz", taken_at = {before} }}
after = {{ file = "snapshot/after.sql.gz", taken_at = {after} }}

[moments]
discovered = {discovered}     # a customer asks why a parcel was cancelled or sent elsewhere
aware = {aware}               # the store's engineer confirms that it was no mistake

[facts]
established = "US-NY"         # where the store is established
sells_to_eu = true            # offers goods to people in the EU and in the United Kingdom
eu_representative = true
processor = "Vendor X"        # received customer data under contract

# Networks that belong to somebody known. The intruder's use of a known key from elsewhere is what matters.
[networks]
vendor_x = ["198.51.100.16/28"]
staff = ["198.51.100.32/28"]
database_store = ["127.0.0.10/32"]
database_vendor_x = ["127.0.0.20/32"]
"""

TRUTH = """\
# What the intruder really got

`cells.csv` has one row for each person, data class, effect and step. It was written by `range/truth.py` from what the
intruder's tools received: sqlmap's dump and session files, the bodies of the HTTP responses, the files that psql wrote.
Changes are the difference of the table right before and right after the UPDATE, read over a separate superuser session. No log was used.

Person: the account's e-mail, else the guest order's, in lower case. An address belongs to the account or order that it hangs on.

| step | what | effect |
|---|---|---|
| 1 | accounts opened with guessed passwords, pages read | disclosed |
| 2a | {technique} SQL injection in Vendor X, dump of auth_user and address_useraddress | disclosed |
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


def write(out: Path, name: str, seed: int, customers: int, technique: str, moments: dict, steps: list, truth: Truth) -> None:
    ended = moments["intrusion ended"]
    (out / "store.toml").write_text(
        STORE.format(
            name=name, before=instant(moments["before"]), after=instant(moments["after"]),
            discovered=instant(ended + 26 * 3600), aware=instant(ended + 31 * 3600),
        )
    )
    times = [f"- {instant(at)} {what}" for what, at in moments.items()]
    times += [f"- {instant(began)} to {instant(stopped)}: {what}" for what, began, stopped in steps]
    counts = [
        f"| {step} | {effect} | {data_class} | {certainty} | {count} |"
        for (step, data_class, effect, certainty), count in sorted(truth.summary().items())
    ]
    (out / "truth" / "README.md").write_text(
        TRUTH.format(technique=technique, times="\n".join(sorted(times, key=lambda line: line[2:])), counts="\n".join(counts))
    )
