"""`manage.py importsite`: an export of a site into another site, or another instance."""

from pathlib import Path
from typing import Any

import duckdb
import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.exporting.site_import import WrongFile, take
from tracker.liveness.error_report import kind_of
from tracker.models import Site
from tracker.postgres.connect import connect


class Command(BaseCommand):
    help = (
        "Take files of manage.py export (page views, visits and events; NDJSON, CSV or Parquet, gzipped or"
        " not) into a site. A file that comes again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="KEY", help="the key of the site that takes them")
        parser.add_argument("files", metavar="FILE", nargs="+", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(key=options["key"]).first()
        if site is None:
            raise CommandError("There is no site with this key: manage.py addsite makes one.")
        with connect() as connection:
            connection.autocommit = True
            for path in options["files"]:
                try:
                    taken = take(connection, site, path, settings.FOOTFALL_SEALING_MEMORY)
                except WrongFile as wrong:
                    raise CommandError(str(wrong)) from None
                except psycopg.errors.DataError:
                    raise CommandError(
                        f"{path.name}: a value is none of its column; nothing was taken."
                    ) from None
                except (psycopg.Error, duckdb.Error, OSError) as error:
                    raise CommandError(f"{path.name} could not be taken ({kind_of(error)}).") from None
                old = taken.rows - taken.new
                self.stdout.write(
                    f"{path.name}: {taken.new:,} {taken.kind}"
                    + (f"; {old:,} were there already" if old else "")
                    + ". Days that are over are sealed in the background."
                )
                self.stdout.flush()
