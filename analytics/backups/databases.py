"""The databases of one instance: the one that serves, one that is being restored, and those kept aside."""

import re
import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from analytics.backups.errors import BackupTrouble
from analytics.backups.loading import leave_out

# A name has 63 bytes at most.
LONGEST_NAME = 32
# A server's process lives on for a moment after its connection is closed: our own last one, too.
GOODBYE_SECONDS = 3.0
CREATE = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'")
DROP = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
RENAME = sql.SQL("ALTER DATABASE {} RENAME TO {}")
CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = %s AND backend_type = 'client backend'
"""


class Databases:
    """Makes, swaps and drops them, over the server's database `postgres`."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        """`parameters`: libpq's, of the database that serves. Raises BackupTrouble."""
        self._parameters = parameters
        self.name = str(parameters["dbname"])
        self._prefix = f"{self.name[:LONGEST_NAME]}_before_"
        self.new = f"{self.name[:LONGEST_NAME]}_restoring"
        try:
            self._connection = psycopg.connect(**{**parameters, "dbname": "postgres"}, autocommit=True)
        except psycopg.OperationalError as error:
            raise BackupTrouble(f"The server's database postgres does not answer: {_said(error)}") from None

    def make_new(self) -> None:
        """An empty database to restore into, in place of one that a killed restore left.

        Raises BackupTrouble when this role may not.
        """
        try:
            self.drop_new()
            self._connection.execute(CREATE.format(sql.Identifier(self.new)))
        except psycopg.errors.InsufficientPrivilege:
            role = self._connection.info.user
            raise BackupTrouble(
                f"The role {role} may not make a database to restore into: let the server's owner say"
                f' ALTER ROLE "{role}" CREATEDB.'
            ) from None
        except psycopg.Error as error:
            raise BackupTrouble(f"No database can be made to restore into: {_said(error)}") from None

    def drop_new(self) -> None:
        """Drop it, if it is there. Raises psycopg.Error."""
        self._connection.execute(DROP.format(sql.Identifier(self.new)))

    def in_use(self) -> int:
        """How many connections there are to the one that serves, once those that end have ended."""
        until = time.monotonic() + GOODBYE_SECONDS
        while (number := self._connections()) and time.monotonic() < until:
            time.sleep(0.05)
        return number

    def _connections(self) -> int:
        found = self._connection.execute(CONNECTIONS, [self.name]).fetchone()
        return int(found[0]) if found else 0

    def swap(self, stamp: str) -> str:
        """Let the new one serve; under which name the one before is kept. All or nothing.

        Raises BackupTrouble.
        """
        return self._swap(self.new, stamp)

    def bring_back(self, kept: str, stamp: str) -> str:
        """The same for one that was kept aside. Raises BackupTrouble."""
        return self._swap(kept, stamp)

    def kept(self) -> list[str]:
        """Those that are kept aside, the newest first."""
        named = re.compile(re.escape(self._prefix) + r"\d{8}_\d+")
        names = [str(name) for (name,) in self._connection.execute("SELECT datname FROM pg_database")]
        return sorted(filter(named.fullmatch, names), reverse=True)

    def strip(self, kept: str) -> None:
        """Empty what no backup holds in one that is kept aside: no job deletes its salts when they are over.

        Raises BackupTrouble.
        """
        try:
            with psycopg.connect(**{**self._parameters, "dbname": kept}) as connection:
                leave_out(connection)
        except psycopg.Error as error:
            raise BackupTrouble(
                f"It is done, but salts are left in {kept}, which must not outlive 48 hours ({_said(error)}):"
                " delete it with --forget."
            ) from None

    def stamp_of(self, kept: str) -> str:
        """When one was put aside, as `swap` was told."""
        return kept.removeprefix(self._prefix)

    def drop(self, kept: str) -> None:
        """Drop one that is kept aside. Raises psycopg.Error."""
        self._connection.execute(DROP.format(sql.Identifier(kept)))

    def close(self) -> None:
        self._connection.close()

    def _swap(self, other: str, stamp: str) -> str:
        aside = self._prefix + stamp
        try:
            with self._connection.transaction():
                for old, new in ((self.name, aside), (other, self.name)):
                    self._connection.execute(RENAME.format(sql.Identifier(old), sql.Identifier(new)))
        except psycopg.Error as error:
            raise BackupTrouble(
                f"The database {self.name} cannot be put aside: {_said(error)}. Nothing was changed."
            ) from None
        return aside


def _said(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error)).strip().splitlines()[0]
