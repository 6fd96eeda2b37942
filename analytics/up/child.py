"""Children of `up`: programs that never outlive it, and are started again when they end by themselves.

A program may have a first life that is another: whoever starts it waits until that has come so far, and if it
ends before, it is not started again.
"""

import ctypes
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from analytics.up import log_file
from analytics.up.log_file import LogKeeper
from tracker.liveness.activity import Activity, go_on_in_thread
from tracker.liveness.watchdog import LOOK_SECONDS, Watchdog

logger = logging.getLogger(__name__)
prctl = ctypes.CDLL(None, use_errno=True).prctl
SET_PARENT_DEATH_SIGNAL = 1


def dies_with_us(sign: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the child gets this signal when the thread that starts it ends, even by kill -9.

    It runs after the child dropped its privileges, which would clear the request.
    """
    parent = os.getpid()

    def ask() -> None:
        prctl(SET_PARENT_DEATH_SIGNAL, sign)
        if os.getppid() != parent:
            os._exit(1)

    return ask


# One that dies as soon as it is started is not started again at once.
SHORT_LIFE, PAUSE = 5.0, 1.0
# Longer than an edge takes to store what waits.
PATIENCE = 20.0


class Child:
    """One program kept running, in a thread of its own; SIGTERM ends it.

    It is started again when it ends by itself, and ended when its watchdog has lost patience.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: dict[str, str],
        watchdog: Watchdog | None = None,
        log: Path | None = None,
        check: float = log_file.CHECK,
        files: Sequence[int] = (),
        first: Sequence[str] = (),
    ) -> None:
        """`watchdog`: what ends it when it hangs; without one it is waited for.

        `log`: what it appends to, which is looked at every `check` seconds, and cut when it is long.
        `files`: open files that it is given, under the same numbers.
        `first`: words that its command has beyond those in its first life, until it `settled`; no watchdog
        ends that, and nothing follows it.
        """
        self._name = name
        self._command = command
        self._environment = environment
        self._watchdog = watchdog
        self._files = files
        self._first = first
        self._log, self._check = log, check
        self._keeper = LogKeeper(log, check) if log else None
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._life: tuple[subprocess.Popen[bytes], float] | None = None  # that goes on, and since when
        self._settling = threading.Lock()
        self._failed = False
        self._activity = Activity(name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def pid(self) -> int | None:
        """The process that it is now or was last; None before its first."""
        return self._process.pid if self._process else None

    @property
    def failed(self) -> bool:
        """Whether its first life ended before it had settled."""
        return self._failed

    def settled(self) -> bool:
        """Its first life has come to what it was for: from now on it is watched, and started again.

        False where that life is over: it has `failed`.
        """
        with self._settling:
            if not self._failed:
                self._first = ()
            return not self._failed

    def start(self) -> None:
        """Start it, and return at once."""
        self._thread.start()

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait for that; one that does not end in PATIENCE seconds is killed."""
        self._stopping.set()
        if self._process is not None:
            self._process.send_signal(sign)
            self._thread.join(PATIENCE)
            if not self._thread.is_alive():
                # Something failed beside it, and its thread has gone first.
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(PATIENCE)
            self._process.kill()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        # A program that could not even be started, for want of memory or files, is started later.
        go_on_in_thread(self._activity, self._keep, self._stopping)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            # Whatever failed beside one that lives, it is watched on, and no second one started.
            process, began = self._life = self._life or self._begun()
            code = self._wait(process, began)
            self._life = None
            _kill_group(process.pid)
            with self._settling:
                self._failed = bool(self._first)
            if self._failed:
                return
            short = time.monotonic() - began < SHORT_LIFE
            if not self._stopping.is_set():
                # In a short life nobody has come yet, of whom its last words could tell.
                words = log_file.last_words(self._log) if short and self._log else ""
                logger.error("%s ended by itself (%s); starting it again.%s", self._name, code, words)
                if short:
                    self._stopping.wait(PAUSE)

    def _begun(self) -> tuple[subprocess.Popen[bytes], float]:
        began = time.monotonic()
        process = self._process = subprocess.Popen(
            [*self._command, *self._first],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            pass_fds=self._files,
            start_new_session=True,  # a Ctrl-C in the terminal is for us to pass on
            preexec_fn=dies_with_us(signal.SIGTERM),
        )
        if self._stopping.is_set():
            process.terminate()
        return process, began

    def _wait(self, process: subprocess.Popen[bytes], began: float) -> int:
        """Wait for its end, and bring that about when it hangs; the exit code. Its log stays small."""
        patience = LOOK_SECONDS if self._watchdog else self._check if self._log else None
        while True:
            if self._keeper:
                self._keeper.look()
            try:
                code = process.wait(patience)
            except subprocess.TimeoutExpired:
                watchdog = None if self._stopping.is_set() or self._first else self._watchdog
                if watchdog and watchdog.must_end(process.pid, began):
                    # One that is stopped takes no other signal.
                    process.kill()
                if time.monotonic() - began > SHORT_LIFE:
                    self._activity.progressed()
            else:
                if self._watchdog:
                    self._watchdog.ended()
                return code


def _kill_group(leader: int) -> None:
    """End what a program left that did not end in order: nginx' workers would go on and hold its port."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
