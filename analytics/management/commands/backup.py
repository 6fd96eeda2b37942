"""`manage.py backup FILE`: all that Footfall keeps, in one file; with `--verify`, whether one is good."""

import argparse
import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from analytics.backups import options, restoring, taking
from analytics.backups.archive import Archive
from analytics.backups.errors import BackupTrouble
from analytics.backups.place import BackupTask, stop_on_signals
from analytics.up import command_lines, first_start
from analytics.up.errors import CannotStart
from tracker.postgres.connect import parameters


class Command(BaseCommand):
    help = options.BACKUP
    requires_system_checks = ()

    def __init__(self, task: BackupTask | None = None, **more: Any) -> None:
        """`task`: what `manage.py` prepared; None where Django makes the command itself, for its help."""
        super().__init__(**more)
        self._task = task

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        options.add_backup_arguments(parser)

    def handle(self, *args: Any, **chosen: Any) -> None:
        if self._task is None:
            raise CommandError("Start it as `manage.py backup`.")
        stop_on_signals()
        try:
            with ExitStack() as undo:
                undo.callback(self._task.place.leave)
                undo.callback(connections.close_all)
                if self._task.place.postgres:
                    self._task.place.postgres.start()
                first_start.check_server()
                if self._task.source:
                    self._verify(self._task)
                else:
                    self._take(self._task)
        except (BackupTrouble, CannotStart) as problem:
            raise CommandError(str(problem)) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped; nothing is left of it.") from None

    def _take(self, task: BackupTask) -> None:
        target = task.options.target(datetime.now(UTC))
        self._say(f"Backing up to {target} …")
        made = taking.take(
            target,
            parameters(),
            Path(settings.FOOTFALL_SPOOL),
            (task.settings, task.options.secrets),
            self._say,
        )
        self._say(f"{target} is whole, {target.stat().st_size / 2**20:,.1f} MiB:")
        self._say(summary(made.rows))
        self._say(
            f"It holds everything that was acknowledged before {made.taken_at:%Y-%m-%d %H:%M:%S} UTC"
            f"{', and secrets' if made.secrets else ''}."
        )
        file = shlex.quote(str(target.absolute()))
        verify = command_lines.manage(task.place.data.path, "backup", "--verify", file)
        self._say(f"Check it:  {verify}")

    def _verify(self, task: BackupTask) -> None:
        if task.source is None:
            return
        if isinstance(task.source, Archive):
            restoring.refuse_newer(task.source.manifest.migrations)
        self._say("Restoring into a temporary folder …")
        filled = restoring.fill(task.source, self._say)
        self._say(f"{task.options.file} is good: all of it was restored, and is gone again.")
        self._say(summary(filled.rows))
        self._say(f"  from the spool: {filled.spooled.stored:,} entries")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


# What people count, of all tables.
SHOWN = {
    "tracker_site": "sites",
    "tracker_pageview": "page views",
    "tracker_visit": "visits",
    "tracker_event": "events",
    "auth_user": "staff",
}


def summary(rows: Mapping[str, int]) -> str:
    """The tables that people know, in a line each; partitions of a plain dump are added up."""
    lines = []
    for table, name in SHOWN.items():
        number = sum(count for each, count in rows.items() if each == table or each.startswith(f"{table}_"))
        lines.append(f"  {name}: {number:,}")
    return "\n".join(lines)
