"""Tables are emptied after a test that commits: only those with rows, and what Django makes for itself stays.

Django's own way truncates all tables, which makes new files for each of them and their partitions, and makes
content types and permissions again: 140 ms of CPU for each of 450 tests, where this takes 20.
"""

from django.db import connection
from django.test import TransactionTestCase

# Made with the tables. No test changes them; after one that did, all is emptied and made again.
KEPT = ("django_content_type", "auth_permission")


def replace_flush() -> None:
    """Do so after each test that commits, from now on; call once the database is made."""
    flush, kept = TransactionTestCase._fixture_teardown, _counted()  # type: ignore[attr-defined]

    def empty(case: TransactionTestCase) -> None:
        if _counted() != kept:
            flush(case)
        elif filled := _filled():
            with connection.cursor() as cursor:
                cursor.execute(f"TRUNCATE {', '.join(map(connection.ops.quote_name, filled))} CASCADE")

    TransactionTestCase._fixture_teardown = empty  # type: ignore[attr-defined]


def _filled() -> list[str]:
    """Tables with rows."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    looks = (
        f"SELECT '{name}' WHERE EXISTS (SELECT FROM {connection.ops.quote_name(name)})"
        for name in names
        if name not in KEPT
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return [name for (name,) in cursor.fetchall()]


def _counted() -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(f'(SELECT count(*) FROM {name})' for name in KEPT)}")
        counts: tuple[int, ...] = cursor.fetchone()
        return counts
