"""The fault runs of load, floods, restarts and crashes in their short form: each figure must reach its goal.

These measure time, and must have the machine to themselves; test_faults_crashes has those that only count.
"""

from collections.abc import Callable, Iterator

import pytest

from bench import targets
from bench.faults.all_kill import all_kill_at
from bench.faults.flood import flood_at, frame_flood_at
from bench.faults.moved import moved_at
from bench.faults.nginx_reload import reload_at
from bench.faults.restart import QUICK_DRAIN_SECONDS, restart_at
from bench.faults.stand import Stand, standing
from bench.faults.storm import storm_at
from bench.figures import Figure

pytestmark = pytest.mark.alone
RUNS: list[Callable[[Stand, bool], Iterator[Figure]]] = [
    flood_at,
    frame_flood_at,
    storm_at,
    reload_at,
    restart_at,
    all_kill_at,
]


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with (
        targets.ground() as ground,
        standing(ground, edges=2, FOOTFALL_DRAIN_SECONDS=str(QUICK_DRAIN_SECONDS)) as made,
    ):
        yield made


def missed(figures: Iterator[Figure]) -> list[str]:
    return [figure.line() for figure in figures if not figure.met]


def test_a_page_that_comes_back_through_another_edge_is_claimed_within_a_second(stand: Stand) -> None:
    assert missed(moved_at(stand, 5)) == []


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_each_figure_reaches_its_goal(stand: Stand, run: Callable[[Stand, bool], Iterator[Figure]]) -> None:
    assert missed(run(stand, True)) == []
