"""Windows of datapoints as JSON shows them, in the API, in streams and on the page."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from tracker.signals.datapoint import Series, SeriesKind
from tracker.signals.windows import Row


class ShownWindow(msgspec.Struct):
    """One window; what its kind has not is left out. `at`: its begin, seconds since 1970."""

    at: int
    count: float
    rate: float | UnsetType = UNSET
    sum: float | UnsetType = UNSET
    last: float | UnsetType = UNSET
    mean: float | UnsetType = UNSET
    min: float | UnsetType = UNSET
    max: float | UnsetType = UNSET
    p50: float | UnsetType = UNSET
    p90: float | UnsetType = UNSET
    p99: float | UnsetType = UNSET
    deviation: float | UnsetType = UNSET
    distinct: int | UnsetType = UNSET


def _known(value: float | None) -> float | UnsetType:
    return UNSET if value is None else value


def window(row: Row, now: float | None = None) -> ShownWindow:
    """A window as it is shown. `now`: of one that fills, whose rate is that of the seconds gone by."""
    elapsed = row.seconds if now is None else min(max(now - row.at, 1.0), row.seconds)
    counter = row.series.kind is SeriesKind.COUNTER
    several = row.sum is not None and row.count and not counter
    shown = ShownWindow(
        at=row.at,
        count=row.count,
        sum=_known(row.sum),
        last=_known(row.last),
        mean=row.sum / row.count if several and row.sum is not None else UNSET,
        min=_known(row.least),
        max=_known(row.most),
        p50=_known(row.p50),
        p90=_known(row.p90),
        p99=_known(row.p99),
        deviation=_known(row.deviation),
        distinct=UNSET if row.distinct is None else row.distinct,
    )
    if row.series.kind is not SeriesKind.GAUGE:
        shown.rate = ((row.sum or 0.0) if counter else row.count) / elapsed
    return shown


def series(of: Series) -> dict[str, Any]:
    """What names a series."""
    return {"name": of.name, "type": of.kind.value, "tags": dict(of.tags)}
