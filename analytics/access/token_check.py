"""Whether a header holds a token, for edges, which start without models: the settings name it to them."""

import asyncio

from analytics.access.token_text import is_of, name_in, text_in
from tracker.postgres.connect import connect_async

PATIENCE = 3.0  # seconds that Postgres has to answer


async def holds_token(header: str) -> bool:
    """Whether an `Authorization` header is `Bearer` with a token that is known.

    Raises psycopg.Error and TimeoutError.
    """
    text = text_in(header)
    name = name_in(text)
    if name is None:
        return False
    async with asyncio.timeout(PATIENCE):
        async with await connect_async() as postgres:
            cursor = await postgres.execute("SELECT digest FROM analytics_token WHERE name = %s", [name])
            row = await cursor.fetchone()
    return row is not None and is_of(text, bytes(row[0]))
