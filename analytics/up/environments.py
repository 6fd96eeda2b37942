"""What each process that `up` starts finds in its environment: how Footfall behaves, and no secret more.

Whoever reads a process' environment (a fault of a library, a dump of its memory, another process of the same
account) learns no more from it than that process needs. The database's address is in nobody's: ours read it
from the data folder. Programs that are not ours (Postgres, Valkey, nginx) get an environment of their own.
"""

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import Final

from analytics.configuration.setting import InBackups
from analytics.configuration.table import ALL


class ProcessKind(StrEnum):
    """The kinds of process that run our code."""

    WEB = auto()
    EDGE = auto()
    JOBS = auto()
    DEMO = auto()
    SIGNALS = auto()


HOLDS_PAGES: Final = (ProcessKind.WEB, ProcessKind.EDGE)  # web holds them where there are no edges

# Who is told which of the settings that are, or may hold, a secret, or are of this start; the others, which
# say how Footfall behaves, are told to all.
NEEDED_BY: Final[dict[str, tuple[ProcessKind, ...]]] = {
    "DATABASE_URL": (),
    # Staff's pages send letters.
    "EMAIL_URL": (ProcessKind.WEB,),
    # Of a command that runs beside.
    "FOOTFALL_BROKER": (),
    "FOOTFALL_DATA": tuple(ProcessKind),
    "FOOTFALL_DEMO_SECRET": (*HOLDS_PAGES, ProcessKind.DEMO),
    # Where datapoints are gathered, and who sends and shows them.
    "FOOTFALL_SIGNALS_SOCKET": (ProcessKind.WEB, ProcessKind.SIGNALS),
    "FOOTFALL_USER": (),
    # A Redis of the operator's may have a password in its address.
    "REDIS_URL": HOLDS_PAGES,
    # Signs sessions, and makes the names by which live visitors are told apart.
    "SECRET_KEY": HOLDS_PAGES,
    "SECRET_KEY_FALLBACKS": (ProcessKind.WEB,),
}
TOLD_TO_ALL: Final = frozenset(each.name for each in ALL if each.backups is InBackups.OPEN)
# Of the machine: where programs, libraries and temporary files are, and how they speak.
MACHINE: Final = ("DJANGO_SETTINGS_MODULE", "HOME", "LANG", "LANGUAGE", "PATH", "TMPDIR", "TZ")
# … and of the loader, of Python, of the allocator, of fault injection (libfiu).
MACHINE_PREFIXES: Final = ("LC_", "LD_", "PYTHON", "MALLOC_", "FIU_")
# What libpq wants to know of a database that is not ours: its certificate, or where a password is.
POSTGRES_PREFIXES: Final = ("PG",)
ASKS_POSTGRES: Final = (ProcessKind.WEB, ProcessKind.EDGE, ProcessKind.JOBS, ProcessKind.SIGNALS)
# The kind, by which a process knows that all was chosen for it.
CHILD: Final = "FOOTFALL_CHILD"


def environment(kind: ProcessKind, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process of this kind, out of the one that `up` was `given`."""
    prefixes = MACHINE_PREFIXES + (POSTGRES_PREFIXES if kind in ASKS_POSTGRES else ())
    kept = {
        name: value
        for name, value in given.items()
        if name in MACHINE
        or name in TOLD_TO_ALL
        or name.startswith(prefixes)
        or kind in NEEDED_BY.get(name, ())
    }
    return {**kept, CHILD: kind}
