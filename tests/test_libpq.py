"""Statements past psycopg's cursors: what they give, what they raise, and what is left when they fail."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from scripts.stands.waiting import wait_for
from tracker.postgres import binary
from tracker.postgres import libpq as module
from tracker.postgres.connect import connect
from tracker.postgres.libpq import Direct

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        connection.execute("CREATE TEMPORARY TABLE kept (name text PRIMARY KEY, size int)")
        connection.commit()
        yield connection


@pytest.fixture
def direct(connection: psycopg.Connection) -> Direct:
    return Direct(connection)


def kept(connection: psycopg.Connection) -> set[str]:
    found = {name for (name,) in connection.execute("SELECT name FROM kept")}
    connection.commit()
    return found


def keep(direct: Direct, *names: str) -> None:
    direct.run("INSERT INTO kept SELECT * FROM unnest(%(names)s)", {"names": binary.texts(names)})


def keep_and_fail(direct: Direct, *names: str) -> None:
    keep(direct, *names)
    raise KeyError


def test_a_transaction_is_kept_as_a_whole_or_not_at_all(
    connection: psycopg.Connection, direct: Direct
) -> None:
    with direct.transaction():
        keep(direct, "a", "b")
    with pytest.raises(KeyError), direct.transaction():
        keep_and_fail(direct, "c")
    assert kept(connection) == {"a", "b"}


def test_inside_another_transaction_it_is_a_part_of_that(
    connection: psycopg.Connection, direct: Direct
) -> None:
    with connection.transaction():
        with pytest.raises(KeyError), direct.transaction():
            keep_and_fail(direct, "a")
        with direct.transaction():
            keep(direct, "b")
    assert kept(connection) == {"b"}


def test_errors_are_psycopgs_and_leave_a_connection_that_works(
    connection: psycopg.Connection, direct: Direct
) -> None:
    keep(direct, "a")
    connection.commit()
    with pytest.raises(psycopg.errors.UniqueViolation) as raised, direct.transaction():
        keep(direct, "a")
    assert (raised.value.sqlstate, raised.value.diag.table_name) == ("23505", "kept")
    with pytest.raises(psycopg.errors.UndefinedTable), direct.transaction():
        direct.run("SELECT * FROM nowhere", {})
    with direct.transaction():
        keep(direct, "b")
    assert kept(connection) == {"a", "b"}


def rows(*names: bytes) -> bytes:
    return b"".join(
        [
            b"PGCOPY\n\xff\r\n\0" + bytes(8),
            *(b"\0\1" + len(name).to_bytes(4, "big") + name for name in names),
            b"\xff\xff",
        ]
    )


def test_copy_takes_more_than_a_socket_holds(connection: psycopg.Connection, direct: Direct) -> None:
    names = [str(n).encode() * 2000 for n in range(1000, 1500)]
    with direct.transaction():
        direct.copy("COPY kept (name) FROM STDIN (FORMAT BINARY)", rows(*names))
    assert {name.encode() for name in kept(connection)} == set(names)


def test_a_row_that_copy_refuses_is_an_error_of_the_data(
    connection: psycopg.Connection, direct: Direct
) -> None:
    for bad in (b"\0", b"\xff"):
        with pytest.raises(psycopg.DataError), direct.transaction():
            direct.copy("COPY kept (name) FROM STDIN (FORMAT BINARY)", rows(b"good", bad))
    assert kept(connection) == set()


def test_a_lost_connection_is_told_as_one(connection: psycopg.Connection, direct: Direct) -> None:
    with connect() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    with pytest.raises(psycopg.OperationalError), direct.transaction():
        keep(direct, "a")
    assert connection.closed
    with pytest.raises(psycopg.OperationalError), direct.transaction():
        keep(direct, "a")


def test_plans_are_let_go_of_when_they_are_too_many(
    connection: psycopg.Connection, direct: Direct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PREPARED", 3)
    for n in [*range(5), 0, 4]:
        assert [binary.integer(row[0]) for row in direct.run(f"SELECT {n}", {})] == [n]
    found = connection.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'batch%'")
    assert 0 < next(found)[0] <= 3


def test_plans_outlive_what_cursors_do(connection: psycopg.Connection, direct: Direct) -> None:
    keep(direct, "a")
    connection.rollback()
    for _ in range(10):
        connection.execute("SELECT 1")
    connection.execute("CREATE TEMPORARY TABLE other (); DROP TABLE other")
    connection.rollback()
    keep(direct, "b")
    assert kept(connection) == {"a", "b"}


def test_other_threads_go_on_while_postgres_is_waited_for(
    connection: psycopg.Connection, direct: Direct
) -> None:
    """A copy that waits for a lock: whoever could let go of it would never get to that."""
    copied = threading.Thread(
        target=direct.copy, args=["COPY tracker_minute (site_id) FROM STDIN (FORMAT BINARY)", rows()]
    )
    with connect() as other:
        other.execute("LOCK TABLE tracker_minute")
        copied.start()
        wait_for(lambda: _waits(other, connection.info.backend_pid))
    copied.join(10)
    assert not copied.is_alive()


def _waits(other: psycopg.Connection, pid: int) -> bool:
    found = other.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid]).fetchone()
    return bool(found and found[0])
