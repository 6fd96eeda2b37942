"""`manage.py importhistory`: figures that another product counted."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.importing import imported_days, imported_files
from analytics.importing.figures import WrongExportFile
from analytics.importing.products import PRODUCTS
from analytics.models import ImportedFile
from tracker.models import Site


class Command(BaseCommand):
    help = (
        "Take in what another product counted: Plausible's zip, GoatCounter's CSV, Umami's website_event CSV,"
        " a report of Google Analytics 4 as CSV. It stays apart from what Footfall counts, and goes as one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="KEY", help="the key of the site")
        parser.add_argument(
            "product", choices=[*PRODUCTS, "list", "undo"], help="whose file it is; or list, undo"
        )
        parser.add_argument("file", metavar="FILE", nargs="?", help="the file; for undo, its number")
        parser.add_argument("--dry-run", action="store_true", help="say what it holds, and take nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(key=options["key"]).first()
        if site is None:
            raise CommandError("There is no site with this key.")
        if options["product"] == "list":
            self._list(site)
        elif not options["file"]:
            raise CommandError("Say which file.")
        elif options["product"] == "undo":
            self._undo(site, options["file"])
        else:
            self._take(site, Path(options["file"]), options["product"], options["dry_run"])

    def _take(self, site: Site, path: Path, product: str, dry_run: bool) -> None:
        try:
            if dry_run:
                figures = imported_files.read(path, product)
                days = figures.days
                own = imported_days.own_days(site, days[0], days[-1])
                self.stdout.write(
                    f"{figures.rows:,} rows: {days[0]} to {days[-1]}, {len(days):,} days,"
                    f" {figures.total('visitors'):,} visitors, {figures.total('visits'):,} visits,"
                    f" {figures.total('views'):,} page views. Days that Footfall counted itself, which win:"
                    f" {len(own & set(days)):,}. Nothing was taken."
                )
                for reason, number in sorted(figures.left_out.items()):
                    self.stdout.write(f"Left out: {number:,} {reason}")
                return
            file = imported_files.take(site, path, product, "manage.py", self._said)
        except WrongExportFile as wrong:
            raise CommandError(str(wrong)) from None
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
        self.stdout.write(
            f"{file}: {file.first} to {file.last}, {file.figures:,} figures. Take it back with"
            f" manage.py importhistory {site.key} undo {file.pk}"
        )

    def _said(self, done: int, of: int) -> None:
        self.stdout.write(f"{done:,} of {of:,} figures")
        self.stdout.flush()

    def _list(self, site: Site) -> None:
        files = ImportedFile.objects.filter(site=site)
        for file in files:
            self.stdout.write(
                f"{file.pk}: {file}, {file.first} to {file.last}, {file.figures:,} figures,"
                f" by {file.added_by} at {file.added_at:%Y-%m-%d %H:%M} UTC"
            )
        if not files:
            self.stdout.write("Nothing was imported.")

    def _undo(self, site: Site, number: str) -> None:
        known = number.isascii() and number.isdecimal() and len(number) < 10
        file = imported_files.undo(site, int(number)) if known else None
        if file is None:
            raise CommandError("There is no such import: manage.py importhistory KEY list shows them.")
        self.stdout.write(f"Taken back: {file}.")
