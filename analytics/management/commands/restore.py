"""`manage.py restore FILE`: a backup in place of what an instance holds, which is kept aside."""

import argparse
import shlex
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections

from analytics.backups import options, restoring
from analytics.backups.archive import Archive
from analytics.backups.databases import Databases
from analytics.backups.errors import BackupTrouble
from analytics.backups.place import RestoreTask, stop_on_signals
from analytics.backups.sql_dump import SqlDump
from analytics.management.commands.backup import summary
from analytics.up import command_lines, first_start
from analytics.up.errors import CannotStart
from analytics.up.options import ROOT
from tracker.postgres.connect import parameters

HOLDS = """
SELECT (SELECT count(*) FROM tracker_site), (SELECT count(*) FROM auth_user),
    pg_size_pretty(pg_database_size(current_database()))
"""


RESTORED_SETTINGS = "restored_settings.env"


NEW_KEY = (
    "Second factors are sealed under the SECRET_KEY of before, which this backup does not hold. Name it in"
    " SECRET_KEY (or SECRET_KEY_FALLBACKS), or staff log in with a recovery code."
)


class Command(BaseCommand):
    help = options.RESTORE
    requires_system_checks = ()

    def __init__(self, task: RestoreTask | None = None, **more: Any) -> None:
        """`task`: what `manage.py` prepared; None where Django makes the command itself, for its help."""
        super().__init__(**more)
        self._task = task

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        options.add_restore_arguments(parser)

    def handle(self, *args: Any, **chosen: Any) -> None:
        if self._task is None:
            raise CommandError("Start it as `manage.py restore`.")
        stop_on_signals()
        try:
            with ExitStack() as undo:
                undo.callback(self._task.place.leave)
                undo.callback(connections.close_all)
                self._run(self._task, undo)
        except (BackupTrouble, CannotStart) as problem:
            raise CommandError(str(problem)) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped; nothing was changed.") from None

    def _run(self, task: RestoreTask, undo: ExitStack) -> None:
        if isinstance(task.source, Archive):
            restoring.refuse_newer(task.source.manifest.migrations)
        if task.place.postgres:
            task.place.postgres.start()
        first_start.check_server()
        databases = Databases(parameters())
        undo.callback(databases.close)
        if task.options.forget:
            self._forget(task, databases)
            return
        holds = self._holds()
        connections.close_all()
        if used := databases.in_use():
            raise BackupTrouble(
                f"{used} connections use the database {databases.name}: stop all processes of Footfall first."
            )
        if task.options.undo:
            self._undo(task, databases)
        elif task.source:
            self._restore(task, task.source, databases, holds)

    def _restore(
        self, task: RestoreTask, source: Archive | SqlDump, databases: Databases, holds: str
    ) -> None:
        where = self._where(task)
        if holds:
            self._ask(task, f"This replaces {where}, which has {holds}; that is kept aside.")
        filled, kept, stamp = restoring.replace(databases, source, self._say)
        # From here on it is done, and a Ctrl-C may not say otherwise.
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, signal.SIG_IGN)
        waited = _put_aside(Path(settings.FOOTFALL_SPOOL), stamp)
        if not holds and not waited:
            databases.drop(kept)
        self._say(f"Restored into {where}:")
        self._say(summary(filled.rows))
        spooled = filled.spooled
        self._say(f"  from the spool: {spooled.stored:,} entries")
        if spooled.refused or spooled.unreadable:
            self._say(f"  not stored: {spooled.refused:,} entries, {spooled.unreadable:,} bytes unreadable")
        self._settings(task, source)
        if (
            filled.rows["otp_totp_totpdevice"]
            and task.place.postgres
            and task.place.data.secret_key() is None
        ):
            self._say(NEW_KEY)
        self._say(
            "Staff log in again, and today's visitors count as new once: sessions and salts are in no backup."
        )
        if task.place.postgres:
            data = task.place.data.path
            more = "" if data == ROOT / "var" else f" --data {shlex.quote(str(data))}"
            self._say(f"Start it:  {shlex.quote(str(ROOT / 'scripts/run'))}{more}")
        if holds or waited:
            self._say(f"What was there before is kept as the database {kept}:")
            self._say(f"  back to it:   {self._command(task, '--undo')}")
            self._say(f"  delete it:    {self._command(task, '--forget')}")
            databases.strip(kept)

    def _settings(self, task: RestoreTask, source: Archive | SqlDump) -> None:
        if not isinstance(source, Archive):
            return
        kept = source.settings()
        data = task.place.data
        if (key := kept.pop("SECRET_KEY", None)) and data.secret_key() is None:
            data.write("secret_key", key)
        if kept:
            text = "\n".join(f"{name}={value}" for name, value in kept.items())
            data.write(RESTORED_SETTINGS, text)
            self._say(f"Its settings are in {data.path / RESTORED_SETTINGS}; no start reads them from there.")

    def _undo(self, task: RestoreTask, databases: Databases) -> None:
        kept = databases.kept()
        if not kept:
            raise BackupTrouble("Nothing is kept aside: there is no restore to undo.")
        stamp = restoring.new_stamp()
        now_kept = databases.bring_back(kept[0], stamp)
        spool = Path(settings.FOOTFALL_SPOOL)
        _put_aside(spool, stamp)
        before = restoring.aside(spool, databases.stamp_of(kept[0]))
        if before.exists():
            if spool.exists():
                spool.rmdir()
            before.rename(spool)
        databases.strip(now_kept)
        self._say(f"What was before the last restore serves again; what was restored is kept as {now_kept}:")
        self._say(f"  back to that: {self._command(task, '--undo')}")

    def _forget(self, task: RestoreTask, databases: Databases) -> None:
        kept = databases.kept()
        # What a restore that was killed may have left.
        databases.drop_new()
        if not kept:
            self._say("Nothing is kept aside.")
            return
        self._ask(task, f"This deletes {', '.join(kept)}.")
        spool = Path(settings.FOOTFALL_SPOOL)
        for name in kept:
            databases.drop(name)
            left = restoring.aside(spool, databases.stamp_of(name))
            for path in [*left.glob("*"), left] if left.exists() else []:
                path.rmdir() if path.is_dir() else path.unlink()
            self._say(f"Deleted {name}.")

    def _where(self, task: RestoreTask) -> str:
        """What is restored into, so that nobody takes one for the other."""
        if task.place.postgres:
            return f"the instance in {task.place.data.path}"
        at = parameters()
        return f"the database {at['dbname']} of DATABASE_URL, at {at.get('host') or 'this machine'}"

    def _holds(self) -> str:
        """What the instance has, in words; empty for one that nobody has used yet."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('tracker_site') IS NULL OR to_regclass('auth_user') IS NULL")
            if cursor.fetchone()[0]:
                return ""
            cursor.execute(HOLDS)
            sites, staff, size = cursor.fetchone()
        return (
            f"{sites:,} {'site' if sites == 1 else 'sites'} and {staff:,} staff ({size})"
            if sites or staff
            else ""
        )

    def _ask(self, task: RestoreTask, what: str) -> None:
        if task.options.yes:
            return
        if not sys.stdin.isatty():
            raise BackupTrouble(f"{what} Nobody is here to be asked: say --yes if that is meant.")
        self._say(what)
        if input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
            raise BackupTrouble("Nothing was changed.")

    def _command(self, task: RestoreTask, word: str) -> str:
        return command_lines.manage(task.place.data.path, "restore", word)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _put_aside(spool: Path, stamp: str) -> bool:
    """Whether anything waited there: it belongs to the database that is aside now. Raises BackupTrouble."""
    try:
        waited = spool.is_dir() and any(spool.iterdir())
        if waited:
            spool.rename(restoring.aside(spool, stamp))
    except OSError as error:
        raise BackupTrouble(
            f"It is done, but what waits in {spool} belongs to the database that is aside and cannot be moved"
            f" ({error.strerror}): move it before you start."
        ) from None
    return waited
