"""What one address may hold and say, and when it is forgotten."""

import pytest

from tracker.visitors.address_limits import Crowd, place_of


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "", True),
    ],
)
def test_an_ipv6_network_of_64_bits_is_one_address(one: str, other: str, same: bool) -> None:
    assert (place_of(one) == place_of(other)) is same


def test_an_address_holds_so_many_sockets_and_one_more_when_one_is_gone() -> None:
    crowd = Crowd(sockets=2, burst=10, rate=1)
    school, home = crowd.behind("192.0.2.1", 0.0), crowd.behind("192.0.2.2", 0.0)
    assert [crowd.enter(school) for _ in range(3)] == [True, True, False]
    assert crowd.enter(home)
    crowd.leave(school, 1.0)
    assert crowd.enter(school)


def test_an_address_says_a_burst_and_then_its_rate() -> None:
    crowd = Crowd(sockets=2, burst=10, rate=2)
    school = crowd.behind("192.0.2.1", 100.0)
    assert [school.hear(100.0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert [school.hear(101.0) for _ in range(3)] == [True, True, False]
    # It does not save up more than a burst.
    assert [school.hear(200.0) for _ in range(11)].count(True) == 10


def test_who_is_gone_is_remembered_until_the_allowance_is_full_again() -> None:
    crowd = Crowd(sockets=2, burst=10, rate=2)
    stays, goes = crowd.behind("192.0.2.1", 0.0), crowd.behind("192.0.2.2", 0.0)
    crowd.enter(stays)
    crowd.enter(goes)
    crowd.leave(goes, 50.0)
    crowd.behind("192.0.2.3", 54.0)
    crowd.forget(54.0)
    assert crowd.behind("192.0.2.2", 54.0) is goes
    crowd.forget(55.0)
    assert len(crowd) == 2
    assert crowd.behind("192.0.2.1", 55.0) is stays
    crowd.forget(60.0)
    assert len(crowd) == 1
