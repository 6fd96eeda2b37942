"""Datapoints by HTTP, and server-sent events: on the whole product, through real nginx, in a real browser."""

import itertools
import re
import subprocess
import threading
import time
import urllib.error
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from scripts.stands.checkout import ROOT
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests import axe
from tests.api_clients import ApiClient, Sent
from tests.board_sockets import Staff, visit
from tests.browser import visitor
from tests.followed_logs import files_of, following
from tests.nginx import RunningNginx, start_nginx
from tests.signal_tables import flag, store_gauge
from tests.staff import at_board, let_in

PAGE = re.search(r"```html\n(.*?)```", (ROOT / "docs" / "streams.md").read_text(), re.DOTALL)
numbers = itertools.count()


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture(scope="module")
def seen(footfall: Product) -> str:
    """A site of these tests alone, for the visitors of `visit`."""
    return footfall.add_site("streams.example", "seen.example")


@pytest.fixture(scope="module")
def writer(product: Product) -> ApiClient:
    return ApiClient(product, product.add_token(write=True))


@pytest.fixture(scope="module")
def nginx(product: Product) -> Iterator[RunningNginx]:
    with start_nginx(product.port) as running:
        yield running


@pytest.fixture
def name() -> str:
    """A name that no other test sends."""
    return f"test{next(numbers)}.time"


def point(name: str, value: float = 12.5, **tags: str) -> dict[str, Any]:
    return {"name": name, "type": "ms", "value": value, "tags": tags}


def first(events: Iterator[Sent], **wanted: object) -> Sent:
    """The first signal with these."""
    return next(
        event
        for event in events
        if event.name == "signal" and all(event.data[key] == value for key, value in wanted.items())
    )


def test_datapoints_are_answered_one_by_one(writer: ApiClient, name: str) -> None:
    answered = writer.json("signals", [point(name), {**point(name), "type": "q"}, 7, point("")])
    reasons = [result.get("reason") for result in answered["results"]]
    assert (answered["taken"], reasons) == (1, [None, "unknown_kind", "malformed", "bad_name"])
    assert writer.refused("signals", {"name": name})[0] == 400
    assert writer.refused("signals", b"nonsense")[0] == 400
    assert writer.refused("signals", [point(name)] * 1001)[0] == 413


@pytest.mark.parametrize("path", ["signals", "events", "goals", "segments", "annotations"])
def test_every_body_that_is_too_large_or_no_json_is_told_alike(
    writer: ApiClient, seen: str, path: str
) -> None:
    address = path if path == "signals" else f"sites/{seen}/{path}"
    assert writer.refused(address, b" " * 4_000_000) == (413, "This is too large: send less at once.")
    status, sentence = writer.refused(address, b"{bad")
    assert (status, sentence[-1:]) == (400, ".")


DEEP = b"[" * 5000 + b"]" * 5000


def test_nesting_without_end_and_moments_beyond_the_calendar_are_refused(
    writer: ApiClient, seen: str
) -> None:
    for address in ("signals", f"sites/{seen}/events", f"sites/{seen}/annotations"):
        for body in (DEEP, b'{"items":[' + DEEP + b"]}", b'[{"a":' + DEEP + b"}]"):
            assert writer.refused(address, body)[0] in (400, 422)
    for query in ("from=0001-01-01T00:00:00%2B14:00", "to=9999-12-31T23:59:59-14:00", "to=0001-01-01"):
        assert writer.refused(f"signals?name=a&{query}")[0] in (400, 422)


def test_a_sites_own_series_are_said_by_footfall_and_seen_by_who_sees_the_site(
    product: Product, writer: ApiClient, seen: str
) -> None:
    other = product.add_site("others-series.example")
    forged = {"name": "site.views", "type": "c", "value": 9, "tags": {"site": other, "server": "x"}}
    answered = writer.json("signals", [forged, {**forged, "tags": {}}])["results"]
    assert [result.get("reason") for result in answered] == ["reserved", None]
    now = int(time.time()) // 600 * 600
    for key in (seen, other):
        store_gauge(product, "access.turns", 600, {now: 1}, site=key)
    store_gauge(product, "own.turns", 600, {now: 1}, site=other, host="a")
    of_servers = ApiClient(product, product.add_token(seen, servers=True))

    def named(client: ApiClient, query: str) -> set[tuple[str, str]]:
        found = client.json(f"signals?{query}")["series"]
        return {(each["name"], each["tags"]["site"]) for each in found}

    # What servers say of themselves is nobody's secret among those who see servers, whatever its tags.
    assert named(of_servers, "find=turns") == {("access.turns", seen), ("own.turns", other)}
    assert named(writer, "name=access.turns") == {("access.turns", seen), ("access.turns", other)}
    assert named(writer, f"name=access.turns&tag=site:{seen}&tag=site:{other}") == set()
    with of_servers.stream("signals/stream?name=*.turns&seconds=600&minutes=60") as events:
        told = next(events).data["series"]
    assert {(each["name"], each["tags"]["site"]) for each in told} >= {("access.turns", seen)}
    assert ("access.turns", other) not in {(each["name"], each["tags"].get("site")) for each in told}


def test_only_a_token_that_may_sends_and_sees(
    product: Product, writer: ApiClient, seen: str, name: str
) -> None:
    reader = ApiClient(product, product.add_token())
    of_site = ApiClient(product, product.add_token(seen, write=True))
    of_servers = ApiClient(product, product.add_token(seen, servers=True))
    for client in (reader, of_site, of_servers):
        assert client.refused("signals", [point(name)])[0] == 403
    assert of_site.refused("signals")[0] == 403
    assert of_site.refused(f"signals/stream?name={name}")[0] == 403
    assert "found" in reader.json("signals")
    assert "found" in of_servers.json("signals")
    for query in ("seconds=7&name=a", "name=a&from=2026-01-02&to=2026-01-01", "find=%00", "nosuch=1"):
        assert writer.refused(f"signals?{query}")[0] in (400, 422)
    assert writer.refused("signals/stream")[0] == 400
    assert writer.refused("signals/stream?name=a&seconds=7")[0] == 400


@pytest.mark.waits
def test_a_signal_is_streamed_within_a_second_then_stored_and_resumed(
    writer: ApiClient, nginx: RunningNginx, product: Product, name: str
) -> None:
    through = ApiClient(product, writer.token, f"http://127.0.0.1:{nginx.port}")
    path = f"signals/stream?name={name.replace('.time', '.*')}&tag=host:a"
    with through.stream(path) as events:
        begin = next(events)
        assert (begin.name, begin.data["series"], begin.data["complete"]) == ("snapshot", [], True)
        sent_at = time.monotonic()
        writer.json("signals", [point(name, 10, host="a"), point(name, 20, host="a"), point(name, host="b")])
        signal = first(events, name=name)
        # A second is promised; a machine under test may be slow.
        assert time.monotonic() - sent_at < 5
        assert (signal.data["mean"], signal.data["tags"], signal.data["type"]) == (15, {"host": "a"}, "ms")
        ended = first(events, ended=True)
        assert (ended.data["at"], ended.data["count"]) == (signal.data["at"], 2)
    at = ended.data["at"]

    def stored() -> Any:
        (series,) = writer.json(f"signals?name={name}&tag=host:a")["series"] or [{"windows": []}]
        return series["windows"]

    wait_for(stored, what="the window in Postgres")
    assert [(each["at"], each["p90"]) for each in stored()] == [(at, 20)]
    # The same again for who comes back; from an id of long ago, what is there, and that it is not all.
    with writer.stream(path, last=ended.id) as events:
        assert first(events, ended=True).data["at"] == at
    with writer.stream(path, last="1000000000") as events:
        begin = next(events)
        assert (begin.name, begin.data["complete"]) == ("snapshot", False)
        assert [window["at"] for window in begin.data["series"][0]["windows"]] == [at]
    found = writer.json(f"signals?find={name}%20host:b")
    assert [series["tags"] for series in found["series"]] == [{"host": "b"}]


def test_a_sites_stream_tells_each_page_view_and_what_was_missed(
    product: Product, writer: ApiClient, seen: str
) -> None:
    with writer.stream(f"sites/{seen}/live/stream?page=/streamed") as events:
        begin = next(events)
        assert (begin.name, begin.data["site"], begin.data["tabs"]) == ("snapshot", seen, 0)
        with visit(product, seen, "/streamed"), visit(product, seen, "/elsewhere"):
            view = next(event for event in events if event.name == "view")
            assert (view.data["page"], view.data["browser"]) == ("/streamed", "Firefox")
            assert next(event for event in events if event.name == "snapshot").data["tabs"] == 1
    with visit(product, seen, "/streamed"):
        pass
    with writer.stream(f"sites/{seen}/live/stream?page=/streamed", last=view.id) as events:
        begin = next(events)
        assert begin.data["resumed"]["complete"] is True
        missed = [next(events), next(events)]
        assert [event.name for event in missed] == ["view", "view"]
        assert missed[0].data["id"] == view.data["id"] != missed[1].data["id"]
    with writer.stream(f"sites/{seen}/live/stream", last="1000000000") as events:
        assert next(events).data["resumed"]["complete"] is False


def test_one_reader_has_so_many_streams(product: Product, seen: str) -> None:
    client = ApiClient(product, product.add_token())
    connections = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    before = product.rows(connections)[0]["count"]
    streams = [client.ask(f"sites/{seen}/live/stream") for _ in range(10)]
    for stream in streams:
        stream.readline()
    # None keeps one of its own: Postgres has a hundred.
    assert product.rows(connections)[0]["count"] < before + 5
    assert client.refused(f"sites/{seen}/live/stream")[0] == 429
    for stream in streams:
        stream.close()

    def again() -> bool:
        try:
            with closing(client.ask(f"sites/{seen}/live/stream")) as answer:
                return bool(answer.readline())
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return False

    wait_for(again, what="room for another stream")


@pytest.mark.waits
def test_a_page_of_twenty_lines_draws_a_moving_chart(
    product: Product, nginx: RunningNginx, writer: ApiClient, browser: Browser
) -> None:
    """The one of docs/streams.md, as it stands there, through nginx."""
    assert PAGE
    assert len(PAGE[1].splitlines()) <= 21
    url = f"http://127.0.0.1:{nginx.port}"
    stop = threading.Event()
    sent = [point("api.time", 20, host="a")]

    def send() -> None:
        while not stop.wait(0.3):
            writer.json("signals", sent)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with visitor(browser) as context:
            let_in(context, product)
            page = context.new_page()
            page.route(
                f"{url}/chart.html", lambda route: route.fulfill(body=PAGE[1], content_type="text/html")
            )
            page.goto(f"{url}/chart.html")
            page.get_by_text("api.time host:a").wait_for()
            # A series that appears later.
            sent.append(point("api.time", 40, host="ü"))
            page.get_by_text("api.time host:ü").wait_for()
            line = page.locator("polyline").first
            before = line.get_attribute("points")
            wait_for(lambda: line.get_attribute("points") != before, what="a chart that moves")
    finally:
        stop.set()
        sender.join()


@pytest.mark.waits
def test_the_page_of_servers_shows_them_beside_the_people(
    product: Product, seen: str, writer: ApiClient, browser: Browser, name: str
) -> None:
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(0.3):
            writer.json("signals", [point(name, 20, host="a"), point(name, 4000, host="b")])

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with (
            visit(product, seen, "/"),
            at_board(browser, product, f"/servers/?name={name}&site={seen}") as page,
        ):
            panels = page.locator(".panel")
            people = panels.filter(has_text="People on streams.example")
            figure = people.locator("li.live b")
            wait_for(lambda: figure.inner_text() == "1", 40, "the one visitor")
            panel = panels.filter(has=page.get_by_role("heading", name=name))
            panel.locator("b", has_text="4,000").wait_for()
            assert panel.locator("li").all_inner_texts() == ["a\n20", "b\n4,000"]
            # The newest on top, and it grows downwards.
            rows = page.locator(".readings tbody tr")
            wait_for(lambda: rows.count() >= 2, 40, "two windows")
            times = rows.locator("th").all_inner_texts()
            assert times == sorted(times, reverse=True)
            # A moment that is pointed at is read from all panels at once.
            panel.locator(".plot").focus()
            page.keyboard.press("ArrowLeft")
            page.get_by_text(re.compile(r"^at \d\d:\d\d:\d\d$")).wait_for()
            assert page.locator(".cursor").count() == panels.count()
            page.keyboard.press("Escape")
            page.get_by_text("now", exact=True).wait_for()
            # What an owner said of a moment is a flag in all of them.
            flag(product, seen, time.time() - 20, "deploy ü 1.4")
            page.locator("[data-flags]").get_by_text("deploy ü 1.4").wait_for()
            assert page.locator(".flag").count() == panels.count()
            # Series are found by name or tag, and taken away again.
            page.get_by_label(f"Show {name} no more").click()
            page.get_by_text("Nothing was said yet").wait_for()
            page.locator(".picker summary").click()
            page.get_by_label("Search series by name or tag").fill(f"{name} host:a")
            page.get_by_role("button", name=name).click()
            panel.locator("b", has_text="4,000").wait_for()
            assert f"name={name}" in page.url
            # No more than the API takes, however they were chosen, and no longer ones.
            search = page.get_by_label("Search series by name or tag")
            search.fill("x" * 201)
            search.press("Enter")
            page.get_by_text("This name is too long for any series.").wait_for()
            others = "".join(f"&name=none.{number}" for number in range(24))
            page.goto(f"{product.url}/servers/?name={name}&name={'x' * 201}{others}")
            panel.locator("b", has_text="4,000").wait_for()
            assert page.locator("[data-chips] li").count() == 20
            page.locator(".picker summary").click()
            search.fill("one.more")
            search.press("Enter")
            page.get_by_text("No more than 20 names are shown at once").wait_for()
            assert "one.more" not in page.url
    finally:
        stop.set()
        sender.join()


@pytest.mark.waits
def test_a_logs_tail_is_read_in_the_browser_and_by_nobody_else(
    product: Product, writer: ApiClient, browser: Browser, tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"first\nno \xff text\n")
    with following(product, str(log), "--name", "errors") as process:
        opened = [path for path in files_of(process.pid) if path == log]
        assert opened == []
        with at_board(browser, product, "/servers/?log=errors") as page:
            panel = page.get_by_role("region", name="Logs")
            lines = panel.locator("li")
            lines.filter(has_text="no \\xff text").wait_for()
            with log.open("a") as file:
                file.write("<img src=x onerror=alert(1)> timeout after 3 s\n")
            lines.filter(has_text="<img src=x").wait_for()
            assert lines.count() == 3
            panel.get_by_role("searchbox", name="find").fill("/TIME.?out/i")
            panel.locator("mark", has_text="timeout").wait_for()
            panel.get_by_text("1 found").wait_for()
            panel.get_by_label("only these").check()
            assert lines.first.is_hidden()
            panel.get_by_label("only these").uncheck()
            # While it is paused what comes is a number, over a rotation, too.
            panel.get_by_role("button", name="Pause").click()
            log.rename(tmp_path / "app.log.1")
            log.write_text("after the rotation\nand more\n")
            panel.get_by_text("2 new").wait_for()
            assert lines.count() == 3
            panel.get_by_role("button", name="Resume").click()
            lines.filter(has_text="and more").wait_for()
            # The chart's choice leaves the log in the page's address.
            page.get_by_role("button", name="an hour").click()
            assert "log=errors" in page.url
            assert axe.found(page) == []
        # The last browser has left: the file is let go.
        wait_for(lambda: log not in files_of(process.pid), what="a log that nobody reads")
        assert writer.json("signals/logs") == {"logs": ["errors"]}
    wait_for(lambda: writer.json("signals/logs") == {"logs": []}, what="a log that nobody follows")
    # Lines may hold secrets: none of them is in what the product says, or keeps.
    kept = subprocess.run(["grep", "-rl", "onerror=alert", product.data], capture_output=True, text=True)
    assert kept.stdout == ""


@pytest.mark.waits
def test_a_flag_is_streamed_as_it_is_made_and_resumed(product: Product, writer: ApiClient, seen: str) -> None:
    with (
        writer.stream(f"sites/{seen}/live/stream") as of_site,
        writer.stream(f"signals/stream?name=a&site={seen}") as of_signals,
    ):
        last = next(of_site).id
        assert next(of_signals).name == "snapshot"
        made = writer.json(f"sites/{seen}/annotations", {"at": "2026-11-27T14:02:00Z", "text": "deploy ü"})
        for events in (of_site, of_signals):
            flag = next(event for event in events if event.name == "flag")
            assert (flag.data["text"], flag.data["site"]) == ("deploy ü", seen)
            assert flag.data["at"] == 1795788120
    assert made["text"] == "deploy ü"
    # Beside logs alone it goes on from a mark.
    with writer.stream(f"signals/stream?log=none&site={seen}", last=f"{time.time() - 60:.3f}") as events:
        own = (event for event in events if event.name == "flag" and event.data["id"] == flag.data["id"])
        assert next(own).data == flag.data
    with writer.stream(f"sites/{seen}/live/stream", last=last) as events:
        assert next(event for event in events if event.name == "flag").data == flag.data
    of_servers = ApiClient(product, product.add_token(seen, servers=True))
    foreign = product.add_site("foreign-flags.example")
    assert of_servers.refused(f"signals/stream?name=a&site={foreign}")[0] == 404


def test_the_time_machine_moves_all_of_the_page_of_servers(
    product: Product, seen: str, browser: Browser, name: str
) -> None:
    # Half an hour ago: ten-second windows that say when they were.
    began = int(time.time() - 1800) // 10 * 10
    store_gauge(product, name, 10, {began + 10 * number: number for number in range(60)})
    moment = began + 305
    flag(product, seen, moment, "deploy ü 1.5")
    with visit(product, seen, "/"):
        pass
    with at_board(browser, product, f"/servers/?name={name}&site={seen}&span=1h") as page:
        panel = page.locator(".panel").filter(has=page.get_by_role("heading", name=name))
        figure, banner = panel.locator("li b"), page.locator("[data-past]")
        expect(figure).to_have_text("59")
        expect(banner).to_be_hidden()
        page.locator("[data-flags] button", has_text="deploy ü 1.5").click()
        # All of it is of that moment: figures, the table's first row, the address, and what it meant.
        expect(figure).to_have_text("30")
        expect(banner).to_contain_text("As it was on ")
        expect(page.locator(".readings tbody tr").first).to_contain_text("30")
        expect(page.locator(".plot .moment")).to_have_count(page.locator(".panel").count())
        expect(banner.locator("[data-impact]")).to_contain_text("visitors at once on average")
        expect(page).to_have_url(re.compile(f"[?&]t={moment}"))
        page.reload()
        expect(figure).to_have_text("30")
        page.get_by_role("button", name="Earlier").click()
        expect(figure).to_have_text("–")
        page.go_back()
        expect(banner).to_be_hidden()
        expect(figure).to_have_text("59")
        page.go_forward()
        expect(banner).to_be_visible()
        page.keyboard.press("Escape")
        expect(banner).to_be_hidden()
        expect(figure).to_have_text("59")
        expect(page).not_to_have_url(re.compile("[?&]t="))
        # A span is drawn by dragging over it.
        box = panel.locator(".plot").bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 25, steps=3)
        page.mouse.up()
        expect(banner.locator("b")).to_have_text(re.compile(r"^\w{3} \d+ \w{3}, from [\d:]{8} to [\d:]{8}$"))
        expect(banner.locator("[data-impact]")).to_contain_text("visitors at once on average")
        expect(page).to_have_url(re.compile("[?&]to="))
        said = parse_qs(urlsplit(page.url).query)
        assert 840 <= int(said["to"][0]) - int(said["t"][0]) <= 960
        expect(page.locator(".plot .span")).to_have_count(page.locator(".panel").count())
        # Names of other kinds share a chart, too.
        store_gauge(product, f"{name}.other", 10, {began + 10 * number: 7000 for number in range(60)})
        page.goto(f"{product.url}/servers/?name={name}&name={name}.other&span=1h&t={moment}")
        expect(page.locator(".panel")).to_have_count(2)
        page.get_by_role("button", name="on one chart").click()
        expect(page.locator(".panel h2")).to_have_text(["All on one chart"])
        expect(page.locator(".panel li")).to_have_text([f"{name}30", f"{name}.other7,000"])


def test_who_may_not_see_servers_does_not(product: Product, cast_keys: tuple[str, str]) -> None:
    owner = Staff(product, "owner")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        owner.open(f"{product.url}/servers/")
    with refusal.value as answer:
        assert answer.code == 403
