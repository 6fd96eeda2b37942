"""The statsd protocol, as its clients of today send it, in lines of a datagram or a stream.

Sources: the original's wire format (github.com/statsd/statsd, docs/metric_types.md), DogStatsD's up to
version 1.3 (docs.datadoghq.com: tags, packed values, containers, timestamps), Telegraf's and InfluxDB's tags
within names. A sender's timestamp is passed over: a value counts when it arrives.
"""

from collections import Counter
from typing import NamedTuple

from tracker.signals import own_series
from tracker.signals.datapoint import VALUE_MOST, Datapoint, NotADatapoint, Reason, Series, SeriesKind, series

LINE_MOST = 8192  # bytes; DogStatsD's clients pack values into as much over a unix socket
HEADS_MOST, HEADS_BYTES_MOST = 50_000, 16 * 1024 * 1024
PACKED_MOST = 1000
RATE_LEAST = 1e-6
EVENT, CHECK = b"_e{", b"_sc|"
KINDS = {kind.value.encode(): kind for kind in SeriesKind}
NUMBER = frozenset(b"0123456789+-.eE")


class _Head(NamedTuple):
    """All that a line says beside its value."""

    series: Series
    weight: float


class Statsd:
    """Reads lines. It remembers what names and tags mean, since senders repeat them: half of the time."""

    def __init__(self) -> None:
        self._heads: dict[tuple[bytes, bytes], _Head] = {}
        self._bytes = 0  # of the lines from which they were learned
        self.refused: Counter[Reason] = Counter()

    @property
    def remembered(self) -> int:
        """How many names with their tags it knows the meaning of."""
        return len(self._heads)

    def read(self, lines: bytes) -> list[Datapoint]:
        """The datapoints of some whole lines; what cannot be read is counted in `refused`, and left out."""
        datapoints: list[Datapoint] = []
        heads = self._heads
        for line in lines.split(b"\n"):
            if not line:
                continue
            name, _, rest = line.partition(b":")
            value, _, kind = rest.partition(b"|")
            head = heads.get((name, kind))
            try:
                if len(line) > LINE_MOST:
                    raise NotADatapoint(Reason.TOO_LONG)
                if head is None:
                    head = self._learn(line, name, kind)
                if head.series.kind is not SeriesKind.SET and b":" not in value:
                    datapoints.append(_number(head, value))
                else:
                    datapoints += _others(head, value)
            except NotADatapoint as refused:
                self.refused[refused.reason] += 1
        return datapoints

    def _learn(self, line: bytes, name: bytes, kind: bytes) -> _Head:
        if line.startswith((EVENT, CHECK)):
            raise NotADatapoint(Reason.UNSUPPORTED)
        head = _head(name, kind)
        self._bytes += len(name) + len(kind)
        if len(self._heads) >= HEADS_MOST or self._bytes > HEADS_BYTES_MOST:
            # Rather learn the living ones anew than know for ever what was said once.
            self._heads.clear()
            self._bytes = len(name) + len(kind)
        self._heads[name, kind] = head
        return head


def _head(name: bytes, kind: bytes) -> _Head:
    """What a name, and what follows a value, mean; raises NotADatapoint."""
    letters, *fields = kind.rstrip(b"\r").split(b"|")
    if not letters:
        raise NotADatapoint(Reason.MALFORMED)
    known = KINDS.get(letters)
    if known is None:
        raise NotADatapoint(Reason.UNKNOWN_KIND)
    weight = 1.0
    tags: dict[str, str] = {}
    for field in fields:
        if field.startswith(b"@"):
            weight = 1 / _rate(field[1:])
        elif field.startswith(b"#"):
            tags |= _tags(_text(field[1:], Reason.BAD_TAGS), ":")
        elif not field.startswith((b"c:", b"T", b"e:", b"card:")):
            raise NotADatapoint(Reason.MALFORMED)
    own, _, within = _text(name, Reason.BAD_NAME).partition(",")
    of = series(own, known, _tags(within, "=") | tags)
    if own_series.is_reserved(of):
        raise NotADatapoint(Reason.RESERVED)
    return _Head(of, weight)


def _rate(text: bytes) -> float:
    rate = _finite(text, Reason.BAD_RATE)
    if not RATE_LEAST <= rate <= 1:
        raise NotADatapoint(Reason.BAD_RATE)
    return rate


def _tags(text: str, between: str) -> dict[str, str]:
    """Tags as pairs; one without a value has an empty one."""
    pairs = (tag.partition(between) for tag in text.split(",") if tag)
    return {key: value for key, _, value in pairs}


def _text(raw: bytes, reason: Reason) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise NotADatapoint(reason) from None


def _others(head: _Head, value: bytes) -> list[Datapoint]:
    """A member of a set, which may hold colons, or several values packed into one line."""
    if head.series.kind is SeriesKind.SET:
        member = _text(value, Reason.BAD_VALUE)
        if not member:
            raise NotADatapoint(Reason.BAD_VALUE)
        return [Datapoint(head.series, 0.0, head.weight, member=member)]
    values = value.split(b":")
    if len(values) > PACKED_MOST:
        raise NotADatapoint(Reason.TOO_LONG)
    return [_number(head, each) for each in values]


def _number(head: _Head, text: bytes) -> Datapoint:
    value = _finite(text, Reason.BAD_VALUE)
    relative = head.series.kind is SeriesKind.GAUGE and text[:1] in (b"+", b"-")
    return Datapoint(head.series, value, head.weight, relative)


def _finite(text: bytes, reason: Reason) -> float:
    """A number as JSON or C writes it: Python would also read blanks, underscores, `nan` and `infinity`."""
    try:
        value = float(text)
    except ValueError:
        raise NotADatapoint(reason) from None
    if not NUMBER.issuperset(text) or not abs(value) <= VALUE_MOST:
        raise NotADatapoint(reason)
    return value
