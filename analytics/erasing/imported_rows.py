"""What other products counted of days, or of pages, that are erased: it would else come to light again."""

from datetime import date

import psycopg

# Days that the site counted itself hide what was imported of them, until they are erased.
DAYS = """
DELETE FROM analytics_imported_figure t USING analytics_imported_file f
WHERE t.file_id = f.id AND f.site_id = %(site)s AND t.day >= %(first)s AND t.day <= %(last)s
"""
PAGES = DAYS + " AND t.dimension = ANY(%(dimensions)s) AND t.name ~ %(pattern)s"
OF_PAGES = ["page", "entry_page", "exit_page"]
COUNT = """
UPDATE analytics_imported_file f
SET figures = (SELECT count(*) FROM analytics_imported_figure t WHERE t.file_id = f.id)
WHERE f.site_id = %(site)s AND f.last >= %(first)s AND f.first <= %(last)s
"""


def erase(
    connection: psycopg.Connection, site_id: int, first: date, last: date, pattern: str | None = None
) -> None:
    """Delete figures of these days: all, or those of pages that a regular expression matches whole.

    Raises psycopg.Error with nothing changed.
    """
    values = {"site": site_id, "first": first, "last": last, "dimensions": OF_PAGES}
    with connection.transaction():
        if pattern is None:
            connection.execute(DAYS, values)
        else:
            # What is escaped in a pattern means the same to Postgres.
            connection.execute(PAGES, values | {"pattern": f"^(?:{pattern})$"})
        connection.execute(COUNT, values)
