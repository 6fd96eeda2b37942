"""Raw psycopg connections to Django's database, for threads that need COPY, LISTEN or locks.

They keep session state (temporary tables, prepared statements, advisory locks): behind a pooler, only
its session mode will do.
"""

from typing import Any

import psycopg
from django.db import connection

# Without these, a server that vanished without goodbye (power, firewall) would hold a thread for hours.
PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# Nor may the server wait longer for us: until it notices, what we had begun there keeps its locks, and no
# other connection stores those page views (40 s after a netsplit of 60; for hours, if it had nothing to say).
SERVERS_PATIENCE = """
SELECT set_config(name, value, false) FROM (VALUES
    ('tcp_keepalives_idle', '5'), ('tcp_keepalives_interval', '2'), ('tcp_keepalives_count', '3'),
    ('tcp_user_timeout', '15000')) AS patience (name, value)
"""
DJANGOS_OWN = ("context", "cursor_factory", "prepare_threshold")


def connect() -> psycopg.Connection:
    """A new connection, autocommit off, rows as tuples. Raises psycopg.Error."""
    params: dict[str, Any] = {**PATIENCE, "application_name": "footfall"}
    params |= connection.get_connection_params()
    for name in DJANGOS_OWN:
        params.pop(name)
    opened = psycopg.connect(**params)
    try:
        # Not as startup options, which poolers refuse.
        opened.execute(SERVERS_PATIENCE)
        opened.commit()
    except psycopg.Error:
        opened.close()
        raise
    return opened
