"""Where a backup comes from or goes to: chosen, and its folder held, before Django reads its settings."""

import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from analytics.backups import kept_settings, sql_dump
from analytics.backups.archive import Archive
from analytics.backups.errors import BackupTrouble
from analytics.backups.options import BackupOptions, RestoreOptions, read_backup, read_restore
from analytics.backups.progress_lines import ProgressLines
from analytics.backups.sql_dump import SqlDump
from analytics.configuration.env_file import read_env_file
from analytics.up.data_folder import DataFolder
from analytics.up.errors import CannotStart
from analytics.up.options import ROOT
from analytics.up.postgres import Postgres
from analytics.up.postgres_home import recorded_home

T = TypeVar("T")


class InstancePlace(NamedTuple):
    """An instance; `postgres` is its embedded one, to be started and stopped, where nobody runs it yet."""

    data: DataFolder
    postgres: Postgres | None
    temporary: bool = False

    def leave(self) -> None:
        """Stop what was started, and remove what was made for this only."""
        if self.postgres:
            self.postgres.stop()
        if self.temporary:
            shutil.rmtree(recorded_home(self.data), ignore_errors=True)
            shutil.rmtree(self.data.path, ignore_errors=True)


class BackupTask(NamedTuple):
    """What `manage.py backup` is to do; `source` is the file to check, with `--verify`."""

    options: BackupOptions
    place: InstancePlace
    source: Archive | SqlDump | None
    settings: str = ""  # the lines to keep


class RestoreTask(NamedTuple):
    """What `manage.py restore` is to do; `source` is None with `--undo` and `--forget`."""

    options: RestoreOptions
    place: InstancePlace
    source: Archive | SqlDump | None


def prepare_backup(arguments: list[str]) -> BackupTask:
    """Prepare `manage.py backup`, or exit with 1 and one sentence."""
    options = _understood(read_backup, arguments)
    return _or_exit(lambda: _backup(options))


def prepare_restore(arguments: list[str]) -> RestoreTask:
    """Prepare `manage.py restore`, or exit with 1 and one sentence; the file is found whole first."""
    options = _understood(read_restore, arguments)
    return _or_exit(lambda: _restore(options))


def stop_on_signals() -> None:
    """Let all that ends a command undo first what it began: a closed terminal, too."""
    for sign in (signal.SIGTERM, signal.SIGHUP):
        # A process started with nohup stays deaf to SIGHUP.
        if signal.getsignal(sign) is not signal.SIG_IGN:
            signal.signal(sign, signal.default_int_handler)


def _understood(read: Callable[[list[str]], T], arguments: list[str]) -> T:
    read_env_file(ROOT / ".env")
    return read(arguments)


def _or_exit(prepare: Callable[[], T]) -> T:
    try:
        return prepare()
    except (BackupTrouble, CannotStart) as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)


def _backup(options: BackupOptions) -> BackupTask:
    if options.verify:
        source = opened(options.file)
        return BackupTask(options, _temporary(), source)
    if options.file.exists() and not options.file.is_dir() and not options.replace:
        raise BackupTrouble(f"{options.file} is there already: choose another name, or say --replace.")
    data = DataFolder(options.data)
    # Before the environment is told of what is only ours.
    settings = kept_settings.lines(data.secret_key(), options.secrets)
    os.environ["FOOTFALL_DATA"] = str(data.path)
    postgres = None if os.environ.get("DATABASE_URL") else _running_or_ours(data)
    _make_do(data)
    return BackupTask(options, InstancePlace(data, postgres), None, settings)


def _restore(options: RestoreOptions) -> RestoreTask:
    source = opened(options.file) if options.file else None
    data = DataFolder(options.data)
    if source is None and not data.path.exists():
        raise BackupTrouble(f"There is no Footfall in {data.path}.")
    data.make()
    data.lock()
    os.environ["FOOTFALL_DATA"] = str(data.path)
    postgres = None if os.environ.get("DATABASE_URL") else _embedded(data)
    _make_do(data)
    return RestoreTask(options, InstancePlace(data, postgres), source)


def opened(path: Path) -> Archive | SqlDump:
    """A backup or a dump, found whole. Raises BackupTrouble."""
    _say(f"Reading {path} …")
    try:
        dump = sql_dump.is_dump(path)
        size = path.stat().st_size
    except OSError as error:
        raise BackupTrouble(f"{path} cannot be read: {error.strerror}.") from None
    progress = ProgressLines(_say, "Reading", "MiB", 0 if dump else size >> 20)

    def checked(done: int, _: int) -> None:
        progress.at(done >> 20)

    return SqlDump(path, checked) if dump else Archive(path, checked)


def _running_or_ours(data: DataFolder) -> Postgres | None:
    """The embedded Postgres to start, or None where Footfall runs, and its Postgres with it."""
    if not _has_cluster(data) and data.database_url() is None:
        raise BackupTrouble(f"There is no Footfall in {data.path}: name its data folder with --data.")
    try:
        data.lock()
    except CannotStart:
        if (url := data.database_url()) is None:
            raise BackupTrouble(
                f"Footfall in {data.path} is just starting or ending, or being restored: try again."
            ) from None
        os.environ["DATABASE_URL"] = url
        return None
    if not _has_cluster(data):
        raise BackupTrouble(
            f"Footfall in {data.path} does not run, and has no database of its own: set DATABASE_URL."
        )
    return _embedded(data)


def _has_cluster(data: DataFolder) -> bool:
    return (recorded_home(data) / "cluster").exists()


def _temporary() -> InstancePlace:
    """A new instance in a folder of its own, for this only."""
    # Right under /tmp, or where TMPDIR says: the account that root drops Postgres to must get there.
    data = DataFolder(Path(tempfile.mkdtemp(prefix="footfall-verify-")))
    os.environ["FOOTFALL_DATA"] = str(data.path)
    os.environ.pop("DATABASE_URL", None)
    try:
        postgres = _embedded(data)
    except CannotStart:
        shutil.rmtree(data.path)
        raise
    _make_do(data)
    return InstancePlace(data, postgres, temporary=True)


def _embedded(data: DataFolder) -> Postgres:
    postgres = Postgres(data, say=_say)
    os.environ["DATABASE_URL"] = postgres.url
    return postgres


def _make_do(data: DataFolder) -> None:
    """The settings want a key, with which nothing is signed here."""
    if not os.environ.get("SECRET_KEY") and data.secret_key() is None:
        os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)


def _say(line: str) -> None:
    print(line, flush=True)
