"""What the intruder really received, as person × data class. Made from the tools' own output, never from a log."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import psycopg

from .intrusion import Received, Row

HEADER = ("person_email", "customer_id", "data_class", "effect", "step", "certainty")
STRONGEST = ("exact", "partial", "tie")

# Columns, as the statements name them, to data classes. A column not listed here says nothing about a person.
CLASSES = {
    "email": ["email"], "guest_email": ["email"],
    "first_name": ["name"], "last_name": ["name"],
    "line1": ["postal_address"], "line2": ["postal_address"], "line4": ["postal_address"], "state": ["postal_address"],
    "postcode": ["postal_address"], "country_id": ["postal_address"],
    "phone_number": ["phone"],
    "password": ["password_hash"],
    "card_name": ["name", "payment_card_partial"],
    "card_number": ["payment_card_partial"], "number": ["payment_card_partial"], "expiry_date": ["payment_card_partial"],
    "label": ["payment_card_partial"],
    "partner_reference": ["payment_token"],
    "order_number": ["order_history"], "date_placed": ["order_history"], "day": ["order_history"],
    "total_incl_tax": ["order_history"], "status": ["order_history"], "spent": ["order_history"],
}


class People:
    """Who an account, an order, an address or a card belongs to."""

    def __init__(self, connection: psycopg.Connection) -> None:
        def read(sql: str) -> list[tuple]:
            return connection.execute(sql).fetchall()

        self.email_of = {id: email.lower() for id, email in read("SELECT id, email FROM auth_user")}
        self.id_of = {email: id for id, email in self.email_of.items()}
        self.password_of = dict(read("SELECT password, id FROM auth_user"))
        self._order, self._shipping, self.card = {}, {}, dict(read("SELECT id, user_id FROM payment_bankcard"))
        self._order_id = {}
        for id, number, user_id, guest, shipping in read("SELECT id, number, user_id, guest_email, shipping_address_id FROM order_order"):
            owner = self.email_of[user_id] if user_id else guest.lower()
            self._order[number] = owner
            self._order_id[id] = owner
            self._shipping[shipping] = owner

    def of_order(self, number: str) -> str:
        return self._order[number]

    def of_changed(self, table: str, key: int) -> str:
        if table == "payment_bankcard":
            return self.email_of[self.card[key]]
        return (self._order_id if table == "order_order" else self._shipping)[key]

    def of_row(self, row: Row) -> str:
        values = row.values
        if "user_id" in values:
            return self.email_of[int(values["user_id"])]
        if "order_number" in values:
            return self.of_order(values["order_number"])
        if "email" in values:
            return values["email"].lower()
        known = values["password"]
        owners = [id for hash, id in self.password_of.items() if hash.startswith(known)]
        if len(owners) != 1:
            raise LookupError(f"a received hash fits {len(owners)} accounts")
        return self.email_of[owners[0]]


class Truth:
    def __init__(self, people: People) -> None:
        self.people = people
        self.cells: dict[tuple[str, str, str, str], str] = {}

    def add(self, email: str, data_class: str, effect: str, step: str, certainty: str = "exact") -> None:
        key = (email.lower(), data_class, effect, step)
        known = self.cells.get(key)
        if known is None or STRONGEST.index(certainty) < STRONGEST.index(known):
            self.cells[key] = certainty

    def write(self, target: Path) -> None:
        with open(target, "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(HEADER)
            for (email, data_class, effect, step), certainty in sorted(self.cells.items()):
                out.writerow((email, self.people.id_of.get(email, ""), data_class, effect, step, certainty))

    def summary(self) -> Counter:
        return Counter((step, data_class, effect, certainty) for (_, data_class, effect, step), certainty in self.cells.items())


def tell(connection: psycopg.Connection, received: Received) -> Truth:
    people = People(connection)
    truth = Truth(people)
    for user_id, classes in received.pages:
        for data_class in classes:
            truth.add(people.email_of[user_id], data_class, "disclosed", "1")
    for row in received.rows:
        email = people.of_row(row)
        certainty = row.certainty
        if certainty == "exact" and "password" in row.values and row.values["password"] not in people.password_of:
            certainty = "partial"
        for column, value in row.values.items():
            if value.strip():
                for data_class in CLASSES.get(column, ()):
                    truth.add(email, data_class, "disclosed", row.step, certainty)
    for step, kind, record in received.records:
        email, classes = (_customer if kind == "customer" else _order)(people, record)
        for data_class in classes:
            truth.add(email, data_class, "disclosed", step)
    for change in received.changes:
        email = people.of_changed(change.table, change.key)
        for column in change.columns:
            for data_class in CLASSES[column]:
                truth.add(email, data_class, "altered", change.step)
    return truth


def _customer(people: People, record: dict) -> tuple[str, set[str]]:
    classes = {"email"}
    if record["first_name"] or record["last_name"]:
        classes.add("name")
    address = record["default_address"]
    if address:
        classes.add("postal_address")
        if address["phone"]:
            classes.add("phone")
    return record["email"].lower(), classes


def _order(people: People, record: dict) -> tuple[str, set[str]]:
    classes = {"order_history"}
    if record["guest_email"]:
        classes.add("email")
    if record["payment"]:
        classes.add("payment_card_partial")
    address = record["shipping_address"]
    if address:
        classes.add("postal_address")
        if address["first_name"] or address["last_name"]:
            classes.add("name")
        if address["phone"]:
            classes.add("phone")
    return people.of_order(record["number"]), classes
