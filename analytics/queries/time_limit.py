"""How long Postgres may take over a question: what is too big for it ends in a sentence, no pile-up."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import OperationalError, connection, transaction


class TooMuch(Exception):
    """A question is too big, or there are too many; the message tells people so."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """One transaction of which no statement takes longer than `seconds`; raises TooMuch when one would."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('statement_timeout', %s, true)", [f"{round(seconds * 1000)}ms"]
                )
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise TooMuch(f"There are too many page views to work it out within {seconds:g} s.") from None
        raise
