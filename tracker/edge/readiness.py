"""Whether all that a visitor's page view needs is there: decided alike for web processes and edges."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

import psycopg

from tracker.edge.edge import Edge
from tracker.postgres.connect import ask

APPLIED: Final = "SELECT app, name FROM django_migrations"
AWAY: Final = "Postgres does not answer."
BEHIND: Final = "Migrations are missing."
LOADING: Final = "Sites and salts are not loaded yet."

Migration = tuple[str, str]  # app and name

# By their files: Django's own way imports the models, which an edge starts without.
OWN_MIGRATIONS: Final[frozenset[Migration]] = frozenset(
    ("tracker", file.stem) for file in Path(__file__).parents[1].joinpath("migrations").glob("[0-9]*.py")
)


async def missing(edge: Edge, migrations: Collection[Migration] = OWN_MIGRATIONS) -> str:
    """What is not there, in one sentence, or nothing.

    What the database has beyond `migrations` does not matter: it may be ahead of a process that is about to
    be restarted.
    """
    # That nothing at all can be kept is more urgent than why.
    if edge.buffer.stuck:
        return edge.buffer.problem
    try:
        applied = frozenset((app, name) for app, name in await ask(APPLIED))
    except psycopg.errors.UndefinedTable:
        return BEHIND
    except (psycopg.Error, TimeoutError):
        return AWAY
    if not applied.issuperset(migrations):
        return BEHIND
    return edge.problem if edge.directory.ready else LOADING


async def told(edge: Edge, migrations: Collection[Migration] = OWN_MIGRATIONS) -> tuple[bool, str]:
    """Whether it is ready, and what `/readyz` says: what is missing, and what staff should look at."""
    problem = await missing(edge, migrations)
    lines = [problem or "ok", *filter(None, [edge.notice])]
    return not problem, "".join(f"{line}\n" for line in lines)
