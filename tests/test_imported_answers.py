"""What imported figures say to the questions of reports, and when they are left out, with the reason."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.history.question import HistoryFilter, HistoryQuestion, Span
from analytics.importing import imported_files
from analytics.importing.imported_answer import Beside, ImportedAnswer, ImportedAnswering
from tests import stored
from tests.foreign_exports import CONTENT, PLAUSIBLE, T, zipped
from tests.question_process import asked_of_ours
from tracker.models import Site

pytestmark = pytest.mark.django_db

MARCH = Span(date(2025, 3, 1), date(2025, 3, 31))
APRIL = Span(date(2025, 4, 1), date(2025, 4, 30))
MORE = {
    **PLAUSIBLE,
    "imported_browsers_20250301_20250302.csv": f"date,browser,browser_version,{T}\n"
    "2025-03-01,Firefox,130,6,7,90,3,20\n2025-03-02,Firefox,131,1,1,10,1,1\n2025-03-02,Chrome,1,4,4,0,4,4\n",
}
Take = Callable[..., None]


@pytest.fixture
def site() -> Site:
    return Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")


@pytest.fixture
def take(site: Site, tmp_path: Path) -> Take:
    def taken(content: bytes = zipped(MORE), product: str = "plausible") -> None:
        path = tmp_path / f"file-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(content)
        imported_files.take(site, path, product, "me")

    return taken


def beside(site: Site, *measures: str, by: str = "day", **more: Any) -> Beside | None:
    question = HistoryQuestion(
        **{
            "site_id": site.pk,
            "zone": site.timezone,
            "span": MARCH,
            "measures": measures,
            "dimensions": (by,),
            **more,
        }
    )
    return ImportedAnswering(site).beside(question)


def now(site: Site, *measures: str, by: str = "day", **more: Any) -> ImportedAnswer:
    found = beside(site, *measures, by=by, **more)
    assert found
    assert found.now
    return found.now


def kept(dimension: str, *values: str, operator: str = "is") -> HistoryFilter:
    return HistoryFilter(dimension, operator, values)


def test_a_series_has_the_days_that_files_tell_and_ratios_of_sums(site: Site, take: Take) -> None:
    take()
    told = now(site, "visitors", "bounce_rate", "visit_seconds", "views_per_visit", "depth", "at_once_peak")
    assert told.products == ("Plausible",)
    assert told.rows == [
        ["2025-03-01", 10, pytest.approx(2 / 12), 50, 2.5, None, None],
        ["2025-03-02", 5, 1, 0, 1, None, None],
    ]
    assert told.totals == [
        15,
        pytest.approx(7 / 17),
        pytest.approx(600 / 17),
        pytest.approx(35 / 17),
        None,
        None,
    ]
    assert told.left_out == ""
    assert now(site, "views", by="month").rows == [["2025-03", 35]]
    assert now(site, "views", by="week").rows == [["2025-02-24", 35]]
    hours = now(site, "views", by="hour")
    assert (hours.totals, hours.rows) == ([35], [])
    assert hours.left_out == "imported figures left out: they are of whole days"
    assert now(site, "depth").left_out == "imported figures left out: they say nothing of these figures"


def test_a_table_has_the_names_that_files_tell(site: Site, take: Take) -> None:
    take()
    told = now(site, "visitors", "bounce_rate", by="browser")
    assert told.rows == [["Firefox", 7, pytest.approx(4 / 8)], ["Chrome", 4, 1]]
    # A table of pages tells no bounces: that is none, not 0.
    assert now(site, "views", "bounces", by="page").rows == [["/", 20, None], ["/%C3%BC", 10, None]]
    assert now(site, "views", by="page", order="views").rows == [["/%C3%BC", 10], ["/", 20]]
    assert now(site, "visits", "at_once_peak", by="page", order="-at_once_peak").rows[0][0] == "/"
    assert now(site, "views", by="page", find="%c3").rows == [["/%C3%BC", 10]]
    paged = now(site, "views", by="page", limit=1, offset=1)
    assert (paged.rows, paged.found) == ([["/%C3%BC", 10]], 2)
    assert now(site, "views", by="title").left_out.endswith("they are not told apart by title")
    assert now(site, "views", dimensions=("page", "country")).left_out.endswith("one thing at a time")


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (kept("page", "/"), ["/"]),
        (kept("page", "/", "/%C3%BC"), ["/", "/%C3%BC"]),
        (kept("page", "/", operator="not"), ["/%C3%BC"]),
        (kept("page", "/?", "/%C3*", operator="match"), ["/%C3%BC"]),
        (kept("page", "/%C3**", operator="notmatch"), ["/"]),
        (kept("page", "/\0", ".*"), []),
    ],
)
def test_a_filter_by_what_a_table_tells_keeps_its_names(
    site: Site, take: Take, wanted: HistoryFilter, rows: list[str]
) -> None:
    take()
    told = now(site, "views", by="page", filters=(wanted,))
    assert [row[0] for row in told.rows] == rows
    one = wanted.operator == "is" and len(wanted.values) == 1
    # What visitors several names have is not known.
    assert told.totals == [20 if one and rows else None]


@pytest.mark.parametrize(
    ("by", "filters"),
    [
        ("country", (kept("page", "/"),)),
        ("day", (kept("page", "/"), kept("country", "DE"))),
        ("day", (kept("page", "/", operator="not"),)),
        ("day", (kept("language", "de"),)),
        ("event", (kept("event", "buy"),)),
        ("day", (kept("property:plan", "pro"),)),
        ("page", (kept("page", "/"), kept("goal", "Order"))),
    ],
)
def test_figures_are_left_out_where_a_filter_cannot_be_applied(
    site: Site, take: Take, by: str, filters: tuple[HistoryFilter, ...]
) -> None:
    take()
    told = now(site, "visitors", by=by, filters=filters)
    these = "these filters" if len(filters) > 1 else "this filter"
    assert told.left_out == f"imported figures left out: {these} can't be applied to them"
    assert (told.totals, told.rows, len(told.days)) == ([None], [], 2)


def test_what_is_not_among_them_is_said(site: Site, take: Take) -> None:
    take()
    none = kept("page", "/none")
    for by in ("day", "page"):
        told = now(site, "views", by=by, filters=(none,))
        assert told.left_out == "imported figures left out: they have nothing of this name"
    assert now(site, "views", by="system").left_out.endswith("they are not told apart by system")
    assert now(site, "views", by="page", find="none").left_out == ""


def test_a_filter_is_applied_to_a_series_where_it_can(site: Site, take: Take) -> None:
    take()
    told = now(site, "visits", "visitors", filters=(kept("browser", "Firefox"),))
    assert told.rows == [["2025-03-01", 7, 6], ["2025-03-02", 1, 1]]
    assert told.totals == [8, 7]


def test_what_is_compared_has_imported_figures_too(site: Site, take: Take) -> None:
    take()
    found = beside(site, "views", span=APRIL, compared=MARCH)
    assert found
    assert found.now is None
    assert found.before
    assert found.before.totals == [35]
    first = Span(MARCH.first, MARCH.first)
    second = Span(date(2025, 3, 2), date(2025, 3, 2))
    found = beside(site, "views", by="browser", span=second, compared=first, limit=1)
    assert found
    assert found.now
    assert found.before
    # Of those that are shown.
    assert (found.now.rows, found.before.rows) == ([["Chrome", 4]], [])
    assert beside(site, "views", span=APRIL) is None


def test_own_days_win_and_what_two_files_of_a_product_say_counts_once(site: Site, take: Take) -> None:
    take()
    later = (
        "date,visitors,pageviews,bounces,visits,visit_duration\n2025-03-02,6,9,5,5,0\n2025-03-03,1,1,1,1,0\n"
    )
    take(zipped({"imported_visitors.csv": later}))
    assert now(site, "visitors", "views").rows == [
        ["2025-03-01", 10, 30],
        ["2025-03-02", 6, 9],
        ["2025-03-03", 1, 1],
    ]
    stored.visit(site, datetime(2025, 2, 28, 23, 30, tzinfo=UTC), "/")
    told = now(site, "views")
    assert (told.totals, told.days[0]) == ([10], date(2025, 3, 2))
    assert now(site, "views", by="page").rows == []


def test_a_product_that_tells_no_bounces_takes_no_part_in_their_rate(site: Site, take: Take) -> None:
    columns = "date,visitors,pageviews,bounces,visits,visit_duration"
    take(zipped({"imported_visitors.csv": f"{columns}\n2025-03-01,1,9,1,4,8\n"}))
    take(CONTENT["ga4"], "ga4")
    told = now(site, "views", "bounce_rate")
    assert told.products == ("Google Analytics 4", "Plausible")
    assert told.totals == [14, 0.25]
    assert told.rows[1] == ["2025-03-02", 5, None]


def test_names_of_imports_are_text_in_csv(
    transactional_db: None, site: Site, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = {name: text.replace("/ü", "=1+1") for name, text in PLAUSIBLE.items()}
    take(zipped(hostile))
    stored.visit(site, datetime(2025, 3, 3, 12, tzinfo=UTC), "/", "/own")
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    url = f"/api/v1/sites/{site.key}/stats?from=2025-03-01&to=2025-03-03&metrics=views,visitors"
    with asked_of_ours(monkeypatch):
        lines = (
            client.get(f"{url}&by=page&format=csv&compare=previous").content.decode("utf-8-sig").splitlines()
        )
        assert lines == [
            "page,views,visitors,compared_views,compared_visitors,counted_by",
            "/,1,1,,,Footfall",
            "/own,1,1,,,Footfall",
            "/,20,10,,,imported from Plausible",
            "'=1+1,10,3,,,imported from Plausible",
        ]
        filtered = client.get(f"{url}&by=country&page=/&format=csv").content.decode("utf-8-sig").splitlines()
        assert filtered == ["country,views,visitors,counted_by", ",1,1,Footfall"]
        assert "counted_by" not in client.get(f"{url}&by=page&format=csv&imported=no").content.decode()
        told = client.get(f"{url}&interval=day&compare=previous").json()
        assert told["totals"] == {"views": 2, "visitors": 1}
        assert [row["views"] for row in told["rows"]] == [0, 0, 2]
        assert told["imported"] == {
            "products": ["Plausible"],
            "from": "2025-03-01",
            "to": "2025-03-02",
            "days": 2,
            "totals": {"views": 35, "visitors": 15},
            "rows": [
                {"day": "2025-03-01", "views": 30, "visitors": 10},
                {"day": "2025-03-02", "views": 5, "visitors": 5},
            ],
            "found": 2,
        }
        asks = "ask=by%3Dpage%26country%3DDE&ask=by%3Dcountry"
        left_out, countries = client.get(
            f"/api/v1/sites/{site.key}/stats/several?period=all&metrics=visits&{asks}"
        ).json()["answers"]
        assert left_out["answer"]["imported"]["left_out"].endswith("this filter can't be applied to them")
        # All begins where the imported figures do.
        assert left_out["answer"]["period"]["from"] == "2025-03-01"
        assert countries["answer"]["imported"]["rows"] == [{"country": "DE", "visits": 4}]
        refused = client.get(f"{url}&imported=perhaps")
        assert (refused.status_code, refused.json()["error"]["field"]) == (400, "imported")
    imported = client.get(f"/api/v1/sites/{site.key}/imported?from=2025-03-01&to=2025-03-31&by=page").json()
    assert [row["page"] for row in imported["rows"]] == ["/", "=1+1"]
