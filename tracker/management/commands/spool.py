"""`manage.py spool`: what of the spool cannot be read, and that somebody has seen it."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tracker.storing import unreadable

WHAT_TO_DO = """
Everything that could be read of these files is stored. What could not was damaged on the disk: look at its
health, and at the log of the time in the file's name. The files are kept; to stop being told of them, and
to have them deleted after 30 days:

    manage.py spool --seen
"""


class Command(BaseCommand):
    """Lists files of the spool that could not be read in full; with `--seen`, tells of them no more."""

    help = "List files of the spool that could not be read in full, and say that they are seen."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--seen", action="store_true", help="somebody has looked: /readyz and boards say no more of them"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(settings.FOOTFALL_SPOOL)
        try:
            found = unreadable.waiting(folder)
            for path, unread in found.items():
                self.stdout.write(f"{path}: {unread:,} of {path.stat().st_size:,} bytes cannot be read")
                if options["seen"]:
                    self.stdout.write(f"  seen, and kept for 30 days as {unreadable.seen(path).name}")
        except OSError as error:
            raise CommandError(f"{folder} cannot be used: {error.strerror}.") from None
        if not found:
            self.stdout.write(f"Everything in {folder} can be read.")
        elif not options["seen"]:
            self.stdout.write(WHAT_TO_DO.rstrip())
