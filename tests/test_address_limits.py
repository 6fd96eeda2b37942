"""What one address may hold and say, and when it is forgotten."""

import pytest

from tracker.visitors.address_limits import AddressLimits
from tracker.visitors.addresses import place_of


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
    limits = AddressLimits(sockets=2, burst=10, rate=1)
    school, home = limits.use_of("192.0.2.1", 0.0), limits.use_of("192.0.2.2", 0.0)
    assert [limits.enter(school) for _ in range(3)] == [True, True, False]
    assert limits.enter(home)
    limits.leave(school, 1.0)
    assert limits.enter(school)


def test_an_address_says_a_burst_and_then_its_rate() -> None:
    limits = AddressLimits(sockets=2, burst=10, rate=2)
    school = limits.use_of("192.0.2.1", 100.0)
    assert [school.take_message(100.0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert [school.take_message(101.0) for _ in range(3)] == [True, True, False]
    # It does not save up more than a burst.
    assert [school.take_message(200.0) for _ in range(11)].count(True) == 10


def test_who_is_gone_is_remembered_until_the_allowance_is_full_again() -> None:
    limits = AddressLimits(sockets=2, burst=10, rate=2)
    stays, goes = limits.use_of("192.0.2.1", 0.0), limits.use_of("192.0.2.2", 0.0)
    limits.enter(stays)
    limits.enter(goes)
    limits.leave(goes, 50.0)
    limits.use_of("192.0.2.3", 54.0)
    limits.forget(54.0)
    assert limits.use_of("192.0.2.2", 54.0) is goes
    limits.forget(55.0)
    assert len(limits) == 2
    assert limits.use_of("192.0.2.1", 55.0) is stays
    limits.forget(60.0)
    assert len(limits) == 1
