"""Vendor X's HTTP service. /v1/similar pastes its parameter into SQL and shows the database's errors; /_debug was never switched off."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import datetime, timezone
from urllib.parse import parse_qs

import psycopg

DSN = os.environ["VENDOR_DSN"]
API_KEY = os.environ["VENDOR_API_KEY"]
LOG = os.environ["VENDOR_LOG"]

SIMILAR = (
    "SELECT p.id, p.title, p.slug, sr.price FROM catalogue_productrecommendation r "
    "JOIN catalogue_product p ON p.id = r.recommendation_id "
    "JOIN partner_stockrecord sr ON sr.product_id = p.id "
    "WHERE r.primary_id = {product} ORDER BY r.ranking DESC, p.id LIMIT 6"
)
POPULAR = (
    "SELECT product_id, title, sum(quantity) AS sold FROM vendor_order_facts "
    "WHERE date_placed >= now() - %s * interval '1 day' GROUP BY product_id, title ORDER BY sold DESC, product_id LIMIT 10"
)

_local = threading.local()
_log_lock = threading.Lock()


def _connection() -> psycopg.Connection:
    connection = getattr(_local, "connection", None)
    if connection is None or connection.closed:
        connection = psycopg.connect(DSN, autocommit=True, application_name="vendor-x-recs")
        connection.prepare_threshold = None
        _local.connection = connection
    return connection


def similar(query: dict[str, str]):
    rows = _connection().execute(SIMILAR.format(product=query.get("product", "0"))).fetchall()
    return [{"id": id, "title": title, "slug": slug, "price": price} for id, title, slug, price in rows]


def popular(query: dict[str, str]):
    rows = _connection().execute(POPULAR, [int(query.get("days", "30"))]).fetchall()
    return [{"id": id, "title": title, "sold": sold} for id, title, sold in rows]


def health(_query):
    return {"ok": True}


def debug(_query):
    return {"service": "recs 2.3.1", "store_api_key": API_KEY, "database": DSN, "threads": threading.active_count()}


ROUTES = {"/v1/similar": similar, "/v1/popular": popular, "/healthz": health, "/_debug": debug}


def _write_log(**fields) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with _log_lock, open(LOG, "a", encoding="utf-8") as log:
        log.write(json.dumps({"ts": now, **fields}) + "\n")


def application(environ, start_response):
    began = time.monotonic()
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    error = None
    handler = ROUTES.get(environ["PATH_INFO"])
    if handler is None:
        status, body = "404 Not Found", {"error": "no such endpoint"}
    else:
        try:
            status, body = "200 OK", handler(query)
        except (psycopg.Error, ValueError) as failure:
            error = str(failure)
            status, body = "500 Internal Server Error", {"error": error}
    _write_log(
        level="ERROR" if error else "INFO",
        event="request.failed" if error else "request",
        request_id=environ.get("HTTP_X_REQUEST_ID"),
        ip=environ.get("HTTP_X_REAL_IP"),
        path=environ["PATH_INFO"] + ("?" + environ["QUERY_STRING"] if environ.get("QUERY_STRING") else ""),
        status=int(status[:3]),
        ms=round((time.monotonic() - began) * 1000, 1),
        **({"error": error} if error else {}),
    )
    payload = json.dumps(body, default=str).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(payload)))])
    return [payload]
