"""Migrations suit a rolling update: processes of the release before go on writing while they are replaced."""

import importlib
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.models import Field, ManyToManyField
from django.db.models.fields import NOT_PROVIDED

from scripts.stands.waiting import wait_for
from tracker.postgres.connect import connect

ADD_SERVER: bytes = importlib.import_module("tracker.migrations.0012_server").ADD.encode()
OURS = ("analytics", "tracker")
# What a process that knows nothing of it would still ask for.
TAKE_AWAY = (
    operations.RemoveField,
    operations.RenameField,
    operations.DeleteModel,
    operations.RenameModel,
    operations.AlterModelTable,
)


def migrations() -> Iterator[tuple[str, Migration]]:
    for (app, name), migration in sorted(MigrationLoader(None).disk_migrations.items()):
        if app in OURS:
            yield f"{app}.{name}", migration


def steps(found: Sequence[operations.base.Operation]) -> Iterator[operations.base.Operation]:
    """What changes the database by the models; what only the state learns was written out by hand."""
    for each in found:
        if isinstance(each, operations.SeparateDatabaseAndState):
            yield from steps(each.database_operations)
        else:
            yield each


def may_be_left_out(field: Field) -> bool:  # type: ignore[type-arg]
    """Whether a row can be stored by who does not know this column."""
    return isinstance(field, ManyToManyField) or field.null or field.db_default is not NOT_PROVIDED


def test_no_migration_breaks_the_processes_of_before() -> None:
    for name, migration in migrations():
        made = {
            step.name_lower
            for step in steps(migration.operations)
            if isinstance(step, operations.CreateModel)
        }
        for step in steps(migration.operations):
            assert not isinstance(step, TAKE_AWAY), f"{name}: a release later, please"
            if isinstance(step, operations.AddField) and step.model_name_lower not in made:
                assert may_be_left_out(step.field), (
                    f"{name}: give {step.name} a db_default, or let it be null"
                )


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def scratch(connection: psycopg.Connection) -> Iterator[str]:
    """Page views in two partitions, in a schema of their own; what leads there."""
    name = f"scratch_{uuid.uuid4().hex}"
    connection.execute(f"CREATE SCHEMA {name}".encode())
    path = f"SET search_path = {name}"
    connection.execute(path.encode())
    connection.execute(
        "CREATE TABLE tracker_pageview (at integer NOT NULL, path text NOT NULL) PARTITION BY RANGE (at);"
        "CREATE TABLE early PARTITION OF tracker_pageview FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE late PARTITION OF tracker_pageview DEFAULT;"
        "INSERT INTO tracker_pageview SELECT n, 'was here' FROM generate_series(1, 100) n"
    )
    yield path
    connection.execute(f"DROP SCHEMA {name} CASCADE".encode())


@pytest.mark.django_db(transaction=True)
def test_servers_come_to_page_views_while_some_are_read_and_others_stored(
    connection: psycopg.Connection, scratch: str
) -> None:
    files = "SELECT array_agg(relfilenode ORDER BY relname) FROM pg_class WHERE relname IN ('early', 'late')"
    asked = "SELECT count(*) FROM pg_locks WHERE relation = 'late'::regclass AND NOT granted"
    before = connection.execute(files).fetchone()
    with connect() as reader, connect() as writer, ThreadPoolExecutor() as pool:
        writer.autocommit = True
        for each in (reader, writer):
            each.execute(scratch.encode())
        # Half of it is had before it comes to what is being read.
        reader.execute("SELECT FROM late LIMIT 1")
        migrating = pool.submit(connection.execute, ADD_SERVER)
        wait_for(lambda: (writer.execute(asked).fetchone() or [0])[0], what="the migration waits")
        writer.execute("SET lock_timeout = '20s'")
        for number in (5, 50):
            # As a process of the release before stores it.
            writer.execute("INSERT INTO tracker_pageview (at, path) VALUES (%s, 'came')", [number])
        assert not migrating.done()
        reader.rollback()
        migrating.result(60)
        writer.execute("INSERT INTO tracker_pageview (at, path) VALUES (5, 'came')")
        writer.execute("INSERT INTO tracker_pageview VALUES (50, 'told', 'web-1')")
        rows = writer.execute("SELECT server, count(*) FROM tracker_pageview GROUP BY server").fetchall()
    assert sorted(rows) == [("", 103), ("web-1", 1)]
    # Nothing was written anew.
    assert connection.execute(files).fetchone() == before


@pytest.mark.django_db(transaction=True)
def test_what_web_processes_of_before_write_is_still_taken(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO analytics_login_tries AS kept (digest, tries, at) VALUES ('a', 1, now())"
        " ON CONFLICT (digest) DO UPDATE SET (tries, at) = (SELECT least(kept.tries, 8) + 1, kept.at)"
        " RETURNING tries > 8, extract(epoch FROM at + interval '900 s' - now())::float8"
    )
    connection.execute(
        "INSERT INTO tracker_site (key, domain, hosts, timezone, enabled, demo, honour_dnt, hash_routes,"
        " query_parameters, excluded_addresses, excluded_paths, created_at) VALUES"
        " ('k', 'a.example', '{a.example}', 'UTC', true, false, false, false, '{}', '{}', '{}', now())"
    )
    row = connection.execute("SELECT page_parameters, fold_case, ref_parameters FROM tracker_site").fetchone()
    assert row == ([], False, True)
    # What is written now leaves out what only they know.
    connection.execute("INSERT INTO analytics_login_tries (digest, tries, until) VALUES ('b', 1, now())")
