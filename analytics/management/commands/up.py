"""`manage.py up`, for the list of commands: `manage.py` itself starts it, before Django loads any app."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analytics.up import options


class Command(BaseCommand):
    help = "Start Footfall: Postgres, the board, and what visitors connect to. scripts/run calls this."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        options.add_arguments(parser)

    def handle(self, *args: Any, **chosen: Any) -> None:
        raise CommandError("Start it as `manage.py up` or scripts/run.")
