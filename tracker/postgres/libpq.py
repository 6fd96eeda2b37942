"""Statements and COPY by libpq itself, as psycopg shows it (`psycopg.pq`), in binary both ways.

psycopg's cursors took half of the Python of a batch (276 of 539 samples of an edge under load).
"""

import re
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import errors
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from tracker.postgres.binary import Array

# Each takes Postgres some 100 KB; there are ten, and one more for each span of weeks.
MOST_PREPARED = 64
GOOD = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.COPY_IN)

Columns = dict[str, Array]
Row = list[bytes]


class Direct:
    """A connection spoken to without cursors; not for use by two threads."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """The connection's cursors prepare nothing any more: with their plans psycopg would drop ours."""
        connection.prepare_threshold = None
        self._connection = connection
        self._libpq = connection.pgconn
        self._prepared: dict[str, tuple[bytes, list[str]]] = {}  # name and parameters, by text

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end; on an error roll back. Inside another transaction it is a part of that."""
        if self._libpq.transaction_status != TransactionStatus.IDLE:
            with self._connection.transaction():
                yield
            return
        self._do(b"BEGIN")
        try:
            yield
        except BaseException:
            with suppress(psycopg.Error):
                self._do(b"ROLLBACK")
            raise
        self._do(b"COMMIT")

    def run(self, statement: str, columns: Columns) -> list[Row]:
        """The rows of a statement with parameters like `%(name)s`, each of these a column; NULL is empty.

        Raises psycopg.Error.
        """
        name, parameters = self._prepared.get(statement) or self._prepare(statement, columns)
        result = self._checked(
            self._libpq.exec_prepared(
                name, [columns[each].data for each in parameters], [1] * len(parameters), 1
            )
        )
        width = range(result.nfields)
        return [[result.get_value(row, column) or b"" for column in width] for row in range(result.ntuples)]

    def copy(self, statement: str, rows: bytes) -> None:
        """COPY … FROM STDIN. Raises psycopg.Error."""
        self._do(statement.encode())
        self._libpq.put_copy_data(rows)
        self._libpq.put_copy_end()
        # libpq would wait for the answer as well, but psycopg keeps the interpreter's lock meanwhile.
        while self._libpq.flush():
            self._wait(select.POLLIN | select.POLLOUT)
        while self._libpq.is_busy():
            self._wait(select.POLLIN)
        while result := self._libpq.get_result():
            self._checked(result)

    def _wait(self, events: int) -> None:
        waiting = select.poll()
        waiting.register(self._libpq.socket, events)
        if any(event & ~select.POLLOUT for _, event in waiting.poll()):
            self._libpq.consume_input()

    def _prepare(self, statement: str, columns: Columns) -> tuple[bytes, list[str]]:
        if len(self._prepared) >= MOST_PREPARED:
            self._do(b"DEALLOCATE ALL")
            self._prepared.clear()
        parameters = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
        text = re.sub(r"%\((\w+)\)s", lambda found: f"${parameters.index(found[1]) + 1}", statement)
        name = b"batch_%d" % len(self._prepared)
        self._checked(self._libpq.prepare(name, text.encode(), [columns[each].oid for each in parameters]))
        self._prepared[statement] = name, parameters
        return name, parameters

    def _do(self, command: bytes) -> None:
        self._checked(self._libpq.exec_(command))

    def _checked(self, result: PGresult) -> PGresult:
        if result.status in GOOD:
            return result
        if self._libpq.status == ConnStatus.BAD:
            raise psycopg.OperationalError("The connection is lost.")
        raise errors.error_from_result(result)
