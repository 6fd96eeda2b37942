"""`manage.py up`: everything that Footfall is, in this process and its children; what `scripts/run` calls."""

import argparse
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from analytics.up import first_start, options
from analytics.up.child import Child
from analytics.up.errors import CannotStart
from analytics.up.launch import Launch
from analytics.upkeep import jobs as more_jobs
from tracker.edge import file_limits
from tracker.liveness.activity import Activity
from tracker.postgres.connect import connect
from tracker.sites.snippet_tag import tag
from tracker.upkeep import jobs

# Its disk may be slow, and what it does to be up again takes longer than a pause.
POSTGRES_PATIENCE = 6.0


class Command(BaseCommand):
    help = "Start Footfall: Postgres, the board, and what visitors connect to. scripts/run calls this."
    requires_system_checks = ()

    def __init__(self, launch: Launch | None = None, **options: Any) -> None:
        """`launch`: what `manage.py` prepared; None where Django makes the command itself, for its help."""
        super().__init__(**options)
        self._launch = launch

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        options.add_arguments(parser)

    def handle(self, *args: Any, **chosen: Any) -> None:
        if self._launch is None:
            raise CommandError("Start it as `manage.py up` or scripts/run.")
        # Until the server takes them over, signals unwind what has been started.
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            with ExitStack() as undo:
                try:
                    self._run(self._launch, undo)
                finally:
                    signal.signal(signal.SIGINT, _leave)
                    signal.signal(signal.SIGTERM, _leave)
        except CannotStart as problem:
            raise CommandError(str(problem)) from None
        except KeyboardInterrupt:
            # Asked to stop before it served: nothing was lost, and all is undone.
            pass
        self._say("Stopped.")

    def _run(self, started: Launch, undo: ExitStack) -> None:
        undo.callback(started.data.forget, "database_url")
        if started.postgres:
            undo.callback(started.postgres.stop)
            started.postgres.start()
            started.postgres.expect_answers(settings.FOOTFALL_WATCHDOG * POSTGRES_PATIENCE)
        first_start.check_server()
        first_start.migrate(self._say)
        self._greet(first_start.welcome())
        demo = self._demo(started) if started.options.demo else None
        connections.close_all()
        _allow_many_sockets()
        fleet = started.fleet
        if fleet:
            undo.callback(fleet.stop)
            fleet.start()
        else:
            undo.callback(_start_jobs())
        # Late, but before anybody waits for an answer: these import Twisted and all of the application.
        from analytics.asgi import application
        from analytics.process import web
        from analytics.web.web_server import WebServer

        import_module(settings.ROOT_URLCONF)

        def ready() -> None:
            if fleet:
                fleet.open(settings.FOOTFALL_TRUSTED_PROXIES)
            if demo:
                undo.callback(demo.stop)
                demo.start()
            self._say("Ready. Ctrl-C stops everything.")

        where = fleet.web if fleet else started.options.port
        WebServer(application, web.edge, web.boards, where, ready).run()

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

    def _demo(self, started: Launch) -> Child:
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
    """For this process and its children. Raises CannotStart."""
    file_limits.allow_many_sockets()
    try:
        file_limits.room(settings.FOOTFALL_SOCKETS)
    except file_limits.TooFewFiles as problem:
        raise CannotStart(str(problem)) from None


def _start_jobs() -> Callable[[], None]:
    """Let the background work run in a thread; returns what ends it."""
    stop = threading.Event()
    thread = threading.Thread(
        target=jobs.run, args=(stop, connect, Activity("Jobs"), more_jobs.JOBS), name="jobs", daemon=True
    )
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(5)

    return end


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _leave(number: int, frame: object) -> None:
    os._exit(1)
