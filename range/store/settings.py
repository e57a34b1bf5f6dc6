"""Settings of the store. Everything that differs from run to run comes from the environment (see range/services.py)."""

import os

from oscar import INSTALLED_APPS as OSCAR_APPS
from oscar.defaults import *  # noqa: F403

SECRET_KEY = os.environ["STORE_SECRET_KEY"]
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
SITE_ID = 1
ROOT_URLCONF = "range.store.urls"
WSGI_APPLICATION = "range.store.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "store",
        "USER": os.environ.get("STORE_DB_USER", "store"),
        "HOST": os.environ["STORE_DB_HOST"],
        "PORT": os.environ["STORE_DB_PORT"],
        "CONN_MAX_AGE": None,
        "ATOMIC_REQUESTS": True,
        "OPTIONS": {"application_name": "store"},
    }
}

INSTALLED_APPS = [
    "range.store.checkout.apps.CheckoutConfig" if app == "oscar.apps.checkout.apps.CheckoutConfig" else app
    for app in OSCAR_APPS
] + ["sorl.thumbnail", "range.store.api"]

MIDDLEWARE = [
    "range.store.audit.RequestLog",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ]
        },
    }
]

AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# Real format, few rounds: three thousand customers must be filled in seconds on two cores.
PASSWORD_HASHERS = ["range.store.passwords.QuickPBKDF2"]
AUTH_PASSWORD_VALIDATORS = []
LOGIN_REDIRECT_URL = "/"

STATIC_URL = "/static/"
STATIC_ROOT = os.environ["STORE_STATIC_ROOT"]
MEDIA_URL = "/media/"
MEDIA_ROOT = os.environ["STORE_MEDIA_ROOT"]
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
HAYSTACK_CONNECTIONS = {
    "default": {"ENGINE": "haystack.backends.whoosh_backend.WhooshEngine", "PATH": os.environ["STORE_SEARCH_INDEX"]}
}

OSCAR_SHOP_NAME = os.environ.get("STORE_NAME", "Copperleaf")
OSCAR_FROM_EMAIL = "orders@copperleaf.example"
OSCAR_DEFAULT_CURRENCY = "USD"
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_INITIAL_ORDER_STATUS = "Pending"
OSCAR_INITIAL_LINE_STATUS = "Pending"
OSCAR_ORDER_STATUS_PIPELINE = {
    "Pending": ("Being processed", "Cancelled"),
    "Being processed": ("Complete", "Cancelled"),
    "Complete": (),
    "Cancelled": (),
}
OSCAR_ORDER_STATUS_CASCADE = {"Being processed": "Being processed", "Complete": "Complete", "Cancelled": "Cancelled"}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": True,
    "formatters": {"json": {"()": "range.store.audit.JsonLine"}},
    "handlers": {
        "file": {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": os.environ["STORE_LOG"],
            "formatter": "json",
        }
    },
    "loggers": {
        "django": {"handlers": ["file"], "level": "WARNING", "propagate": False},
        "oscar": {"handlers": ["file"], "level": "INFO", "propagate": False},
        "store": {"handlers": ["file"], "level": "INFO", "propagate": False},
    },
}
