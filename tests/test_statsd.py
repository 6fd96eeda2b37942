"""What servers say in the statsd protocol, and what is made of it when it is bent."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.signals.datapoint import Datapoint, Reason, Series, SeriesKind
from tracker.signals.statsd import LINE_MOST, Statsd


def read(lines: str | bytes) -> list[Datapoint]:
    reader = Statsd()
    datapoints = reader.read(lines.encode() if isinstance(lines, str) else lines)
    assert not reader.refused, reader.refused
    return datapoints


def refused(line: str | bytes) -> Reason:
    reader = Statsd()
    assert reader.read(line.encode() if isinstance(line, str) else line) == []
    assert reader.refused.total() == 1
    return next(iter(reader.refused))


def counter(name: str, *tags: tuple[str, str]) -> Series:
    return Series(name, SeriesKind.COUNTER, tags)


@pytest.mark.parametrize(
    ("line", "datapoint"),
    [
        ("logins:1|c", Datapoint(counter("logins"), 1)),
        ("logins:-3|c", Datapoint(counter("logins"), -3)),
        ("logins:1|c|@0.1", Datapoint(counter("logins"), 1, weight=10)),
        ("api.time:320.5|ms", Datapoint(Series("api.time", SeriesKind.TIMER), 320.5)),
        ("api.time:3.2e2|ms|@0.5", Datapoint(Series("api.time", SeriesKind.TIMER), 320, weight=2)),
        ("heap:1048576|g", Datapoint(Series("heap", SeriesKind.GAUGE), 1048576)),
        ("heap:+4|g", Datapoint(Series("heap", SeriesKind.GAUGE), 4, relative=True)),
        ("heap:-4|g", Datapoint(Series("heap", SeriesKind.GAUGE), -4, relative=True)),
        ("size:7|h", Datapoint(Series("size", SeriesKind.HISTOGRAM), 7)),
        ("size:7|d", Datapoint(Series("size", SeriesKind.DISTRIBUTION), 7)),
        ("users:anna|s", Datapoint(Series("users", SeriesKind.SET), 0, member="anna")),
        ("users:a:b:c|s", Datapoint(Series("users", SeriesKind.SET), 0, member="a:b:c")),
        ("größe:1|c", Datapoint(counter("größe"), 1)),
        ("logins:1|c\r", Datapoint(counter("logins"), 1)),
    ],
)
def test_each_kind_as_clients_send_it(line: str, datapoint: Datapoint) -> None:
    assert read(line) == [datapoint]


@pytest.mark.parametrize(
    "line",
    [
        "logins:1|c|#zone:eu,host:a",
        "logins:1|c|#host:a,zone:eu|@1",
        "logins:1|c|@1|#host:a,zone:eu",
        "logins,host=a,zone=eu:1|c",
        "logins,zone=eu:1|c|#host:a",
        "logins:1|c|#host:a,zone:eu|c:ci-83c0a3|T1656581400|e:it-false",
    ],
)
def test_tags_are_one_series_however_they_are_written(line: str) -> None:
    assert read(line) == [Datapoint(counter("logins", ("host", "a"), ("zone", "eu")), 1)]


def test_a_tag_needs_no_value_and_a_value_may_hold_colons() -> None:
    assert read("a:1|c|#canary,url:http://b:80/") == [
        Datapoint(counter("a", ("canary", ""), ("url", "http://b:80/")), 1)
    ]


def test_values_may_be_packed_and_lines_follow_each_other() -> None:
    assert [point.value for point in read("t:1:2.5:-3|ms|@1\n\nt:4|ms\n")] == [1, 2.5, -3, 4]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("logins", Reason.MALFORMED),
        ("logins:1", Reason.MALFORMED),
        ("logins:1|", Reason.MALFORMED),
        ("logins|c", Reason.MALFORMED),
        ("logins:1|c|what", Reason.MALFORMED),
        ("logins:1|x", Reason.UNKNOWN_KIND),
        (":1|c", Reason.BAD_NAME),
        ("site.views:1|c|#server:a,site:key", Reason.RESERVED),
        ("access.time,site=key:1|ms", Reason.RESERVED),
        (f"{'n' * 201}:1|c", Reason.BAD_NAME),
        ("a\x07b:1|c", Reason.BAD_NAME),
        (b"\xff\xfe:1|c", Reason.BAD_NAME),
        ("a:1|c|#:b", Reason.BAD_TAGS),
        ("a:1|c|#" + ",".join(f"t{n}:1" for n in range(21)), Reason.BAD_TAGS),
        (b"a:1|c|#\xff:b", Reason.BAD_TAGS),
        ("a:|c", Reason.BAD_VALUE),
        ("a:one|c", Reason.BAD_VALUE),
        ("a:nan|g", Reason.BAD_VALUE),
        ("a:inf|g", Reason.BAD_VALUE),
        ("a:1e400|g", Reason.BAD_VALUE),
        ("a:1e20|g", Reason.BAD_VALUE),
        ("a:1_000|c", Reason.BAD_VALUE),
        ("a: 1|c", Reason.BAD_VALUE),
        ("a:0x10|c", Reason.BAD_VALUE),
        ("a:|s", Reason.BAD_VALUE),
        ("a:1|c|@0", Reason.BAD_RATE),
        ("a:1|c|@2", Reason.BAD_RATE),
        ("a:1|c|@-1", Reason.BAD_RATE),
        ("a:1|c|@1e-300", Reason.BAD_RATE),
        ("a:1|c|@", Reason.BAD_RATE),
        ("_e{5,4}:title|text", Reason.UNSUPPORTED),
        ("_sc|Redis connection|2", Reason.UNSUPPORTED),
        ("a:1|c|#" + ",".join(f"{n:02}:{'ä' * 70}" for n in range(20)), Reason.BAD_TAGS),
        (f"{'n' * LINE_MOST}:1|c", Reason.TOO_LONG),
        ("a:" + "1:" * 1000 + "1|ms", Reason.TOO_LONG),
    ],
)
def test_what_is_bent_is_counted_by_its_reason_and_costs_itself_alone(
    line: str | bytes, reason: Reason
) -> None:
    assert refused(line) == reason
    reader = Statsd()
    raw = line if isinstance(line, bytes) else line.encode()
    assert len(reader.read(b"a:1|c\n" + raw + b"\nb:2|c")) == 2
    assert reader.refused == {reason: 1}


@given(st.binary(max_size=200))
def test_no_bytes_break_it_and_all_that_it_takes_is_a_number(junk: bytes) -> None:
    reader = Statsd()
    for point in reader.read(junk):
        assert math.isfinite(point.value)
        assert point.weight >= 1
        assert point.series.name.isprintable()
        assert bool(point.member) == (point.series.kind is SeriesKind.SET)


NAMES = st.text(st.characters(categories=("L", "N"), include_characters="._-"), min_size=1, max_size=30)


@given(
    NAMES,
    st.sampled_from([kind for kind in SeriesKind if kind is not SeriesKind.SET]),
    st.floats(-1e19, 1e19, allow_subnormal=False),
    st.dictionaries(NAMES, NAMES, max_size=5),
)
def test_what_a_client_writes_is_read(
    name: str, kind: SeriesKind, value: float, tags: dict[str, str]
) -> None:
    written = ",".join(f"{key}:{tag}" for key, tag in tags.items())
    (point,) = read(f"{name}:{value!r}|{kind}" + (f"|#{written}" if tags else ""))
    assert point.series == Series(name, kind, tuple(sorted(tags.items())))
    assert point.value == value


@pytest.mark.parametrize("known", [b"u:a|s", b"t:1|ms"])
def test_a_line_that_is_too_long_is_refused_where_its_name_is_known_too(known: bytes) -> None:
    reader = Statsd()
    assert len(reader.read(known)) == 1
    head, _, rest = known.partition(b":")
    assert reader.read(head + b":" + b"0" * LINE_MOST + rest) == []
    assert reader.refused == {Reason.TOO_LONG: 1}


def test_long_names_without_end_are_forgotten_by_their_bytes() -> None:
    reader = Statsd()
    for number in range(3000):
        # Passed over, and known all the same.
        reader.read(b"a:1|c|c:%d%s" % (number, b"x" * 8000))
    assert reader.remembered * 8000 <= 16 * 1024 * 1024
    assert not reader.refused


def test_names_without_end_are_forgotten() -> None:
    reader = Statsd()
    for number in range(60_000):
        reader.read(b"a%d:1|c" % number)
    assert reader.remembered <= 50_000
    assert reader.read(b"a1:1|c") == [Datapoint(counter("a1"), 1)]
