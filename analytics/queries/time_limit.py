"""How long a page's queries may take: a question too big for Postgres ends in a sentence, no pile-up."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import OperationalError, connection, transaction


class TookTooLong(Exception):
    """Postgres was stopped before it had the answer."""


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Let no statement inside take longer than this; raises TookTooLong when one would."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('statement_timeout', %s, true)", [f"{round(seconds * 1000)}ms"]
                )
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise TookTooLong from None
        raise
