"""Raw psycopg connections to Django's database, for threads that need COPY, LISTEN or locks.

They keep session state (settings, prepared statements, advisory locks): behind a pooler, only
its session mode will do.
"""

from typing import Any

import psycopg
from django.db import connection

# The server may not wait longer for us than we for it (settings): until it notices, what we had begun there
# keeps its locks, and nobody stores those page views: 40 s after a netsplit of 60; for hours if quiet.
SERVERS_PATIENCE = """
SELECT set_config(name, value, false) FROM (VALUES
    ('tcp_keepalives_idle', '5'), ('tcp_keepalives_interval', '2'), ('tcp_keepalives_count', '3'),
    ('tcp_user_timeout', '15000')) AS patience (name, value)
"""
DJANGOS_OWN = ("context", "cursor_factory", "prepare_threshold")


def connect() -> psycopg.Connection:
    """A new connection, autocommit off, rows as tuples. Raises psycopg.Error."""
    opened = psycopg.connect(**_parameters())
    try:
        # Not as startup options, which poolers refuse.
        opened.execute(SERVERS_PATIENCE)
        opened.commit()
    except psycopg.Error:
        opened.close()
        raise
    return opened


async def connect_async() -> psycopg.AsyncConnection:
    """A new connection for one question, on the running loop. Raises psycopg.Error."""
    return await psycopg.AsyncConnection.connect(**_parameters())


def _parameters() -> dict[str, Any]:
    parameters = {"application_name": "footfall", **connection.get_connection_params()}
    return {name: value for name, value in parameters.items() if name not in DJANGOS_OWN}
