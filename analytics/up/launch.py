"""What `manage.py up` must do before Django reads its settings: claim the data folder, and fill it."""

import os
import secrets
import sys
from dataclasses import dataclass

from analytics.configuration import table, unknown_names
from analytics.configuration.env_file import read_env_file
from analytics.up import home_owner, leaving_root, options, short_folder
from analytics.up.data_folder import DataFolder
from analytics.up.errors import CannotStart
from analytics.up.fleet import Fleet
from analytics.up.postgres import Postgres


@dataclass(frozen=True)
class Launch:
    """One start of `up`: what was asked for and prepared; `postgres` is None where DATABASE_URL serves."""

    options: options.Options
    data: DataFolder
    postgres: Postgres | None
    fleet: Fleet


def prepare(arguments: list[str]) -> Launch:
    """Prepare a start, or exit with 1 and one sentence. Raises ImproperlyConfigured for wrong settings."""
    read_env_file(options.ROOT / ".env")
    chosen = options.read(arguments)
    unknown_names.tell()
    table.check()
    try:
        return _prepare(chosen)
    except CannotStart as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)


def _prepare(chosen: options.Options) -> Launch:
    data = DataFolder(chosen.data)
    data.make()
    if os.geteuid() != 0:
        leaving_root.refuse_foreign(data)
    data.lock()
    given = os.environ.get("DATABASE_URL", "")
    if not given:
        # Before root is left, who may look where the original is, and before anything is made.
        home_owner.refuse_copy(data)
    listener = chosen.address.bound()
    leaving_root.leave(data, leaving_root.other_folders(), table.USER.value())
    leaving_root.refuse_foreign(data)
    # What is made from now on is for this account only.
    os.umask(0o077)
    data.clear()
    short_folder.clear()
    if not os.environ.get("SECRET_KEY") and data.secret_key() is None:
        data.write("secret_key", secrets.token_urlsafe(48))
    # `manage.py` commands beside this process find the database and the address here.
    postgres = None if given else Postgres(data, say=lambda line: print(line, flush=True))
    data.write("database_url", postgres.url if postgres else given)
    data.write("url", chosen.address.url)
    # Who is told an address may use it.
    os.environ["ALLOWED_HOSTS"] = ",".join(chosen.address.allowed(table.ALLOWED_HOSTS.value()))
    if warning := chosen.address.warning(bool(table.TRUSTED_PROXIES.value() or table.HTTPS.value())):
        print(warning, file=sys.stderr)
    os.environ["FOOTFALL_DATA"] = str(data.path)
    return Launch(chosen, data, postgres, Fleet(chosen, data, listener))
