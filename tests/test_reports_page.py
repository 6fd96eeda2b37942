"""The reports of a site in a real browser, over a seeded past: what is shown, chosen, kept in the address."""

import csv
import io
import json
import os
import re
import signal
import threading
import urllib.request
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.stands import process_tree
from scripts.stands.agents import FIREFOX
from scripts.stands.past import SeededPast, fill
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.api_clients import ApiClient
from tests.axe import found
from tests.board_sockets import ack, dial, shows_tabs, visit, watch_until
from tests.foreign_exports import zipped
from tests.staff import at_board

At = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def key(footfall: Product) -> str:
    """A site with three weeks behind it, all but the last days sealed."""
    key = footfall.add_site("past.example")
    url = (footfall.data / "database_url").read_text().strip()
    fill(url, key, SeededPast(views=4_000, days=21, today=200), datetime.now(UTC))
    footfall.manage("seal", "--site", key)
    # The process of questions is there, and has the files: the browser's first questions are in time.
    told(footfall, key, "period=30d&compare=previous&metrics=visitors,at_once_peak")
    return key


@pytest.fixture
def at(footfall: Product, browser: Browser) -> At:
    return partial(at_board, browser, footfall)


def told(product: Product, key: str, query: str) -> Any:
    """What the API says."""
    return json.loads(fetched(product, f"/api/v1/sites/{key}/stats?{query}"))


def fetched(product: Product, path: str) -> bytes:
    """What is there; on a machine that is busy with other tests, questions may take too long at first."""
    request = urllib.request.Request(f"{product.url}{path}", headers={"Cookie": product.staff_cookie})
    found: list[bytes] = []

    def look() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                found.append(response.read())
        except HTTPError as error:
            if error.code != 503:
                raise
        return bool(found)

    wait_for(look, 90, "an answer")
    return found[0]


def settled(page: Page) -> None:
    """Wait until it shows all that there is: of days that are being prepared, it asks again."""
    expect(page.locator("#reports")).to_have_attribute("aria-busy", "false", timeout=90_000)
    expect(page.locator("[data-preparing]")).to_be_hidden(timeout=90_000)
    expect(page.locator("#reports")).to_have_attribute("aria-busy", "false", timeout=90_000)


def chosen(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def figure(page: Page, measure: str) -> Any:
    return expect(page.locator(f"[data-measure={measure}] b"))


def rows(page: Page, table: str) -> list[list[str]]:
    lines = page.locator(f"[data-table={table}] tbody tr")
    return [[cell.inner_text().strip() for cell in line.locator(".pick, td").all()] for line in lines.all()]


def test_the_page_shows_what_the_api_says(footfall: Product, at: At, key: str) -> None:
    with at(f"/sites/{key}/reports/?period=yesterday") as page:
        settled(page)
        api = told(
            footfall, key, "period=yesterday&metrics=visitors,visits,views,at_once_peak&compare=previous"
        )
        for measure in ("visitors", "visits", "views", "at_once_peak"):
            figure(page, measure).to_have_text(f"{api['totals'][measure]:,}")
        expect(page.locator("[data-days]")).not_to_be_empty()
        expect(page.locator(".plot path.now")).to_have_count(1)
        pages = told(footfall, key, "period=yesterday&by=page&metrics=views,visitors&order=-views&limit=10")
        shown = rows(page, "pages")
        assert [row[1:3] for row in shown] == [
            [f"{r['views']:,}", f"{r['visitors']:,}"] for r in pages["rows"]
        ]
        expect(page.locator("[data-table=pages] [data-sums]")).to_have_text(
            f"rows sum to all {api['totals']['views']:,} views"
        )
        # The same rows as a file.
        href = page.locator("[data-table=pages] [data-csv]").get_attribute("href")
        lines = list(csv.reader(io.StringIO(fetched(footfall, str(href)).decode("utf-8-sig"))))
        assert len(lines) == pages["found"] + 1
        assert lines[1][1] == str(pages["rows"][0]["views"])
        # Every cell of the week's hours has its figure.
        assert page.locator(".heat tbody td").count() == 7 * 24
        # No server told of anything here: nothing speaks of servers.
        assert page.locator("[data-rare]").count() == 2
        assert page.locator("[data-rare]:not([hidden])").count() == 0


def test_servers_are_told_apart_where_there_are_any(footfall: Product, at: At) -> None:
    key = footfall.add_site("told.example")
    views = [
        {
            "id": str(uuid.uuid4()),
            "type": "view",
            "url": f"https://told.example{path}",
            "user_agent": FIREFOX,
            "address": "192.0.2.1",
            "server": server,
        }
        for server, path in (("web-1", "/"), ("web-1", "/a"), ("web-2", "/"), ("", "/"))
    ]
    writer = ApiClient(footfall, footfall.add_token(write=True))
    results = writer.json(f"sites/{key}/events", {"items": views})["results"]
    assert {each["status"] for each in results} == {"stored"}
    with at(f"/sites/{key}/reports/?period=today") as page:
        page.get_by_role("tab", name="Servers").click()
        settled(page)
        assert [row[:2] for row in rows(page, "where")] == [
            ["web-1", "2"],
            ["No server", "1"],
            ["web-2", "1"],
        ]
        page.locator("[data-table=where] .pick", has_text="web-1").click()
        settled(page)
        figure(page, "views").to_have_text("2")
        assert chosen(page)["server"] == ["web-1"]
        expect(page.locator(".filters li")).to_contain_text("server is web-1")
        # Chosen it stays there, though nothing is there to be chosen.
        page.keyboard.press("y")
        settled(page)
        expect(page.get_by_role("tab", name="Servers")).to_be_visible()
        page.goto(f"{footfall.url}/sites/{key}/visits/?period=today&server=web-2")
        page.locator(".visits .line").click()
        expect(page.locator(".visits .whole")).to_contain_text("told by web-2")


def test_what_is_chosen_stands_in_the_address_and_back_undoes_it(at: At, key: str) -> None:
    with at(f"/sites/{key}/reports/") as page:
        settled(page)
        page.evaluate("window.here = true")  # nothing loads the page anew
        views = page.locator("[data-measure=views] b").inner_text()
        page.locator("[data-table=pages] .pick").first.click()
        expect(page.locator(".filters li")).to_have_text("page is /×")
        settled(page)
        assert chosen(page)["page"] == ["/"]
        assert page.locator("[data-measure=views] b").inner_text() != views
        assert [row[0] for row in rows(page, "pages")] == ["/"]
        page.locator("[data-table=where] .pick").first.click(modifiers=["Alt"])
        expect(page.locator(".filters li")).to_have_count(2)
        expect(page.locator(".filters li").nth(1)).to_contain_text("country is not")
        assert chosen(page)["country.not"]
        settled(page)
        page.get_by_role("tab", name="Bounce rate").click()
        assert chosen(page)["measure"] == ["bounce_rate"]
        page.get_by_role("tab", name="Channels").click()
        expect(page.locator("[data-table=sources] tbody tr")).to_have_count(4)
        for _ in range(4):
            page.go_back()
        expect(page.locator(".filters li")).to_have_count(0)
        figure(page, "views").to_have_text(views)
        assert chosen(page) == {}
        assert page.evaluate("window.here")


def test_filters_are_edited_in_place_with_names_that_there_are(at: At, key: str) -> None:
    with at(f"/sites/{key}/reports/?period=7d&page=/pricing") as page:
        settled(page)
        page.locator(".filters .edit").click()
        dialog = page.locator(".filters dialog")
        expect(dialog.get_by_role("textbox")).to_have_value("/pricing")
        dialog.get_by_label("How").select_option("match")
        dialog.get_by_role("textbox").fill("/blog/**")
        expect(dialog.locator("[data-suggested] button").first).to_contain_text("/blog/")
        dialog.get_by_role("button", name="Keep").click()
        expect(page.locator(".filters .edit")).to_have_text("page matches /blog/**")
        settled(page)
        assert chosen(page) == {"period": ["7d"], "page.match": ["/blog/**"]}
        assert all(row[0].startswith("/blog/") for row in rows(page, "pages"))
        page.get_by_role("button", name="Remove the filter").click()
        expect(page.locator(".filters li")).to_have_count(0)


def test_tables_are_searched_sorted_and_paged(footfall: Product, at: At, key: str) -> None:
    with at(f"/sites/{key}/reports/?period=all") as page:
        settled(page)
        table = page.locator("[data-table=pages]")
        page.keyboard.press("/")
        expect(table.get_by_role("searchbox")).to_be_focused()
        page.keyboard.type("DOCS/")
        expect(table.locator(".pick").first).to_contain_text("/docs/")
        settled(page)
        names = {row[0] for row in rows(page, "pages")}
        assert names
        assert all(name.startswith("/docs/") for name in names)
        page.keyboard.press("Escape")
        expect(table.locator(".pick").first).to_have_text("/")
        table.get_by_role("button", name="Visitors").click()
        expect(table.locator("[aria-sort=descending]")).to_have_text("Visitors")
        table.get_by_role("button", name="Visitors").click()
        expect(table.locator("[aria-sort=ascending]")).to_have_text("Visitors")
        table.get_by_role("button", name="Views").click()
        expect(table.locator(".pick").first).to_have_text("/")
        found = told(footfall, key, "period=all&by=page&limit=1")["found"]
        table.get_by_role("button", name=f"all {found:,}").click()
        expect(table.locator("tbody tr")).to_have_count(50)
        table.get_by_role("button", name="Rows after").click()
        expect(table.locator("[data-where]")).to_have_text(f"51–100 of {found:,}")
        # A country is found by the name that people read.
        where = page.locator("[data-table=where]")
        where.get_by_role("searchbox").fill("germ")
        expect(where.locator("tbody tr")).to_have_count(1)
        expect(where.locator(".pick")).to_have_text("Germany")


def test_keys_choose_periods_and_a_drag_zooms(at: At, key: str) -> None:
    with at(f"/sites/{key}/reports/") as page:
        settled(page)
        period = page.locator("[data-period] summary")
        for letter, words in (("y", "Yesterday"), ("w", "Last 7 days"), ("a", "All"), ("m", "Last 30 days")):
            page.keyboard.press(letter)
            expect(period).to_have_text(words)
        settled(page)
        page.keyboard.press("ArrowLeft")
        expect(period).not_to_have_text("Last 30 days")
        assert {"from", "to"} <= chosen(page).keys()
        page.keyboard.press("m")
        expect(period).to_have_text("Last 30 days")
        settled(page)
        # Before counting began there is no line, and it is said where that was.
        expect(page.locator(".plot .began")).to_have_text("counting began")
        line = page.locator(".plot path.now").get_attribute("d")
        assert not str(line).startswith("M0.0 ")
        page.locator(".plot").focus()
        page.keyboard.press("Home")
        expect(page.locator(".chart .read")).to_contain_text("nothing was counted yet")
        page.keyboard.press("Tab")
        page.keyboard.press("c")
        expect(page.locator("[data-compare] summary")).to_have_text("vs a year before")
        settled(page)
        plot = page.locator(".plot").bounding_box()
        assert plot
        y = plot["y"] + plot["height"] / 2
        page.mouse.move(plot["x"] + plot["width"] * 0.5, y)
        expect(page.locator(".chart .read")).to_contain_text(":")
        page.mouse.down()
        page.mouse.move(plot["x"] + plot["width"] * 0.8, y, steps=4)
        page.mouse.up()
        expect(period).not_to_have_text("Last 30 days")
        page.keyboard.press("Escape")
        expect(period).to_have_text("Last 30 days")
        page.keyboard.press("?")
        expect(page.locator("[data-keys]")).to_be_visible()


def test_hours_of_a_week_are_told_by_their_days(at: At, key: str) -> None:
    with at(f"/sites/{key}/reports/?period=7d&interval=hour") as page:
        settled(page)
        week = page.locator(".chart .ticks span").all_inner_texts()
        assert len(set(week)) == len(week) >= 6
        assert all(re.fullmatch(r"[A-Z][a-z]{2},? \d+ [A-Z][a-z]+( \d{4})?", text) for text in week), week
        page.goto(page.url.replace("7d", "yesterday"))
        settled(page)
        assert set(page.locator(".chart .ticks span").all_inner_texts()) >= {"00:00", "12:00"}


def test_a_phone_has_one_table_at_a_time_and_filters_in_a_sheet(at: At, key: str) -> None:
    with at(f"/sites/{key}/reports/?period=7d", 390, 844) as page:
        settled(page)
        shown = page.locator("[data-part]:visible")
        expect(shown).to_have_count(1)
        expect(shown).to_have_attribute("data-part", "pages")
        table = page.get_by_role("combobox", name="table", exact=True)
        with page.expect_request(lambda request: "by=channel" in request.url):
            table.select_option(label="Channels")
        assert chosen(page) == {"period": ["7d"], "table": ["sources"], "sources": ["channel"]}
        expect(page.locator("[data-table=sources] tbody tr").first).to_be_visible()
        settled(page)
        table.select_option(label="When")
        expect(page.locator(".heat tbody td")).to_have_count(7 * 24)
        expect(shown).to_have_count(1)
        page.go_back()
        expect(table).to_have_value("sources channel")
        expect(shown).to_have_attribute("data-part", "sources")
        settled(page)
        assert found(page) == []

        page.get_by_role("button", name="Filters: none active").click()
        sheet = page.get_by_role("dialog", name="Filters")
        expect(sheet).to_be_visible()
        assert page.url.endswith("#filters")
        assert found(page) == []
        sheet.get_by_role("button", name="+ filter").click()
        page.get_by_role("textbox", name="one of these").fill("/pricing")
        # The first step back leads to the sheet again.
        page.go_back()
        expect(page.get_by_role("textbox", name="one of these")).to_be_hidden()
        expect(sheet).to_be_visible()
        sheet.get_by_role("button", name="+ filter").click()
        page.get_by_role("textbox", name="one of these").fill("/pricing")
        page.get_by_role("button", name="Keep").click()
        expect(sheet.locator(".filters .edit")).to_have_text("page is /pricing")
        page.go_back()
        expect(sheet).to_be_hidden()
        # It stays chosen, and is one step.
        expect(page.get_by_role("button", name="Filters: 1 active")).to_be_visible()
        assert chosen(page)["page"] == ["/pricing"]
        settled(page)
        page.go_back()
        expect(page.get_by_role("button", name="Filters: none active")).to_be_visible()
        assert "page" not in chosen(page)
        settled(page)
        for width in (320, 414):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.set_viewport_size({"width": 1024, "height": 800})
        expect(shown).to_have_count(7)
        expect(page.locator(".choose > .filters")).to_be_visible()
        expect(page.locator("[data-table=where] tbody tr").first).to_be_visible()
        settled(page)


def test_filters_go_to_the_board_and_come_back(at: At, key: str) -> None:
    query = f"page={quote('/pricing', safe='')}&utm_campaign=campaign-1"
    with at(f"/sites/{key}/reports/?{query}&page.not=/x") as page:
        settled(page)
        page.locator("nav [data-to-live]").click()
        expect(page.locator("#board")).to_be_visible()
        assert chosen(page) == {"page": ["/pricing"], "campaign": ["campaign-1"]}
        page.locator("nav a.reports").click()
        expect(page.locator(".filters li")).to_have_count(2)
        assert chosen(page) == {"page": ["/pricing"], "utm_campaign": ["campaign-1"]}
        settled(page)


def define(product: Product, key: str, kind: str, body: dict[str, str]) -> Any:
    """What the API makes of it, for a token that may write."""
    token = product.add_token(key, write=True)
    request = urllib.request.Request(
        f"{product.url}/api/v1/sites/{key}/{kind}",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read())


def test_a_goal_is_a_column_of_every_table(footfall: Product, at: At, key: str) -> None:
    define(footfall, key, "goals", {"name": "Order ü", "kind": "event", "pattern": "buy"})
    api = told(
        footfall, key, f"by=country&metrics=visitors,conversions&conversion={quote('Order ü')}&limit=5"
    )
    with at(f"/sites/{key}/reports/") as page:
        settled(page)
        expect(page.locator("[data-measure=conversions]")).to_be_hidden()
        page.locator("[data-table=goals] .pick").get_by_text("Order ü").click()
        expect(page.locator(".filters li")).to_have_text(["conversions of Order ü×"])
        settled(page)
        figure(page, "conversions").to_have_text(f"{api['totals']['conversions']:,}")
        assert [row[2] for row in rows(page, "where")] == [f"{r['conversions']:,}" for r in api["rows"]]
        page.get_by_role("tab", name="Conversion rate").click()
        assert chosen(page) == {"conversion": ["Order ü"], "measure": ["conversion_rate"]}
        page.get_by_role("tab", name="Properties").click()
        page.locator("[data-table=events] .pick").get_by_text("plan").click()
        expect(page.locator("[data-table=events] .said")).to_have_text("plan")
        settled(page)
        assert {row[0] for row in rows(page, "events")} == {"free", "pro", "team"}
        page.get_by_role("button", name="Remove the goal").click()
        expect(page.locator("[data-measure=conversions]")).to_be_hidden()
        figure(page, "visitors").not_to_have_text("–")
        settled(page)


def test_a_page_is_looked_at_in_detail_and_back_leads_to_all(footfall: Product, at: At, key: str) -> None:
    with at(f"/sites/{key}/reports/?period=7d&country.not=DE") as page:
        settled(page)
        views = page.locator("[data-measure=views] b").inner_text()
        row = page.locator("[data-table=pages] tr[data-name='/pricing']")
        row.hover()
        row.get_by_role("button", name="Details of /pricing").click()
        expect(page.locator(".one-page")).to_be_visible()
        settled(page)
        assert chosen(page) == {"period": ["7d"], "country.not": ["DE"], "detail": ["/pricing"]}
        query = "period=7d&country.not=DE&page=/pricing"
        api = told(footfall, key, f"{query}&metrics=visitors,views,depth")
        figure(page, "views").to_have_text(f"{api['totals']['views']:,}")
        figure(page, "depth").to_have_text(f"{round(api['totals']['depth'])} %")
        expect(page.locator("[data-measure=visit_seconds]")).to_be_hidden()
        expect(page.locator("[data-table=pages]")).to_be_hidden()
        # What it is called, how long people stay, how far down they look.
        title = told(footfall, key, f"{query}&by=title&metrics=views&limit=1")["rows"][0]["title"]
        expect(page.locator(".one-page h2")).to_have_text(title or "/pricing")
        stays = json.loads(fetched(footfall, f"/api/v1/sites/{key}/stays?{query}"))
        assert stays["views"] == api["totals"]["views"]
        expect(page.locator("[data-stay]")).to_contain_text(f"of {stays['views']:,} page views half are gone")
        end = stays["depth"][-1]
        expect(page.locator(".reached tbody tr").last).to_have_text(
            f"its end{round(end['share'] * 100)} %{end['views']:,}"
        )
        curve = page.locator(".curve")
        curve.focus()
        page.keyboard.press("Home")
        expect(page.locator(".stay .read")).to_contain_text(
            f": 100 %, {stays['views']:,} of {stays['views']:,}"
        )
        ten = next(number for number, point in enumerate(stays["curve"]) if point["seconds"] == 10)
        for _ in range(ten):
            page.keyboard.press("ArrowRight")
        expect(page.locator(".stay .read")).to_contain_text(f"{stays['curve'][ten]['views']:,} of")
        # Where they came from, went to, how they got there, and what they did.
        for table, by in (("came", "previous_page"), ("went", "next_page"), ("did", "event")):
            measure = "events" if table == "did" else "views"
            answer = told(footfall, key, f"{query}&by={by}&metrics={measure}&order=-{measure}&limit=10")
            assert answer["rows"]
            assert [row[1] for row in rows(page, table)] == [f"{r[measure]:,}" for r in answer["rows"]]
        entered = told(footfall, key, "period=7d&country.not=DE&entry_page=/pricing&by=referrer&limit=10")
        assert [row[1] for row in rows(page, "entered")] == [f"{r['visitors']:,}" for r in entered["rows"]]
        assert page.locator("nav [data-to-visits]").get_attribute("href") == (
            f"/sites/{key}/visits/?period=7d&country.not=DE&page=%2Fpricing"
        )
        # On to the next page, and back again.
        onward = page.locator("[data-table=went] tr[data-name^='/']:not([data-name='/pricing'])").first
        name = str(onward.get_attribute("data-name"))
        onward.locator(".pick").click()
        expect(page.locator(".one-page [data-open]")).to_have_attribute(
            "href", f"https://past.example{quote(name)}"
        )
        assert chosen(page)["detail"] == [name]
        settled(page)
        page.go_back()
        expect(page.locator(".one-page [data-open]")).to_have_attribute(
            "href", "https://past.example/pricing"
        )
        page.get_by_role("button", name="← all pages").click()
        figure(page, "views").to_have_text(views)
        expect(page.locator("[data-table=pages] tbody tr").nth(1)).to_be_visible()
        settled(page)
        # The same by key.
        page.locator("[data-table=pages] .pick").first.focus()
        page.keyboard.press("o")
        expect(page.locator(".one-page")).to_be_visible()
        settled(page)


def test_countries_are_on_a_map_that_filters(footfall: Product, at: At, key: str) -> None:
    with at(f"/sites/{key}/reports/?period=7d") as page:
        settled(page)
        api = told(footfall, key, "period=7d&by=country&metrics=visitors&limit=400")
        on_map = [row["country"] for row in api["rows"] if row["country"]]
        expect(page.locator(".world [data-shade]")).to_have_count(len(on_map))
        first = api["rows"][0]["country"]
        expect(page.locator(".world [data-shade='5']").first).to_have_attribute("data-country", first)
        germany = page.locator(".world [data-country=DE]")
        germany.hover()
        of_germany = next(row["visitors"] for row in api["rows"] if row["country"] == "DE")
        expect(page.locator(".world .read")).to_contain_text(f"Germany: {of_germany:,} visitors, ")
        germany.click(modifiers=["Alt"])
        expect(page.locator(".filters li")).to_have_text(["country is not Germany×"])
        settled(page)
        expect(page.locator(".world [data-shade]")).to_have_count(len(on_map) - 1)
        page.locator(".world [data-country=BR]").click()
        expect(page.locator(".filters li").nth(1)).to_have_text("country is Brazil×")
        expect(page.locator(".world .kept")).to_have_attribute("data-country", "BR")
        page.get_by_role("tab", name="Languages").click()
        expect(page.locator(".world")).to_be_hidden()
        settled(page)


def test_visitors_at_once_are_a_column_and_the_hours_of_the_week(footfall: Product, at: At, key: str) -> None:
    with at(f"/sites/{key}/reports/?period=7d") as page:
        settled(page)
        table = page.locator("[data-table=pages]")
        table.get_by_text("columns", exact=True).click()
        table.get_by_label("Engaged / view").uncheck()
        table.get_by_label("At once, peak").check()
        expect(table.get_by_label("Scrolled")).to_be_disabled()
        page.keyboard.press("Escape")
        settled(page)
        assert chosen(page) == {"period": ["7d"], "pages_columns": ["visitors,views,at_once_peak"]}
        query = "period=7d&by=page&metrics=visitors,views,at_once_peak&limit=10"
        api = told(footfall, key, f"{query}&order=-visitors")
        assert [row[1:] for row in rows(page, "pages")] == [
            [f"{row[name]:,}" for name in ("visitors", "views", "at_once_peak")] for row in api["rows"]
        ]
        table.get_by_role("button", name="At once, peak").click()
        settled(page)
        api = told(footfall, key, f"{query}&order=-at_once_peak")
        assert [row[3] for row in rows(page, "pages")] == [f"{row['at_once_peak']:,}" for row in api["rows"]]
        page.get_by_role("button", name="visitors at once").click()
        settled(page)
        assert chosen(page)["heat"] == ["at_once_mean"]
        hours = told(footfall, key, "period=7d&by=weekday_hour&metrics=at_once_mean,at_once_peak")["rows"]
        fullest = max(hours, key=lambda row: row["at_once_mean"])
        day, hour = fullest["weekday_hour"].split("-")
        page.locator(".heat tbody tr").nth(int(day) - 1).locator("td").nth(int(hour)).hover()
        expect(page.locator(".heat .read")).to_contain_text(f"at once, {fullest['at_once_peak']:,} at most")
        page.go_back()
        expect(page.locator("[data-what]")).to_have_text("page views")


def test_segments_and_flags_are_saved_and_what_is_deleted_comes_back(at: At, key: str) -> None:
    with at(f"/sites/{key}/reports/?country=DE&page.match=/docs/**") as page:
        settled(page)
        views = page.locator("[data-measure=views] b").inner_text()
        page.get_by_role("button", name="save as segment").click()
        page.get_by_role("textbox", name="as a segment").fill("German docs")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator(".filters li")).to_have_text(["segment German docs×"])
        settled(page)
        assert chosen(page).keys() == {"segment"}
        figure(page, "views").to_have_text(views)
        page.get_by_text("Segments", exact=True).click()
        page.get_by_role("button", name="Delete the segment German docs").click()
        expect(page.locator(".filters li")).to_have_count(2)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".filters li")).to_have_text(["segment German docs×"])

        page.get_by_role("button", name="add a flag").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("what").fill("Version 2 is out")
        dialog.get_by_role("button", name="Save").click()
        flag = page.locator(".flags button")
        expect(flag).to_have_count(1)
        flag.hover()
        expect(page.locator(".chart .read")).to_contain_text("Version 2 is out")
        flag.click()
        expect(dialog.locator("[data-impact]")).to_contain_text("at once on average")
        dialog.get_by_role("button", name="Delete").click()
        expect(flag).to_have_count(0)
        page.get_by_role("button", name="Undo").click()
        expect(flag).to_have_count(1)
        page.reload()
        settled(page)
        expect(flag).to_have_count(1)
        strip = page.locator(".flags").bounding_box()
        assert strip
        page.mouse.click(strip["x"] + strip["width"] / 4, strip["y"] + strip["height"] / 2)
        expect(dialog).to_be_visible()


def test_live_counts_go_on_while_what_answers_is_killed_and_frozen(footfall: Product, key: str) -> None:
    seen = footfall.add_site("seen.example")
    over = threading.Event()

    def ask(number: int) -> None:
        while not over.is_set():
            with suppress(HTTPError, OSError):
                told(footfall, key, f"period=30d&compare=previous&by=page&page.not=/{number}&find={number}")

    with (
        dial(footfall, seen, footfall.staff_cookie, {"Origin": footfall.url}) as board,
        ThreadPoolExecutor(20) as people,
    ):
        for number in range(20):
            people.submit(ask, number)
        try:
            for sign in (signal.SIGKILL, signal.SIGSTOP, signal.SIGKILL):
                wait_for(lambda: bool(answering(footfall)))
                for process in answering(footfall):
                    os.kill(process, sign)
                with visit(footfall, seen, "/here"):
                    ack(board, watch_until(board, shows_tabs(1), 10))
                ack(board, watch_until(board, shows_tabs(0), 10))
        finally:
            over.set()
            for process in answering(footfall):
                os.kill(process, signal.SIGKILL)
    assert told(footfall, key, "period=30d&metrics=views")["totals"]["views"]


def answering(product: Product) -> list[int]:
    """The processes that answer its questions."""
    children = process_tree.children(product.web)
    return [child for child in children if " questions " in process_tree.command_line(child)]


def test_visits_are_listed_one_by_one_and_opened(footfall: Product, at: At, key: str) -> None:
    query = "period=7d&country=DE"
    api = json.loads(fetched(footfall, f"/api/v1/sites/{key}/visits?{query}"))
    with at(f"/sites/{key}/reports/?{query}&measure=views") as page:
        settled(page)
        page.locator("nav [data-to-visits]").click()
        expect(page.locator(".visits .visit").first).to_be_visible(timeout=60_000)
        assert chosen(page) == {"period": ["7d"], "country": ["DE"]}
        expect(page.locator(".visits .visit")).to_have_count(len(api["visits"]))
        assert page.locator(".visits .where").all_inner_texts() == ["Germany"] * len(api["visits"])
        longest = max(range(len(api["visits"])), key=lambda number: api["visits"][number]["views"])
        line = page.locator(".visits .line").nth(longest)
        line.click()
        expect(page.locator(".line-of-time > li")).to_have_count(api["visits"][longest]["views"])
        line.click()
        expect(page.locator(".line-of-time")).to_have_count(0)
        if api["next"]:
            page.get_by_role("button", name="older visits").click()
            expect(page.locator(".visits .visit").nth(len(api["visits"]))).to_be_visible()
        page.locator("nav [data-to-reports]").click()
        expect(page.locator(".filters li")).to_have_text(["country is Germany×"])
        settled(page)


def test_imported_figures_are_hatched_named_and_left_out_visibly(
    footfall: Product, at: At, key: str, tmp_path: Path
) -> None:
    first = datetime.now(UTC).date() - timedelta(days=60)
    days = [first + timedelta(days=number) for number in range(20)]
    rows_of = {
        "visitors": "date,visitors,pageviews,bounces,visits,visit_duration\n",
        "pages": "date,hostname,page,visits,visitors,pageviews\n",
        "browsers": "date,browser,browser_version,visitors,visits,visit_duration,bounces,pageviews\n",
    }
    for number, day in enumerate(days):
        rows_of["visitors"] += f"{day},{40 + number},{100 + 5 * number},20,50,3000\n"
        rows_of["pages"] += f"{day},past.example,/,40,40,60\n{day},past.example,/über-uns,9,9,12\n"
        rows_of["browsers"] += f"{day},Firefox,130,30,35,900,9,70\n"
    path = tmp_path / "old counts.zip"
    path.write_bytes(zipped({f"imported_{name}_1_2.csv": text for name, text in rows_of.items()}))
    footfall.manage("importhistory", key, "plausible", str(path))
    query = f"from={first}&to={datetime.now(UTC).date()}"
    with at(f"/sites/{key}/reports/?{query}&compare=none") as page:
        settled(page)
        note = page.locator("[data-imported]")
        expect(note).to_contain_text("imported from Plausible")
        expect(page.locator(".plot .hatched")).to_be_visible()
        expect(page.locator("[data-measure=visitors] small")).to_have_text("and 990 imported")
        expect(page.locator("[data-measure=at_once_peak] small")).not_to_contain_text("imported")
        plot = page.locator(".plot").bounding_box()
        assert plot
        page.mouse.move(plot["x"] + 2, plot["y"] + 50)
        expect(page.locator(".chart .read")).to_contain_text("40 imported")
        # The second figure of the chart, too, where the file tells it; else the page says that it does not.
        page.locator("[data-second]").select_option("views")
        settled(page)
        expect(page.locator(".plot path.second.imported")).to_have_attribute("d", re.compile("^M0.0 .*L"))
        page.mouse.move(plot["x"] + 3, plot["y"] + 50)
        expect(page.locator(".chart .read")).to_contain_text("100 views imported")
        page.locator("[data-second]").select_option("depth")
        expect(note).to_contain_text("which says nothing of scrolled")
        page.locator("[data-second]").select_option("")
        expect(note).not_to_contain_text("says nothing")
        hatched = page.locator("[data-table=pages] tr.imported")
        expect(hatched.locator(".pick")).to_have_text(["/", "/über-uns"])
        expect(hatched.locator("td").first).to_have_text("1,200")
        where = page.locator("[data-table=where] .whose")
        expect(where).to_have_text("Imported figures left out: they are not told apart by country")
        page.get_by_role("tab", name="Titles").click()
        titles = page.locator("[data-table=pages] .whose")
        expect(titles).to_have_text("Imported figures left out: they are not told apart by title")
        page.get_by_role("tab", name="Pages", exact=True).click()
        hatched.locator(".pick").nth(1).click()
        settled(page)
        expect(page.locator("[data-measure=views] b")).to_have_text("240")
        expect(page.locator("[data-measure=views] small")).to_have_text("imported")
        browsers = page.locator("[data-table=with] .whose")
        expect(browsers).to_have_text("Imported figures left out: this filter can't be applied to them")
        expect(page.locator("[data-nobody]")).to_be_hidden()
        page.get_by_role("button", name="leave them out").click()
        expect(page.locator("[data-nobody]")).to_have_text(
            "Nobody came in these days whom these filters keep."
        )
        expect(note).to_contain_text("without imported figures")
        expect(page.locator(".plot .hatched")).to_be_hidden()
        assert chosen(page)["imported"] == ["no"]
        page.get_by_role("button", name="show what was imported").click()
        expect(note).to_contain_text("imported from Plausible")
        # Compared with what was imported: it is said of the change.
        since, until = days[-1] + timedelta(days=1), days[-1] + timedelta(days=20)
        page.goto(f"{footfall.url}/sites/{key}/reports/?from={since}&to={until}&compare=previous")
        settled(page)
        expect(note).to_contain_text("hatched in what is compared: imported from Plausible")
        # Taken back as one.
        (number,) = re.findall(
            r"^(\d+): old counts", footfall.manage("importhistory", key, "list"), re.MULTILINE
        )
        footfall.manage("importhistory", key, "undo", number)
        page.reload()
        settled(page)
        expect(note).to_be_hidden()
