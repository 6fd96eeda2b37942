"""`manage.py web`: the process that serves staff, and where it is the only one, visitors too."""

import argparse
import os
import socket
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from analytics.access import second_factor
from analytics.up import command_lines, first_start
from analytics.up.errors import CannotStart
from analytics.upkeep import jobs as more_jobs
from tracker.edge import file_limits
from tracker.liveness.activity import Activity
from tracker.liveness.notify import DEMO_SITE, TABLES, Notify
from tracker.models import Site
from tracker.postgres.connect import connect
from tracker.server import arguments, ports
from tracker.sites.snippet_tag import tag
from tracker.upkeep import jobs


class Command(BaseCommand):
    help = "Serve staff in this process, and visitors who come to it. `up` calls this."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        listener = parser.add_mutually_exclusive_group(required=True)
        listener.add_argument("--port", type=arguments.port, help="serve on this port of 127.0.0.1")
        listener.add_argument("--uds", type=Path, metavar="PATH", help="serve on a unix socket")
        listener.add_argument(
            "--fd", type=int, metavar="N", help="serve on a socket that this process is given, bound already"
        )
        parser.add_argument(
            "--jobs", action="store_true", help="do the background work too, as one `manage.py jobs` does"
        )
        parser.add_argument(
            "--prepare",
            action="store_true",
            help="first make what a new database or version needs, and say what there is to know",
        )
        parser.add_argument(
            "--after", type=int, metavar="N", help="with --prepare: not before this file has ended"
        )
        parser.add_argument(
            "--demo", action="store_true", help="with --prepare: a site of made-up visitors, too"
        )

    def handle(self, *args: Any, **chosen: Any) -> None:
        file_limits.allow_many_sockets()
        try:
            file_limits.room(settings.FOOTFALL_SOCKETS)
            if chosen["prepare"]:
                _wait(chosen["after"])
                self._prepare(chosen["demo"])
        except (CannotStart, file_limits.TooFewFiles) as problem:
            raise CommandError(str(problem)) from None
        # Late, but before anybody waits for an answer: these import Twisted and all of the application.
        from analytics.asgi import application
        from analytics.process import web
        from analytics.web.web_server import WebServer

        import_module(settings.ROOT_URLCONF)
        listener = _listener(chosen)
        end_jobs = _start_jobs() if chosen["jobs"] else None

        def ready() -> None:
            if chosen["verbosity"]:
                self._say("Ready.")

        try:
            WebServer(application, web.edge, web.boards, web.streams, listener, ready).run()
        finally:
            if end_jobs:
                end_jobs()

    def _prepare(self, demo: bool) -> None:
        first_start.check_server()
        first_start.migrate(self._say)
        second_factor.seal_all()
        self._greet(first_start.welcome())
        site = first_start.demo_site() if demo else None
        if site:
            self._say(f"  Demo      {settings.FOOTFALL_URL}/sites/{site.key}/   (made-up visitors)\n")
        connections.close_all()
        Notify().say(TABLES + (b"\n" + DEMO_SITE + site.key.encode() if site else b""))

    def _greet(self, welcome: first_start.Welcome) -> None:
        if welcome.password:
            login = f"{first_start.ADMIN} / {welcome.password}   (shown only this once)"
        else:
            lost = command_lines.manage(settings.FOOTFALL_DATA.path, "changepassword", "NAME")
            login = f"with your account; if its password is lost:\n            {lost}"
        self._say(f"\n  Footfall  {settings.FOOTFALL_URL}/")
        if welcome.site:
            self._say(f"  Board     {settings.FOOTFALL_URL}/sites/{welcome.site.key}/")
        self._say(f"  Log in    {login}")
        if welcome.site:
            self._say_snippet(welcome.site)
        self._say("")

    def _say_snippet(self, site: Site) -> None:
        self._say(f"  Snippet   {tag(site, settings.FOOTFALL_URL)}")
        self._say(f"            for pages on {', '.join(site.hosts)}; add your own:")
        self._say(f"            {command_lines.manage(settings.FOOTFALL_DATA.path, 'addsite', 'DOMAIN')}")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _wait(file: int | None) -> None:
    while file is not None and os.read(file, 1):
        pass


def _listener(chosen: dict[str, Any]) -> socket.socket:
    try:
        if chosen["port"]:
            return ports.on_port(chosen["port"])[0]
        if chosen["uds"]:
            return ports.on_file(chosen["uds"])
        given = socket.socket(fileno=chosen["fd"])
        # Only now: who comes before finds nobody, rather than somebody who does not answer yet.
        given.listen(ports.BACKLOG)
    except OSError as error:
        place = f"port {chosen['port']}" if chosen["port"] else chosen["uds"] or f"file {chosen['fd']}"
        raise CommandError(f"Cannot listen on {place}: {os.strerror(error.errno or 0)}.") from None
    return given


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
