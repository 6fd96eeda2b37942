"""Lets the account that root becomes reach folders that stand where only root may go, such as /root.

The whole of `up` gets a view of the file system of its own (mount_namespaces(7)). In it a closed folder above
ours is covered by an empty one that lets everybody pass, and ours stand in it under the same names. Nobody
else sees any of that, it goes with the last process, and what else is in the closed folder is out of sight.
"""

import ctypes
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from analytics.up.account import Account

# linux/sched.h, linux/mount.h
NEW_NAMESPACE, BIND, RECURSIVE, PRIVATE = 0x20000, 4096, 16384, 1 << 18
PASSABLE = b"mode=0711"


def open_up(places: Iterable[Path], account: Account) -> None:
    """Let the account reach those of these folders that stand in closed ones; this process is root.

    Raises OSError where root may do no such thing, as in most containers; then nothing has changed.
    """
    closed = {place: above for place in places if (above := _closed_above(place, account))}
    if not closed:
        return
    _check(_libc().unshare(NEW_NAMESPACE))
    _mount(b"none", Path("/"), None, RECURSIVE | PRIVATE, None)
    with _held(closed) as held, _passable():
        for above in dict.fromkeys(closed.values()):
            _mount(b"none", above, b"tmpfs", 0, PASSABLE)
        for place, number in held.items():
            place.mkdir(mode=0o711, parents=True, exist_ok=True)
            _mount(f"/proc/self/fd/{number}".encode(), place, None, BIND | RECURSIVE, None)


def _closed_above(place: Path, account: Account) -> Path | None:
    """The first folder on the way to a place that the account may not pass; None where it may pass all."""
    ways = reversed(place.resolve().parents)
    return next((above for above in ways if not account.enters(above)), None)


@contextmanager
def _held(places: Iterable[Path]) -> Iterator[dict[Path, int]]:
    """The folders, open: what is covered is found by that alone. Those within another come with it."""
    whole = {place.resolve() for place in places}
    outer = sorted(place for place in whole if not whole & set(place.parents))
    held = {place: os.open(place, os.O_PATH | os.O_DIRECTORY) for place in outer}
    try:
        yield held
    finally:
        for number in held.values():
            os.close(number)


@contextmanager
def _passable() -> Iterator[None]:
    """Folders that are made meanwhile let everybody pass."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _mount(source: bytes, target: Path, kind: bytes | None, flags: int, options: bytes | None) -> None:
    _check(_libc().mount(source, os.fsencode(target), kind, ctypes.c_ulong(flags), options))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
