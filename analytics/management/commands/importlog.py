"""`manage.py importlog`: page views out of web servers' access logs, of the past or as they are written."""

import asyncio
import signal
import sys
import threading
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.access_logs.log_files import LogFile, LogPlace, WrongLogFile
from analytics.access_logs.log_following import OpenLog, OpenLogs
from analytics.access_logs.log_formats import FORMATS, LineReader, WrongLogFormat, guessed, reader_of
from analytics.access_logs.log_import import LogChoice, LogImport, LogTally, logs_key
from analytics.access_logs.log_points import LogPoints
from analytics.access_logs.page_rules import LeftOut
from analytics.access_logs.visit_spans import LoggedView
from tracker.liveness.error_report import kind_of
from tracker.models import Site
from tracker.postgres.connect import connect
from tracker.signals import gathering
from tracker.signals.exchange_messages import StoredViews
from tracker.signals.gathering import NobodyGathers
from tracker.signals.json_points import JsonPoint
from tracker.sites.tracked_site import plain_host
from tracker.visitors import agents

LOOKED_AT = 200
TOLD_SECONDS, TOLD_SECONDS_IN_FILES = 1.0, 10.0
# With --follow: how often files are looked at, days looked up again, and it is told what came.
LOOK_SECONDS, FORGET_SECONDS, SUMMARY_SECONDS = 1.0, 60.0, 600.0
# Of one message to who gathers; page views beyond what a board shows are on it once it is opened again.
POINTS_AT_ONCE, SHOWN_MOST = 1000, 200


class Command(BaseCommand):
    help = (
        "Take page views out of access logs into a site's past: without assets, redirects, errors, bots and"
        " health checks. They are never live and make visits as others do; a line that comes again changes"
        " nothing. Days that the site counted itself are left out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", metavar="FILE", nargs="+", help="logs, packed (gzip, zstd) or not; - for standard input"
        )
        parser.add_argument(
            "--site", required=True, metavar="KEY", help="the key of the site that takes them"
        )
        parser.add_argument(
            "--format",
            help=f"{', '.join(FORMATS)}, or nginx' log_format string; else found out from the first lines",
        )
        parser.add_argument(
            "--host", help="where pages are, where lines do not say it; else the site's domain"
        )
        parser.add_argument(
            "--server",
            metavar="NAME",
            default="",
            help="the server that wrote them, where lines do not say it (nginx' $hostname): reports tell page"
            " views apart by it",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="count, show what is left out, take nothing"
        )
        parser.add_argument(
            "--again", action="store_true", help="read files from their begin, though read before"
        )
        parser.add_argument(
            "--also-counted",
            action="store_true",
            help="take days that the site counted itself, too: who has JavaScript is counted twice then",
        )
        parser.add_argument(
            "--only-unseen",
            action="store_true",
            help="of days that the site counted itself take what it did not see: people without JavaScript",
        )
        parser.add_argument(
            "--follow",
            action="store_true",
            help="go on, until SIGTERM, with lines as they are written, over rotations; they are shown on the"
            " site's board, and status codes and times on /servers/",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(key=options["site"]).first()
        if site is None:
            raise CommandError("There is no site with this key: manage.py addsite makes one.")
        try:
            read = reader_of(options["format"]) if options["format"] else None
        except WrongLogFormat as wrong:
            raise CommandError(str(wrong)) from None
        paths = [None if name == "-" else Path(name) for name in options["files"]]
        if read is None and any(path is None or path.is_fifo() for path in paths):
            raise CommandError("Say the --format of what comes from standard input, or from a pipe.")
        if options["follow"] and any(path and path.exists() and not path.is_file() for path in paths):
            raise CommandError("What is no file cannot be followed: name the log itself.")
        choice = _choice(site, options)
        agents.load()
        if choice.follows:
            stopping = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopping.set())
            self.follow(site, choice, [path for path in paths if path], read, stopping)
            return
        tally = LogTally()
        try:
            with connect() as connection:
                connection.autocommit = True
                logs = LogImport(connection, site, choice, tally)
                _check(logs, choice.host)
                if not logs.alone():
                    raise CommandError("Another importlog takes logs into this site just now.")
                try:
                    for path in paths:
                        self._take(logs, path, read, options["again"])
                finally:
                    # Postgres notices a moment later that a connection is closed: whoever comes next would
                    # be refused.
                    with suppress(psycopg.Error):
                        logs.release()
                    self._report(tally, choice.dry_run)
        except KeyboardInterrupt:
            raise CommandError("Stopped. Say the command again: it goes on from there.") from None
        except psycopg.Error as error:
            raise CommandError(
                f"Storing failed ({kind_of(error)}). Say the command again: it goes on where it stopped."
            ) from None

    def _take(self, logs: LogImport, path: Path | None, read: LineReader | None, again: bool) -> None:
        name = path.name if path else "standard input"
        try:
            if read is None and path:
                read = self.found_out(path)
            with LogFile(path, sys.stdin.buffer, logs_key()) as log:
                progress = _Progress(self, log)
                logs.take(log, read or reader_of("combined"), again, progress.add)
                progress.end()
        except WrongLogFile as wrong:
            raise CommandError(str(wrong)) from None
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror or kind_of(error)}.") from None

    def follow(
        self,
        site: Site,
        choice: LogChoice,
        paths: list[Path],
        read: LineReader | None,
        stopping: threading.Event,
    ) -> None:
        """Take lines as they are written until `stopping` is set. Raises CommandError."""
        following = _Following(self, site, choice, read)
        try:
            with OpenLogs(paths) as logs:
                for path in paths:
                    path.open("rb").close()
                    following.form_of(path)
                while not stopping.is_set():
                    following.look(logs)
                    stopping.wait(LOOK_SECONDS)
        except WrongLogFile as wrong:
            raise CommandError(str(wrong)) from None
        except OSError as error:
            raise CommandError(f"A log cannot be read: {error.strerror or kind_of(error)}.") from None
        finally:
            following.close()
            self._report(following.tally, False)

    def found_out(self, path: Path) -> LineReader:
        """What reads a log of one of the known formats. Raises CommandError, WrongLogFile, OSError."""
        with LogFile(path, sys.stdin.buffer) as log:
            form = guessed(line.text for line in islice(log.lines(), LOOKED_AT))
        if form is None:
            if not path.stat().st_size:
                return reader_of("combined")
            raise CommandError(
                f"{path.name} has none of the known formats: say its log_format with --format."
            )
        self.stderr.write(f"{path.name}: read as {form}")
        return reader_of(form)

    def _report(self, tally: LogTally, dry_run: bool) -> None:
        lines = f"{tally.lines:,} lines" + (
            f" ({tally.passed:,} more were read before)" if tally.passed else ""
        )
        days = sorted(tally.by_day)
        span = f", {days[0]} to {days[-1]}" if days else ""
        there = tally.views - tally.new
        taken = (
            "nothing was taken"
            if dry_run
            else f"{tally.new:,} taken" + (f", {there:,} were there already" if there else "")
        )
        self.stdout.write(f"{lines}: {tally.views:,} page views{span}; {taken}.")
        for reason in LeftOut:
            if tally.left_out[reason]:
                self.stdout.write(f"Left out: {tally.left_out[reason]:,} {reason.value}")
                for example in tally.examples.get(reason, ()) if dry_run else ():
                    self.stdout.write(f"    {_shown(example)}")
        for name, number, text in tally.unread:
            # What stands in it is shown to who asks, and to no log of a cron job.
            self.stdout.write(
                f"Not of this format: {name}, line {number:,}" + (f": {_shown(text)}" if dry_run else "")
            )
        if dry_run:
            for day in days:
                self.stdout.write(f"{day}: {tally.by_day[day]:,} page views")
        elif tally.new:
            self.stdout.write("Days that are over are sealed in the background.")


def _choice(site: Site, options: dict[str, Any]) -> LogChoice:
    """What is to be taken. Raises CommandError."""
    for one, other in (("also_counted", "only_unseen"), ("follow", "dry_run"), ("follow", "again")):
        if options[one] and options[other]:
            names = [f"--{name.replace('_', '-')}" for name in (one, other)]
            raise CommandError(f"Say {names[0]} or {names[1]}, not both.")
    if options["follow"] and "-" in options["files"]:
        raise CommandError("Standard input cannot be followed: name the log itself.")
    return LogChoice(
        host=_host_of(site, options["host"]),
        also_counted=options["also_counted"],
        only_unseen=options["only_unseen"],
        server=options["server"],
        dry_run=options["dry_run"],
        follows=options["follow"],
    )


def _check(logs: LogImport, host: str) -> None:
    if not logs.allows(host):
        raise CommandError(f"{_shown(host)} is no host of this site: say one with --host.")


def _host_of(site: Site, asked: str | None) -> str:
    """The host of pages whose lines say none. Raises CommandError."""
    hosts = [plain_host(host) for host in site.hosts]
    if asked:
        return asked
    domain = plain_host(site.domain)
    named = [host for host in hosts if not host.startswith("*.")]
    if domain in hosts or not named:
        return domain
    return named[0]


def _shown(text: str) -> str:
    """A text without what a terminal would obey."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


class _Progress:
    """How far a log is, on standard error: now and then, with the rate and the time left."""

    def __init__(self, command: BaseCommand, log: LogFile) -> None:
        self._command, self._log = command, log
        self._terminal = command.stderr.isatty()
        self._began = self._told = time.monotonic()
        self._lines = 0
        self._from = log.done

    def add(self, lines: int) -> None:
        """So many lines more are read."""
        self._lines += lines
        now = time.monotonic()
        if now - self._told >= (TOLD_SECONDS if self._terminal else TOLD_SECONDS_IN_FILES):
            self._told = now
            self._tell(now - self._began)

    def end(self) -> None:
        """The log is read."""
        if self._told > self._began and self._terminal:
            self._command.stderr.write("")

    def _tell(self, seconds: float) -> None:
        said = f"{self._log.name}: {self._lines:,} lines, {self._lines / seconds:,.0f} a second"
        if self._log.size:
            done = self._log.done
            said += f", {100 * done / self._log.size:.0f} %"
            if done > self._from:
                left = seconds * (self._log.size - done) / (done - self._from)
                said += f", {left // 60:.0f} min {left % 60:.0f} s left"
        self._command.stderr.write(
            f"\r{said}  " if self._terminal else said, ending="" if self._terminal else "\n"
        )


class _Following:
    """Takes what comes, over one connection to Postgres after another."""

    def __init__(self, command: Command, site: Site, choice: LogChoice, read: LineReader | None) -> None:
        self.tally = LogTally()
        self._command, self._site, self._choice, self._read = command, site, choice, read
        self._forms: dict[Path, LineReader] = {}
        self._points = LogPoints(site.key)
        self._counted: dict[bytes, LogPlace] = {}
        self._problem = ""
        self._socket = settings.FOOTFALL_SIGNALS_SOCKET
        self._connection: psycopg.Connection | None = None
        self._logs: LogImport | None = None
        self._forgot_at = self._summed_up_at = time.monotonic()
        self._away = self._warned = False
        if self._socket is None:
            command.stderr.write("Nobody gathers datapoints here: lines become page views alone.")

    def form_of(self, path: Path) -> LineReader:
        """What reads the lines of a log. Raises CommandError, OSError."""
        if path not in self._forms:
            self._forms[path] = self._read or self._command.found_out(path)
        return self._forms[path]

    def look(self, open_logs: OpenLogs) -> None:
        """Take what has come since the last look; while Postgres is away, nothing. Raises WrongLogFile."""
        try:
            logs = self._import(open_logs)
            if not logs.alone():
                open_logs.again()
                return  # who takes the past has its time
            try:
                for log in open_logs.grown():
                    self._take(logs, log)
                logs.settle()
            finally:
                logs.release()
            self._away = False
            if open_logs.problem != self._problem:
                self._problem = open_logs.problem
                self._command.stderr.write(self._problem or "All logs can be read again.")
        except psycopg.Error as error:
            if not self._away:
                self._command.stderr.write(f"Storing failed ({kind_of(error)}); trying again.")
            self._away = True
            self._lose()
            return
        self._tell(logs)
        if time.monotonic() - self._summed_up_at >= SUMMARY_SECONDS:
            self._summed_up_at = time.monotonic()
            self._command.stderr.write(f"{self.tally.lines:,} lines so far, {self.tally.new:,} page views")

    def close(self) -> None:
        """End the connection."""
        self._lose()

    def _take(self, logs: LogImport, log: OpenLog) -> None:
        with LogFile(log.path, log.file, logs_key(), log.file) as file:
            logs.take(file, self.form_of(log.path), False, lambda lines: None)

    def _import(self, open_logs: OpenLogs) -> LogImport:
        if self._logs is None:
            self._connection = connect()
            self._connection.autocommit = True
            self._logs = LogImport(
                *(self._connection, self._site, self._choice, self.tally, self._points, self._counted)
            )
            _check(self._logs, self._choice.host)
            open_logs.again()
            self._warn(self._logs)
        elif time.monotonic() - self._forgot_at >= FORGET_SECONDS:
            self._forgot_at = time.monotonic()
            self._logs.forget()
            self._warn(self._logs)
        return self._logs

    def _warn(self, logs: LogImport) -> None:
        """Say, once, that the site counts today itself: else that shows in what is left out at the end."""
        warned, self._warned = self._warned, logs.passes_over(time.time())
        if self._warned and not warned:
            self._command.stderr.write(
                "The site counts today's page views itself: those of logs are left out. --only-unseen takes"
                " what it does not see (people without JavaScript), --also-counted everything."
            )

    def _lose(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = self._logs = None

    def _tell(self, logs: LogImport) -> None:
        """Datapoints to who gathers them, and page views to the boards that show what happens."""
        stored, logs.stored = logs.stored, []
        points = self._points.take()
        if self._socket is None or not (stored or points):
            return
        try:
            asyncio.run(_told(self._socket, self._site.pk, stored, points))
        except NobodyGathers:
            # Page views are stored, and whoever opens a board reads them there.
            return


async def _told(path: Path, site: int, stored: list[LoggedView], points: list[JsonPoint]) -> None:
    for start in range(0, len(points), POINTS_AT_ONCE):
        await gathering.send(path, points[start : start + POINTS_AT_ONCE])
    if stored:
        newest = sorted(stored, key=lambda view: view.began)[-SHOWN_MOST:]
        moments = [view.began.timestamp() for view in newest]
        ids = [view.begin.id for view in newest]
        await gathering.tell(path, StoredViews(site, ids, moments[0], moments[-1]))
