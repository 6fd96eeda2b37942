"""Who was refused at a site's door: what is told of it, what is not, and how an owner lets a host in."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from scripts.stands.checkout import ROOT
from tests.cast import Cast, make_cast
from tracker.across import messages
from tracker.contract.drops import Drop
from tracker.live.refusals import HOUR, HOURS, MOST_ROWS, MOST_SITES, OTHER, RefusalRow, SiteRefusals, merged

NOW = 500_000.0 * HOUR


def test_a_refusal_is_counted_for_its_hours_and_then_forgotten() -> None:
    refusals = SiteRefusals()
    for ago in (0, 1, HOURS - 1, HOURS, HOURS + 5):
        refusals.note(1, "wrong_origin", "a.example", NOW - ago * HOUR)
    (told,) = merged(refusals.of(1), NOW)
    assert (told.reason, told.of, told.count, told.at) == ("wrong_origin", "a.example", 3, NOW)
    assert merged(refusals.of(1), NOW + HOURS * HOUR) == []


def test_rows_of_several_processes_are_one_list_with_the_last_refusal_first() -> None:
    one, other = SiteRefusals(), SiteRefusals()
    one.note(1, "wrong_origin", "a.example", NOW)
    one.note(1, "bot", "Googlebot", NOW + 1)
    other.note(1, "wrong_origin", "a.example", NOW + 2)
    other.note(2, "bot", "curl", NOW)
    told = merged([*one.of(1), *other.of(1)], NOW + 3)
    assert [(each.of, each.count, each.at) for each in told] == [
        ("a.example", 2, NOW + 2),
        ("Googlebot", 1, NOW + 1),
    ]


def test_what_strangers_send_takes_no_more_room_than_there_is() -> None:
    refusals = SiteRefusals()
    for number in range(3 * MOST_ROWS):
        refusals.note(1, "wrong_origin", f"{number}.example" + "x" * 1000, NOW)
    rows = refusals.of(1)
    assert len(rows) == MOST_ROWS + 1
    assert {len(row.of) <= 253 for row in rows} == {True}
    (rest,) = [row for row in rows if row.of == OTHER]
    assert sum(rest.hours.values()) == 2 * MOST_ROWS
    # Old rows make room for new ones.
    refusals.note(1, "wrong_origin", "new.example", NOW + HOURS * HOUR)
    assert [each.of for each in merged(refusals.of(1), NOW + HOURS * HOUR)] == ["new.example"]
    for site in range(2, MOST_SITES + 3):
        refusals.note(site, "bot", "", NOW)
    assert refusals.of(1) == []
    assert len(refusals.news(2 * MOST_SITES)) == MOST_SITES


def test_what_changed_is_told_once_and_all_of_it_again_when_it_was_lost() -> None:
    refusals = SiteRefusals()
    for site in (1, 2, 1):
        refusals.note(site, "bot", "", NOW)
    assert refusals.news(1) + refusals.news(5) == [1, 2]
    assert refusals.news(5) == []
    refusals.say_all()
    assert sorted(refusals.news(5)) == [1, 2]


def test_rows_travel_between_processes() -> None:
    refusals = SiteRefusals()
    refusals.note(1, "bot", "Googlebot", NOW)
    assert messages.read_refusals(messages.encode(refusals.of(1))) == refusals.of(1)


@given(
    st.binary()
    | st.builds(
        messages.encode, st.recursive(st.integers(-(2**63), 2**63) | st.floats() | st.text(), st.lists)
    )
)
def test_nothing_in_their_place_is_taken_for_rows(value: bytes) -> None:
    try:
        rows = messages.read_refusals(value)
    except messages.Foreign:
        return
    assert all(isinstance(row, RefusalRow) for row in rows)
    merged(rows, NOW)


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


def allow(cast: Cast, user: Any, host: str) -> tuple[int, dict[str, Any]]:
    client = Client()
    client.force_login(user)
    answer = client.post(f"/sites/{cast.site.key}/remedies/hosts/", {"of": host})
    said = answer.json()
    assert ("said" in said) is (answer.status_code == 200)
    return answer.status_code, {name: value for name, value in said.items() if name != "said"}


def test_an_owner_mends_what_else_keeps_visitors_out(cast: Cast) -> None:
    cast.site.excluded_addresses, cast.site.honour_dnt, cast.site.enabled = ["192.0.2.0/24"], True, False
    cast.site.save()
    client = Client()
    client.force_login(cast.owner)
    for name, of in (("addresses", "192.0.2.0/24"), ("opted-out", ""), ("enabled", "")):
        answer = client.post(f"/sites/{cast.site.key}/remedies/{name}/", {"of": of})
        assert answer.status_code == 200
        assert "Load the page again." in answer.json()["said"]
    site = type(cast.site).objects.get(pk=cast.site.pk)
    assert (site.excluded_addresses, site.honour_dnt, site.enabled) == ([], False, True)
    assert LogEntry.objects.count() == 3
    assert client.post(f"/sites/{cast.site.key}/remedies/nothing/").status_code == 404


def test_an_owner_allows_a_host_and_that_is_noted(cast: Cast) -> None:
    before = list(cast.site.hosts)
    assert allow(cast, cast.owner, "Shop.Example:8443") == (200, {"hosts": [*before, "shop.example"]})
    assert allow(cast, cast.owner, "shop.example") == (200, {"hosts": [*before, "shop.example"]})
    (noted,) = LogEntry.objects.all()
    assert (noted.user, noted.object_id) == (cast.owner, str(cast.site.pk))
    assert "shop.example" in noted.change_message


def test_nobody_else_allows_one_and_nothing_else_is_one(cast: Cast) -> None:
    assert allow(cast, cast.viewer, "shop.example")[0] == 403
    assert allow(cast, cast.outsider, "shop.example")[0] == 404
    for host in ("", "no host", "<b>", "(other)", "a" * 300, "x\0.example"):
        status, said = allow(cast, cast.owner, host)
        assert (status, "is not a host name" in said["error"]) == (400, True)
    assert Client().post(f"/sites/{cast.site.key}/remedies/hosts/", {"of": "shop.example"}).status_code == 404
    cast.site.refresh_from_db()
    assert "shop.example" not in cast.site.hosts
    cast.site.hosts = [f"{number}.example" for number in range(200)]
    cast.site.save()
    assert allow(cast, cast.owner, "shop.example")[0] == 400


def test_every_reason_that_is_told_has_its_sentence() -> None:
    script = (ROOT / "static" / "setup" / "doctor.js").read_text()
    told = (Drop.WRONG_ORIGIN, Drop.FOREIGN_PAGE, Drop.BOT, Drop.OPTED_OUT, Drop.UNKNOWN_SITE)
    for reason in (*told, Drop.EXCLUDED_ADDRESS, Drop.EXCLUDED_PATH):
        assert f'case "{reason}":' in script
