"""`manage.py demo`: made-up visitors for the demo site, who come until SIGTERM; `up --demo` calls it."""

import argparse
import asyncio
import os
import signal
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from analytics.demo.page_socket import SocketAddress
from analytics.demo.people import People
from analytics.demo.visitors import DemoVisitors
from tracker.models import Site
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
        # It needs no more of the database, and would hold a connection for days.
        connection.close()
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
        people = People(rng, Countries(settings.FOOTFALL_GEO).of)
        self.stdout.write(f"Demo: about {options['visitors']} made-up visitors are on their way.")
        self.stdout.flush()
        with suppress(asyncio.CancelledError):
            asyncio.run(_run(DemoVisitors(rng, address, people, options["visitors"])))


async def _run(visitors: DemoVisitors) -> None:
    running = asyncio.create_task(visitors.run())
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, running.cancel)
    await running
