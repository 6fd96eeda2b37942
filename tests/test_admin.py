"""Django admin's own pages: bounded lists of huge tables, exports, and the forms of sites and members."""

import codecs
import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analytics.access import tokens
from analytics.admin import growing, paging
from analytics.admin.filters import MOST_SITES
from analytics.models import Member, Token
from tests.cast import Cast, make_cast
from tests.stored import visit
from tracker.models import Event, PageView, Site, Visit

pytestmark = pytest.mark.django_db

LISTS = ("pageview", "visit", "event")
HOSTILE = "/<script>alert(1)</script>"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def owner(cast: Cast, client: Client) -> Client:
    client.force_login(cast.owner)
    return client


def ago(**time: float) -> datetime:
    return timezone.now() - timedelta(**time)


def listed(client: Client, table: str, query: str = "") -> list[Any]:
    """The rows that a list shows."""
    response = client.get(f"/admin/tracker/{table}/?{query}")
    assert response.status_code == 200, (table, query)
    return list(response.context["cl"].result_list)


def paths(client: Client, query: str = "") -> set[str]:
    return {view.path for view in listed(client, "pageview", query)}


# Lists


def test_a_list_shows_one_site_and_thirty_days_unless_asked_otherwise(cast: Cast, owner: Client) -> None:
    visit(cast.site, ago(hours=1), "/now")
    visit(cast.site, ago(days=45), "/long-ago")
    visit(cast.strange_site, ago(hours=1), "/elsewhere")
    assert paths(owner) == {"/now"}
    assert paths(owner, "range=90d") == {"/now", "/long-ago"}
    day = f"{ago(days=45):%Y-%m-%d}"
    assert paths(owner, f"from={day}&to={day}") <= {"/long-ago"}
    assert paths(owner, f"site={cast.strange_site.key}") == set()


def offered_sites(client: Client, query: str) -> tuple[list[str], str]:
    """The sites that a list offers, and the page."""
    page = client.get(f"/admin/tracker/visit/?{query}")
    (sites,) = (spec for spec in page.context["cl"].filter_specs if spec.title == "site")
    return [choice["display"] for choice in sites.choices(page.context["cl"])], page.content.decode()


def test_a_site_among_hundreds_is_found_by_a_part_of_its_name(cast: Cast, client: Client) -> None:
    client.force_login(cast.superuser)
    few, page = offered_sites(client, "")
    assert few == ["seen.example", "stranger.example"]
    assert 'name="named"' not in page
    made = Site.objects.bulk_create(Site(domain=f"shop-{n:03}.example", hosts=[]) for n in range(300))
    Site.objects.create(domain="xn--mnchen-3ya.example", hosts=[])
    listed, page = offered_sites(client, f"site={made[-1].key}&range=7d")
    assert listed[0] == "shop-299.example"
    assert len(listed) == MOST_SITES
    assert "There are more" in page
    assert '<input type="hidden" name="range" value="7d">' in page
    assert offered_sites(client, "named=-29&range=7d")[0] == [f"shop-{n}.example" for n in range(290, 300)]
    assert offered_sites(client, "named=M%C3%BCN")[0] == ["m\u00fcnchen.example"]
    none, page = offered_sites(client, "named=%00%3Cb")
    assert none == []
    assert "No site is named so." in page
    client.force_login(cast.viewer)
    assert offered_sites(client, "named=example")[0] == ["seen.example"]


def test_a_list_and_a_row_name_the_zone_of_their_times(cast: Cast, owner: Client) -> None:
    visit(cast.site, ago(hours=1), "/")
    page = owner.get("/admin/tracker/visit/")
    assert "seen.example: days and times are those of Europe/Berlin." in page.content.decode()
    (row,) = page.context["cl"].result_list
    row_page = owner.get(page.context["cl"].url_for_result(row)).content.decode()
    assert "seen.example: times are those of Europe/Berlin." in row_page


@pytest.mark.parametrize(
    "column", ["country", "browser", "system", "device", "referrer", "channel", "utm_source", "utm_term"]
)
def test_lists_are_filtered_by_what_recent_rows_hold(cast: Cast, owner: Client, column: str) -> None:
    for path, value in (("/a", "One & Two"), ("/b", "")):
        origin: dict[str, Any] = {column: value}
        visit(cast.site, ago(hours=1), path, **origin)
    assert paths(owner, f"{column}=One+%26+Two") == {"/a"}
    assert paths(owner, f"{column}=") == {"/b"}
    assert paths(owner, f"{column}=unheard-of") == set()
    assert {row.entry_path for row in listed(owner, "visit", f"{column}=One+%26+Two")} == {"/a"}
    assert "One &amp; Two" in owner.get("/admin/tracker/pageview/").content.decode()


def test_page_views_are_filtered_by_the_server_that_told_of_them(cast: Cast, owner: Client) -> None:
    for path, server in (("/a", "web-1"), ("/b", "")):
        visit(cast.site, ago(hours=1), path, server=server)
    assert paths(owner, "server=web-1") == {"/a"}
    assert paths(owner, "server=") == {"/b"}


def test_page_views_and_visits_are_found_by_part_of_a_path(cast: Cast, owner: Client) -> None:
    visit(cast.site, ago(hours=1), "/", "/docs/Install")
    visit(cast.site, ago(hours=2), "/100%_off")
    assert paths(owner, "q=install") == {"/docs/Install"}
    assert paths(owner, "q=%25_") == {"/100%_off"}
    assert [row.exit_path for row in listed(owner, "visit", "q=install")] == ["/docs/Install"]


@pytest.mark.parametrize(
    "typed", ["/über-uns", "ÜBER", "Über uns", "%C3%BCber", "%c3%9cber", '"/Über-uns my"']
)
def test_what_people_type_finds_a_path_and_they_read_it(cast: Cast, owner: Client, typed: str) -> None:
    stored = "/%C3%9Cber-uns%20my" if "Ü" in typed or "9c" in typed else "/%C3%BCber-uns"
    visit(cast.site, ago(hours=1), stored)
    visit(cast.site, ago(hours=1), "/uber-uns")
    query = urlencode({"q": typed})
    assert paths(owner, query) == {stored}
    assert [row.entry_path for row in listed(owner, "visit", query)] == [stored]


def test_paths_are_shown_as_people_write_them(cast: Cast, owner: Client) -> None:
    visit(cast.site, ago(hours=1), "/%E6%97%A5%E6%9C%AC", "/a%2Fb%E2%80%AE")
    for table in ("pageview", "visit"):
        text = owner.get(f"/admin/tracker/{table}/").content.decode()
        assert "/日本" in text
        assert "/a%2Fb%E2%80%AE" in text
    _, row = export(cast, cast.viewer, "visit")
    assert row[2:4] == ["/日本", "/a%2Fb%E2%80%AE"]


@pytest.mark.parametrize(
    "query", ["range=ever", "from=x&to=y", "from=2026-01-01", "from=2020-01-01&to=2026-01-01"]
)
def test_days_that_make_no_sense_are_said_and_show_nothing(cast: Cast, owner: Client, query: str) -> None:
    visit(cast.site, ago(hours=1), "/now")
    response = owner.get(f"/admin/tracker/pageview/?{query}")
    assert list(response.context["cl"].result_list) == []
    assert 'class="errornote"' in response.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "path__regex=(a%2B)%2B%24",
        "site__members__user__password__startswith=p",
        "country__in=a,b",
        "visitor=x",
        "x=y",
    ],
)
def test_a_question_that_no_filter_asks_is_refused(owner: Client, query: str) -> None:
    assert owner.get(f"/admin/tracker/pageview/?{query}").status_code == 400
    assert owner.get(f"/admin/tracker/pageview/export/?{query}").status_code == 400


@pytest.mark.parametrize(
    "query", ["country=%00", "q=%00", "site=%00", "p=x", "p=-1", "p=99999", "o=1.x.-99", "all="]
)
def test_no_query_breaks_a_list(cast: Cast, owner: Client, query: str) -> None:
    visit(cast.site, ago(hours=1), "/now")
    for table in LISTS:
        # Events have no country: that is a question that no filter asks.
        expected = 400 if table == "event" and "country" in query else 200
        assert owner.get(f"/admin/tracker/{table}/?{query}", follow=True).status_code == expected


def test_a_list_counts_up_to_a_bound_and_says_that_there_are_more(
    cast: Cast, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MOST_COUNTED", 5)
    visit(cast.site, ago(hours=1), *"123456")
    with CaptureQueriesContext(connection) as captured:
        text = owner.get("/admin/tracker/pageview/").content.decode()
    assert "more than 5 page views" in text
    counts = [
        query["sql"] for query in captured if "COUNT(" in query["sql"] and "tracker_pageview" in query["sql"]
    ]
    assert counts
    assert all("LIMIT 6" in sql for sql in counts)
    PageView.objects.filter(path="1").delete()
    assert "more than" not in owner.get("/admin/tracker/pageview/").content.decode()


@pytest.mark.parametrize("name", ["owner", "superuser"])
@pytest.mark.parametrize("table", LISTS)
def test_every_query_of_a_list_is_bounded_in_site_time_and_rows(
    cast: Cast, client: Client, name: str, table: str
) -> None:
    visit(cast.site, ago(minutes=5), "/", events=1)
    client.force_login(cast.everyone()[name])
    with CaptureQueriesContext(connection) as captured:
        assert len(listed(client, table, "range=today")) <= 1
    growing_tables = [query["sql"] for query in captured if f'"tracker_{table}"' in query["sql"]]
    assert len(growing_tables) >= 3
    moment = "at" if table == "event" else "began_at"
    for sql in growing_tables:
        assert f'"tracker_{table}"."site_id" = {cast.site.pk}' in sql
        assert re.search(rf'"{moment}" >= \'.*"{moment}" < \'', sql)
        assert re.search(r"LIMIT \d+", sql)
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        weeks = set(re.findall(rf"tracker_{table}_\d{{4}}w\d\d(?!_)", plan))
        assert len(weeks) <= 2, plan


@pytest.mark.parametrize("table", ["pageview", "visit"])
def test_a_row_is_found_without_opening_other_weeks(cast: Cast, owner: Client, table: str) -> None:
    visit(cast.site, ago(minutes=5), "/", "/pricing")
    row = listed(owner, table)[0]
    address = owner.get(f"/admin/tracker/{table}/").context["cl"].url_for_result(row)
    with CaptureQueriesContext(connection) as captured:
        response = owner.get(address)
    assert response.status_code == 200
    for query in captured:
        if f'FROM "tracker_{table}"' in query["sql"]:
            assert '"began_at" = ' in query["sql"] or '"began_at" BETWEEN' in query["sql"]


@pytest.mark.parametrize(
    "address", ["x", "1-1-1", "1-99999999999999999-" + "0" * 32, "1-0-" + "0" * 32, "%00", "a" * 3_000]
)
def test_an_address_without_a_row_leads_back(owner: Client, address: str) -> None:
    assert owner.get(f"/admin/tracker/visit/{address}/change/").status_code == 302


def test_a_visit_and_its_page_views_lead_to_each_other(cast: Cast, owner: Client) -> None:
    visit(cast.site, ago(minutes=5), "/", "/pricing")
    text = owner.get(
        owner.get("/admin/tracker/visit/").context["cl"].url_for_result(Visit.objects.get())
    ).content
    there = re.findall(r"/admin/tracker/pageview/[\w-]+/change/", text.decode())
    assert len(there) == 2
    back = owner.get(there[1]).content.decode()
    assert re.search(r"/admin/tracker/visit/[\w-]+/change/", back)


def test_what_visitors_say_is_shown_as_text(cast: Cast, owner: Client) -> None:
    javascript = "javascript:alert(1)"
    visit(
        cast.site,
        ago(minutes=5),
        HOSTILE,
        events=1,
        referrer=HOSTILE,
        referrer_url=javascript,
        browser=HOSTILE,
    )
    pages = ["pageview/", "visit/", "event/"]
    for table in LISTS:
        changes = owner.get(f"/admin/tracker/{table}/").context["cl"]
        pages.append(changes.url_for_result(changes.result_list[0]).removeprefix("/admin/tracker/"))
    for page in pages:
        text = owner.get(f"/admin/tracker/{page}").content.decode()
        assert "<script>alert" not in text, page
        assert 'href="javascript:' not in text, page


def test_a_question_that_takes_too_long_is_stopped_and_said(
    cast: Cast, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "PATIENCE", 0.001)
    began = ago(minutes=5)
    for n in range(20):
        visit(cast.site, began - timedelta(seconds=n), *(["/" + "x" * 200] * 100))
    response = owner.get("/admin/tracker/pageview/?q=nowhere")
    assert response.status_code == 503
    assert "Choose fewer days" in response.content.decode()


# Exports


@async_to_sync
async def export(cast: Cast, user: User, table: str, query: str = "") -> list[list[str]]:
    """An export's lines, as a spreadsheet reads them."""
    client = AsyncClient()
    await client.aforce_login(user)
    response: Any = await client.get(f"/admin/tracker/{table}/export/?{query}")
    assert response.status_code == 200
    assert response.streaming
    whole = b"".join([part async for part in response.streaming_content])
    assert whole.count(codecs.BOM_UTF8) == 1
    text = whole.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_an_export_holds_every_row_of_the_filtered_list(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "EXPORT_ROWS", 3)
    monkeypatch.setattr(paging, "MOST_COUNTED", 2)
    began = ago(hours=1)
    for n in range(10):  # several at the very same moment, over the edges of pages
        visit(cast.site, began - timedelta(minutes=n // 4), f"/{n}", country="DE")
    visit(cast.site, began, "/french", country="FR")
    visit(cast.strange_site, began, "/elsewhere", country="DE")
    head, *rows = export(cast, cast.viewer, "pageview", "country=DE")
    assert head[:4] == ["began_at", "ended_at", "path", "query"]
    assert sorted(row[2] for row in rows) == sorted(f"/{n}" for n in range(10))
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    assert all(len(row) == len(head) for row in rows)


def test_an_export_cannot_carry_a_formula(cast: Cast) -> None:
    visit(cast.site, ago(hours=1), "/", referrer="=HYPERLINK(0)", utm_source="\u00a0+1", utm_term="@SUM(1)")
    for table in ("pageview", "visit"):
        head, row = export(cast, cast.viewer, table)
        found = dict(zip(head, row, strict=True))
        assert (found["referrer"], found["utm_source"], found["utm_term"]) == (
            "'=HYPERLINK(0)",
            "'\u00a0+1",
            "'@SUM(1)",
        )


def test_an_export_has_the_sites_times_and_json_as_json(cast: Cast) -> None:
    for moment in (
        datetime(2026, 7, 1, 22, 30, 1, 500_000, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ):
        visit(cast.site, moment, "/")
    view = PageView.objects.order_by("began_at")[0]
    properties = {"plan": "größer", "seats": 3, "gift": None, "=1": True}
    Event.objects.create(
        id=uuid4(), site=cast.site, at=view.began_at, name="buy", properties=properties,
        page_view_id=view.pk, visit_id=view.visit_id,
    )  # fmt: skip
    query = "from=2026-07-01&to=2026-10-31"
    _, *rows = export(cast, cast.viewer, "pageview", query)
    assert [row[0] for row in rows] == ["2026-10-25T02:30:00+01:00", "2026-07-02T00:30:01.500+02:00"]
    head, row = export(cast, cast.viewer, "event", query)
    event = dict(zip(head, row, strict=True))
    assert event["at"] == "2026-07-02T00:30:01.500+02:00"
    assert json.loads(event["properties"]) == properties
    assert "größer" in event["properties"]


def test_an_export_is_named_after_its_site_and_days(cast: Cast, owner: Client) -> None:
    url = "/admin/tracker/pageview/export/?from=2026-07-01&to=2026-07-31"
    name = 'attachment; filename="seen.example-page-views-2026-07-01-2026-07-31.csv"'
    assert owner.get(url).headers["Content-Disposition"] == name
    refused = owner.get("/admin/tracker/pageview/export/?from=2026-07-02&to=2026-07-01")
    assert (refused.status_code, refused.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")


def test_an_export_of_nothing_is_its_head(cast: Cast) -> None:
    for table in LISTS:
        assert len(export(cast, cast.viewer, table)) == 1


# Sites and members


def site_form(client: Client, site: Site) -> dict[str, str]:
    """What the site's page sends when it is saved as it is."""
    context = client.get(f"/admin/tracker/site/{site.pk}/change/").context
    form = context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    formset = context["inline_admin_formsets"][0].formset
    for part in (formset.management_form, *formset.forms):
        sent |= {f"{part.prefix}-{name}": part[name].value() for name in part.fields}
    return {
        name: "\n".join(value) if isinstance(value, list) else str(getattr(value, "pk", value))
        for name, value in sent.items()
        if value not in (None, False)
    }


def save(client: Client, site: Site, **changes: str) -> Any:
    return client.post(f"/admin/tracker/site/{site.pk}/change/", site_form(client, site) | changes)


def test_an_owner_changes_the_site(cast: Cast, owner: Client) -> None:
    saved = save(
        owner,
        cast.site,
        domain="Seen.Example",
        timezone="America/New_York",
        hosts="seen.example\r\nhttps://Shop.Example:8443/\r\n*.cdn.example\r\nshop.example\r\nmünchen.example",
        excluded_addresses="192.0.2.7\r\n10.0.0.0/8\r\n2001:db8::/32",
        excluded_paths="/admin/*\r\n/exact\r\n/über-uns\r\n/#/my page*\r\n/a?id=7\r\nDe.Seen.Example/x",
        page_parameters="id",
        hash_routes="on",
        show_host="on",
        fold_slashes="on",
        query_parameters="page\r\nq",
        honour_dnt="on",
    )
    assert saved.status_code == 302, saved.context["errors"]
    cast.site.refresh_from_db()
    assert cast.site.domain == "seen.example"
    assert cast.site.hosts == ["seen.example", "shop.example", "*.cdn.example", "xn--mnchen-3ya.example"]
    assert cast.site.excluded_addresses == ["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"]
    assert cast.site.excluded_paths == [
        *("/admin/*", "/exact", "/%C3%BCber-uns", "/#/my%20page*", "/a?id=7", "de.seen.example/x")
    ]
    assert "/über-uns" in owner.get(f"/admin/tracker/site/{cast.site.pk}/change/").content.decode()
    assert cast.site.page_parameters == ["id"]
    assert (cast.site.fold_slashes, cast.site.fold_case, cast.site.show_host) == (True, False, True)
    assert cast.site.query_parameters == ["page", "q"]
    assert cast.site.honour_dnt


@pytest.mark.parametrize(
    ("follow", "hosts"),
    [
        ("add", ["seen.example", "shop.example", "xn--bcher-kva.example", "www.xn--bcher-kva.example"]),
        ("replace", ["xn--bcher-kva.example", "www.xn--bcher-kva.example", "shop.example"]),
        ("keep", ["seen.example", "shop.example"]),
    ],
)
def test_the_hosts_follow_the_domain_as_the_owner_says(
    cast: Cast, owner: Client, follow: str, hosts: list[str]
) -> None:
    cast.site.hosts = ["seen.example", "shop.example"]
    cast.site.save()
    assert save(owner, cast.site, domain="bücher.example", hosts_follow=follow).status_code == 302
    cast.site.refresh_from_db()
    assert (cast.site.domain, cast.site.hosts) == ("xn--bcher-kva.example", hosts)
    text = owner.get(f"/admin/tracker/site/{cast.site.pk}/change/").content.decode()
    assert 'value="bücher.example"' in text
    assert "bücher.example" in owner.get("/admin/tracker/site/?q=bücher").content.decode()
    # Saved as it is, nothing changes.
    assert save(owner, cast.site).status_code == 302
    cast.site.refresh_from_db()
    assert cast.site.hosts == hosts


def test_who_changes_the_hosts_himself_has_said_what_he_wants(cast: Cast, owner: Client) -> None:
    assert save(owner, cast.site, domain="new.example", hosts="only.example").status_code == 302
    cast.site.refresh_from_db()
    assert cast.site.hosts == ["only.example"]


def test_a_domain_that_has_a_site_already_is_told_to_who_may_see_it(cast: Cast, client: Client) -> None:
    def told(user: User, domain: str) -> str:
        client.force_login(user)
        saved = save(client, cast.site, domain=domain)
        assert saved.status_code == 302, saved.context["errors"]
        return client.get("/admin/tracker/site/").content.decode()

    strange = f"www.{cast.strange_site.domain}"
    assert cast.strange_site.key not in told(cast.owner, strange)
    text = told(cast.superuser, cast.strange_site.domain)
    assert f"There is a site {cast.strange_site.domain} already (key {cast.strange_site.key})" in text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timezone", "Berlin"),
        ("timezone", "../../etc/passwd"),
        ("domain", "not a host"),
        ("domain", "*.example.com"),
        ("domain", ""),
        ("hosts", "a b.example"),
        ("hosts", "ok.example\r\nnot ok"),
        ("hosts", "-dash.example"),
        ("excluded_addresses", "10.0.0.1/8"),
        ("excluded_addresses", "300.1.1.1"),
        ("excluded_addresses", "localhost"),
        ("excluded_paths", "admin"),
        ("excluded_paths", "/a*b"),
        ("excluded_paths", "/a?b=c"),
        ("excluded_paths", "/#/admin"),
        ("excluded_paths", "seen.example/admin"),
        ("excluded_paths", "/" + "ü" * 200),
        ("page_parameters", "a=b"),
        ("query_parameters", "a=b"),
        ("query_parameters", "x" * 65),
        ("hosts", "\r\n".join(f"h{n}.example" for n in range(201))),
    ],
)
def test_what_a_site_cannot_be_is_refused_with_a_sentence(
    cast: Cast, owner: Client, field: str, value: str
) -> None:
    refused = save(owner, cast.site, **{field: value})
    assert refused.status_code == 200
    errors = refused.context["adminform"].form.errors
    assert list(errors) == [field]
    assert re.search(r"[.)]$", errors[field][0])
    before = Site.objects.get(pk=cast.site.pk)
    assert (before.domain, before.timezone) == ("seen.example", "Europe/Berlin")


def test_hosts_left_empty_are_the_domain_with_and_without_www(cast: Cast, owner: Client) -> None:
    assert save(owner, cast.site, hosts="").status_code == 302
    cast.site.refresh_from_db()
    assert cast.site.hosts == ["seen.example", "www.seen.example"]


def test_a_superuser_adds_a_site_with_an_owner(cast: Cast, client: Client) -> None:
    client.force_login(cast.superuser)
    sent = {"domain": "new.example", "timezone": "UTC", "enabled": "on", "hosts": ""}
    sent |= {"members-TOTAL_FORMS": "1", "members-INITIAL_FORMS": "0"}
    sent |= {"members-0-username": "outsider", "members-0-role": "owner"}
    assert client.post("/admin/tracker/site/add/", sent).status_code == 302
    site = Site.objects.get(domain="new.example")
    assert site.hosts == ["new.example", "www.new.example"]
    assert [(member.user, member.role) for member in site.members.all()] == [(cast.outsider, "owner")]


def member_fields(client: Client, site: Site, username: str) -> dict[str, str]:
    """The fields of the row that stands for this member, by their bare names."""
    form = site_form(client, site)
    row = next(name for name, value in form.items() if name.endswith("-username") and value == username)
    prefix = row.removesuffix("username")
    return {name: f"{prefix}{name}" for name in ("username", "role", "DELETE")}


def test_an_owner_adds_changes_and_removes_members(cast: Cast, owner: Client) -> None:
    count = cast.site.members.count()
    new = {
        f"members-{count}-username": "outsider",
        f"members-{count}-role": "viewer",
        "members-TOTAL_FORMS": str(count + 1),
    }
    assert save(owner, cast.site, **new).status_code == 302
    assert Member.objects.get(site=cast.site, user=cast.outsider).role == "viewer"
    viewer = member_fields(owner, cast.site, "viewer")
    assert save(owner, cast.site, **{viewer["role"]: "owner"}).status_code == 302
    assert Member.objects.get(site=cast.site, user=cast.viewer).role == "owner"
    outsider = member_fields(owner, cast.site, "outsider")
    assert save(owner, cast.site, **{outsider["DELETE"]: "on"}).status_code == 302
    assert not Member.objects.filter(site=cast.site, user=cast.outsider).exists()
    # All of it with a deactivated member among them, who must not keep the form from being saved.
    assert Member.objects.filter(site=cast.site, user=cast.deactivated).exists()


@pytest.mark.parametrize("name", ["nobody", "customer2", "viewer", "", "Outsider"])
def test_a_member_is_somebody_of_the_staff_and_only_once(cast: Cast, owner: Client, name: str) -> None:
    User.objects.create(username="customer2")
    count = cast.site.members.count()
    new = {
        f"members-{count}-username": name,
        f"members-{count}-role": "owner",
        "members-TOTAL_FORMS": str(count + 1),
    }
    assert save(owner, cast.site, **new).status_code == 200
    assert cast.site.members.count() == count


def test_a_viewer_sees_the_settings_and_changes_nothing(cast: Cast, client: Client) -> None:
    client.force_login(cast.viewer)
    text = client.get(f"/admin/tracker/site/{cast.site.pk}/change/").content.decode()
    assert "www.seen.example" in text
    assert "_save" not in text
    assert (
        client.post(f"/admin/tracker/site/{cast.site.pk}/change/", {"domain": "mine.example"}).status_code
        == 403
    )


def test_no_owner_reaches_another_site_through_the_member_rows(cast: Cast, owner: Client) -> None:
    theirs = Member.objects.create(site=cast.strange_site, user=cast.outsider)
    form = site_form(owner, cast.site)
    row = next(name for name in form if re.fullmatch(r"members-\d+-id", name))
    save(owner, cast.site, **{row: str(theirs.pk)})
    theirs.refresh_from_db()
    assert (theirs.site, theirs.user, theirs.role) == (cast.strange_site, cast.outsider, "viewer")


def test_the_snippet_stands_on_the_sites_page(cast: Cast, owner: Client) -> None:
    text = owner.get(f"/admin/tracker/site/{cast.site.pk}/change/").content.decode()
    assert f"data-site=&quot;{cast.site.key}&quot;&gt;&lt;/script&gt;" in text


def test_a_site_is_never_deleted_here(cast: Cast, client: Client) -> None:
    client.force_login(cast.superuser)
    assert client.post(f"/admin/tracker/site/{cast.site.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(
        "/admin/tracker/site/", {"action": "delete_selected", "_selected_action": cast.site.pk}
    ).status_code in (200, 302)
    assert Site.objects.filter(pk=cast.site.pk).exists()


# Tokens


def test_a_superuser_sees_and_revokes_tokens(cast: Cast, client: Client) -> None:
    client.force_login(cast.superuser)
    token = Token.objects.create(name="1a2b3c4d", digest=b"x", all_sites=True)
    text = client.get("/admin/analytics/token/").content.decode()
    assert "ff_1a2b3c4d" in text
    assert "all sites" in text
    assert client.get(f"/admin/analytics/token/{token.pk}/change/").status_code == 200
    assert client.post(f"/admin/analytics/token/{token.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Token.objects.exists()


def made_token(client: Client, **fields: Any) -> str:
    """The text of a token that the form makes; it stands in no cookie and no session."""
    response = client.post("/admin/analytics/token/add/", fields)
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    text: str
    (text,) = set(re.findall(r"ff_[0-9a-f]{8}_[\w-]{43}", response.content.decode()))
    assert text not in str(response.cookies)
    assert text not in client.get("/admin/analytics/token/").content.decode()
    return text


def test_a_superuser_makes_a_token_that_is_shown_once(cast: Cast, client: Client) -> None:
    client.force_login(cast.superuser)
    text = made_token(client, all_sites="on", write="on")
    token = async_to_sync(tokens.find)(text)
    assert token is not None
    assert (token.all_sites, token.write, list(token.sites.all())) == (True, True, [])
    some = async_to_sync(tokens.find)(made_token(client, sites=[cast.strange_site.pk]))
    assert some is not None
    assert (some.all_sites, some.write, list(some.sites.all())) == (False, False, [cast.strange_site])
    # Its use is shown.
    shown = client.get(f"/admin/analytics/token/{some.pk}/change/").content.decode()
    assert "Used at" in shown
    assert f"{timezone.now():%Y}" in shown.partition("Used at")[2]


@pytest.mark.parametrize("both", [False, True])
def test_a_token_reads_all_sites_or_some(cast: Cast, client: Client, both: bool) -> None:
    client.force_login(cast.superuser)
    fields = {"all_sites": "on", "sites": [cast.site.pk]} if both else {}
    response = client.post("/admin/analytics/token/add/", fields)
    assert "Choose the sites that it reads, or all sites." in response.content.decode()
    assert not Token.objects.exists()


def test_an_owner_makes_and_revokes_tokens_of_own_sites_and_sees_no_other(cast: Cast, owner: Client) -> None:
    others = [tokens.issue(), tokens.issue([cast.strange_site]), tokens.issue([cast.site, cast.strange_site])]
    text = made_token(owner, sites=[cast.site.pk])
    token = async_to_sync(tokens.find)(text)
    assert token is not None
    assert (token.all_sites, list(token.sites.all())) == (False, [cast.site])
    assert [row.pk for row in owner.get("/admin/analytics/token/").context["cl"].result_list] == [token.pk]
    for fields in ({"all_sites": "on"}, {"sites": [cast.strange_site.pk]}):
        owner.post("/admin/analytics/token/add/", fields)
    assert Token.objects.count() == 4
    for other in Token.objects.exclude(pk=token.pk):
        owner.post(f"/admin/analytics/token/{other.pk}/delete/", {"post": "yes"})
        assert owner.get(f"/admin/analytics/token/{other.pk}/change/").status_code == 302
    owner.post(f"/admin/analytics/token/{token.pk}/delete/", {"post": "yes"})
    assert async_to_sync(tokens.find)(text) is None
    assert all(async_to_sync(tokens.find)(other) for other in others)


@pytest.mark.parametrize("name", ["viewer", "outsider"])
def test_nobody_else_has_anything_to_do_with_tokens(cast: Cast, client: Client, name: str) -> None:
    client.force_login(cast.everyone()[name])
    token = Token.objects.create(name="1a2b3c4d", digest=b"x")
    token.sites.add(cast.site)
    for path in ("", "add/", f"{token.pk}/change/", f"{token.pk}/delete/"):
        assert client.get(f"/admin/analytics/token/{path}").status_code == 403
    assert client.post("/admin/analytics/token/add/", {"sites": [cast.site.pk]}).status_code == 403
    assert Token.objects.count() == 1


def test_the_index_offers_what_one_may_look_at(cast: Cast, client: Client) -> None:
    offered = {}
    for name in ("viewer", "owner", "superuser"):
        client.force_login(cast.everyone()[name])
        apps = client.get("/admin/").context["app_list"]
        offered[name] = {model["object_name"] for app in apps for model in app["models"]}
    assert offered["viewer"] == {"Site", "PageView", "Visit", "Event"}
    assert offered["owner"] == offered["viewer"] | {"Token", "Erasure"}
    assert offered["superuser"] == offered["viewer"] | {"Token", "Erasure", "User", "Group"}


def test_sections_and_rights_are_named_as_users_name_them(cast: Cast, client: Client) -> None:
    client.force_login(cast.superuser)
    sections = [app["name"] for app in client.get("/admin/").context["app_list"]]
    assert sections == ["People", "Sites, and what they counted", "Tokens and erasures"]
    person = client.get(f"/admin/auth/user/{cast.viewer.pk}/change/").content.decode()
    assert "Can add site" in person
    assert "content type" not in person
    assert "Can change person" in person
    index, everybody = (client.get(f"/admin/{path}").content.decode() for path in ("", "auth/user/"))
    added = client.get("/admin/auth/user/add/").content.decode()
    for page in (index, everybody, added, person.partition("<form")[0]):
        assert not re.search(r">[^<]*\b(users?|groups?)\b(?! of people)", page, re.IGNORECASE), page
    for label in ("May log in", "Sees pages of Footfall", "Administrator", "Groups of people"):
        assert f"{label}" in person
    offered = re.findall(r'<a href="/admin/auth/\w+/"[^>]*>([^<]+)</a>', index)
    assert {"Groups of people", "People"} <= set(offered)
    assert "Select person to change" in everybody
    # In words only: rights, migrations and content types are Django's as ever.
    assert set(
        Permission.objects.filter(content_type__app_label="auth").values_list("codename", flat=True)
    ) >= {
        *("add_user", "change_user", "delete_user", "view_user", "add_group", "view_group"),
    }
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
    group = client.get("/admin/auth/group/add/").content.decode()
    assert "Can add site" in group
    assert "Can add site event" not in group
    unchanged = {"username": "viewer", "is_active": "on", "is_staff": "on"}
    right = Permission.objects.get(codename="add_site")
    for rights in ([right.pk], []):
        changed = {**unchanged, "user_permissions": rights}
        assert client.post(f"/admin/auth/user/{cast.viewer.pk}/change/", changed).status_code == 302
        assert list(cast.viewer.user_permissions.values_list("pk", flat=True)) == rights


def test_moments_are_shown_on_the_sites_clock(cast: Cast, owner: Client) -> None:
    visit(cast.site, datetime(2026, 7, 1, 22, 30, tzinfo=UTC), "/")
    text = owner.get("/admin/tracker/visit/?from=2026-07-02&to=2026-07-02").content.decode()
    assert "2026-07-02 00:30:00" in text
