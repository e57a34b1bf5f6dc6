"""Vendor X's nightly job: reads its views for a window of days, as it has every night for a year."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

import psycopg

ACTIVITY = (
    "SELECT customer_id, email, orders, spent, last_order FROM vendor_customer_activity "
    "WHERE last_order >= %s ORDER BY customer_id"
)
FACTS = "SELECT number, product_id, quantity, line_price_incl_tax FROM vendor_order_facts WHERE date_placed >= %s"
SEGMENTS = "SELECT customer_id, spent FROM vendor_customer_activity WHERE spent >= %s ORDER BY spent DESC LIMIT %s"


def main() -> None:
    with psycopg.connect(os.environ["VENDOR_DSN"], autocommit=True, application_name="vendor-x-nightly") as connection:
        since = datetime.now(timezone.utc) - timedelta(days=2)
        customers = connection.execute(ACTIVITY, [since]).fetchall()
        facts = connection.execute(FACTS, [since]).fetchall()
        segment = connection.execute(SEGMENTS, [500, 25]).fetchall()
    print(f"nightly: {len(customers)} customers, {len(facts)} order lines, {len(segment)} in the top segment")


if __name__ == "__main__":
    main()
