"""Random kills and freezes, short: `scripts/faults --quick chaos`."""

import pytest

from bench.faults.chaos import SEED, chaos
from bench.targets import ground

pytestmark = pytest.mark.waits


def test_three_troubles_at_once_lose_nothing_and_leave_nothing_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    # An edge that freezes, another that is killed, and Postgres.
    monkeypatch.setenv(SEED, "389")
    with ground() as on:
        figures = list(chaos(on, quick=True))
    # Of seconds on a machine that does other things besides, those say nothing.
    assert [figure.line() for figure in figures if figure.regressed] == []
