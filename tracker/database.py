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
DJANGOS_OWN = ("context", "cursor_factory", "prepare_threshold")


def connect() -> psycopg.Connection:
    """A new connection, autocommit off, rows as tuples. Raises psycopg.OperationalError."""
    params: dict[str, Any] = {**PATIENCE, "application_name": "footfall"}
    params |= connection.get_connection_params()
    for name in DJANGOS_OWN:
        params.pop(name)
    return psycopg.connect(**params)
