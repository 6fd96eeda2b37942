"""The fault runs of crashes that only count, in seconds instead of minutes: `replay` and `backup`."""

from collections.abc import Iterator

import pytest

from bench.faults.backup import backup_at
from bench.faults.replay import replay_at
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.targets import ground


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with ground() as on, standing(on) as started:
        yield started


def missed(figures: Iterator[Figure]) -> list[str]:
    return [figure.line() for figure in figures if not figure.met]


def test_what_is_said_three_times_to_two_edges_and_by_post_is_stored_once(stand: Stand) -> None:
    assert missed(replay_at(stand, 20)) == []


def test_what_was_acknowledged_before_a_backup_is_in_it_once(stand: Stand) -> None:
    assert missed(backup_at(stand, quick=True)) == []
