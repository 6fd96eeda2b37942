"""The write side: snippet, wire protocol, sockets, presence, write buffer, models."""

from django.apps import AppConfig


class TrackerConfig(AppConfig):
    name = "tracker"
    verbose_name = "Sites, and what they counted"
    default_auto_field = "django.db.models.BigAutoField"
