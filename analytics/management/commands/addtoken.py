"""`manage.py addtoken`: make an API token and print it, once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.access import tokens
from analytics.access.rights import KEY
from tracker.models import Site


class Command(BaseCommand):
    help = "Make an API token for all sites, or for the sites named. It is printed once, as the last line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--site", action="append", default=[], metavar="KEY", help="a site it may read (repeatable)"
        )
        parser.add_argument("--write", action="store_true", help="it may also change what it can read")

        parser.add_argument(
            "--servers",
            action="store_true",
            help="it sees servers' datapoints, too, as one for all sites does anyway",
        )

    def handle(self, *args: Any, site: list[str], write: bool, servers: bool, **options: Any) -> None:
        sites = [self.site(key) for key in site]
        scope = ", ".join(each.shown for each in sites) or "all sites"
        if servers and sites:
            scope += " and servers"
        text = tokens.issue(sites, write, servers)
        self.stdout.write(f"A token for {scope}, to {'read and write' if write else 'read'}. Keep it:")
        self.stdout.write(
            "only its hash is stored, and it is not shown again. Revoke it in the admin under API tokens."
        )
        self.stdout.write(text)

    def site(self, key: str) -> Site:
        site = Site.objects.filter(key=key).first() if KEY.fullmatch(key) else None
        if site is None:
            raise CommandError(f"There is no site with the key {key!r}.")
        return site
