"""When a password is looked at: the rules, and that no attack makes them lock an owner out."""

from random import Random

from analytics.access.login_rules import DAY, Count, Counts, LoginLimits, Verdict

LIMITS = LoginLimits(pair=3, address=10, name=50, wait=300.0, longest=3600.0)
NOON = 1_800_000_000.0


class Door:
    """What is remembered of everybody."""

    def __init__(self) -> None:
        self.pairs: dict[int, Count] = {}
        self.addresses: dict[int, Count] = {}
        self.name = Count()

    def tries(self, address: int, now: float, known: bool = False) -> Verdict:
        counts = Counts(self.pairs.get(address, Count()), self.addresses.get(address, Count()), self.name)
        verdict = LIMITS.judge(counts, known, now)
        self.pairs[address], self.addresses[address], self.name = verdict.counts
        return verdict

    def attacked(self, addresses: int, now: float) -> int:
        """How many passwords of so many new addresses are looked at, which all try once."""
        return sum(not self.tries(1000 + each, now).wait for each in range(addresses))


def test_a_name_from_an_address_has_its_tries_and_then_waits_from_the_last_one() -> None:
    door = Door()
    assert [door.tries(1, NOON + n).wait for n in range(4)] == [0, 0, 0, 299]
    assert door.tries(1, NOON + 300).wait == 2, "those that were not looked at make it no longer"
    assert [door.tries(1, NOON + 302).wait for _ in range(4)] == [0, 0, 0, 300]


def test_a_day_of_wrong_passwords_makes_strangers_wait_and_no_one_who_is_known() -> None:
    door = Door()
    assert door.attacked(200, NOON) == LIMITS.name
    assert door.tries(1, NOON) == Verdict(300.0, "name", Counts(Count(3, NOON + 300), Count(), door.name))
    assert door.tries(2, NOON, known=True).wait == 0
    assert door.name.until == NOON + DAY


def test_who_is_known_counts_for_nobody_else() -> None:
    door = Door()
    for n in range(100):
        door.tries(1, NOON + 400 * n, known=True)
    assert (door.name, door.addresses[1]) == (Count(), Count())


def test_whoever_waits_as_told_is_looked_at_whatever_others_do() -> None:
    door, rng, now = Door(), Random(7), NOON
    for _ in range(30):
        door.attacked(60, now)
        told = door.tries(1, now).wait
        assert 0 < told <= LIMITS.longest
        for _ in range(20):
            door.attacked(60, now + rng.random() * told)
        now += told
        assert door.tries(1, now).wait == 0
        now += 1


def test_the_wait_grows_with_the_attack_to_an_hour_and_is_over_days_after_it() -> None:
    door = Door()
    waits: list[float] = []
    now = NOON
    for _ in range(60):
        door.attacked(60, now)
        waits.append(door.tries(5000 + len(waits), now).wait)
        now += 3600
    assert waits[0] == 300
    assert waits == sorted(waits)
    assert waits[-1] == LIMITS.longest
    assert door.tries(1, now + 11 * DAY).wait == 0


def test_a_right_password_gives_its_try_back_and_no_other() -> None:
    door = Door()
    for n in range(3):
        door.tries(1, NOON + n)
    after = LIMITS.right(Counts(door.pairs[1], door.addresses[1], door.name), known=False)
    assert after == Counts(Count(), Count(2, NOON + 302), Count(0, door.name.until - DAY / LIMITS.name))
