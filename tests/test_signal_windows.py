"""What datapoints add up to in windows of time, against the same computed plainly."""

import math
import random
import statistics
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.signals.datapoint import Datapoint, Reason, Series, SeriesKind
from tracker.signals.windows import DISTINCT_MOST, MEMBERS_MOST, Row, Windows

TIME = Series("api.time", SeriesKind.TIMER)
HITS = Series("hits", SeriesKind.COUNTER)
HEAP = Series("heap", SeriesKind.GAUGE)
USERS = Series("users", SeriesKind.SET)


def closed(windows: Windows, now: float) -> list[Row]:
    return [row for portion in windows.close(now) for row in portion]


def windows_over(series: Series, datapoints: Iterable[tuple[float, Datapoint]], until: float) -> list[Row]:
    """The rows of a series whose datapoints come at these moments, in order."""
    windows = Windows(0)
    rows: list[Row] = []
    for at, datapoint in datapoints:
        if windows.is_over(at):
            rows += closed(windows, at)
        windows.add([datapoint])
    return [row for row in rows + closed(windows, until) if row.series == series]


def nearest_rank(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


@given(st.lists(st.tuples(st.integers(0, 1199), st.integers(-500, 500)), min_size=1, max_size=200))
def test_every_window_is_computed_from_the_values_of_its_own_span(said: list[tuple[int, int]]) -> None:
    said.sort(key=lambda each: each[0])
    points = [(at, Datapoint(TIME, value)) for at, value in said]
    rows = {(row.seconds, row.at): row for row in windows_over(TIME, points, 1200)}
    expected = {(seconds, at - at % seconds) for at, _ in said for seconds in (10, 60, 600)}
    assert rows.keys() == expected
    for (seconds, began), row in rows.items():
        values: list[float] = [value for at, value in said if began <= at < began + seconds]
        assert (row.count, row.sum, row.least, row.most) == (
            len(values),
            sum(values),
            min(values),
            max(values),
        )
        assert [row.p50, row.p90, row.p99] == [nearest_rank(values, share) for share in (0.5, 0.9, 0.99)]
        assert row.deviation == pytest.approx(statistics.pstdev(values), abs=1e-9)


def test_a_counter_is_summed_and_samples_stand_for_as_many_as_were_left_out() -> None:
    points = [(1.0, Datapoint(HITS, 2)), (5.0, Datapoint(HITS, 3, weight=10)), (12.0, Datapoint(HITS, 1))]
    rows = windows_over(HITS, points, 60)
    assert [(row.seconds, row.at, row.count, row.sum) for row in rows] == [
        (10, 0, 11, 32),
        (10, 10, 1, 1),
        (60, 0, 12, 33),
    ]
    assert {row.p50 for row in rows} == {None}


def test_samples_weigh_in_percentiles() -> None:
    points = [(1.0, Datapoint(TIME, 10, weight=98)), (1.0, Datapoint(TIME, 900)), (1.0, Datapoint(TIME, 901))]
    (row,) = windows_over(TIME, points, 10)
    assert (row.count, row.p50, row.p90, row.p99, row.most) == (100, 10, 10, 900, 901)


def test_a_gauge_stands_where_it_was_told_and_steps_go_on_over_windows() -> None:
    points = [
        (1.0, Datapoint(HEAP, 5, relative=True)),
        (2.0, Datapoint(HEAP, 10)),
        (3.0, Datapoint(HEAP, -4, relative=True)),
        (25.0, Datapoint(HEAP, 1, relative=True)),
    ]
    rows = windows_over(HEAP, points, 60)
    assert [(row.seconds, row.at, row.last, row.least, row.most, row.sum) for row in rows] == [
        (10, 0, 6, 5, 10, 21),
        (10, 20, 7, 7, 7, 7),
        (60, 0, 7, 5, 10, 28),
    ]


def test_a_set_counts_each_member_once_also_in_the_longer_window() -> None:
    points = [
        (at, Datapoint(USERS, 0, member=member)) for at, member in ((1.0, "a"), (2.0, "b"), (15.0, "a"))
    ]
    rows = windows_over(USERS, points, 60)
    assert [(row.seconds, row.at, row.distinct) for row in rows] == [(10, 0, 2), (10, 10, 1), (60, 0, 2)]


def test_many_different_values_keep_three_digits_and_the_rest_is_exact() -> None:
    chance = random.Random(7)
    values = [chance.lognormvariate(4, 1.5) for _ in range(5 * DISTINCT_MOST)]
    (row,) = windows_over(TIME, [(1.0, Datapoint(TIME, value)) for value in values], 10)
    assert row.count == len(values)
    assert row.sum == pytest.approx(math.fsum(values))
    assert (row.least, row.most) == (min(values), max(values))
    for found, share in ((row.p50, 0.5), (row.p90, 0.9), (row.p99, 0.99)):
        assert found == pytest.approx(nearest_rank(values, share), rel=0.005)
    assert row.deviation == pytest.approx(statistics.pstdev(values), rel=0.005)


def test_a_set_of_too_many_members_is_bounded() -> None:
    points = [(1.0, Datapoint(USERS, 0, member=str(n))) for n in range(MEMBERS_MOST + 5)]
    (row,) = windows_over(USERS, points, 10)
    assert (row.count, row.distinct) == (MEMBERS_MOST + 5, MEMBERS_MOST)


def test_all_sets_together_are_bounded_and_make_room_as_they_end() -> None:
    windows = Windows(0, members_most=5)
    other = Series("other", SeriesKind.SET)
    for member in ("a", "b", "c" * 60_000, "a"):
        windows.add([Datapoint(USERS, 0, member=member), Datapoint(other, 0, member=member)])
    found = {row.series.name: (row.count, row.distinct) for row in closed(windows, 10)}
    assert found == {"users": (4, 3), "other": (4, 2)}
    assert windows.refused == {Reason.TOO_MANY_MEMBERS: 1}
    # What the longer windows hold of them is theirs, until they end.
    windows.add([Datapoint(USERS, 0, member="a")])
    assert [(row.distinct, row.seconds) for row in closed(windows, 700) if row.series == USERS] == [
        (0, 10),
        (3, 60),
        (3, 600),
    ]
    windows.add([Datapoint(USERS, 0, member=str(n)) for n in range(5)])
    assert [row.distinct for row in windows.rows()] == [5]


def test_names_without_end_are_not_looked_for_among_all_each_time() -> None:
    class Counted(dict[Series, int]):
        walked = 0

        def items(self) -> Any:
            Counted.walked += 1
            return super().items()

    windows = Windows(0, most=2)
    windows._known = Counted()
    for number in range(50):
        windows.add([Datapoint(Series(f"s{number}", SeriesKind.COUNTER), 1)])
    assert Counted.walked == 1
    assert windows.refused == {Reason.TOO_MANY_SERIES: 48}
    list(windows.close(700))
    windows.add([Datapoint(Series("new", SeriesKind.COUNTER), 1)])
    assert Counted.walked == 2
    assert [row.series.name for row in windows.rows()] == ["new"]


def test_names_beyond_the_bound_share_one_and_are_counted() -> None:
    windows = Windows(0, most=2)
    for name in ("a", "b", "c", "d", "a"):
        windows.add([Datapoint(Series(name, SeriesKind.COUNTER), 1)])
    rows = {row.series.name: row.sum for row in closed(windows, 10)}
    assert rows == {"a": 2, "b": 1, "(other)": 2}
    assert windows.refused == {Reason.TOO_MANY_SERIES: 2}
    windows.add([Datapoint(Series("of Footfall itself", SeriesKind.COUNTER), 1)], own=True)
    assert [row.series.name for row in windows.rows()] == ["of Footfall itself"]
    # What was silent for the longest window makes room.
    list(windows.close(700))
    windows.add([Datapoint(Series("c", SeriesKind.COUNTER), 1)])
    assert [row.series.name for row in windows.rows()] == ["c"]


def test_the_open_window_is_shown_as_it_fills_and_time_that_leaps_closes_all() -> None:
    windows = Windows(1005)
    windows.add([Datapoint(HITS, 4)])
    (row,) = windows.rows()
    assert (row.at, row.sum) == (1000, 4)
    assert not windows.is_over(1009.9)
    assert windows.is_over(1010)
    rows = closed(windows, 99_999)
    assert [(row.seconds, row.at, row.sum) for row in rows] == [(10, 1000, 4), (60, 960, 4), (600, 600, 4)]
    assert closed(windows, 99_999) == []


def test_datapoints_may_come_between_the_portions_of_a_close() -> None:
    windows = Windows(0)
    windows.add([Datapoint(Series(f"a{n}", SeriesKind.COUNTER), 1) for n in range(500)])
    rows: list[Row] = []
    for portion in windows.close(10):
        rows += portion
        windows.add([Datapoint(Series("a0", SeriesKind.COUNTER), 1)])
    assert len(rows) == 500
    assert {row.sum for row in rows} == {1}
    rows = closed(windows, 60)
    assert [(row.seconds, row.at, row.sum) for row in rows if row.series.name == "a0"] == [
        (10, 10, 3),
        (60, 0, 4),
    ]


def test_a_process_that_stops_says_what_it_has() -> None:
    windows = Windows(0)
    windows.add([Datapoint(HITS, 4)])
    list(windows.close(10))
    windows.add([Datapoint(HITS, 1)])
    rows = [row for portion in windows.end() for row in portion]
    assert [(row.seconds, row.at, row.sum) for row in rows] == [(10, 10, 1), (60, 0, 5), (600, 0, 5)]
    assert list(windows.rows()) == []
