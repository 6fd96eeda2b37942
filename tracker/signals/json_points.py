"""Datapoints as JSON says them: an object each, as `{"name": "api.time", "type": "ms", "value": 12.5}`.

Beside these `tags` (an object of texts) and `rate` (the share of all that was sampled). A set's value is a
text or a number, and a gauge's may be a text with a sign: a step, as in statsd.
"""

import msgspec

from tracker.signals.datapoint import VALUE_MOST, Datapoint, NotADatapoint, Reason, SeriesKind, series

RATE_LEAST = 1e-6
KINDS = {kind.value: kind for kind in SeriesKind}


class JsonPoint(msgspec.Struct):
    """One datapoint; what else stands in it is passed over."""

    name: str
    type: str
    value: float | str
    tags: dict[str, str] = {}
    rate: float = 1.0


def read(point: JsonPoint) -> Datapoint:
    """The datapoint; raises NotADatapoint."""
    kind = KINDS.get(point.type)
    if kind is None:
        raise NotADatapoint(Reason.UNKNOWN_KIND)
    if not RATE_LEAST <= point.rate <= 1:
        raise NotADatapoint(Reason.BAD_RATE)
    of, weight = series(point.name, kind, point.tags), 1 / point.rate
    if kind is SeriesKind.SET:
        member = point.value if isinstance(point.value, str) else f"{point.value:.17g}"
        if not member:
            raise NotADatapoint(Reason.BAD_VALUE)
        return Datapoint(of, 0.0, weight, member=member)
    relative = isinstance(point.value, str)
    value = _step(point.value) if isinstance(point.value, str) and kind is SeriesKind.GAUGE else point.value
    if isinstance(value, str) or not abs(value) <= VALUE_MOST:
        raise NotADatapoint(Reason.BAD_VALUE)
    return Datapoint(of, value, weight, relative)


def _step(text: str) -> float:
    """What a gauge is to go up or down by."""
    sign, digits = text[:1], text[1:]
    try:
        number = msgspec.json.decode(digits, type=float)
    except msgspec.MsgspecError:
        raise NotADatapoint(Reason.BAD_VALUE) from None
    if sign not in ("+", "-") or digits[:1] == "-":
        raise NotADatapoint(Reason.BAD_VALUE)
    return -number if sign == "-" else number
