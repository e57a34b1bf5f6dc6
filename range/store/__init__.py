"""The store: django-oscar with a card payment step, a JSON API and an application log."""
