"""Sites put into a running product's database: as `manage.py addsite` does, which takes a second of CPU."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from scripts.stands.waiting import wait_for
from tracker.contract.site_keys import new_key
from tracker.sites.directory import READ_SALTS, READ_SITES
from tracker.sites.hosts import site_hosts

KNOWN_SECONDS = 20.0
# What is not said here is as in the site of the first start.
ADD = """
INSERT INTO tracker_site
SELECT made.* FROM tracker_site first_site, jsonb_populate_record(first_site, jsonb_build_object(
    'id', nextval(pg_get_serial_sequence('tracker_site', 'id')), 'created_at', now(),
    'key', %s::text, 'domain', %s::text, 'hosts', %s::text[], 'timezone', %s::text
)) made WHERE first_site.id = (SELECT min(id) FROM tracker_site) RETURNING id
"""
# Whoever holds sites in memory has read the salts since, which they read last.
HAVE_READ = """
SELECT bool_and(query = %(salts)s AND state = 'idle' AND query_start > %(since)s)
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
AND (query = %(sites)s OR query LIKE '%%tracker_salt%%' OR query = 'LISTEN footfall_sites')
"""


def add_site(url: str, domain: str, more: list[str], zone: str) -> str:
    """The key of a new site in this database, which every process that serves it knows by now."""
    key = new_key()
    hosts = site_hosts(domain, more)
    with psycopg.connect(url, autocommit=True) as connection:
        made = connection.execute(ADD, [key, hosts[0], hosts, zone]).fetchone()
        assert made, "There is no first site: nobody has started on this database."
        salted = "SELECT count(*) > 1 FROM tracker_salt WHERE site_id = %s"
        wait_for(lambda: _answer(connection, salted, made), KNOWN_SECONDS, "the salts of a new site")
        # Read once more by all: who makes the salts has read the site, and the others may be about to.
        since: datetime = connection.execute("SELECT clock_timestamp()").fetchone()[0]  # type: ignore[index]
        connection.execute("NOTIFY footfall_sites")
        told = {"salts": READ_SALTS, "sites": READ_SITES, "since": since}
        wait_for(lambda: _answer(connection, HAVE_READ, told), KNOWN_SECONDS, "all to know a new site")
    return key


def _answer(
    connection: psycopg.Connection, query: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> bool:
    """What Postgres says to a question of yes and no."""
    row = connection.execute(query, parameters).fetchone()
    return bool(row and row[0])
