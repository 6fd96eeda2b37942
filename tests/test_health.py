"""`/healthz`, `/readyz` and `/metrics` on the whole product: who is answered, and what without Postgres."""

import os
import re
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.test import RequestFactory
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from analytics.access import inspectors
from analytics.health import metrics
from scripts.stands.ports import free_port
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.board_sockets import visit
from tests.postmaster import postmaster_of
from tracker.contract.drops import Drop

PATHS = ["/healthz", "/readyz", "/metrics"]
FORWARDING = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via"]


def ask(product: Product, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{product.url}{path}", method=method, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running(FOOTFALL_METRICS_SITES="1") as made:
        yield made


@pytest.fixture(scope="module")
def bearer(product: Product) -> str:
    return f"Bearer {product.add_token()}"


def test_a_local_program_is_told_that_all_is_well(product: Product) -> None:
    assert ask(product, "/healthz") == (200, "ok\n")
    assert ask(product, "/readyz") == (200, "ok\n")


@pytest.mark.parametrize("path", PATHS)
def test_only_reading_is_answered(product: Product, path: str) -> None:
    assert ask(product, path, "HEAD") == (200, "")
    for method in ("POST", "DELETE", "OPTIONS"):
        assert ask(product, path, method)[0] == 405
        assert ask(product, path, method, Via="1.1 proxy")[0] == 404


@pytest.mark.parametrize("header", FORWARDING)
def test_what_came_through_a_proxy_sees_the_404_of_any_unknown_address(product: Product, header: str) -> None:
    unknown = ask(product, "/no-such-page", **{header: "127.0.0.1"})
    assert unknown[0] == 404
    for path in PATHS:
        assert ask(product, path, **{header: "127.0.0.1"}) == unknown


@pytest.mark.parametrize("path", PATHS)
def test_a_token_is_answered_from_anywhere(product: Product, bearer: str, path: str) -> None:
    assert ask(product, path, X_Forwarded_For="192.0.2.1", Authorization=bearer)[0] == 200
    assert ask(product, path, X_Forwarded_For="192.0.2.1", Authorization=f"{bearer}x")[0] == 404


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("192.0.2.1", False),
        ("", False),
        ("unix", False),
    ],
)
def test_local_is_who_comes_over_the_loopback(address: str, local: bool) -> None:
    assert inspectors.is_local(RequestFactory().get("/healthz", REMOTE_ADDR=address)) is local


def test_metrics_can_be_read_by_prometheus(product: Product) -> None:
    key = product.add_site("read.example")
    wait_for(lambda: key in ask(product, "/metrics")[1], 60, "its gauges")
    status, text = ask(product, "/metrics")
    assert status == 200
    line = re.compile(
        r"(# (HELP|TYPE) footfall_\w+ .+|footfall_\w+"
        r'(\{(reason="\w+"|activity="[^"]+"|site="\w+",domain="[^"]+")\})? [\d.e+-]+)'
    )
    assert [each for each in text.splitlines() if not line.fullmatch(each)] == []
    families = families_of(text)
    assert {each.labels["reason"] for each in families["footfall_dropped"].samples} == set(Drop)
    assert (key, "read.example") in {
        (each.labels["site"], each.labels["domain"]) for each in families["footfall_site_tabs"].samples
    }


def families_of(text: str) -> dict[str, Metric]:
    """What Prometheus' own library reads, as strict as its server: each family once, whole and described."""
    families = list(text_string_to_metric_families(text))
    names = re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)
    # A name that came back after another would be a family more.
    assert len(names) == len(families) == len(set(names))
    assert re.findall(r"^# HELP (\w+)", text, re.MULTILINE) == names
    for family in families:
        assert family.type in ("gauge", "counter")
        assert family.documentation
        assert all(family.type != "counter" or each.name.endswith("_total") for each in family.samples)
        told = [tuple(sorted(each.labels.items())) for each in family.samples]
        assert len(told) == len(set(told)), f"twice in {family.name}"
    return {family.name: family for family in families}


def test_gauges_of_sites_are_there_where_they_are_asked_for(product: Product) -> None:
    key = product.add_site("gauged.example", "seen.example")
    label = f'{{site="{key}",domain="gauged.example"}}'
    with visit(product, key, "/"), visit(product, key, "/other"):
        wait_for(lambda: f"footfall_site_tabs{label} 2\n" in ask(product, "/metrics")[1], what="two tabs")
        assert f"footfall_site_visitors{label} 1\n" in ask(product, "/metrics")[1]
    wait_for(lambda: f"footfall_site_tabs{label} 0\n" in ask(product, "/metrics")[1], what="nobody")


def test_names_of_sites_are_escaped_as_prometheus_reads_them() -> None:
    strange = 'a"\\\n.example'
    lines = list(metrics.site_lines([(7, "key", strange), (8, "other", "b.example")], {7: (3, 2)}))
    tabs = families_of("".join(lines))["footfall_site_tabs"]
    assert [(each.labels["domain"], each.value) for each in tabs.samples] == [(strange, 3), ("b.example", 0)]
    assert [line for line in lines if 'site="key"' in line] == [
        'footfall_site_tabs{site="key",domain="a\\"\\\\\\n.example"} 3\n',
        'footfall_site_visitors{site="key",domain="a\\"\\\\\\n.example"} 2\n',
    ]


def test_a_spool_that_cannot_be_read_is_told_until_it_is_seen(product: Product) -> None:
    aside = product.data / "spool" / f"{7:016x}-0.spool.1.123-bytes.unreadable"
    aside.parent.mkdir(exist_ok=True)
    aside.write_bytes(bytes(500))
    wait_for(lambda: ask(product, "/readyz")[1] != "ok\n")
    status, text = ask(product, "/readyz")
    # Ready all the same: taken out of service, it would store nothing more.
    assert (status, text.splitlines()[0]) == (200, "ok")
    assert "123 bytes of 1 file cannot be read" in text
    assert "footfall_unreadable_files 1\n" in ask(product, "/metrics")[1]
    assert "footfall_unreadable_bytes 123\n" in ask(product, "/metrics")[1]
    assert aside.name in product.manage("spool")
    product.manage("spool", "--seen")
    wait_for(lambda: ask(product, "/readyz") == (200, "ok\n"))
    (kept,) = aside.parent.glob("*.seen")
    assert kept.read_bytes() == bytes(500)


def test_a_bot_at_the_door_is_counted_under_its_reason(product: Product) -> None:
    key = product.add_site("counted.example")
    before = dropped(product, Drop.BOT)
    status, _ = ask(
        product, f"/live/{key}", "POST", Origin="https://counted.example", User_Agent="Googlebot/2.1"
    )
    assert status == 403
    assert dropped(product, Drop.BOT) == before + 1


def test_a_proxy_that_nobody_named_is_told_once_in_the_log_and_to_staff(product: Product) -> None:
    key = product.add_site("proxied.example")
    asked = {"Origin": "https://proxied.example", "X_Forwarded_For": "198.51.100.77:4711"}
    # More than other tests sent without the header.
    for _ in range(20):
        ask(product, f"/live/{key}", "POST", **asked)
    said = ask(product, "/readyz")[1].splitlines()
    assert said[0] == "ok"
    assert "Name your proxy in FOOTFALL_TRUSTED_PROXIES." in said[1]
    (told,) = [line for line in product.lines if "X-Forwarded-For" in line]
    assert "name it there" in told
    assert "198.51.100.77" not in told
    del asked["X_Forwarded_For"]
    for _ in range(21):
        ask(product, f"/live/{key}", "POST", **asked)
    assert ask(product, "/readyz") == (200, "ok\n")


def dropped(product: Product, reason: Drop) -> int:
    found = re.search(rf'footfall_dropped_total\{{reason="{reason}"\}} (\d+)', ask(product, "/metrics")[1])
    assert found
    return int(found[1])


def test_a_schema_that_is_behind_is_not_ready(product: Product) -> None:
    with_row = "INSERT INTO django_migrations (app, name, applied) VALUES ('tracker', '0001_initial', now())"
    product.rows("DELETE FROM django_migrations WHERE app = 'tracker' AND name = '0001_initial' RETURNING 1")
    try:
        assert ask(product, "/readyz") == (503, "Migrations are missing.\n")
    finally:
        product.rows(f"{with_row} RETURNING 1")
    assert ask(product, "/readyz") == (200, "ok\n")


def test_while_postgres_cannot_come_back_the_api_says_so(product: Product, bearer: str) -> None:
    cluster, key = product.data / "postgres" / "cluster", product.add_site("away.example")
    live = f"/api/v1/sites/{key}/live"
    assert ask(product, live, Authorization=bearer)[0] == 200
    staff = product.staff_cookie
    aside = cluster.rename(cluster.with_name("aside"))
    os.kill(postmaster_of(product), signal.SIGKILL)
    try:
        wait_for(lambda: ask(product, live, Authorization=bearer)[0] != 200, what="the outage")
        answer = (503, '{"error":"Postgres does not answer: try again."}')
        assert ask(product, live, Authorization=bearer) == answer
        assert ask(product, "/readyz") == (503, "Postgres does not answer.\n")
        # A board that is opened says so, too, and looks again by itself.
        status, page = ask(product, f"/sites/{key}/", Cookie=staff)
        assert (status, "The database does not answer" in page) == (503, True)
        assert '<meta http-equiv="refresh" content="5">' in page
    finally:
        aside.rename(cluster)
    wait_for(product.ready, what="readiness after Postgres came back")


def test_while_postgres_hangs_the_process_is_alive_and_not_ready(product: Product) -> None:
    postmaster = postmaster_of(product)
    os.kill(postmaster, signal.SIGSTOP)
    try:
        assert ask(product, "/healthz") == (200, "ok\n")
        assert ask(product, "/readyz") == (503, "Postgres does not answer.\n")
    finally:
        os.kill(postmaster, signal.SIGCONT)
    wait_for(product.ready, what="readiness after Postgres went on")


def test_a_redis_that_is_away_or_none_is_told_at_once() -> None:
    port = free_port()
    with running(REDIS_URL=f"redis://127.0.0.1:{port}") as product:
        wait_for(lambda: "Redis (ConnectionError): " in inspected(product), 15, "Redis in /readyz")
        assert inspected(product).startswith("ok\n")
        assert any("the edges cannot be heard (ConnectionError)" in line for line in product.lines)
        with socket.create_server(("127.0.0.1", port)) as nonsense:
            stop = threading.Event()
            thread = threading.Thread(target=answer_nonsense, args=(nonsense, stop))
            thread.start()
            wait_for(lambda: "Redis (InvalidResponse): " in inspected(product), 15, "nonsense in /readyz")
            stop.set()
            thread.join()


def answer_nonsense(server: socket.socket, stop: threading.Event) -> None:
    """Answer as a web server would, whatever is asked."""
    server.settimeout(0.1)
    while not stop.is_set():
        with suppress(OSError):
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def inspected(product: Product) -> str:
    """What /readyz says."""
    with urllib.request.urlopen(f"{product.url}/readyz", timeout=5) as response:
        text: str = response.read().decode()
        return text
