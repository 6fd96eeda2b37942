"""The log: a line for a record, none of what visitors say, and few of each kind."""

import errno
import http.client
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from analytics.up import log_file
from scripts.stands.edges import running_edge
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.nginx import start_nginx
from tests.uvicorn import running_uvicorn
from tracker.logs.lines import JsonLines, TextLines
from tracker.logs.refusals import Refusals
from tracker.logs.sampling import Sampled

FORGED = "hello\r\n2026-11-21 ERROR analytics: all is lost\x1b[2J\x85\u2028\x00\ud800"


def record(message: str, *arguments: object, name: str = "tracker.edge", **more: Any) -> logging.LogRecord:
    made = logging.LogRecord(
        name, logging.WARNING, __file__, 1, message, arguments, more.pop("exc_info", None)
    )
    made.__dict__.update(more)
    return made


def failed() -> Any:
    try:
        raise ValueError(FORGED)
    except ValueError:
        return sys.exc_info()


def test_nobody_forges_a_line_of_text() -> None:
    line = TextLines().format(record("said %s", FORGED))
    assert line.isprintable()
    assert line.endswith(r"said hello\r\n2026-11-21 ERROR analytics: all is lost\x1b[2J\x85\u2028\x00\ud800")
    assert re.match(r"\S+T\S+\+00:00 WARNING tracker\.edge: said", line)


def test_a_traceback_follows_its_line_behind_bars() -> None:
    first, *trace = TextLines().format(record("failed", exc_info=failed())).split("\n")
    assert first.endswith("tracker.edge: failed")
    assert len(trace) >= 2
    assert all(line.startswith("    | ") and line.isprintable() for line in trace)


@pytest.mark.parametrize("lines", [TextLines(), JsonLines()])
def test_whoever_logs_an_error_quotes_no_value(lines: logging.Formatter) -> None:
    try:
        int("what a visitor said")
    except ValueError:
        line = lines.format(record("failed", exc_info=sys.exc_info()))
    assert "ValueError" in line
    assert "invalid literal" not in line


def test_a_report_of_ours_is_a_traceback_too() -> None:
    told, report = record("Storing: KeyError"), "  store.py:7 in write: rows[name]\nKeyError"
    told.__dict__["report"] = report  # as `extra` does
    _, *trace = TextLines().format(told).split("\n")
    assert trace == ["    |   store.py:7 in write: rows[name]", "    | KeyError"]
    assert json.loads(JsonLines().format(told))["trace"] == report


def test_json_is_one_object_in_one_line() -> None:
    line = JsonLines().format(record("said %s", FORGED, exc_info=failed()))
    assert line.isprintable()
    said = json.loads(line)
    assert (said["level"], said["logger"], said["message"]) == ("WARNING", "tracker.edge", f"said {FORGED}")
    assert said["at"].endswith("+00:00")
    assert "test_logs.py" in said["trace"]
    assert "trace" not in json.loads(JsonLines().format(record("quiet")))


@pytest.mark.parametrize("name", ["django.security.DisallowedHost", "django.security.csrf"])
def test_what_a_refused_request_said_is_left_out(name: str) -> None:
    refused = record("Invalid HTTP_HOST header: %r", "evil.example", name=name, exc_info=failed())
    assert Refusals().filter(refused)
    assert TextLines().format(refused).endswith(f"{name}: refused a request")


def test_the_address_of_a_request_is_left_out() -> None:
    missing = record("%s: %s", "Not Found", "/secret", name="django.request", status_code=404)
    assert Refusals().filter(missing)
    assert missing.getMessage() == "answered 404 at no address of ours"


def test_what_daphne_repeats_of_a_request_is_left_out() -> None:
    left = "Application instance %r for connection %s took too long to shut down and was killed."
    slow = record(left, "task", "<WebRequest method=POST uri=/login/?secret>", name="daphne.server")
    broken = record("Exception inside application: %s", FORGED, name="daphne.server", exc_info=failed())
    assert all(map(Refusals().filter, (slow, broken)))
    assert slow.getMessage() == "ended an application whose client had left"
    assert broken.getMessage() == "an application failed (ValueError)"


def test_after_the_tenth_in_a_minute_lines_are_counted() -> None:
    clock = [0.0]
    sampled = Sampled(clock=lambda: clock[0])
    assert [sampled.filter(record("one %s", n)) for n in range(15)] == [True] * 10 + [False] * 5
    assert sampled.filter(record("another")), "each kind for itself"
    clock[0] = 60.0
    said = [record("one %s", n) for n in range(2)]
    assert all(map(sampled.filter, said))
    assert [each.getMessage() for each in said] == ["one 0 (5 more like this were left out)", "one 1"]


def test_kinds_without_end_take_no_memory_without_end() -> None:
    sampled = Sampled(clock=lambda: 0.0)
    written = sum(sampled.filter(record(f"kind {n}")) for n in range(5000))
    assert written == 1010


def test_a_log_file_keeps_one_older_part(tmp_path: Path) -> None:
    path = tmp_path / "nginx.log"
    log_file.cut(path, limit=10)
    path.write_text("x" * 11)
    with path.open("a") as appended:
        log_file.cut(path, limit=10)
        appended.write("more")
    assert (path.read_text(), (tmp_path / "nginx.log.1").read_text()) == ("more", "x" * 11)


def test_a_log_that_cannot_be_copied_leaves_no_part_of_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "nginx.log"
    path.write_text("x" * 11)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space"):
        log_file.cut(path, limit=10)
    assert [each.name for each in tmp_path.iterdir()] == ["nginx.log"]
    assert path.stat().st_size == 11


@pytest.fixture(scope="module")
def quiet() -> Iterator[Product]:
    """Not the product that all tests share: others may have used up the ten lines of this minute."""
    with running() as product:
        yield product


@pytest.mark.parametrize("adapter", ["one process", "nginx", "uvicorn", "edge"])
def test_a_socket_at_no_address_is_not_found_without_a_word_of_it(quiet: Product, adapter: str) -> None:
    with ExitStack() as stack:
        if adapter == "nginx":
            url = f"ws://127.0.0.1:{stack.enter_context(start_nginx(quiet.port)).port}"
        elif adapter == "edge":
            url = stack.enter_context(running_edge(quiet)).of(quiet).socket_url
        else:
            beside = stack.enter_context(running_uvicorn(quiet)) if adapter == "uvicorn" else quiet
            url = beside.socket_url
        for path in ("/no/such/secret", "/", "/live", "/live/", "/live/secret/more", "/board/", "/login/"):
            with pytest.raises(InvalidStatus) as refused, connect(url + path):
                pass
            assert refused.value.response.status_code == 404, path
    told = "\n".join(quiet.lines)
    assert "Traceback" not in told
    assert "secret" not in told


def test_of_a_socket_at_no_address_a_line_is_written(quiet: Product) -> None:
    with pytest.raises(InvalidStatus), connect(f"{quiet.socket_url}/no/such/secret"):
        pass
    said = "refused a socket at no address of ours"
    wait_for(lambda: any(said in line for line in quiet.lines), what="a line of the log")


def test_bad_hosts_are_few_short_lines(footfall: Product) -> None:
    before = len(footfall.lines)
    for number in range(25):
        connection = http.client.HTTPConnection("127.0.0.1", footfall.port, timeout=10)
        connection.request("GET", "/login/", headers={"Host": f"secret{number}.example"})
        assert connection.getresponse().status == 400
        connection.close()
    said = [line for line in footfall.lines[before:] if "DisallowedHost" in line]
    # Of two minutes, at most; whoever else uses this product may have used up their ten.
    assert len(said) <= 20
    assert all(len(line) < 120 for line in said)
    assert "secret" not in "\n".join(footfall.lines[before:])
    assert "Traceback" not in "\n".join(footfall.lines[before:])


def test_the_log_is_json_where_that_is_asked_for() -> None:
    logs = "import django; django.setup(); import logging; logging.getLogger('a').error('b\\nc')"
    done = subprocess.run(
        [sys.executable, "-c", logs],
        env={**os.environ, "FOOTFALL_LOG": "json"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stderr)["message"] == "b\nc"
