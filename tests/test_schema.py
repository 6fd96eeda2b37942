"""What the first migration makes beyond Django's models: and that it can be taken back."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import call_command

from tracker.models import Site
from tracker.postgres.connect import connect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        connection.autocommit = True
        yield connection


def _one(connection: psycopg.Connection, query: str) -> list[str]:
    return [row[0] for row in connection.execute(query)]


def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_models_and_tables_have_the_same_columns(connection: psycopg.Connection) -> None:
    from django.apps import apps

    for model in apps.get_app_config("tracker").get_models():
        columns = _one(
            connection,
            f"SELECT attname FROM pg_attribute WHERE attrelid = '{model._meta.db_table}'::regclass"
            " AND attnum > 0 AND NOT attisdropped",
        )
        assert sorted(columns) == sorted(
            field.column for field in model._meta.concrete_fields if field.column
        )


def test_no_column_can_hold_an_address(connection: psycopg.Connection) -> None:
    assert not _one(
        connection,
        "SELECT table_name || '.' || column_name FROM information_schema.columns"
        " WHERE table_schema = 'public'"
        " AND (data_type IN ('inet', 'cidr') OR (table_name LIKE 'tracker%%' AND table_name <> 'tracker_site'"
        " AND column_name ~ '(^|_)(ip|addr|address|agent|user_agent)(_|$)'))",
    )


def test_times_know_their_zone(connection: psycopg.Connection) -> None:
    assert not _one(
        connection,
        "SELECT table_name || '.' || column_name FROM information_schema.columns"
        " WHERE table_schema = 'public'"
        " AND data_type = 'timestamp without time zone'",
    )


def test_every_growing_key_begins_with_the_site(connection: psycopg.Connection) -> None:
    first = connection.execute(
        "SELECT c.relname, a.attname, i.indisprimary FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree'"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
        " WHERE c.relname ~ '^tracker_(pageview|visit|event|recent|open_visit)'"
    ).fetchall()
    assert len(first) > 20
    assert {column for _, column, _ in first} == {"site_id"}
    keyed = {table for table, _, primary in first if primary}
    assert {"tracker_pageview", "tracker_visit", "tracker_event", "tracker_recent"} <= keyed


def test_growing_tables_refer_to_nothing(connection: psycopg.Connection) -> None:
    assert not _one(
        connection,
        "SELECT conname FROM pg_constraint WHERE contype = 'f'"
        " AND conrelid::regclass::text ~ '^tracker_(pageview|visit|event|recent|open_visit)'",
    )


@pytest.mark.parametrize("change", ["create", "update", "delete"])
def test_a_change_to_a_site_is_told(connection: psycopg.Connection, change: str) -> None:
    site = Site.objects.create(domain="example.org", hosts=["example.org"])
    connection.execute("LISTEN footfall_sites")
    assert not list(connection.notifies(timeout=0))
    if change == "create":
        Site.objects.create(domain="example.net", hosts=[])
    elif change == "update":
        Site.objects.update(domain="example.com")
    else:
        site.delete()
    assert [told.channel for told in connection.notifies(timeout=5, stop_after=1)] == ["footfall_sites"]


def test_the_migration_can_be_taken_back_and_made_again(connection: psycopg.Connection) -> None:
    left = (
        "SELECT relname FROM pg_class WHERE relname LIKE 'tracker%'"
        " UNION SELECT proname FROM pg_proc WHERE proname LIKE 'tracker%'"
    )

    def there() -> set[str]:
        # Whichever weeks there are: another test may have stored something in an old one.
        return {re.sub(r"_\d{4}w\d\d", "_week", name) for name in _one(connection, left)}

    before = there()
    assert "tracker_visit_week" in before
    try:
        call_command("migrate", "tracker", "zero", verbosity=0)
        assert _one(connection, left) == []
    finally:
        call_command("migrate", verbosity=0)
    assert there() == before
