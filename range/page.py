"""What of an account stands in a page that came back: its own values, looked for in the text."""

from __future__ import annotations

import html
import re

import psycopg

_OWN_VALUES = {
    "email": "SELECT email FROM auth_user WHERE id = %(id)s",
    "name": """
        SELECT trim(first_name || ' ' || last_name) FROM auth_user WHERE id = %(id)s
        UNION SELECT trim(first_name || ' ' || last_name) FROM address_useraddress WHERE user_id = %(id)s
        UNION SELECT trim(s.first_name || ' ' || s.last_name) FROM order_order o
              JOIN order_shippingaddress s ON s.id = o.shipping_address_id WHERE o.user_id = %(id)s""",
    "postal_address": """
        SELECT line1 FROM address_useraddress WHERE user_id = %(id)s
        UNION SELECT s.line1 FROM order_order o JOIN order_shippingaddress s ON s.id = o.shipping_address_id WHERE o.user_id = %(id)s""",
    "phone": """
        SELECT phone_number FROM address_useraddress WHERE user_id = %(id)s
        UNION SELECT s.phone_number FROM order_order o JOIN order_shippingaddress s ON s.id = o.shipping_address_id
              WHERE o.user_id = %(id)s""",
    "order_history": "SELECT number FROM order_order WHERE user_id = %(id)s",
    "payment_card_partial": """
        SELECT number FROM payment_bankcard WHERE user_id = %(id)s
        UNION SELECT p.label FROM payment_source p JOIN order_order o ON o.id = p.order_id WHERE o.user_id = %(id)s""",
    "payment_token": "SELECT partner_reference FROM payment_bankcard WHERE user_id = %(id)s",
}


def shown(connection: psycopg.Connection, user_id: int, body: str) -> set[str]:
    """The classes of which a value of this account stands in a page that came back."""
    # Form fields carry their values in attributes, so keep those and drop only the tags' names.
    values = " ".join(re.findall(r'value="([^"]*)"', body))
    fields = dict(re.findall(r'name="((?:first|last)_name)" value="([^"]*)"', body))
    filled_in = f"{fields.get('first_name', '')} {fields.get('last_name', '')}"
    text = html.unescape(re.sub(r"\s+", " ", f"{re.sub(r'<[^>]*>', ' ', body)} {values} {filled_in}"))
    classes = set()
    for data_class, sql in _OWN_VALUES.items():
        for (value,) in connection.execute(sql, {"id": user_id}).fetchall():
            if value and re.sub(r"\s+", " ", str(value)) in text:
                classes.add(data_class)
    return classes
