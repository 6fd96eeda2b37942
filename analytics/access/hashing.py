"""Hashing passwords, in few threads of its own that give way to all others: who logs in costs nobody else.

One password takes 0.3 s of a processor. Django hashes in the thread of each request, so that 24 clients at
the login took all processors from those who wait for an acknowledgement (25 → 1,150 ms on two cores).
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from django.contrib.auth.hashers import PBKDF2PasswordHasher, get_hashers

T = TypeVar("T")
# A tenth of the processor time of a thread that has not given way. At 19 it would be a seventieth: where
# others want all processors, it would hold Python's lock for too long in the moments in which it needs that.
NICENESS = 10


class HashingBusy(Exception):
    """More passwords wait to be hashed than may: it is to be tried again in some seconds."""


class HashingThreads:
    """So many passwords are hashed at once in this process, and so many may wait for that."""

    def __init__(self, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hashing", initializer=_give_way)
        self._most = threads + waiting
        self._here = 0
        self._counting = threading.Lock()

    @property
    def full(self) -> bool:
        """Whether nobody more finds room."""
        return self._here >= self._most

    def run(self, work: Callable[[], T]) -> T:
        """What `work` returns, after having waited for its turn. Raises HashingBusy at once without room."""
        with self._counting:
            if self.full:
                raise HashingBusy
            self._here += 1
        try:
            return self._pool.submit(work).result()
        finally:
            with self._counting:
                self._here -= 1


class PooledHasher(PBKDF2PasswordHasher):
    """Django's own hasher, whose work is done in the process's threads for it; in commands right here."""

    threads: HashingThreads | None = None

    def encode(self, password: Any, salt: str, iterations: int | None = None) -> str:
        """The hash, as the database keeps it: all that hashes or checks a password comes through here."""
        work = partial(super().encode, password, salt, iterations)
        return self.threads.run(work) if self.threads else work()


def hash_in(threads: HashingThreads) -> None:
    """Let every door of this process that hashes a password use these threads."""
    for hasher in get_hashers():
        if isinstance(hasher, PooledHasher):
            hasher.threads = threads


def _give_way() -> None:
    # Linux keeps a niceness for each thread, and anybody may raise it: this adds to what the process was
    # started with, since only root may go back. The work itself is OpenSSL's, which lets go of Python's lock
    # for all of it.
    os.nice(NICENESS)
