"""What a new database needs before somebody can try Footfall: tables, a staff user, a site."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from analytics.up import unusable
from analytics.up.errors import CannotStart
from tracker.models import Site

OLDEST_POSTGRES = 15
ADMIN = "admin"


@dataclass(frozen=True)
class Welcome:
    """What the operator is told; `password` only by the start that made it."""

    site: Site | None
    password: str | None


def check_server() -> None:
    """Refuse a database that does not answer, or that Footfall cannot use. Raises CannotStart."""
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        reasons = str(error).strip().splitlines() or ["it says nothing"]
        raise CannotStart(f"The Postgres of DATABASE_URL does not answer: {reasons[0]}") from None
    version = connection.get_database_version()[0]
    if version < OLDEST_POSTGRES:
        raise CannotStart(
            f"The server of DATABASE_URL is Postgres {version},"
            f" and Footfall needs {OLDEST_POSTGRES} or newer."
        )
    if problem := unusable.problem():
        raise CannotStart(problem)


def migrate(say: Callable[[str], None]) -> None:
    """Bring the tables up to this version of the code; costs little where there is nothing to do."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        say(f"Making tables ({len(missing)} migrations) …")
        call_command("migrate", verbosity=0, interactive=False)


@transaction.atomic
def welcome() -> Welcome:
    """Make the staff user and the first site where nobody has an account; name the site to look at first."""
    password = None
    if not User.objects.exists():
        password = secrets.token_urlsafe(12)
        User.objects.create_superuser(ADMIN, password=password)
        if not Site.objects.exists():
            Site.objects.create(domain="localhost", hosts=["localhost", "127.0.0.1"])
    return Welcome(Site.objects.filter(demo=False).order_by("id").first(), password)


def demo_site() -> Site:
    """The site of `--demo`, made at its first use."""
    domain = "demo.footfall.example"
    return Site.objects.get_or_create(demo=True, defaults={"domain": domain, "hosts": [domain]})[0]
