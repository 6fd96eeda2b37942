"""Datapoints as JSON, names with stars, and the unix socket between who gathers windows and who shows."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.stands.folders import temporary_folder
from tracker.server import ports
from tracker.signals import json_points
from tracker.signals.datapoint import Datapoint, NotADatapoint, Series, SeriesKind
from tracker.signals.exchange import Exchange
from tracker.signals.exchange_messages import Answered, Follow, Take, Taken, Told, line
from tracker.signals.json_points import JsonPoint
from tracker.signals.name_patterns import NamePatterns
from tracker.signals.signals import Signals
from tracker.signals.statsd import Statsd
from tracker.signals.windows import Row

PATIENCE = 20.0


@pytest.mark.parametrize(
    ("said", "as_statsd"),
    [
        ({"name": "a", "type": "c", "value": 2, "rate": 0.5}, b"a:2|c|@0.5"),
        ({"name": "a", "type": "ms", "value": 12.5, "tags": {"z": "1", "b": ""}}, b"a:12.5|ms|#b,z:1"),
        ({"name": "a", "type": "g", "value": -4}, None),
        ({"name": "a", "type": "g", "value": "-4"}, b"a:-4|g"),
        ({"name": "a", "type": "g", "value": "+0.5"}, b"a:+0.5|g"),
        ({"name": "a", "type": "s", "value": "ümläut:1"}, "a:ümläut:1|s".encode()),
        ({"name": "a", "type": "s", "value": 7}, b"a:7|s"),
    ],
)
def test_json_says_what_statsd_says(said: dict[str, Any], as_statsd: bytes | None) -> None:
    found = json_points.read(msgspec.convert(said, JsonPoint))
    if as_statsd is None:  # in statsd a sign is a step
        assert found == Datapoint(Series("a", SeriesKind.GAUGE), -4.0)
    else:
        assert [found] == Statsd().read(as_statsd)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"name": "", "type": "c", "value": 1}, "bad_name"),
        ({"name": "a\0", "type": "c", "value": 1}, "bad_name"),
        ({"name": "a", "type": "q", "value": 1}, "unknown_kind"),
        ({"name": "a", "type": "c", "value": 1, "rate": 0}, "bad_rate"),
        ({"name": "a", "type": "c", "value": 1, "rate": 1.5}, "bad_rate"),
        ({"name": "a", "type": "c", "value": 1e20}, "bad_value"),
        ({"name": "a", "type": "c", "value": "1"}, "bad_value"),
        ({"name": "a", "type": "g", "value": "4"}, "bad_value"),
        ({"name": "a", "type": "g", "value": "+-4"}, "bad_value"),
        ({"name": "a", "type": "g", "value": "+1e999"}, "bad_value"),
        ({"name": "a", "type": "s", "value": ""}, "bad_value"),
        ({"name": "a", "type": "c", "value": 1, "tags": {str(n): "" for n in range(21)}}, "bad_tags"),
    ],
)
def test_what_json_cannot_say_has_its_reason(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotADatapoint) as refused:
        json_points.read(msgspec.convert(said, JsonPoint))
    assert refused.value.reason == reason


@given(st.text("ab.*", max_size=12), st.text("ab.", max_size=12))
def test_a_star_stands_for_any_text(pattern: str, name: str) -> None:
    assert NamePatterns([pattern]).keep(name) == fnmatchcase(name, pattern)


def test_a_pattern_of_many_stars_takes_no_longer() -> None:
    # Without atomic groups this is 10^9 ways.
    assert not NamePatterns(["*a" * 90 + "b"]).keep("a" * 200)
    assert NamePatterns(["other*", re.escape("x.y"), "(other)"]).keep("(other)")


class StoppedClock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class ExchangeStand:
    """An exchange on a unix socket, and one process at it."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.stored = StoppedClock(), list[list[Row]]()
        self.exchange = Exchange(self.stored.append)
        self.put_back = 0
        self.signals = Signals(self.exchange.put, self.clock, self._count_put_back)
        self._path = folder / "signals"

    def _count_put_back(self) -> None:
        self.put_back += 1

    @asynccontextmanager
    async def open(self) -> AsyncIterator["ExchangeStand"]:
        async with self.exchange.open(ports.on_file(self._path), self.signals):
            self._reader, self._writer = await asyncio.open_unix_connection(self._path)
            running = asyncio.create_task(self.signals.run(lambda: None))
            try:
                yield self
            finally:
                running.cancel()
                self._writer.close()

    def say(self, message: Take | Follow) -> None:
        self._writer.write(line(message))

    async def hear(self) -> Taken | Told:
        async with asyncio.timeout(PATIENCE):
            answer: Taken | Told = msgspec.json.decode(await self._reader.readline(), type=Answered)
            return answer

    async def hear_row(self, name: str, ended: bool) -> Row:
        while True:
            told = await self.hear()
            for row in told.rows if isinstance(told, Told) and told.ended == ended else ():
                if row.series.name == name:
                    return row


async def test_what_is_sent_is_told_while_its_window_fills_and_when_it_ends() -> None:
    with temporary_folder("footfall-exchange-") as folder:
        async with ExchangeStand(folder).open() as stand:
            stand.say(Follow(["api.*"]))
            points = [JsonPoint("api.calls", "c", 1.0), JsonPoint("other", "c", 1.0), JsonPoint("", "c", 1.0)]
            stand.say(Take(7, points))
            assert await stand.hear() == Taken(7)
            told = await stand.hear()
            assert isinstance(told, Told)
            assert [(row.series.name, row.sum) for row in told.rows] == [("api.calls", 1.0)]
            stand.say(Take(8, points[:1]))
            assert (await stand.hear_row("api.calls", ended=False)).sum == 2.0
            stand.clock.now += 10
            ended = await stand.hear_row("api.calls", ended=True)
            assert (ended.sum, ended.at, ended.seconds) == (2.0, 1_000_000, 10)
            assert ended in stand.stored[0]
            # What could not be taken is said where all the others are.
            (refused,) = (row for row in stand.stored[0] if row.series.name == "footfall.signals.refused")
            assert refused.series.tags == (("reason", "bad_name"),)


async def test_who_follows_late_is_told_of_windows_that_have_just_ended() -> None:
    """They may not be in the tables yet."""
    with temporary_folder("footfall-exchange-") as folder:
        async with ExchangeStand(folder).open() as stand:
            stand.say(Take(1, [JsonPoint("a", "c", 3.0)]))
            assert await stand.hear() == Taken(1)
            stand.clock.now += 10
            stand.say(Follow(["footfall.signals.taken"]))
            await stand.hear_row("footfall.signals.taken", ended=True)
            stand.say(Follow(["a"]))
            assert (await stand.hear_row("a", ended=True)).sum == 3.0


async def test_a_clock_that_is_put_back_ends_windows_and_begins_others() -> None:
    with temporary_folder("footfall-exchange-") as folder:
        async with ExchangeStand(folder).open() as stand:
            stand.say(Follow(["a"]))
            stand.say(Take(1, [JsonPoint("a", "c", 3.0)]))
            await stand.hear_row("a", ended=False)
            stand.clock.now -= 3600
            ended = await stand.hear_row("a", ended=True)
            assert (ended.at, ended.sum) == (1_000_000, 3.0)
            assert stand.put_back == 1
            stand.say(Take(2, [JsonPoint("a", "c", 5.0)]))
            stand.clock.now += 10
            while (ended := await stand.hear_row("a", ended=True)).sum != 5.0:
                pass
            assert (ended.at, ended.seconds) == (1_000_000 - 3600, 10)
            # A correction by moments is none of these.
            stand.clock.now -= 5
            stand.say(Take(3, [JsonPoint("a", "c", 7.0)]))
            await stand.hear_row("a", ended=False)
            assert stand.put_back == 1


async def test_a_line_that_is_no_message_ends_its_connection_alone() -> None:
    with temporary_folder("footfall-exchange-") as folder:
        async with ExchangeStand(folder).open() as stand:
            _, other = await asyncio.open_unix_connection(folder / "signals")
            other.write(b"nonsense\n")
            stand.say(Take(1, [JsonPoint("a", "c", 3.0)]))
            assert await stand.hear() == Taken(1)
            other.close()
