"""The embedded Postgres: a child of `up` that is started, watched, started again, and never outlives it."""

import errno
import logging
import os
import secrets
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from analytics.up import home_owner, postgres_programs
from analytics.up.account import account_for
from analytics.up.child import dies_with_us
from analytics.up.data_folder import DataFolder
from analytics.up.errors import CannotStart
from analytics.up.log_file import LogKeeper
from analytics.up.postgres_cluster import ENVIRONMENT, Cluster, cause
from analytics.up.postgres_home import (
    SOCKET,
    make_home,
    make_socket_folder,
    recorded_home,
    remove_socket_folder,
)
from tracker.liveness.activity import Activity, go_on_in_thread
from tracker.liveness.watchdog import LOOK_SECONDS, Asked, Watchdog

logger = logging.getLogger(__name__)

# On the command line, so that neither an edited file nor ALTER SYSTEM can open the database or let
# rows reach the log: with `log` as the least level, failed statements (whose messages quote values)
# are left out, and a terse line has no DETAIL or CONTEXT.
FIXED = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}


# What it is asked to see whether it lives: for TLS, which each connection may begin with (the protocol's
# SSLRequest), and which a process of its own declines before it looks who is there.
ASK_FOR_TLS = struct.pack("!2i", 8, 80877103)
ANSWER_SECONDS = 2.0


class Postgres:
    """The embedded Postgres of one data folder, which the caller has locked."""

    def __init__(self, data: DataFolder, say: Callable[[str], None]) -> None:
        """Choose account, programs and places; `say` gets lines for the operator. Starts nothing.

        Raises CannotStart.
        """
        self._data = data
        self._say = say
        home_owner.refuse_copy(data)
        before = recorded_home(data)
        self._account = account_for(before / "cluster", data.path)
        programs, copied = postgres_programs.programs(self._account)
        home = make_home(data, self._account)
        elsewhere = [f"its programs are in {programs}"] * copied + [f"the database is in {home}"] * (
            home != before
        )
        if elsewhere:
            say(f"This place is closed to the account that Postgres runs under: {', '.join(elsewhere)}.")
        self._cluster = Cluster(home / "cluster", self._account, programs)
        self._password = self._keep_password()
        self._sockets = make_socket_folder(data, self._account)
        self._held: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None
        self._watchdog: Watchdog | None = None
        self._keeper = LogKeeper(self.log)

    @property
    def url(self) -> str:
        """The address of the database, as DATABASE_URL has it."""
        return f"postgres://footfall:{self._password}@{quote(str(self._sockets), safe='')}/footfall"

    @property
    def log(self) -> Path:
        """What it says; holds no statement and no row."""
        return self._data.path / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The postmaster's pid, or None before the start."""
        return self._process.pid if self._process else None

    def _keep_password(self) -> str:
        kept = self._data.read("postgres_password")
        if kept is None:
            if self._cluster.path.exists():
                raise CannotStart(
                    f"{self._data.path / 'postgres_password'} is gone, and {self._cluster.path} needs it."
                )
            kept = secrets.token_urlsafe(24)
            self._data.write("postgres_password", kept)
        return kept

    def start(self) -> None:
        """Make the cluster if there is none, start Postgres, and watch it from now on.

        Call from the main thread. Raises CannotStart.
        """
        self._held = home_owner.hold(self._data, self._cluster.path.parent, self._account, self._say)
        if not self._cluster.path.exists():
            self._say("Making a database (once) …")
            self._cluster.make(self._password)
        self._cluster.check_version(postgres_programs.major())
        self._keeper.look()
        self._launch()
        self._watcher = threading.Thread(
            target=go_on_in_thread,
            args=(Activity("Supervision of Postgres"), self._watch, self._stopping),
            name="postgres",
            daemon=True,
        )
        self._watcher.start()

    def expect_answers(self, patience: float) -> None:
        """From now on end it, and start it again, when it answers nobody for so many seconds."""
        self._watchdog = Watchdog("Postgres", Asked(self._answers), patience) if patience else None

    def stop(self) -> None:
        """Stop Postgres, ending its connections, and remove what only served this run."""
        self._stopping.set()
        self._end()
        if self._watcher is not None:
            self._watcher.join(15)
        # One that the watcher was just starting again.
        self._end()
        remove_socket_folder(self._data, self._account)
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _end(self) -> None:
        """Shut down fast (committed data is safe), and ever more firmly where that does not happen."""
        if self._process is None:
            return
        for sign, patience in ((signal.SIGINT, 15), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            self._process.send_signal(sign)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            return

    def _launch(self, patience: float = 10.0) -> None:
        """Start, trying for `patience` seconds: shared memory of the one before may live on a moment."""
        deadline = time.monotonic() + patience
        while True:
            self._cluster.clear()
            with self._log() as log:
                before = log.tell()
                self._process = self._spawn(log)
            if self._comes_up(self._process):
                return
            if time.monotonic() > deadline or self._stopping.is_set():
                with self._log() as log:
                    log.seek(before)
                    why = cause(log.read().decode(errors="replace"))
                raise CannotStart(f"Postgres does not start: {why} (all of it: {self.log})")
            time.sleep(0.2)

    def _spawn(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        settings = {**FIXED, "unix_socket_directories": str(self._sockets)}
        return subprocess.Popen(
            [
                self._cluster.programs / "postgres",
                f"-D{self._cluster.path}",
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            ],
            cwd=self._cluster.path.parent,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C in the terminal must reach us first, not the database
            preexec_fn=dies_with_us(signal.SIGINT),  # a fast shutdown
            **self._account.switch(),
        )

    def _comes_up(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until it takes connections (after a crash it first replays its log) or has ended."""
        began = looked_at = time.monotonic()
        while not self._cluster.ready(process.pid):
            if process.poll() is not None:
                return False
            if time.monotonic() - looked_at > LOOK_SECONDS:
                # It says to whoever asks that it replays; one that hangs says nothing.
                self._end_if_silent(process.pid, began)
                looked_at = time.monotonic()
            time.sleep(0.01)
        return True

    def _end_if_silent(self, process: int, began: float) -> None:
        if self._watchdog and self._watchdog.must_end(process, began):
            _kill_with_children(process)

    def _watch(self) -> None:
        """Start Postgres again whenever it ends, or hangs; see that its log stays small."""
        began = time.monotonic()
        while not self._stopping.is_set():
            if self._process is None:
                raise RuntimeError("Postgres is watched before it was started")
            try:
                code = self._process.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                self._end_if_silent(self._process.pid, began)
                self._keeper.look()
                continue
            if self._stopping.is_set():
                return
            logger.error("Postgres ended by itself (%s); starting it again.", code)
            began = time.monotonic()
            try:
                self._launch()
            except CannotStart as problem:
                if self._stopping.is_set():
                    return
                logger.error("%s Trying again.", problem)
                self._stopping.wait(1)

    def _answers(self) -> bool:
        """Whether it answers at all: that it is just starting, or full, it would say later."""
        try:
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(ANSWER_SECONDS)
                asking.connect(str(self._sockets / SOCKET))
                asking.sendall(ASK_FOR_TLS)
                return bool(asking.recv(1))
        except OSError:
            return False

    def _log(self) -> BinaryIO:
        """Its log; in the data folder, since root must not write into a folder that Postgres owns.

        Raises CannotStart.
        """
        try:
            log = os.open(self.log, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            link = "it is a link, which is not followed" if error.errno == errno.ELOOP else error.strerror
            raise CannotStart(f"Postgres' log cannot be written: {link} ({self.log}).") from None
        self._data.give(log)
        return open(log, "rb+")


def _kill_with_children(process: int) -> None:
    """End a Postgres that takes no other signal, and its children: one that is stopped holds its memory."""
    children: list[str] = []
    with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        os.kill(process, signal.SIGKILL)
    for child in map(int, children):
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
