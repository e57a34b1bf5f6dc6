"""The store's application log: one JSON object a line, tied to the web server's log by request_id."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
import traceback
from datetime import datetime, timezone

log = logging.getLogger("store.auth")
requests_log = logging.getLogger("store.request")

_current = threading.local()

# Where this machine keeps Python and the store's code is nobody's business; the file below it is what helps.
_PREFIX = re.compile(r'File "(?:/[^"/]+)*/(?=(?:range|site-packages|python3\.\d+)/)')


def session_hash(key: str | None) -> str | None:
    """What the log shows of a session: enough to tell sessions apart, not enough to take one over."""
    return hashlib.sha256(key.encode()).hexdigest()[:12] if key else None


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"ts": instant(record.created), "level": record.levelname, "logger": record.name}
        event = getattr(record, "event", None)
        if event:
            line["event"] = event
        request = getattr(_current, "request", None)
        if request is not None:
            line["request_id"] = request.META.get("HTTP_X_REQUEST_ID")
            line["ip"] = request.META.get("HTTP_X_REAL_IP")
        line.update(getattr(record, "fields", {}))
        if not event:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["traceback"] = _PREFIX.sub('File "', "".join(traceback.format_exception(*record.exc_info)))
        return json.dumps(line, default=str)


def write(logger: logging.Logger, event: str, level: int = logging.INFO, **fields) -> None:
    logger.log(level, event, extra={"event": event, "fields": fields})


class RequestLog:
    """Remembers the request for the log, and writes a line for each page that a logged-in person is served."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        _current.request = request
        try:
            response = self.get_response(request)
            user = getattr(request, "user", None)
            if user is not None and user.is_authenticated:
                write(
                    requests_log,
                    "request",
                    user_id=user.pk,
                    session=session_hash(request.session.session_key),
                    method=request.method,
                    path=request.get_full_path(),
                    status=response.status_code,
                )
                if request.path == "/accounts/change-password/" and response.status_code == 302:
                    write(log, "auth.password_change", user_id=user.pk)
            return response
        finally:
            _current.request = None


def connect() -> None:
    """Writes who logged in, failed to, logged out and registered."""
    from django.contrib.auth import signals
    from oscar.apps.customer.signals import user_registered

    # Strong references: these receivers live as long as the process.
    def logged_in(sender, request, user, **kwargs):
        write(
            log,
            "auth.login.success",
            user_id=user.pk,
            username=user.email,
            session=session_hash(request.session.session_key),
        )

    def login_failed(sender, credentials, **kwargs):
        write(log, "auth.login.failure", logging.WARNING, username=credentials.get("username"))

    def logged_out(sender, request, user, **kwargs):
        if user is not None:
            write(log, "auth.logout", user_id=user.pk)

    def registered(sender, request, user, **kwargs):
        write(log, "auth.register", user_id=user.pk, username=user.email)

    for signal, receiver in (
        (signals.user_logged_in, logged_in),
        (signals.user_login_failed, login_failed),
        (signals.user_logged_out, logged_out),
        (user_registered, registered),
    ):
        signal.connect(receiver, weak=False)
