"""`manage.py demo`: made-up visitors for the demo site, who come until SIGTERM; `up --demo` calls it."""

import argparse
import asyncio
import os
import signal
import threading
from contextlib import suppress
from datetime import datetime
from random import Random
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from analytics.demo.filling import fill, since
from analytics.demo.page_socket import SocketAddress
from analytics.demo.past import Past
from analytics.demo.people import People
from analytics.demo.visitors import DemoVisitors
from tracker.models import Site
from tracker.postgres.connect import connect
from tracker.visitors.countries import Countries


class Command(BaseCommand):
    help = "Send made-up visitors to the demo site. `up --demo` calls this."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="where Footfall listens: http://127.0.0.1:PORT")
        parser.add_argument("--site", required=True, help="the demo site's key")
        parser.add_argument("--visitors", type=int, default=40, help="on the site at once, on average")

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(key=options["site"], demo=True).first()
        if site is None:
            raise CommandError("There is no demo site with this key; real sites get no made-up visitors.")
        if options["visitors"] < 1:
            raise CommandError("--visitors must be at least 1.")
        place = urlsplit(options["url"])
        address = SocketAddress(
            f"ws://{place.netloc}/live/{site.key}",
            f"https://{site.domain}",
            os.environ.get("FOOTFALL_DEMO_SECRET", ""),
        )
        rng = Random()  # noqa: S311 (nothing here is secret)
        countries = Countries(settings.FOOTFALL_GEO)
        people = People(rng, countries.of)
        # Asked before anybody comes: they would look like a past.
        missing = _missing(site.pk)
        filling = threading.Thread(
            target=self._fill, args=(site, countries, options["visitors"], *missing), daemon=True
        )
        # It needs no more of the database, and would hold a connection for days.
        connection.close()
        filling.start()
        self.stdout.write(f"Demo: about {options['visitors']} made-up visitors are on their way.")
        self.stdout.flush()
        with suppress(asyncio.CancelledError):
            asyncio.run(_run(DemoVisitors(rng, address, people, options["visitors"])))

    def _fill(
        self, site: Site, countries: Countries, visitors: int, begin: datetime | None, now: datetime
    ) -> None:
        """Give the site its past. Without one, visitors come all the same, and nobody waits for it."""
        if begin is None:
            return
        rng = Random()  # noqa: S311 (nor here)
        past = Past(rng, site.domain, People(rng, countries.of), countries.of, visitors)
        try:
            with connect() as opened:
                stored = fill(opened, site.pk, past, begin, now)
        except psycopg.Error as problem:
            self.stderr.write(f"Demo: the site has no past ({type(problem).__name__}).")
        else:
            self.stdout.write(f"Demo: {stored:,} page views of the days before are there.")
            self.stdout.flush()


def _missing(site: int) -> tuple[datetime | None, datetime]:
    now = timezone.now()
    with connect() as opened:
        return since(opened, site, now), now


async def _run(visitors: DemoVisitors) -> None:
    running = asyncio.create_task(visitors.run())
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, running.cancel)
    await running
