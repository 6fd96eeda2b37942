"""`manage.py export`: all page views, visits or events of a site, as a file or a stream."""

import sys
from argparse import ArgumentTypeError
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.exporting import export_files, export_rows
from analytics.exporting.export_rows import BEFORE_ALL, Export
from analytics.exporting.row_kinds import FORMATS, KINDS
from analytics.queries.ranges import read_day
from tracker.liveness.error_report import kind_of
from tracker.models import Site
from tracker.postgres.connect import connect


class Command(BaseCommand):
    help = "Write all page views, visits or events of a site, as of one moment, to standard output or a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="KEY", help="the key of the site")
        parser.add_argument("kind", choices=list(KINDS), help="what")
        parser.add_argument(
            "--from", dest="first", type=_day, metavar="DAY", help="the first day of the site"
        )
        parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="the last day of the site")
        parser.add_argument("--format", choices=FORMATS, default="ndjson")
        parser.add_argument("--gzip", action="store_true", help="packed; Parquet is packed by itself (zstd)")
        parser.add_argument(
            "--after", metavar="TIME,ID", type=_after, default=BEFORE_ALL, help="go on after a row"
        )
        parser.add_argument("--out", metavar="FILE", type=Path, help="a new file instead of standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(key=options["key"]).first()
        if site is None:
            raise CommandError("There is no site with this key.")
        export = Export(
            site,
            options["kind"],
            options["first"] or Export.first,
            options["last"] or Export.last,
            options["after"],
            settings.FOOTFALL_HISTORY,
            settings.FOOTFALL_SEALING_MEMORY,
        )
        out = options["out"]
        try:
            if out is None:
                self._write(export, options, sys.stdout.buffer)
                return
            with out.open("xb") as file:
                number = self._write(export, options, file)
        except FileExistsError:
            raise CommandError(f"{out} is there already: name a new file.") from None
        except export_rows.Failed as error:
            if out is not None:
                with suppress(OSError):
                    out.unlink()
            raise CommandError(f"It could not be written ({kind_of(error)}).") from None
        self.stdout.write(f"{number:,} {options['kind']} in {out}.")

    def _write(self, export: Export, options: dict[str, Any], file: Any) -> int:
        with connect() as connection:
            connection.autocommit = True
            portions = export_rows.rows(connection, export)
            return export_files.write(portions, export, options["format"], options["gzip"], file)


def _day(text: str) -> date:
    try:
        return read_day(text)
    except ValueError as wrong:
        raise ArgumentTypeError(str(wrong)) from None


def _after(text: str) -> tuple[datetime, UUID]:
    time, _, name = text.partition(",")
    try:
        at = datetime.fromisoformat(time)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)), UUID(name)
    except ValueError:
        raise ArgumentTypeError("write it as the last row has it: its time, a comma, its id") from None
