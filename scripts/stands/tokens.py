"""API tokens put into a running product's database: as `manage.py addtoken` does, in a second of CPU less."""

from collections.abc import Sequence

import psycopg

from analytics.access import token_text

ADD = """
INSERT INTO analytics_token (name, digest, all_sites, write, servers, created_at)
VALUES (%s, %s, %s, %s, %s, now()) RETURNING id
"""
OF_SITES = """
INSERT INTO analytics_token_sites (token_id, site_id) SELECT %s, id FROM tracker_site WHERE key = ANY(%s)
"""


def add_token(url: str, keys: Sequence[str], write: bool, servers: bool) -> str:
    """The text of a new token for the sites of these keys, or for all."""
    name, text = token_text.new_text()
    with psycopg.connect(url) as connection:
        values = [name, token_text.digest(text), not keys, write, servers]
        made = connection.execute(ADD, values).fetchone()
        assert made
        found = connection.execute(OF_SITES, [made[0], list(keys)]).rowcount
        assert found == len(keys), "Some of these sites are not there."
    return text
