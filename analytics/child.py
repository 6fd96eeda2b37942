"""Children of `up`: programs that never outlive it, and are started again when they end by themselves."""

import ctypes
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence

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


class Child:
    """One program kept running, in a thread of its own; SIGTERM ends it."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str]) -> None:
        self._name = name
        self._command = command
        self._environment = environment
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name=name, daemon=True)

    def start(self) -> None:
        """Start it, and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait for that."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(10)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C in the terminal is for us to pass on
                preexec_fn=dies_with_us(signal.SIGTERM),
            )
            if self._stopping.is_set():
                self._process.terminate()
            code = self._process.wait()
            if not self._stopping.is_set():
                logger.error("%s ended by itself (%s); starting it again.", self._name, code)
                self._stopping.wait(1)
