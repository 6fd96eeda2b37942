"""How processes are: what one of them says of itself, and several of them together."""

import pytest

from tracker.across import messages
from tracker.across.messages import EdgeLease
from tracker.across.vitals import Vitals, together
from tracker.edge import pulse
from tracker.edge.pulse import Pulse


def test_the_vitals_of_this_process_are_taken_once_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Pulse(lambda: None)
    vitals = here.take()
    assert 10 * 2**20 < vitals.memory < 2**33
    assert (vitals.sockets, vitals.depth, vitals.problem) == (0, 0, "")
    assert sum(number * number for number in range(300_000)) > 0
    assert here.take() is vitals
    monkeypatch.setattr(pulse, "SAMPLE_SECONDS", 0.0)
    assert here.take().cpu > 0


def test_several_processes_are_one_with_the_longest_delay_and_the_first_trouble() -> None:
    quiet = Vitals(sockets=1, messages=0.1, delay=0.2, depth=0, cpu=0.01, memory=100)
    busy = Vitals(
        sockets=40, messages=12.3, delay=1.5, depth=7, cpu=1.2, memory=50, problem="The disk is full."
    )
    assert together([quiet, busy]) == Vitals(41, 12.4, 1.5, 7, 1.21, 150, "The disk is full.")
    assert together([]) == Vitals()


def test_a_lease_tells_totals_and_vitals_and_another_versions_tells_nothing() -> None:
    lease = EdgeLease({1: (3, 2)}, Vitals(sockets=3))
    assert messages.read_lease(messages.encode(lease)) == lease
    assert messages.read_lease(messages.encode({1: (3, 2)})) is None
    assert messages.read_lease(b"") is None
