"""What each process that `up` starts finds in its environment: the settings that it needs, no secret more.

Whoever reads a process' environment (a fault of a library, a dump of its memory, another process of the same
account) learns no more from it than that process needs. The database's address is in nobody's: ours read it
from the data folder. Programs that are not ours (Postgres, Valkey, nginx) get an environment of their own.
"""

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import Final


class ProcessKind(StrEnum):
    """The kinds of process that run our code."""

    WEB = auto()
    EDGE = auto()
    JOBS = auto()
    DEMO = auto()


HOLDS_PAGES: Final = (ProcessKind.WEB, ProcessKind.EDGE)  # web holds them where there are no edges
# Web does the background work where it is the one process.
TIDIES_UP: Final = (ProcessKind.WEB, ProcessKind.JOBS)
ALL: Final = tuple(ProcessKind)

# Who is told which setting. Whoever is not finds its default, and uses it for nothing.
NEEDED_BY: Final[dict[str, tuple[ProcessKind, ...]]] = {
    "ALLOWED_HOSTS": (ProcessKind.WEB,),
    "DATABASE_URL": (),
    "FOOTFALL_ADDRESS_BURST": HOLDS_PAGES,
    "FOOTFALL_ADDRESS_RATE": HOLDS_PAGES,
    "FOOTFALL_ADMIN_LOG_DAYS": TIDIES_UP,
    "FOOTFALL_BUFFER": HOLDS_PAGES,
    "FOOTFALL_DATA": ALL,
    "FOOTFALL_DEMO_SECRET": (*HOLDS_PAGES, ProcessKind.DEMO),
    "FOOTFALL_DRAIN_SECONDS": (ProcessKind.EDGE,),
    "FOOTFALL_GEO": (*HOLDS_PAGES, ProcessKind.DEMO),
    "FOOTFALL_HASHING_THREADS": (ProcessKind.WEB,),
    "FOOTFALL_HISTORY": TIDIES_UP,
    "FOOTFALL_HISTORY_BYTES": (ProcessKind.WEB,),
    "FOOTFALL_HTTPS": (ProcessKind.WEB,),
    "FOOTFALL_LOG": ALL,
    "FOOTFALL_LOGIN_LONGEST_WAIT": TIDIES_UP,
    "FOOTFALL_LOGIN_ROOM": (ProcessKind.WEB,),
    "FOOTFALL_LOGIN_TRIES": TIDIES_UP,
    "FOOTFALL_LOGIN_TRIES_PER_ADDRESS": TIDIES_UP,
    "FOOTFALL_LOGIN_TRIES_PER_NAME": TIDIES_UP,
    "FOOTFALL_LOGIN_WAIT": TIDIES_UP,
    "FOOTFALL_MESSAGE_BURST": HOLDS_PAGES,
    "FOOTFALL_MESSAGE_RATE": HOLDS_PAGES,
    "FOOTFALL_NAMES": HOLDS_PAGES,
    "FOOTFALL_QUESTIONS_MEMORY": (ProcessKind.WEB,),
    "FOOTFALL_RAW_DAYS": TIDIES_UP,
    "FOOTFALL_SEALING_MEMORY": TIDIES_UP,
    "FOOTFALL_SOCKETS": HOLDS_PAGES,
    "FOOTFALL_SOCKETS_PER_ADDRESS": HOLDS_PAGES,
    "FOOTFALL_SPOOL": HOLDS_PAGES,
    "FOOTFALL_SPOOL_BYTES": HOLDS_PAGES,
    "FOOTFALL_TRUSTED_ORIGINS": (ProcessKind.WEB,),
    "FOOTFALL_TRUSTED_PROXIES": HOLDS_PAGES,
    "FOOTFALL_URL": (ProcessKind.WEB,),
    "FOOTFALL_WATCHDOG": (),
    # A Redis of the operator's may have a password in its address.
    "REDIS_URL": HOLDS_PAGES,
    # Signs sessions, and makes the names by which live visitors are told apart.
    "SECRET_KEY": HOLDS_PAGES,
}
# Of the machine: where programs, libraries and temporary files are, and how they speak.
MACHINE: Final = ("DJANGO_SETTINGS_MODULE", "HOME", "LANG", "LANGUAGE", "PATH", "TMPDIR", "TZ")
# … and of the loader, of Python, of the allocator, of fault injection (libfiu).
MACHINE_PREFIXES: Final = ("LC_", "LD_", "PYTHON", "MALLOC_", "FIU_")
# What libpq wants to know of a database that is not ours: its certificate, or where a password is.
POSTGRES_PREFIXES: Final = ("PG",)
ASKS_POSTGRES: Final = (ProcessKind.WEB, ProcessKind.EDGE, ProcessKind.JOBS)
# The kind, by which a process knows that all was chosen for it: it reads no `.env`.
CHILD: Final = "FOOTFALL_CHILD"


def environment(kind: ProcessKind, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process of this kind, out of the one that `up` was `given`."""
    prefixes = MACHINE_PREFIXES + (POSTGRES_PREFIXES if kind in ASKS_POSTGRES else ())
    kept = {
        name: value
        for name, value in given.items()
        if name in MACHINE or name.startswith(prefixes) or kind in NEEDED_BY.get(name, ())
    }
    return {**kept, CHILD: kind}
