"""`manage.py up`: everything that Footfall is, in this process and its children; what `scripts/run` calls."""

import argparse
import os
import resource
import secrets
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from analytics import first_start, launch, options
from analytics.child import Child
from analytics.trouble import CannotStart
from tracker.snippet import tag


class Command(BaseCommand):
    help = "Start Footfall: Postgres, the board, and the door for visitors. scripts/run calls this."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        options.add_arguments(parser)

    def handle(self, *args: Any, **chosen: Any) -> None:
        started = launch.prepared
        if started is None:
            raise CommandError("Start it as `manage.py up` or scripts/run.")
        # Until the server takes them over, signals unwind this function, so that Postgres is stopped.
        signal.signal(signal.SIGTERM, _interrupt)
        demo: Child | None = None
        try:
            if started.postgres:
                started.postgres.start()
            first_start.check_server()
            first_start.migrate(self._say)
            self._greet(first_start.welcome())
            if started.options.demo:
                demo = self._demo(started)
            self._serve(started.options.port, demo)
        except CannotStart as trouble:
            raise CommandError(str(trouble)) from None
        except KeyboardInterrupt:
            self._say("Stopping …")
        finally:
            signal.signal(signal.SIGINT, _leave)
            signal.signal(signal.SIGTERM, _leave)
            if demo:
                demo.stop()
            if started.postgres:
                started.postgres.stop()
            started.data.forget("database_url")
        self._say("Stopped.")

    def _serve(self, port: int, demo: Child | None) -> None:
        # Late: these import Twisted and all of the application, while Postgres already starts.
        from analytics.asgi import application
        from analytics.server import Server

        _allow_many_sockets()
        connections.close_all()

        def ready() -> None:
            if demo:
                demo.start()
            self._say("Ready. Ctrl-C stops everything.")

        Server(application, port, ready).run()

    def _greet(self, welcome: first_start.Welcome) -> None:
        url = settings.FOOTFALL_URL
        if welcome.password:
            login = f"{first_start.ADMIN} / {welcome.password}   (shown only this once)"
        else:
            login = "with your account   (lost the password? manage.py changepassword NAME)"
        self._say(f"\n  Footfall  {url}/")
        if welcome.site:
            self._say(f"  Board     {url}/sites/{welcome.site.key}/")
        self._say(f"  Log in    {login}")
        if welcome.site:
            self._say(f"  Snippet   {tag(welcome.site, url)}")
            self._say(
                f"            for pages on {', '.join(welcome.site.hosts)}; add your own: manage.py addsite"
            )
        self._say("")

    def _demo(self, started: launch.Launch) -> Child:
        site = first_start.demo_site()
        # Only who knows this run's secret may say which address a demo visitor has.
        os.environ["FOOTFALL_DEMO_SECRET"] = secrets.token_urlsafe(24)
        self._say(f"  Demo      {settings.FOOTFALL_URL}/sites/{site.key}/   (made-up visitors)\n")
        url = f"http://127.0.0.1:{started.options.port}"
        command = [sys.executable, str(options.ROOT / "manage.py"), "demo", "--url", url, "--site", site.key]
        return Child("demo", command, dict(os.environ))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _allow_many_sockets() -> None:
    """Every open page is a file to the kernel; the usual soft limit of 1,024 is for other programs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _leave(number: int, frame: object) -> None:
    os._exit(1)
