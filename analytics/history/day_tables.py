"""Files of days as tables in SQL, whichever formats they are of, for all who read them."""

from collections.abc import Sequence
from pathlib import Path

from analytics.history.duck import literal

# What files of page views lack that were made before it was kept.
LATER = {"server": "VARCHAR"}


def files(paths: Sequence[str | Path]) -> str:
    """These files as one table, with what they have; paths are ours."""
    return "read_parquet([" + ", ".join(map(literal, paths)) + "], union_by_name = true)"


def views(paths: Sequence[str | Path]) -> str:
    """Files of page views as one table with all columns; texts that a file lacks are empty in it.

    Costs a little: for who speaks of these columns, or of all.
    """
    lacking = ", ".join(f"NULL::{kind} AS {name}" for name, kind in LATER.items())
    filled = ", ".join(f"coalesce({name}, '') AS {name}" for name in LATER)
    return (
        f"(SELECT * REPLACE ({filled}) FROM"
        f" (FROM {files(paths)} UNION ALL BY NAME SELECT {lacking} WHERE false))"
    )
