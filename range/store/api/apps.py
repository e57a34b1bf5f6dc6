from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "range.store.api"
    label = "api"

    def ready(self):
        from range.store import audit

        audit.connect()
