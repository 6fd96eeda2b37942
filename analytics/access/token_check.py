"""Whether a header holds a token, for edges, which start without models: the settings name it to them."""

from analytics.access.token_text import is_of, name_in, text_in
from tracker.postgres.connect import ask


async def holds_token(header: str) -> bool:
    """Whether an `Authorization` header is `Bearer` with a token that is known.

    Raises psycopg.Error and TimeoutError.
    """
    text = text_in(header)
    name = name_in(text)
    if name is None:
        return False
    rows = await ask("SELECT digest FROM analytics_token WHERE name = %s", name)
    return bool(rows) and is_of(text, bytes(rows[0][0]))
