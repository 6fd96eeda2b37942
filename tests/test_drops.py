from pathlib import Path

import pytest

from tracker.contract.drops import Drop, Drops
from tracker.pages import page_url

PROTOCOL = (Path(__file__).resolve().parent.parent / "docs" / "protocol.md").read_text()


def test_drops_are_counted_by_reason() -> None:
    drops = Drops()
    drops.count(Drop.BOT)
    drops.count(Drop.REFUSED, 3)
    assert (drops.total(Drop.BOT), drops.total(Drop.REFUSED), drops.total(Drop.TOO_BIG)) == (1, 3, 0)


def test_every_reason_is_shown_before_it_first_happens() -> None:
    assert Drops().as_dict() == {reason.value: 0 for reason in Drop}


@pytest.mark.parametrize("reason", list(Drop))
def test_every_reason_is_documented(reason: Drop) -> None:
    assert f"\n| `{reason.value}` |" in PROTOCOL


@pytest.mark.parametrize("parameter", sorted(page_url.CLICK_IDS.union(page_url.UTM)))
def test_every_parameter_that_is_kept_is_documented(parameter: str) -> None:
    assert f"`{parameter}`" in PROTOCOL
