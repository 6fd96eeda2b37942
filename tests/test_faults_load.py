"""The fault runs of load, floods and restarts in their short form: each figure must reach its goal."""

from collections.abc import Iterator

import pytest

from bench import suite, targets
from bench.faults import restart, storm
from bench.targets import Ground

pytestmark = pytest.mark.alone
RUNS: dict[str, suite.Run] = {"restart": restart.restart, "storm": storm.storm}


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with targets.ground() as made:
        yield made


@pytest.mark.parametrize("name", RUNS)
def test_each_figure_reaches_its_goal(name: str, ground: Ground) -> None:
    missed = [figure.line() for figure in RUNS[name](ground, True) if not figure.met]
    assert missed == []
