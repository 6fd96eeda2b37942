"""The fault runs of disks, clocks and hostile input in their short form: each figure must reach its goal.

Seconds are for `scripts/faults` to judge: here other tests run beside.
"""

from collections.abc import Iterator

import pytest

from bench import suite, targets
from bench.faults.buffer_full import buffer_full
from bench.faults.clock import clock
from bench.faults.disk_error import disk_error
from bench.faults.disk_full import disk_full
from bench.faults.fuzz import fuzz
from bench.targets import Ground

RUNS: dict[str, suite.Run] = {
    "disk-full": disk_full,
    "disk-error": disk_error,
    "buffer-full": buffer_full,
    "clock": clock,
    "fuzz": fuzz,
}

# They fill disks and spools, and step clocks: most of a minute each, in which they use little CPU.
pytestmark = pytest.mark.waits


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with targets.ground() as made:
        yield made


@pytest.mark.parametrize("name", RUNS)
def test_each_figure_reaches_its_goal(name: str, ground: Ground) -> None:
    missed = [figure.line() for figure in RUNS[name](ground, True) if not figure.met and figure.unit != "s"]
    assert missed == []
