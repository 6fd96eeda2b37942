"""The fault runs of load, floods and restarts in their short form: each figure must reach its goal."""

from collections.abc import Callable, Iterator

import pytest

from bench import targets
from bench.faults.flood import flood_at, frame_flood_at
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
]


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with (
        targets.ground() as ground,
        standing(ground, edges=2, FOOTFALL_DRAIN_SECONDS=str(QUICK_DRAIN_SECONDS)) as made,
    ):
        yield made


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_each_figure_reaches_its_goal(stand: Stand, run: Callable[[Stand, bool], Iterator[Figure]]) -> None:
    assert [figure.line() for figure in run(stand, True) if not figure.met] == []
