"""Raw psycopg connections to Django's database, for threads that need COPY, LISTEN or locks.

They keep session state (settings, prepared statements, advisory locks): behind a pooler, only
its session mode will do.
"""

import asyncio
from typing import Any, LiteralString

import psycopg
from django.conf import settings

PATIENCE_SECONDS = 3.0  # that Postgres has to answer a question of health

# The server may not wait longer for us than we for it (settings): until it notices, what we had begun there
# keeps its locks, and nobody stores those page views: 40 s after a netsplit of 60; for hours if quiet.
SERVERS_PATIENCE = """
SELECT set_config(name, value, false) FROM (VALUES
    ('tcp_keepalives_idle', '5'), ('tcp_keepalives_interval', '2'), ('tcp_keepalives_count', '3'),
    ('tcp_user_timeout', '15000')) AS patience (name, value)
"""
# Django's settings of a database, and what libpq calls them.
NAMES = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}


def connect() -> psycopg.Connection:
    """A new connection, autocommit off, rows as tuples. Raises psycopg.Error."""
    try:
        opened = psycopg.connect(**parameters())
    except psycopg.Error as error:
        raise _alone(error) from None
    try:
        # Not as startup options, which poolers refuse.
        opened.execute(SERVERS_PATIENCE)
        opened.commit()
    except psycopg.Error:
        opened.close()
        raise
    return opened


def parameters() -> dict[str, Any]:
    """What libpq is told of Django's database: address, password, patience.

    From the settings, not from Django's connection: it would load all of its models.
    """
    database = settings.DATABASES["default"]
    address = {name: database[djangos] for djangos, name in NAMES.items() if database.get(djangos)}
    return {"application_name": "footfall", "client_encoding": "UTF8", **database["OPTIONS"], **address}


async def ask(question: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    """The rows of one question, on a connection of its own and the running loop: it holds no thread.

    Raises psycopg.Error, and TimeoutError after PATIENCE_SECONDS, whatever the server does.
    """
    asking = asyncio.create_task(_ask(question, values))
    asking.add_done_callback(_forget)
    try:
        # Not `asyncio.timeout`: psycopg answers a cancellation only after up to 10 s of its own.
        if not (await asyncio.wait({asking}, timeout=PATIENCE_SECONDS))[0]:
            raise TimeoutError
        return asking.result()
    finally:
        asking.cancel()
        del asking  # whose error would hold it, by this frame


async def _ask(question: LiteralString, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
    try:
        opened = await psycopg.AsyncConnection.connect(**parameters())
    except psycopg.Error as error:
        raise _alone(error) from None
    async with opened as postgres:
        return await (await postgres.execute(question, values)).fetchall()


def _alone(error: psycopg.Error) -> psycopg.Error:
    """The error without the frames it comes from: psycopg's keep it, and it keeps them.

    Each try while Postgres is away would leave 12 KB of libpq's behind until garbage is looked for.
    """
    if error.pgconn is not None:
        error.pgconn.finish()
    return error.with_traceback(None)


def _forget(asked: asyncio.Task[Any]) -> None:
    """Look at the error of a question that nobody waits for any more: else asyncio complains of it."""
    if not asked.cancelled():
        asked.exception()
