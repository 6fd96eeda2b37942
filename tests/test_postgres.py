"""The embedded Postgres' launcher, against the real thing."""

import pytest
from django.db import connection


@pytest.mark.django_db
def test_tests_run_on_the_embedded_postgres() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW listen_addresses")
        assert cursor.fetchone() == ("",)
        cursor.execute(
            "SELECT datname, datlocprovider, datlocale FROM pg_database WHERE datname = current_database()"
        )
        print(cursor.fetchone())
