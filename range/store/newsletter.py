"""Unsubscribe links. Old mails carry tokens of an older format; those end as a traceback in the log, as real stores' do."""

import base64
import json
import logging

from django.http import HttpResponse, HttpResponseBadRequest

log = logging.getLogger("store.newsletter")


def unsubscribe(request):
    try:
        token = json.loads(base64.urlsafe_b64decode(request.GET.get("token", "")))
        return HttpResponse(f"List {int(token['list'])}: done.", content_type="text/plain")
    except (ValueError, KeyError, TypeError):
        log.exception("unreadable unsubscribe token")
        return HttpResponseBadRequest("This link is no longer valid.")
