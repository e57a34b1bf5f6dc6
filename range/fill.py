"""Fills the store: catalogue, staff, customers, orders, cards. Runs inside Django: `python -m range.fill SEED CUSTOMERS API_KEY_ID API_KEY`."""

from __future__ import annotations

import hashlib
import random
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import django
from django.utils.text import slugify

from .people import COUNTRY_NAMES, People, other_case

STAFF = (
    ("Ines", "Okafor", "ines@copperleaf.example", True),
    ("Tomas", "Reyl", "tomas@copperleaf.example", True),
    ("Mirjam", "Aalto", "mirjam@copperleaf.example", True),
)
STAFF_PASSWORD = "correct horse 41"
CATEGORIES = {
    "Pots and pans": ("saucepan", "frying pan", "stock pot", "casserole", "wok", "milk pan", "griddle", "steamer", "roasting tin", "tagine"),
    "Knives": ("chef's knife", "bread knife", "paring knife", "cleaver", "santoku", "knife block", "whetstone", "boning knife", "carving fork", "peeler"),
    "Tableware": ("dinner plate", "soup bowl", "side plate", "serving dish", "jug", "teapot", "mug set", "salad bowl", "butter dish", "egg cups"),
    "Linen": ("tea towel", "tablecloth", "napkin set", "apron", "oven glove", "bread cloth", "runner", "place mats", "pot holder", "bag set"),
    "Storage": ("bread bin", "spice rack", "jar set", "tea caddy", "cake tin", "biscuit tin", "oil cruet", "salt pig", "crate", "hook rail"),
    "Garden kitchen": ("fire bowl", "skewer set", "pizza stone", "grill brush", "picnic basket", "lantern", "watering can", "herb shears", "trug", "kettle"),
}
MATERIALS = ("Copper", "Oak", "Linen", "Enamel", "Stoneware", "Cast iron", "Slate", "Ash")
PRICES = ("4.50", "9.00", "12.00", "18.00", "24.00", "32.00", "45.00", "60.00", "85.00", "120.00")
FIRST_BASKET = 4200


def main(seed: int, customers: int, key_id: str, api_key: str) -> None:
    django.setup()
    from django.db import connection, transaction

    from range.store.api.models import ApiKey

    with transaction.atomic():
        rng = random.Random(f"fill {seed}")
        stock = _catalogue(rng)
        users, guests = _people(seed, rng, customers)
        _orders(rng, stock, users, guests)
        ApiKey.objects.create(key_id=key_id, owner="Vendor X", secret_sha256=hashlib.sha256(api_key.encode()).hexdigest())
        _reset_sequences(connection)


def _catalogue(rng):
    from oscar.apps.catalogue.categories import create_from_breadcrumbs
    from oscar.apps.catalogue.models import Product, ProductCategory, ProductClass, ProductRecommendation
    from oscar.apps.partner.models import Partner, StockRecord
    from oscar.apps.address.models import Country

    Country.objects.bulk_create(
        Country(iso_3166_1_a2=code, printable_name=name, name=name, is_shipping_country=True) for code, name in COUNTRY_NAMES.items()
    )
    houseware = ProductClass.objects.create(name="Houseware")
    partner = Partner.objects.create(name="Copperleaf warehouse", code="warehouse")
    stock = []
    for category_name, things in CATEGORIES.items():
        category = create_from_breadcrumbs(category_name)
        for thing in things:
            title = f"{rng.choice(MATERIALS)} {thing}"
            product = Product.objects.create(
                title=title, slug=slugify(title), upc=f"40{len(stock):04}", product_class=houseware,
                description=f"<p>{title}, made to be used every day and mended when it has to be.</p>",
            )
            ProductCategory.objects.create(product=product, category=category)
            stock.append(
                StockRecord.objects.create(
                    product=product, partner=partner, partner_sku=f"CL-{len(stock):04}", price_currency="USD",
                    price=Decimal(rng.choice(PRICES)), num_in_stock=100_000,
                )
            )
    ProductRecommendation.objects.bulk_create(
        ProductRecommendation(primary=record.product, recommendation=other.product, ranking=rank)
        for record in stock
        for rank, other in enumerate(rng.sample([s for s in stock if s is not record], 5))
    )
    return stock


def _people(seed, rng, customers):
    """Accounts with address books and cards; about a fifth of all buyers never opened an account."""
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from oscar.apps.address.models import UserAddress
    from oscar.apps.payment.models import Bankcard

    now = datetime.now(timezone.utc)
    people = People(seed)
    User.objects.bulk_create(
        User(
            username=email.split("@")[0], email=email, first_name=first, last_name=last, is_staff=True, is_superuser=superuser,
            password=make_password(STAFF_PASSWORD), date_joined=now - timedelta(days=700),
        )
        for first, last, email, superuser in STAFF
    )
    persons = [people.person() for _ in range(customers)]
    accounts, guests = persons[: customers * 4 // 5], persons[customers * 4 // 5 :]
    joined = sorted(now - timedelta(days=rng.uniform(3, 640)) for _ in accounts)
    users = User.objects.bulk_create(
        User(
            username=hashlib.sha256(person.email.encode()).hexdigest()[:30], email=person.email, first_name=person.first_name,
            last_name=person.last_name, password=make_password(password_of(person.email)), date_joined=at,
        )
        for person, at in zip(accounts, joined)
    )
    addresses, cards = [], []
    for user, person in zip(users, accounts):
        user.person = person
        user.card = None
        books = [person.address] if rng.random() < 0.93 else []
        if books and rng.random() < 0.18:
            books.append(people.address(person.address.country, person.first_name, person.last_name))
        for position, address in enumerate(books):
            made = UserAddress(
                user=user, is_default_for_shipping=position == 0, is_default_for_billing=position == 0,
                date_created=user.date_joined, **_address_fields(address), phone_number=address.phone,
            )
            made.hash = made.generate_hash()
            made._update_search_text()
            addresses.append(made)
        if rng.random() < 0.7:
            user.card = Bankcard(
                user=user, name=f"{person.first_name} {person.last_name}", number=card_number(rng),
                expiry_date=date(rng.randrange(now.year, now.year + 5), rng.randrange(1, 13), 28),
                partner_reference=f"tok_{rng.randbytes(12).hex()}",
            )
            user.card.prepare_for_save()
            cards.append(user.card)
    UserAddress.objects.bulk_create(addresses)
    Bankcard.objects.bulk_create(cards)
    for person in guests:
        # Some who buy as guests have an account, and type their address differently.
        if rng.random() < 0.15:
            account = rng.choice(accounts)
            person.first_name, person.last_name, person.address = account.first_name, account.last_name, account.address
            person.email = other_case(rng, account.email)
    return users, guests


def password_of(email: str) -> str:
    """The password of an invented customer."""
    return "pw-" + hashlib.sha256(("copperleaf " + email).encode()).hexdigest()[:10]


def card_number(rng) -> str:
    """A number under a test prefix that passes the Luhn check. Only its last four digits are kept."""
    digits = rng.choice(("400000", "510000")) + "".join(str(rng.randrange(10)) for _ in range(9))
    total = sum(int(d) if i % 2 else sum(divmod(2 * int(d), 10)) for i, d in enumerate(digits))
    return digits + str(-total % 10)


def _address_fields(address) -> dict:
    return {
        "first_name": address.first_name, "last_name": address.last_name, "line1": address.line1, "line2": address.line2,
        "line4": address.city, "state": address.state, "postcode": address.postcode, "country_id": address.country,
    }


def _orders(rng, stock, users, guests):
    from django.contrib.sites.models import Site
    from oscar.apps.basket.models import Basket
    from oscar.apps.order.models import BillingAddress, Line, Order, ShippingAddress
    from oscar.apps.payment.models import Source, SourceType

    now = datetime.now(timezone.utc)
    site = Site.objects.get_current()
    site.domain, site.name = "www.copperleaf.example", "Copperleaf"
    site.save()
    card_type = SourceType.objects.create(name="Card", code="card")
    buyers = []
    for user in users:
        for _ in range(rng.choices((0, 1, 2, 3, 5), (18, 42, 24, 11, 5))[0]):
            buyers.append((rng.uniform(0, 1) * (now - user.date_joined) + user.date_joined, user, user.person))
    for person in guests:
        for _ in range(rng.choices((1, 2), (85, 15))[0]):
            buyers.append((now - timedelta(days=rng.uniform(0.2, 600)), None, person))
    buyers.sort(key=lambda buyer: buyer[0])

    plans = []
    for position, (placed, user, person) in enumerate(buyers):
        lines = [(rng.choice(stock), rng.choices((1, 2, 4), (80, 15, 5))[0]) for _ in range(rng.choices((1, 2, 3), (55, 30, 15))[0])]
        # Orders in the last days are still on their way.
        age = (now - placed).days
        status = rng.choices(("Complete", "Cancelled"), (95, 5))[0] if age > 12 else rng.choice(("Pending", "Being processed", "Complete"))
        plans.append((FIRST_BASKET + position * 2 + rng.randrange(2), placed, user, person, lines, status))
    baskets = Basket.objects.bulk_create(
        Basket(id=basket, owner=user, status="Submitted", date_created=placed, date_submitted=placed)
        for basket, placed, user, _, _, _ in plans
    )
    shipping = ShippingAddress.objects.bulk_create(
        _searchable(ShippingAddress(**_address_fields(person.address), phone_number=person.address.phone)) for _, _, _, person, _, _ in plans
    )
    billing = BillingAddress.objects.bulk_create(
        _searchable(BillingAddress(**_address_fields(person.address))) for _, _, _, person, _, _ in plans
    )
    orders = []
    for (basket_id, placed, user, person, lines, status), basket, ship, bill in zip(plans, baskets, shipping, billing):
        total = sum(record.price * quantity for record, quantity in lines)
        orders.append(
            Order(
                number=str(100_000 + basket_id), site=site, basket=basket, user=user, billing_address=bill, shipping_address=ship,
                total_incl_tax=total, total_excl_tax=total, shipping_method="Free shipping", shipping_code="free-shipping",
                status=status, guest_email="" if user else person.email, date_placed=placed,
            )
        )
    Order.objects.bulk_create(orders, batch_size=500)
    Line.objects.bulk_create(
        (
            Line(
                order=order, partner=record.partner, partner_name=record.partner.name, partner_sku=record.partner_sku,
                stockrecord=record, product=record.product, title=record.product.title, upc=record.product.upc, quantity=quantity,
                line_price_incl_tax=record.price * quantity, line_price_excl_tax=record.price * quantity,
                line_price_before_discounts_incl_tax=record.price * quantity, line_price_before_discounts_excl_tax=record.price * quantity,
                unit_price_incl_tax=record.price, unit_price_excl_tax=record.price, num_allocated=0, status=order.status,
            )
            for order, plan in zip(orders, plans)
            for record, quantity in plan[4]
        ),
        batch_size=500,
    )
    sources = []
    for order, plan in zip(orders, plans):
        card = plan[2].card if plan[2] else None
        label = f"{card.card_type} {card.number}" if card else f"Visa XXXX-XXXX-XXXX-{rng.randrange(10000):04}"
        reference = card.partner_reference if card else f"tok_{rng.randbytes(12).hex()}"
        sources.append(
            Source(
                order=order, source_type=card_type, currency="USD", amount_allocated=order.total_incl_tax,
                amount_debited=order.total_incl_tax, reference=reference, label=label,
            )
        )
    Source.objects.bulk_create(sources, batch_size=500)


def _searchable(address):
    address._update_search_text()
    return address


def _reset_sequences(connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('basket_basket_id_seq', (SELECT max(id) FROM basket_basket))")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
