"""Invented people and where they live. Seeded; addresses at reserved domains; telephone numbers from ranges kept for fiction."""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass

from faker import Faker

# Share of customers by country, and by state within the United States.
COUNTRIES = {
    "US": 52, "GB": 14, "DE": 9, "FR": 7, "CA": 3, "IE": 2, "NL": 2, "ES": 2, "IT": 2, "AT": 1, "SE": 1, "PL": 2, "AU": 2, "NZ": 1,
}
STATES = {
    "CA": 24, "NY": 14, "TX": 14, "FL": 12, "MA": 9, "WA": 4, "IL": 4, "PA": 3, "OH": 3, "GA": 2, "CO": 2, "VA": 2,
    "OR": 2, "NJ": 2, "MN": 1, "NC": 1, "MI": 1,
}
STATE_NAMES = {"CA": "California", "NY": "New York", "TX": "Texas", "FL": "Florida", "MA": "Massachusetts", "WA": "Washington"}
COUNTRY_NAMES = {
    "US": "United States of America", "GB": "United Kingdom", "DE": "Germany", "FR": "France", "CA": "Canada",
    "IE": "Ireland", "NL": "Netherlands", "ES": "Spain", "IT": "Italy", "AT": "Austria", "SE": "Sweden", "PL": "Poland",
    "AU": "Australia", "NZ": "New Zealand",
}
LOCALES = {
    "US": "en_US", "GB": "en_GB", "DE": "de_DE", "FR": "fr_FR", "CA": "en_CA", "IE": "en_IE", "NL": "nl_NL", "ES": "es_ES",
    "IT": "it_IT", "AT": "de_AT", "SE": "sv_SE", "PL": "pl_PL", "AU": "en_AU", "NZ": "en_NZ",
}
DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org", "inbox.example.net")


@dataclass
class Address:
    first_name: str
    last_name: str
    line1: str
    line2: str
    city: str
    state: str
    postcode: str
    country: str
    phone: str


@dataclass
class Person:
    first_name: str
    last_name: str
    email: str
    address: Address


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ł", "l").replace("ø", "o")).encode("ascii", "ignore")
    return re.sub(r"[^a-z0-9]", "", plain.decode().lower())


def _pick(rng: random.Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


class People:
    """An endless supply of invented people."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"people {seed}")
        self.fakers = {}
        for country, locale in LOCALES.items():
            faker = Faker(locale)
            faker.seed_instance(f"{seed} {country}")
            self.fakers[country] = faker
        self._taken: set[str] = set()

    def _phone(self, country: str) -> str:
        rng = self.rng
        if rng.random() < 0.12:
            return ""
        digits = f"{rng.randrange(100):02}"
        if country in ("US", "CA"):
            return f"+1{rng.choice(('202', '312', '415', '617', '646', '713', '786', '416'))}55501{digits}"
        return {
            "GB": f"+447700900{rng.randrange(1000):03}",
            "DE": f"+4917139200{digits}",
            "FR": f"+336399800{digits}",
            "AU": f"+6149157{rng.randrange(10000):04}",
            "IE": f"+35320910{rng.randrange(10000):04}",
            "SE": f"+46701740{rng.randrange(605, 700)}",
        }.get(country, "")

    def address(self, country: str, first_name: str, last_name: str) -> Address:
        faker, rng = self.fakers[country], self.rng
        state, line2, city = "", "", faker.city()
        if country == "US":
            code = _pick(rng, STATES)
            postcode = faker.zipcode_in_state(code)
            # People write their state in more than one way.
            state = STATE_NAMES.get(code, code) if rng.random() < 0.06 else code
            if rng.random() < 0.25:
                line2 = faker.secondary_address()
        else:
            postcode = faker.postcode()
            if country == "CA":
                state = faker.province_abbr()
            elif country == "AU":
                state = faker.state_abbr()
            if country == "GB" and rng.random() < 0.2:
                line2 = faker.secondary_address()
        return Address(
            first_name, last_name, faker.street_address().replace("\n", ", "), line2, city, state, postcode.upper(), country,
            self._phone(country),
        )

    def person(self) -> Person:
        rng = self.rng
        country = _pick(rng, COUNTRIES)
        faker = self.fakers[country]
        first, last = faker.first_name(), faker.last_name()
        stem = rng.choice(("{f}.{l}", "{f}{l}", "{i}.{l}", "{f}_{l}", "{l}.{f}")).format(f=_ascii(first), l=_ascii(last), i=_ascii(first)[:1])
        domain = rng.choice(DOMAINS)
        email = f"{stem}@{domain}"
        while email in self._taken:
            email = f"{stem}{rng.randrange(2, 9999)}@{domain}"
        self._taken.add(email)
        return Person(first, last, email, self.address(country, first, last))


def other_case(rng: random.Random, email: str) -> str:
    """The same mailbox as somebody in a hurry types it."""
    local, domain = email.split("@")
    return rng.choice((local.title(), local.upper(), local.capitalize())) + "@" + domain
