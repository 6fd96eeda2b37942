"""Series that Footfall itself says of a site: who may see the site sees them, nobody else says them. Pure."""

from typing import Final

from tracker.signals.datapoint import Series

OWN_NAMES: Final = ("site.", "access.")
SITE: Final = "site"


def site_of(series: Series) -> str | None:
    """The key of the site whose series this is; None for a series of anything else."""
    return dict(series.tags).get(SITE) if series.name.startswith(OWN_NAMES) else None


def is_reserved(series: Series) -> bool:
    """Whether only Footfall itself says it: others would forge what a site counts."""
    return site_of(series) is not None
