"""Snapshots: the contract's live object from the counters, under filters, and the hour beside it."""

import json
import random
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asgiref.sync import async_to_sync

from analytics.live import last_hour, snapshot
from analytics.live.last_hour import LastHour
from analytics.live.snapshot import Snapshots
from tracker.across.vitals import Vitals
from tracker.contract.attention import Attention
from tracker.live.dimensions import DIMENSIONS
from tracker.live.filters import NO_FILTERS, Filters
from tracker.live.presence import OTHER, SitePresence
from tracker.models import PageView

AT = datetime(2026, 11, 21, 20, 38, 0, 250_000, tzinfo=UTC)
ON = AT.timestamp()


def presence(*tabs: tuple[str, str, str], limit: int = 10_000) -> SitePresence:
    """Tabs as (visitor, page, referrer), by Chrome on Linux in Germany, from the spring's mails."""
    made = SitePresence(limit, started_at=ON - 600)
    for visitor, page, referrer in tabs:
        made.join(visitor.encode(), (page, referrer, "Chrome", "Linux", "desktop", "DE", "mail", "spring"))
    return made


def shown(of: SitePresence, filters: Filters = NO_FILTERS, limit: int = 20) -> dict[str, Any]:
    made = snapshot.snapshot(of.look(filters) if filters else of, "key", 7, AT, limit)
    told: dict[str, Any] = json.loads(snapshot.encode(made))
    return told


def rows(*pairs: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"name": name, "tabs": tabs} for name, tabs in pairs]


def test_scripts_know_the_shape_that_is_sent() -> None:
    """static/shared/snapshot.js says it once more, for the types of scripts: field by field the same."""
    text = (Path(__file__).resolve().parent.parent / "static" / "shared" / "snapshot.js").read_text()
    described = {
        name: set(re.findall(r"@property \{.*\} \[?(\w+)\]?", body))
        for name, body in re.findall(r"@typedef \{object\} (\w+)\n(.*?)\*/", text, re.DOTALL)
    }
    structs = (
        snapshot.NameTabs,
        LastHour,
        snapshot.StreamRow,
        snapshot.StreamNews,
        Vitals,
        snapshot.LiveObject,
    )
    sent = {
        struct.__name__: {each.encode_name for each in msgspec.structs.fields(struct)} for struct in structs
    }
    assert described == {**sent, "Lists": set(DIMENSIONS)}


def test_a_snapshot_is_the_contracts_object() -> None:
    site = presence(("a", "/pricing", ""), ("b", "/pricing", "Google"))
    tab = site.join(b"a", ("/", "", "Chrome", "Linux", "desktop", "DE", "mail", "spring"))
    site.attend(tab, Attention.HIDDEN)
    assert shown(site) == {
        "site": "key",
        "at": "2026-11-21T20:38:00Z",
        "seq": 7,
        "stale": 0,
        "tabs": 3,
        "visitors": 2,
        "active": 2,
        "idle": 0,
        "hidden": 1,
        "pages": rows(("/pricing", 2), ("/", 1)),
        "referrers": rows(("", 2), ("Google", 1)),
        "browsers": rows(("Chrome", 3)),
        "systems": rows(("Linux", 3)),
        "devices": rows(("desktop", 3)),
        "countries": rows(("DE", 3)),
        "channels": rows(("mail", 3)),
        "campaigns": rows(("spring", 3)),
        "totals": dict(zip(DIMENSIONS, (2, 2, 1, 1, 1, 1, 1, 1), strict=True)),
    }


def test_a_site_that_nobody_is_on_has_empty_lists_and_zeros() -> None:
    empty = shown(presence())
    assert [empty[name] for name in (*DIMENSIONS, "tabs", "visitors", "active")] == [[]] * 8 + [0] * 3
    assert empty["totals"] == dict.fromkeys(DIMENSIONS, 0)


def test_equal_counts_are_ordered_by_code_point() -> None:
    names = ["/b", "/B", "/a", "/é", "/\U0001f600", "/\uffee", "/10", "/9"]
    listed = [row["name"] for row in shown(presence(*(("v", name, "") for name in names)))["pages"]]
    assert listed == ["/10", "/9", "/B", "/a", "/b", "/é", "/\uffee", "/\U0001f600"]


def test_lists_end_at_the_limit_while_totals_count_all() -> None:
    site = presence(*(("v", f"/{n:03d}", "") for n in range(50)))
    assert len(shown(site)["pages"]) == 20
    assert [row["name"] for row in shown(site, limit=3)["pages"]] == ["/000", "/001", "/002"]
    assert shown(site, limit=3)["totals"]["pages"] == 50


def test_a_filter_keeps_any_of_its_names_within_a_dimension_and_all_dimensions_together() -> None:
    site = presence(
        ("a", "/", "Google"), ("a", "/pricing", "Google"), ("b", "/pricing", ""), ("c", "/docs", "Google")
    )
    either = Filters.of(pages=frozenset({"/", "/pricing"}))
    assert (shown(site, filters=either)["tabs"], shown(site, filters=either)["visitors"]) == (3, 2)
    both = Filters.of(pages=frozenset({"/pricing"}), referrers=frozenset({"Google"}))
    kept = shown(site, filters=both)
    assert (kept["tabs"], kept["visitors"], kept["active"]) == (1, 1, 1)
    assert kept["pages"] == rows(("/pricing", 1))
    direct = Filters.of(referrers=frozenset({""}))
    assert shown(site, filters=direct)["pages"] == rows(("/pricing", 1))
    assert shown(site, filters=Filters.of(pages=frozenset({"/nowhere"})))["tabs"] == 0


def test_a_filter_sees_names_that_the_counters_had_no_room_for() -> None:
    site = presence(("a", "/1", ""), ("b", "/2", ""), ("c", "/3", ""), limit=2)
    assert shown(site)["pages"] == rows((OTHER, 1), ("/1", 1), ("/2", 1))
    assert shown(site, filters=Filters.of(pages=frozenset({"/3"})))["tabs"] == 1


def test_filtering_by_everything_equals_not_filtering() -> None:
    chance = random.Random(4)
    site = presence()
    for _ in range(500):
        names = [f"/{chance.randrange(9)}", "", *(chance.choice("ABC") for _ in range(6))]
        site.attend(site.join(bytes([chance.randrange(200)]), names), chance.choice(list(Attention)))
    everything = Filters.of(pages=frozenset(site.names["pages"]))
    assert shown(site, filters=everything) == shown(site)


def test_the_sequence_rises_across_restarts_and_when_the_clock_steps_back() -> None:
    clock = [ON, ON, ON - 3600, ON + 1]
    before, after = (Snapshots(lambda: clock.pop(0)) for _ in range(2))
    last = [before.make(presence(), "key")[1].seq for _ in range(3)][-1]
    assert last == int(ON * 1000) + 2
    assert after.make(presence(), "key")[1].seq > last


def test_the_hour_ends_with_the_running_minute_and_adds_all_sources() -> None:
    site = presence()
    for at in (ON, ON, ON - 60):
        site.began(at)
    to = int(ON // 60)
    hour = last_hour.live_hour(site, {to - 1: 4, to - 59: 2, to - 60: 9}, {to: 3}, ON)
    assert hour.to == to
    assert len(hour.views) == 60
    assert (hour.views[-1], hour.views[-2], hour.views[0], sum(hour.views)) == (5, 5, 2, 12)


def test_from_an_hour_after_its_start_a_process_asks_postgres_for_nothing() -> None:
    # No database is allowed in this test: a query would fail it.
    assert async_to_sync(last_hour.begun_before)(1, started_at=ON - 3600, now=ON) == {}


@pytest.mark.django_db
def test_postgres_tells_what_was_begun_before_this_process() -> None:
    started = ON - 130
    for site_id, ago in ((1, 131), (1, 185), (1, 190), (1, 59 * 60), (1, 3601), (1, 129), (2, 200)):
        PageView.objects.create(
            id=uuid.uuid4(),
            site_id=site_id,
            began_at=datetime.fromtimestamp(ON - ago, UTC),
            visit_id=uuid.uuid4(),
            visitor=uuid.uuid4(),
            path="/",
            edge=1,
            connection=1,
        )
    to = int(ON // 60)
    assert async_to_sync(last_hour.begun_before)(1, started, ON) == {to - 3: 1, to - 4: 2, to - 59: 1}
