"""`manage.py dropfactor`: lets somebody in again who has lost app and recovery codes."""

import argparse
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from analytics.access import second_factor


class Command(BaseCommand):
    help = "Switch an account's second factor off: its password is enough then, until it is set up anew."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="under which the person logs in")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"Nobody is called {name}.")
        if not second_factor.is_on(user):
            raise CommandError(f"{name} has no second factor.")
        second_factor.switch_off(user)
        self.stdout.write(f"The password of {name} is enough now. Set a second factor up anew at /account/.")
