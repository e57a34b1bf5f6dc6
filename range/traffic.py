"""Ordinary life of the store by real HTTP: shoppers, staff, crawlers, monitors, and the real Vendor X."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter

import requests

from . import fill
from .browser import BROWSERS, Browser
from .people import People
from .services import REPOSITORY, Services

STAFF_ADDRESSES = ("198.51.100.34", "198.51.100.35", "198.51.100.38")
VENDOR_ADDRESSES = ("198.51.100.17", "198.51.100.18")
VENDOR_AGENT = "vendorx-sync/2.3.1 (+https://vendorx.example/bot)"
CRAWLER = "Mozilla/5.0 (compatible; Shopfinder/3.1; +https://shopfinder.example/bot.html)"
SCANNER = "Mozilla/5.0 zgrab/0.x"
SCANNED = ("/wp-login.php", "/.env", "/xmlrpc.php", "/phpmyadmin/", "/.git/config", "/admin.php", "/vendor/phpunit/phpunit/LICENSE")


def shopper_address(rng: random.Random) -> str:
    """Documentation ranges only. The upper half of each belongs to others: see intrusion.py and the constants above."""
    if rng.random() < 0.3:
        return f"2001:db8:{rng.randrange(1, 0x7fff):x}:{rng.randrange(0xffff):x}::{rng.randrange(1, 0xffff):x}"
    block, first, last = rng.choice((("192.0.2", 1, 127), ("203.0.113", 1, 199), ("198.51.100", 64, 254)))
    return f"{block}.{rng.randrange(first, last)}"


class Traffic:
    """Threads that keep the store busy until told to stop."""

    def __init__(self, services: Services, seed: int, api_key: str, pause: float, shoppers: int = 8) -> None:
        self.services = services
        self.seed = seed
        self.api_key = api_key
        self.pause = pause
        self.stop = threading.Event()
        # Held by whoever must not see orders or cards change by somebody else's hand.
        self.order_changes = threading.Lock()
        self.done: Counter[str] = Counter()
        with services.observe() as connection:
            self.customers = connection.execute(
                "SELECT id, email FROM auth_user WHERE NOT is_staff ORDER BY id"
            ).fetchall()
            self.products = connection.execute("SELECT id, slug FROM catalogue_product ORDER BY id").fetchall()
            self.categories = [
                f"/catalogue/category/{slug}_{id}/"
                for id, slug in connection.execute("SELECT id, slug FROM catalogue_category ORDER BY id").fetchall()
            ]
        loops = [self._shoppers] * shoppers + [self._staff, self._crawler, self._monitor, self._vendor_sync]
        self.threads = [threading.Thread(target=self._forever, args=(loop, number), daemon=True) for number, loop in enumerate(loops)]

    def __enter__(self) -> Traffic:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(90)

    def _forever(self, loop, number: int) -> None:
        rng = random.Random(f"traffic {self.seed} {number}")
        people = People(self.seed * 1000 + number)
        while not self.stop.is_set():
            try:
                loop(rng, people)
            except requests.RequestException:
                self.done["failed"] += 1
            except Exception:  # one shopper's bad day must not empty the shop
                traceback.print_exc()
                self.done["broken"] += 1
                self.stop.wait(1)

    def _wait(self, rng: random.Random, factor: float = 1) -> None:
        self.stop.wait(rng.expovariate(1) * self.pause * factor)

    # Shoppers.

    def _shoppers(self, rng: random.Random, people: People) -> None:
        browser = Browser(self.services, shopper_address(rng), rng.choice(BROWSERS))
        visit = rng.choices(
            (self._browse, self._account, self._buy, self._buy_as_guest, self._register), (52, 22, 12, 8, 6)
        )[0]
        visit(rng, people, browser)
        self.done[visit.__name__] += 1
        self._wait(rng, 2)

    def _look_around(self, rng, browser, pages: int) -> tuple[int, str]:
        browser.page("/")
        product = rng.choice(self.products)
        for _ in range(pages):
            self._wait(rng)
            kind = rng.random()
            if kind < 0.25:
                browser.page(rng.choice(self.categories))
            elif kind < 0.32:
                browser.page(f"/search/?q={rng.choice(('copper', 'oak', 'linen', 'knife', 'mug', 'tin'))}")
            else:
                product = rng.choice(self.products)
                browser.page(f"/catalogue/{product[1]}_{product[0]}/")
                # The recommendations widget, loaded by the shopper's browser from the vendor.
                browser.vendor(f"/v1/similar?product={product[0]}")
                if rng.random() < 0.1:
                    browser.vendor("/v1/popular?days=30")
        return product

    def _browse(self, rng, people, browser) -> None:
        self._look_around(rng, browser, rng.randrange(2, 9))
        if rng.random() < 0.03:
            browser.get(f"/newsletter/unsubscribe/?token={rng.randbytes(6).hex()}")

    def _enter(self, rng, browser) -> int:
        """Logs a customer in; one in six mistypes the password first, and some of those several times."""
        user_id, email = rng.choice(self.customers)
        browser.page("/accounts/login/")
        if rng.random() < 0.16:
            for _ in range(rng.choice((1, 1, 1, 2, 4))):
                self._wait(rng)
                browser.log_in(email, "pw-" + email[: rng.randrange(3, 8)])
        self._wait(rng)
        browser.log_in(email, fill.password_of(email.lower()))
        browser.page("/")
        return user_id

    def _account(self, rng, people, browser) -> None:
        self._enter(rng, browser)
        pages = ["/accounts/profile/", "/accounts/orders/", "/accounts/addresses/", "/accounts/emails/"]
        for path in rng.sample(pages, rng.randrange(1, 4)):
            self._wait(rng)
            answer = browser.page(path)
            if path == "/accounts/orders/":
                numbers = re.findall(r'href="/accounts/orders/(\d+)/"', answer.text)
                if numbers:
                    browser.page(f"/accounts/orders/{rng.choice(numbers)}/")
            if path == "/accounts/addresses/" and rng.random() < 0.3:
                self._change_address(rng, people, browser, answer.text)
        if rng.random() < 0.05:
            browser.get("/accounts/change-password/")
        if rng.random() < 0.4:
            browser.get("/accounts/logout/")

    def _change_address(self, rng, people, browser, page: str) -> None:
        ids = re.findall(r'href="/accounts/addresses/(\d+)/"', page)
        if not ids:
            return
        path = f"/accounts/addresses/{rng.choice(ids)}/"
        form = browser.page(path).text
        values = dict(re.findall(r'<input[^>]*name="([a-z0-9_]+)"[^>]*value="([^"]*)"', form))
        country = re.search(r'<option value="([A-Z]{2})" selected', form)
        data = {name: values.get(name, "") for name in ("first_name", "last_name", "line2", "line4", "state", "postcode", "phone_number")}
        data |= {"line1": people.fakers["GB"].street_address().replace("\n", ", "), "country": country.group(1) if country else "US"}
        browser.post(path, data, allow_redirects=False)
        self.done["address changes"] += 1

    def _fill_basket(self, rng, browser) -> None:
        for _ in range(rng.choices((1, 2, 3), (6, 3, 1))[0]):
            product, _ = self._look_around(rng, browser, rng.randrange(1, 4))
            browser.post(f"/basket/add/{product}/", {"quantity": "1"}, allow_redirects=False)
        browser.page("/basket/")

    def _buy(self, rng, people, browser) -> None:
        self._enter(rng, browser)
        self._fill_basket(rng, browser)
        browser.page("/checkout/shipping-address/")
        self._finish(rng, people, browser)

    def _buy_as_guest(self, rng, people, browser) -> None:
        self._fill_basket(rng, browser)
        browser.page("/checkout/")
        person = people.person()
        # The prefix keeps newcomers apart from the people whom the store was filled with.
        browser.post("/checkout/", {"username": "new." + person.email, "password": "", "options": "anonymous"}, allow_redirects=False)
        self._finish(rng, people, browser, person)

    def _register(self, rng, people, browser) -> None:
        person = people.person()
        email = "new." + person.email
        browser.page("/accounts/login/")
        password = fill.password_of(email)
        browser.post(
            "/accounts/login/",
            {
                "registration-email": email, "registration-password1": password, "registration-password2": password,
                "registration-redirect_url": "", "registration_submit": "Register",
            },
            allow_redirects=False,
        )
        if rng.random() < 0.6:
            self._fill_basket(rng, browser)
            self._finish(rng, people, browser, person)

    def _finish(self, rng, people, browser, person=None) -> None:
        person = person or people.person()
        address = person.address
        browser.get("/checkout/shipping-address/")
        browser.post(
            "/checkout/shipping-address/",
            {
                "first_name": address.first_name, "last_name": address.last_name, "line1": address.line1, "line2": address.line2,
                "line3": "", "line4": address.city, "state": address.state, "postcode": address.postcode,
                "country": address.country, "phone_number": "", "notes": "",
            },
            allow_redirects=False,
        )
        browser.get("/checkout/shipping-method/")
        browser.page("/checkout/payment-details/")
        card = {"card_number": fill.card_number(rng), "card_expiry": f"{rng.randrange(2027, 2031)}-{rng.randrange(1, 13):02}"}
        card["card_name"] = f"{address.first_name} {address.last_name}"
        browser.post("/checkout/preview/", card, allow_redirects=False)
        answer = browser.post("/checkout/preview/", {"action": "place_order", **card}, allow_redirects=False)
        if answer.status_code == 302 and "thank-you" in answer.headers["Location"]:
            browser.page("/checkout/thank-you/")
            self.done["orders"] += 1
        else:
            self.done["orders refused"] += 1

    # Staff.

    def _staff(self, rng, people) -> None:
        _, _, email, _ = rng.choice(fill.STAFF)
        browser = Browser(self.services, rng.choice(STAFF_ADDRESSES), BROWSERS[2])
        browser.page("/dashboard/login/")
        browser.get("/accounts/login/")
        browser.log_in(email, fill.STAFF_PASSWORD)
        browser.page("/dashboard/")
        for _ in range(rng.randrange(4, 12)):
            self._wait(rng, 5)
            if self.stop.is_set():
                return
            rng.choice((self._assist_order, self._assist_order, self._look_up_customer, self._list_orders))(rng, browser)
        browser.post("/dashboard/logout/", {}, allow_redirects=False)

    def _assist_order(self, rng, browser) -> None:
        page = browser.page("/dashboard/orders/?status=Pending" if rng.random() < 0.5 else "/dashboard/orders/").text
        numbers = re.findall(r'href="/dashboard/orders/(\d+)/"', page)
        if not numbers:
            return
        number = rng.choice(numbers)
        order = browser.page(f"/dashboard/orders/{number}/").text
        options = [s for s in ("Being processed", "Complete") if f'<option value="{s}"' in order]
        if options:
            with self.order_changes:
                browser.post(
                    f"/dashboard/orders/{number}/",
                    {"order_action": "change_order_status", "new_status": options[0]},
                    allow_redirects=False,
                )
            self.done["status changes"] += 1

    def _look_up_customer(self, rng, browser) -> None:
        browser.page(f"/dashboard/users/?page={rng.randrange(1, 30)}")
        browser.page(f"/dashboard/users/{rng.choice(self.customers)[0]}/")

    def _list_orders(self, rng, browser) -> None:
        browser.page(f"/dashboard/orders/?page={rng.randrange(1, 20)}")

    def export(self) -> None:
        """An administrator looks through customers and exports orders: it looks like theft and is not."""
        rng = random.Random(f"export {self.seed}")
        browser = Browser(self.services, STAFF_ADDRESSES[0], BROWSERS[2])
        browser.get("/accounts/login/")
        browser.log_in(fill.STAFF[0][2], fill.STAFF_PASSWORD)
        for page in range(1, 7):
            listing = browser.page(f"/dashboard/users/?page={page}").text
            for user in re.findall(r'href="/dashboard/users/(\d+)/"', listing)[:2]:
                browser.page(f"/dashboard/users/{user}/")
            self._wait(rng)
        orders = browser.page("/dashboard/orders/").text
        numbers = re.findall(r'name="selected_order"[^>]* value="(\d+)"', orders)
        browser.post("/dashboard/orders/", {"action": "download_selected_orders", "selected_order": numbers})
        browser.get("/dashboard/orders/?status=Complete&response_format=csv")
        self.done["exports"] += 1

    # Machines.

    def _crawler(self, rng, people) -> None:
        browser = Browser(self.services, "203.0.113.7", CRAWLER)
        browser.get("/robots.txt")
        for path in [*self.categories, *(f"/catalogue/{slug}_{id}/" for id, slug in self.products)]:
            if self.stop.is_set():
                return
            browser.get(path)
            self._wait(rng, 3)
            if rng.random() < 0.06:
                scanner = Browser(self.services, shopper_address(rng), SCANNER)
                for path in rng.sample(SCANNED, 3):
                    scanner.get(path)

    def _monitor(self, rng, people) -> None:
        browser = Browser(self.services, "198.51.100.40", "uptime-check/4.2")
        browser.get("/catalogue/")
        browser.vendor("/healthz")
        self.stop.wait(10)

    def _vendor_sync(self, rng, people) -> None:
        """Vendor X fetches new orders all day long, with its key, from its own network."""
        client = Browser(self.services, rng.choice(VENDOR_ADDRESSES), VENDOR_AGENT)
        results = client.api("/api/v1/orders/?page=1&page_size=50", self.api_key).json()["results"]
        for order in rng.sample(results, 3):
            client.api(f"/api/v1/orders/{order['number']}/", self.api_key)
        self.stop.wait(25)

    def nightly(self) -> None:
        """Vendor X's nightly job: its views by its role, then some pages of orders by its key."""
        subprocess.run(
            [sys.executable, "-m", "range.vendor.nightly"], cwd=REPOSITORY, env=self.services.environment(), check=True
        )
        client = Browser(self.services, VENDOR_ADDRESSES[0], VENDOR_AGENT)
        for page in range(1, 6):
            client.api(f"/api/v1/orders/?page={page}&page_size=100", self.api_key)
            time.sleep(0.3)
        self.done["nightly jobs"] += 1
