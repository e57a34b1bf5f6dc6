"""GET only, JSON, key in X-Api-Key."""

import hashlib
import logging

from django.db import connection
from django.http import JsonResponse

from range.store.audit import write

from . import queries
from .models import ApiKey

log = logging.getLogger("store.api")

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 100


def _customer(row):
    user_id, email, first, last, joined, line1, line2, city, state, postcode, country, phone = row
    address = None
    if line1 is not None:
        address = {"line1": line1, "line2": line2, "city": city, "state": state, "postcode": postcode, "country": country}
        address["phone"] = phone
    return {
        "id": user_id,
        "email": email,
        "first_name": first,
        "last_name": last,
        "date_joined": joined.isoformat(),
        "default_address": address,
    }


def _order(row):
    number, placed, status, currency, total, user_id, guest_email = row[:7]
    first, last, line1, line2, city, state, postcode, country, phone, card = row[7:]
    address = None
    if line1 is not None:
        address = {"first_name": first, "last_name": last, "line1": line1, "line2": line2, "city": city, "state": state}
        address.update(postcode=postcode, country=country, phone=phone)
    return {
        "number": number,
        "date_placed": placed.isoformat(),
        "status": status,
        "currency": currency,
        "total": str(total),
        "customer_id": user_id,
        "guest_email": guest_email or None,
        "shipping_address": address,
        "payment": {"card": card} if card else None,
    }


def _fetch(sql, parameters, shape):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [shape(row) for row in cursor.fetchall()]


def _number(request, name, default):
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and int(value) > 0 else default


def _endpoint(view):
    """Checks the key, allows GET only, writes the API log."""

    def run(request, **arguments):
        secret = request.headers.get("X-Api-Key", "")
        key = ApiKey.objects.filter(secret_sha256=hashlib.sha256(secret.encode()).hexdigest()).first()
        if key is None:
            body, status, rows = {"error": "unknown API key"}, 401, 0
        elif request.method != "GET":
            body, status, rows = {"error": "GET only"}, 405, 0
        else:
            body, status, rows = view(request, **arguments)
        write(
            log,
            "api.request",
            key_id=key.key_id if key else None,
            method=request.method,
            path=request.get_full_path(),
            status=status,
            rows=rows,
        )
        return JsonResponse(body, status=status)

    return run


def _page(request, sql, shape):
    size = min(_number(request, "page_size", DEFAULT_PAGE_SIZE), MAX_PAGE_SIZE)
    page = _number(request, "page", 1)
    results = _fetch(sql, [size, (page - 1) * size], shape)
    return {"page": page, "page_size": size, "results": results}, 200, len(results)


def _one(sql, key, shape):
    results = _fetch(sql, [key], shape)
    return (results[0], 200, 1) if results else ({"error": "not found"}, 404, 0)


@_endpoint
def customers(request):
    return _page(request, queries.CUSTOMER_PAGE, _customer)


@_endpoint
def customer(request, customer_id):
    return _one(queries.CUSTOMER_BY_ID, customer_id, _customer)


@_endpoint
def orders(request):
    return _page(request, queries.ORDER_PAGE, _order)


@_endpoint
def order(request, number):
    return _one(queries.ORDER_BY_NUMBER, number, _order)
