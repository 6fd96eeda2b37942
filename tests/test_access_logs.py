"""Access logs: lines of many shapes, what of them is a page view, and visits; nothing but pure functions."""

import gzip
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from analytics.access_logs.log_files import LogFile, LogLine, WrongLogFile
from analytics.access_logs.log_following import HANDOVER_SECONDS, OpenLogs
from analytics.access_logs.log_formats import WrongLogFormat, guessed, reader_of
from analytics.access_logs.log_points import LogPoints
from analytics.access_logs.logged_request import LoggedRequest, moment_of, unescaped
from analytics.access_logs.page_rules import LeftOut, address_of, reason_against
from analytics.access_logs.visit_spans import LoggedView, VisitSpan, place
from scripts.stands.agents import FIREFOX
from tracker.contract.records import Attribution, Begin, Owner
from tracker.sites.tracked_site import TrackedSite
from tracker.visitors import addresses

AT = datetime(2024, 2, 29, 12, 0, 1, tzinfo=UTC).timestamp()
TIME = "[29/Feb/2024:13:00:01 +0100]"
COMBINED = f'192.0.2.1 - - {TIME} "GET /a?b=c HTTP/1.1" 200 512 "https://www.google.com/" "{FIREFOX}"'
CADDY = {
    "level": "info",
    "ts": AT,
    "logger": "http.log.access.log0",
    "msg": "handled request",
    "request": {
        "remote_ip": "10.0.0.1",
        "remote_port": "41342",
        "client_ip": "2001:db8::1",
        "proto": "HTTP/2.0",
        "method": "GET",
        "host": "a.example",
        "uri": "/a?b=c",
        "headers": {
            "User-Agent": [FIREFOX],
            "Referer": ["https://x.example/"],
            "Sec-Fetch-Dest": ["document"],
        },
    },
    "status": 200,
    "resp_headers": {"Content-Type": ["text/html; charset=utf-8"]},
}
NGINX_JSON = (
    '{"remote_addr":"192.0.2.1","time_iso8601":"2024-02-29T13:00:01+01:00","request":"GET /a?b=c HTTP/2.0",'
    f'"status":"200","http_referer":"-","http_user_agent":"{FIREFOX}","host":"a.example"}}'
)


def read(form: str, line: str) -> LoggedRequest:
    return reader_of(form)(line)


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("combined", COMBINED),
        ("vhost", f"a.example:443 {COMBINED}"),
        ("vhost", f"a.example {COMBINED}"),
        ("common", f'192.0.2.1 - frank {TIME} "GET /a?b=c HTTP/1.0" 200 2326'),
        ("combined", f'{COMBINED} "203.0.113.9, 10.0.0.1"'),
        ("combined", f'{COMBINED} "-" rt=0.005 uct="0.000"'),
        ("combined", COMBINED.replace("- -", "- Ann Other")),
        ("combined", COMBINED.replace("192.0.2.1", "2001:db8::17")),
        ("json", NGINX_JSON),
        ("json", f'{{"ip":"::1","timestamp":{AT * 1000},"method":"GET","url":"/a?b=c","status":200}}'),
        ("caddy", msgspec.json.encode(CADDY).decode()),
        (
            '$remote_addr [$time_local] "$request" $status $request_time $upstream_response_time'
            ' "$http_user_agent"',
            f'192.0.2.1 {TIME} "GET /a?b=c HTTP/1.1" 200 0.120 0.001, 0.110 : 0.009 "{FIREFOX}"',
        ),
        (
            "$msec|$http_host|${remote_addr}|$request_method $request_uri|$status|$http_user_agent",
            f"{AT:.3f}|a.example|192.0.2.1|GET /a?b=c|200|Mozilla/5.0",
        ),
        (
            '$time_iso8601 $remote_addr "$http_x_forwarded_for" $scheme://$host$request_uri $status'
            ' "$http_user_agent" $upstream_addr',
            '2024-02-29T12:00:01+00:00 192.0.2.1 "-" https://a.example/a?b=c 200'
            f' "{FIREFOX}" unix:/s, 10.1.1.1:80',
        ),
        (
            "$remote_addr $time_local $request_method $uri$is_args$args $status $http_user_agent",
            "192.0.2.1 29/Feb/2024:13:00:01 +0100 GET /a?b=c 200 Mozilla/5.0",
        ),
    ],
)
def test_lines_of_every_form_are_read(form: str, line: str) -> None:
    request = read(form, line)
    assert (request.at, request.method, request.target, request.status) == (AT, "GET", "/a?b=c", 200)
    assert addresses.plain(request.address)


def test_a_combined_line_says_all() -> None:
    request = read("combined", f'{COMBINED} "203.0.113.9, 10.0.0.1"')
    assert (request.referrer, request.user_agent) == ("https://www.google.com/", FIREFOX)
    assert request.forwarded == "203.0.113.9, 10.0.0.1"
    assert read("vhost", f"a.example:443 {COMBINED}").host == "a.example"
    assert read("vhost", f"_ {COMBINED}").host == ""


def test_the_machine_that_wrote_a_line_is_its_server() -> None:
    form = '$hostname $remote_addr [$time_local] "$request" $status "$http_user_agent"'
    assert read(form, f'web-1 192.0.2.1 {TIME} "GET / HTTP/1.1" 200 "{FIREFOX}"').server == "web-1"
    assert read("json", NGINX_JSON.replace("{", '{"hostname":"web-2",', 1)).server == "web-2"
    assert read("combined", COMBINED).server == ""


def test_caddys_client_counts_and_not_its_proxy() -> None:
    request = read("caddy", msgspec.json.encode(CADDY).decode())
    assert (request.address, request.host, request.user_agent) == ("2001:db8::1", "a.example", FIREFOX)
    assert (request.content_type, request.destination) == ("text/html; charset=utf-8", "document")
    old = {
        **CADDY,
        "request": {"remote_addr": "[2001:db8::2]:41342", "method": "GET", "uri": "/", "headers": {}},
    }
    assert read("caddy", msgspec.json.encode(old).decode()).address == "2001:db8::2"


@pytest.mark.parametrize(
    ("request_line", "method", "target"),
    [
        (r"\x16\x03\x01\x00\xCA", "", ""),
        ("-", "", ""),
        ("", "", ""),
        ("GET", "", ""),
        ("GET / HTTP/1.1", "GET", "/"),
        ("GET /", "GET", "/"),
        ("GET /a b c HTTP/1.1", "GET", "/a b c"),
        ("GET /%C3%BC/%E2%98%83 HTTP/1.1", "GET", "/%C3%BC/%E2%98%83"),
        (r"GET /\xC3\xBC HTTP/1.1", "GET", "/ü"),
        (r"GET /say\"quoted\" HTTP/1.1", "GET", '/say"quoted"'),
        ("GET https://b.example/x?y HTTP/1.1", "GET", "/x?y"),
        ("get / HTTP/1.1", "", ""),
        ("PROPFIND /dav HTTP/1.1", "PROPFIND", "/dav"),
    ],
)
def test_request_lines_are_taken_as_they_come(request_line: str, method: str, target: str) -> None:
    request = read("combined", COMBINED.replace("GET /a?b=c HTTP/1.1", request_line))
    assert (request.method, request.target) == (method, target)


def test_agents_with_quotes_and_nothing() -> None:
    assert (
        read("combined", COMBINED.replace(FIREFOX, r"a \"b\" \x22c\x22 \\ \x00d")).user_agent
        == 'a "b" "c" \\ d'
    )
    assert read("combined", COMBINED.replace(FIREFOX, "-")).user_agent == ""
    assert read("combined", COMBINED.replace(FIREFOX, "")).user_agent == ""
    assert unescaped(r"\xff\t\q") == "\ufffd\tq"


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("combined", ""),
        ("combined", "nonsense"),
        ("combined", COMBINED[:-1]),
        ("combined", COMBINED.replace("Feb", "Foo")),
        ("combined", COMBINED.replace("29/Feb", "31/Feb")),
        ("combined", "\ufffd" * 50_000),
        ("combined", "192.0.2.1 - - [" + "[ " * 20_000),
        ("json", "[]"),
        ("json", "{"),
        ("json", "[" * 20_000),
        ("json", '{"status":200}'),
        ("json", '{"request":{},"status":200,"time":1}'),
        ("caddy", NGINX_JSON),
        ("caddy", '{"request":{"method":"GET"},"ts":1,"status":200}'),
        ("$remote_addr $time_local $request $status $http_user_agent", "a " * 20_000),
    ],
)
def test_a_line_of_another_form_is_told_soon(form: str, line: str) -> None:
    with pytest.raises(ValueError):
        read(form, line)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("cobined", "'cobined' is no format: say combined, vhost, common, json, caddy, or nginx' log_format"),
        ("$remote_addr [$time_local] $status", r"what was asked \(\$request\)"),
        ('$remote_addr $time_local "$request" $status', r"\$http_user_agent"),
        ("$remote_addr$remote_user", r"\$remote_addr and \$remote_user stand side by side"),
        ('$remote_addr $time_local "$request" $status $http_user_agent $1', r"\$1 is no variable"),
    ],
)
def test_a_wrong_format_gets_one_sentence(form: str, said: str) -> None:
    with pytest.raises(WrongLogFormat, match=said):
        reader_of(form)


def test_the_format_is_found_out() -> None:
    lines = {
        "combined": COMBINED,
        "vhost": f"a.example:80 {COMBINED}",
        "common": f'192.0.2.1 - - {TIME} "GET / HTTP/1.0" 200 -',
        "json": NGINX_JSON,
        "caddy": msgspec.json.encode(CADDY).decode(),
    }
    for name, line in lines.items():
        assert guessed(["", "# a comment", line]) == name
    assert guessed(["one", "two"]) is None


SAID = (
    *(
        "192.0.2.1",
        TIME[1:-1],
        "GET",
        "/a?b=c",
        "/a",
        "GET /a?b=c HTTP/1.1",
        "200",
        "0.1",
        "a.example",
        FIREFOX,
    ),
    *("-", "", "ü", "%", "9" * 30, "31/Feb/9999:25:61:61 +9999", "\\x00", "null", "0000", "1e400"),
)


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("[$time_local] $remote_addr $request_method $uri $status $http_user_agent", "[{}] {} {} {} {} {}"),
        (
            '$msec $remote_addr "$request_method" "$request_uri" $status "$http_user_agent"',
            '{} {} "{}" "{}" {} "{}"',
        ),
        (
            '$time_iso8601|$remote_addr|"$request"|$status|$request_time|"$http_user_agent"',
            '{}|{}|"{}"|{}|{}|"{}"',
        ),
        ("combined", '{} - - [{}] "{}" {} {} "-" "{}"'),
        ("common", '{} {} {} [{}] "{}" {} -'),
        ("json", '{{"ip":"{}","time":"{}","method":"{}","url":"{}","status":"{}","host":"{}"}}'),
        ("json", '{{"ip":{},"time":{},"method":{},"uri":{},"status":{},"request":{}}}'),
        (
            "caddy",
            '{{"ts":"{}","status":"{}","request":{{"method":"{}","uri":"{}","host":"{}","headers":"{}"}}}}',
        ),
    ],
)
@given(st.lists(st.sampled_from(SAID), min_size=6, max_size=6))
def test_whatever_stands_in_a_line_it_is_read_or_of_another_form(
    form: str, line: str, said: list[str]
) -> None:
    try:
        request = read(form, line.format(*said))
    except ValueError:
        return
    assert (request.method == "") == (request.target == "")
    reason_against(request, site(), "a.example", ())


def test_a_request_that_was_none_says_no_path() -> None:
    form = '$remote_addr [$time_local] $request_method $request_uri $status "$http_user_agent"'
    request = read(form, f'192.0.2.1 {TIME} - - 400 "-"')
    assert (request.method, request.target, request.status) == ("", "", 400)
    decoded = read(form.replace("request_uri", "uri"), f'192.0.2.1 {TIME} GET /%#\\xC3\\xBC 200 "-"')
    assert decoded.target == "/%25%23ü"


def test_a_year_far_ahead_is_no_number_of_milliseconds() -> None:
    assert moment_of(AT * 1000) == moment_of(f"{AT * 1000}") == AT
    with pytest.raises(ValueError):
        moment_of("29/Feb/5140:13:00:01 +0100")


@pytest.mark.parametrize("time", ["yesterday", "", None, [], -1, float("inf"), float("nan"), 1e30])
def test_what_is_no_time_is_refused(time: object) -> None:
    with pytest.raises(ValueError):
        moment_of(time)


def site(**more: object) -> TrackedSite:
    return TrackedSite(1, "key", ("a.example",), ZoneInfo("UTC"), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"status": 304}, None),
        ({"target": "/v1.2/notes"}, None),
        ({"target": "/index.php?x=a.css"}, None),
        ({"host": "A.EXAMPLE:443"}, None),
        ({"method": ""}, LeftOut.NO_REQUEST),
        ({"method": "POST"}, LeftOut.METHOD),
        ({"method": "HEAD"}, LeftOut.METHOD),
        ({"status": 301}, LeftOut.REDIRECT),
        ({"status": 404}, LeftOut.ERROR),
        ({"status": 500}, LeftOut.ERROR),
        ({"status": 499}, LeftOut.ERROR),
        ({"status": 204}, LeftOut.ERROR),
        ({"target": "/healthz"}, LeftOut.HEALTH),
        ({"user_agent": "kube-probe/1.29"}, LeftOut.HEALTH),
        ({"target": "/app.JS?v=3"}, LeftOut.ASSET),
        ({"target": "/ü.webp"}, LeftOut.ASSET),
        ({"target": "/.well-known/acme-challenge/x"}, LeftOut.ASSET),
        ({"target": "/feed.xml"}, LeftOut.ASSET),
        ({"target": "/api/v1/things"}, LeftOut.PROGRAM),
        ({"target": "/x", "content_type": "application/json"}, LeftOut.PROGRAM),
        ({"target": "/x", "destination": "iframe"}, LeftOut.PROGRAM),
        ({"user_agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}, LeftOut.BOT),
        ({"user_agent": ""}, LeftOut.BOT),
        ({"user_agent": "", "says_agent": False}, None),
        ({"user_agent": "curl/8"}, LeftOut.BOT),
        ({"address": "crawl-1.example"}, LeftOut.ADDRESS),
        ({"host": "b.example"}, LeftOut.HOST),
        ({"address": "198.51.100.7"}, LeftOut.EXCLUDED),
    ],
)
def test_rules_leave_out_what_people_did_not_see(changes: dict[str, object], reason: LeftOut | None) -> None:
    request = msgspec.structs.replace(read("combined", COMBINED), **changes)
    excluding = site(excluded_networks=addresses.networks(["198.51.100.0/24"]))
    assert reason_against(request, excluding, "a.example", ()) is reason


def test_a_proxys_client_counts_where_the_proxy_is_trusted() -> None:
    request = read("combined", f'{COMBINED} "203.0.113.9"')
    assert address_of(request, ()) == "192.0.2.1"
    assert address_of(request, addresses.networks(["192.0.2.0/24"])) == "203.0.113.9"
    assert address_of(msgspec.structs.replace(request, address=""), ()) == "203.0.113.9"


START = datetime(2024, 2, 29, 12, tzinfo=UTC)


def view(number: int, minute: float, visitor: int = 1) -> LoggedView:
    began = START + timedelta(minutes=minute)
    attribution = Attribution(UUID(int=visitor))
    begin = Begin(1, UUID(int=number), Owner(0, 0), began.timestamp(), "/", attribution)
    return LoggedView(began, begin, begin.id)


def test_visits_end_after_thirty_minutes_of_nothing() -> None:
    views = [view(4, 75), view(1, 0), view(2, 29.9), view(3, 60), view(5, 1, visitor=2)]
    placed = {own.int: [each.begin.id.int for each in pages] for own, pages in place(views, []).items()}
    assert placed == {1: [1, 2], 3: [3, 4], 5: [5]}


def test_visits_that_are_stored_go_on_and_keep_their_names() -> None:
    stored = VisitSpan(UUID(int=99), UUID(int=1), START, START + timedelta(minutes=40))
    views = [view(1, -29), view(2, 20), view(3, 69), view(4, 99), view(5, -60)]
    placed = {own.int: [each.begin.id.int for each in pages] for own, pages in place(views, [stored]).items()}
    assert placed == {5: [5], 99: [1, 2, 3], 4: [4]}
    assert views[0].visit == UUID(int=99)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_a_log_goes_on_where_it_was_read_to(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    lines = [f"line {number} ü\r\n" for number in range(200)]
    before, after = "".join(lines[:150]).encode(), "".join(lines).encode()
    path = tmp_path / "access.log"
    path.write_bytes(pack(before))
    with LogFile(path, io.BytesIO()) as log:
        head = log.head()
        found = list(log.lines())
        at = log.place(found[-1])
    assert found[0] == LogLine(1, 11, "line 0 ü")
    assert (at.offset, at.lines) == (len(before), 150)
    path.write_bytes(pack(after))
    with LogFile(path, io.BytesIO()) as log:
        assert log.head() == head
        assert log.goes_on(at)
        assert [(line.number, line.text) for line in log.lines(at.offset, at.lines)][::49] == [
            (151, "line 150 ü"),
            (200, "line 199 ü"),
        ]
    # Another log that begins alike is read from its begin.
    path.write_bytes(pack(after.replace(b"line 14", b"LINE 14")))
    with LogFile(path, io.BytesIO()) as log:
        assert not log.goes_on(at)
        assert next(log.lines()).number == 1


def test_a_line_in_the_writing_waits_and_long_ones_are_one(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(b"a\n" + b"x" * 200_000 + b"\nb\nhal")
    with LogFile(path, io.BytesIO()) as log:
        found = list(log.lines())
        at = log.place(found[-1])
    assert [(line.number, line.text[:2], line.end) for line in found] == [
        *((1, "a", 2), (2, "xx", 200_003), (3, "b", 200_005)),
    ]
    with LogFile(path, io.BytesIO()) as log:
        assert log.goes_on(at)


def checked(text: bytes) -> bytes:
    """Packed as the program `zstd` does it, which adds a checksum."""
    return zstd.compress(text, options={zstd.CompressionParameter.checksum_flag: 1})


@pytest.mark.parametrize("pack", [gzip.compress, checked])
def test_damage_is_told_and_several_parts_are_one_log(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "access.log.packed"
    whole = pack(b"".join(b"line %d\n" % number for number in range(100_000)))
    for damaged in (whole[:-20], whole[:5000] + b"....." + whole[5005:], whole[:4] + b"...."):
        path.write_bytes(damaged)
        with LogFile(path, io.BytesIO()) as log, pytest.raises(WrongLogFile, match="damaged"):
            list(log.lines())
    path.write_bytes(pack(b"one\n") + pack(b"two\n"))
    with LogFile(path, io.BytesIO()) as log:
        assert [line.text for line in log.lines()] == ["one", "two"]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0.120", 0.12),
        ("0.001, 0.110 : 0.009", 0.12),
        ("-", None),
        ("-, 0.5", 0.5),
        (0.25, 0.25),
        ("nonsense", None),
        ("nan", None),
        (-1, None),
        (None, None),
        ([], None),
    ],
)
def test_times_are_read_as_servers_write_them(said: object, seconds: float | None) -> None:
    line = {"ip": "::1", "time": AT, "url": "/", "status": 200, "upstream_response_time": said}
    found = read("json", msgspec.json.encode(line).decode()).upstream_seconds
    assert found == (None if seconds is None else pytest.approx(seconds))
    assert read("caddy", msgspec.json.encode({**CADDY, "duration": 0.5}).decode()).seconds == 0.5


def test_requests_become_datapoints_whoever_made_them() -> None:
    points = LogPoints("key")
    for status, seconds in ((200, "0.1"), (200, "-"), (500, "2.5")):
        line = {"ip": "::1", "time": AT, "url": "/x.js", "status": status, "request_time": seconds}
        points.add(read("json", msgspec.json.encode(line).decode()))
    assert [(point.name, point.type, point.value, point.tags) for point in points.take()] == [
        ("access.requests", "c", 2.0, {"site": "key", "status": "200"}),
        ("access.requests", "c", 1.0, {"site": "key", "status": "500"}),
        ("access.time", "ms", 100.0, {"site": "key"}),
        ("access.time", "ms", 2500.0, {"site": "key"}),
    ]
    assert points.take() == []


def test_files_are_followed_until_their_writer_has_gone_over(tmp_path: Path) -> None:
    now = [0.0]
    path = tmp_path / "access.log"
    path.write_text("one\n")
    with OpenLogs([path], lambda: now[0]) as logs:
        (old,) = logs.grown()
        assert list(logs.grown()) == []
        path.rename(tmp_path / "access.log.1")
        with (tmp_path / "access.log.1").open("a") as file:
            file.write("two\n")
        assert list(logs.grown()) == [old]
        path.write_text("new\n")
        (new,) = logs.grown()
        with (tmp_path / "access.log.1").open("a") as file:
            file.write("late\n")
        assert list(logs.grown()) == [old]
        now[0] = HANDOVER_SECONDS
        assert list(logs.grown()) == []
        assert old.file.closed
        path.write_text("")
        assert list(logs.grown()) == [new]
        logs.again()
        assert list(logs.grown()) == [new]


def test_a_log_that_cannot_be_read_for_a_moment_is_told_and_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.symlink_to(path)
    with OpenLogs([path]) as logs:
        assert list(logs.grown()) == []
        assert logs.problem == "access.log cannot be read: Too many levels of symbolic links."
        path.unlink()
        path.write_text("one\n")
        assert len(list(logs.grown())) == 1
        assert logs.problem == ""
