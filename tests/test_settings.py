"""Every setting is checked at start: whatever stands in one, it works, or one sentence names it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from analytics.configuration import server_urls, table, unknown_names
from analytics.configuration.env_file import quoted, read_env_file
from analytics.configuration.setting import InBackups
from scripts.stands.checkout import ROOT
from tests.documents import OPERATIONS
from tests.geo_database import write_database

SETTINGS = sorted(table.NAMED)
SECRET = "hunter2hunter2"
JUNK = [
    "maybe", "1", "0", "-1", "1.5", "1e3", "٣", "9" * 400, "50k", "2G", "1_000", "True", "off",
    "x", "'", '"', "''", "'1'", "a b", "a,b", ",", ",,1", "*", ".", "..", "/", "//", "://", "http://", "https://:8000",
    "https://a:b@c", "https://h:0", "https://h:99999", "https://h:x", "https://h/p", "https://h?q", "https://[::1",
    "stats.example.com", "//stats.example.com", "ftp://h", "HTTPS://Stats.Example.com:443/", "https://bücher.example",
    "1.2.3.4/33", "::1", "[::1]", "fe80::1%eth0", "10.0.0.0/8,nonsense",
    "/nonexistent/file", "/dev/null", "/etc/passwd",
    "/etc/passwd/x", "~", "~nosuchuser/x", "a" * 5000, "/" + "a" * 300, "é", "🦶",
    "\u202e", "%", "%zz", "%00", "\x1b[31m",
    "line\nline", "tab\ttab", "\udcff",
    "postgres://", "postgres:///", "postgres://h", "postgres://h/", "postgres://h/a/b", "postgres://h:x/d",
    f"postgres://u:{SECRET}#@h/d", f"postgres://u:{SECRET}/@h/d", f"postgres://u:{SECRET}?@h/d",
    f"postgres://u:[{SECRET}@h/d", f"'postgres://u:{SECRET}@h/d'", f"postgres://u:{SECRET} @h/d",
    f"postgres://u:{SECRET}%00@h/d", f"postgres://u:{SECRET}%ff@h/d", f"mysql://u:{SECRET}@h/d",
    f"postgres://u:{SECRET}@h/d?nosuchoption=1", f"host=h user=u password={SECRET}",
    f"redis://:{SECRET}#@h", f"redis://:{SECRET}/@h", f"redis://:{SECRET}@h/x", f"redis://:{SECRET}@h:port",
    f"redis://:{SECRET}@h?nosuchoption=1", f"redis://:{SECRET}@", f"'redis://:{SECRET}@h'", "redis://", "unix://",
    f"{SECRET}",
]  # fmt: skip


def problem(name: str, text: str) -> str | None:
    """What is said of one setting, or None where it is taken."""
    try:
        table.check({name: text})
    except ImproperlyConfigured as refused:
        return str(refused)
    return None


def assert_one_sentence(name: str, said: str) -> None:
    assert said.startswith(f"{name} "), said
    assert said.isprintable(), said
    assert said.endswith(".")
    assert len(said) < 700


@pytest.mark.parametrize("name", SETTINGS)
def test_whatever_stands_in_a_setting_is_taken_or_named_in_one_sentence(name: str) -> None:
    for text in JUNK:
        if said := problem(name, text):
            assert_one_sentence(name, said)
            assert table.NAMED[name].backups is not InBackups.SECRET or SECRET not in said


@given(
    st.sampled_from(SETTINGS), st.text(st.characters(blacklist_characters="\0")) | st.from_regex(r"\S+://\S+")
)
def test_so_is_what_nobody_thought_of(name: str, text: str) -> None:
    if said := problem(name, text):
        assert_one_sentence(name, said)


LOAD = """
import json, os, runpy, sys
environment = dict(os.environ)
for name, text in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update({**environment, name: text})
    try:
        loaded = runpy.run_path("analytics/settings.py")
        problem = ""
        import channels_redis.pubsub, psycopg
        from tracker.visitors import addresses, countries
        addresses.networks(loaded["FOOTFALL_TRUSTED_PROXIES"])
        countries.Countries(loaded["FOOTFALL_GEO"])
    except BaseException as error:
        problem = f"{type(error).__name__} {error}"
    print(json.dumps(problem))
"""


def test_settings_load_with_what_was_taken_and_with_nothing_else(tmp_path: Path) -> None:
    pairs = [(name, text) for name in SETTINGS for text in JUNK if "\udcff" not in text]
    place = {"PATH": os.environ["PATH"], "FOOTFALL_DATA": str(tmp_path)}
    needed = {"SECRET_KEY": "only-for-tests-and-long-enough-to-be-a-key", "DATABASE_URL": "postgres://u@h/d"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        input=json.dumps(pairs), text=True, cwd=ROOT, env={**place, **needed},
        capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(pairs)
    for (name, text), said in zip(pairs, told, strict=True):
        expected = problem(name, text)
        assert said == (f"ImproperlyConfigured {expected}" if expected else ""), (name, text)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("FOOTFALL_HTTPS", "yes", True),
        ("FOOTFALL_HTTPS", "On", True),
        ("FOOTFALL_HTTPS", "false", False),
        ("FOOTFALL_HTTPS", "  ", False),
        ("FOOTFALL_SPOOL_BYTES", "500m", 500 * 2**20),
        ("FOOTFALL_SPOOL_BYTES", "1.5 GiB", 3 * 2**29),
        ("FOOTFALL_BUFFER", "50k", 50_000),
        ("FOOTFALL_BUFFER", "50_000", 50_000),
        ("FOOTFALL_LOGIN_WAIT", "5m", 300),
        ("FOOTFALL_RAW_DAYS", "0", 0),
        ("FOOTFALL_RAW_DAYS", "8w", 56),
        ("FOOTFALL_WATCHDOG", "0", 0),
        ("FOOTFALL_LOG", "JSON", "json"),
        ("FOOTFALL_URL", "HTTPS://Stats.Example.com:443/", "https://stats.example.com"),
        ("FOOTFALL_URL", "http://[::1]:8000", "http://[::1]:8000"),
        ("FOOTFALL_URL", "https://bücher.example", "https://xn--bcher-kva.example"),
        ("FOOTFALL_TRUSTED_ORIGINS", "https://A.example/, https://*.b.example:8443",
         ["https://a.example", "https://*.b.example:8443"]),
        ("ALLOWED_HOSTS", "https://Stats.Example.com:8443/, *.b.example, .c.example, ::1, *",
         ["stats.example.com", ".b.example", ".c.example", "[::1]", "*"]),
        ("FOOTFALL_TRUSTED_PROXIES", "10.1.2.3/8, ::1,", ["10.0.0.0/8", "::1"]),
        ("FOOTFALL_SPOOL", "~/spool", Path.home() / "spool"),
    ],
)  # fmt: skip
def test_what_people_write_is_understood(name: str, text: str, value: object) -> None:
    assert table.NAMED[name].value({name: text}) == value


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("FOOTFALL_HTTPS", "maybe", "must be 1 (or true, yes, on) or 0 (or false, no, off), not 'maybe'"),
        (
            "FOOTFALL_URL",
            "stats.example.com",
            "must begin with https:// or http://: https://stats.example.com",
        ),
        ("FOOTFALL_URL", "https://h.example/footfall", "not under a path: https://h.example"),
        ("FOOTFALL_URL", "https://me:secret@h.example", "must hold no user and no password"),
        ("FOOTFALL_TRUSTED_ORIGINS", "https://a.example,b.example", "(item 2 of 2) must begin with https://"),
        ("ALLOWED_HOSTS", "a.example,not a host", "not 'not a host'"),
        ("FOOTFALL_TRUSTED_PROXIES", "127.0.0.1,proxy", "(item 2 of 2) must name addresses or networks"),
        ("FOOTFALL_GEO", "/nonexistent/geo.mmdb", "names a file that is not there"),
        ("FOOTFALL_GEO", "/etc/passwd", "it is no .mmdb database"),
        ("FOOTFALL_SPOOL", "/etc/passwd/x", "must name a folder"),
        ("FOOTFALL_SPOOL", "'/var/spool/footfall'", "stands in quotes"),
        ("FOOTFALL_URL", '"https://h.example"', "stands in quotes"),
        ("FOOTFALL_HTTPS", "'1'", "stands in quotes"),
        ("SECRET_KEY_FALLBACKS", f"{'k0123456789' * 3},{SECRET}", "(item 1 of 2) repeats the same 11"),
        ("SECRET_KEY_FALLBACKS", f",{SECRET}", "(item 2 of 2) has 14 characters"),
        ("FOOTFALL_BUFFER", "many", "from 1 to 1,000,000,000; 50k and 2m are understood, not 'many'"),
        ("FOOTFALL_RAW_DAYS", "2", "from 3 to"),
        ("DATABASE_URL", "'postgres://u:p@h/d'", "stands in quotes"),
        ("DATABASE_URL", "postgres://u:p@h", "names no database"),
        ("DATABASE_URL", "postgres://u:p/w@h/d", "/ is %2F"),
        ("DATABASE_URL", "postgres://u:p#w@h/d", "# is %23"),
        ("DATABASE_URL", "host=h dbname=d", "must begin with postgres://"),
        ("REDIS_URL", "localhost:6379", "must begin with redis://"),
        ("REDIS_URL", "redis://:p/w@h", "/ is %2F"),
        ("REDIS_URL", "redis://h/none", "must end with the number of a database"),
    ],
)
def test_what_is_wrong_is_said_with_its_remedy(name: str, text: str, what: str) -> None:
    said = problem(name, text)
    assert said is not None
    assert what in said


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:p%40ss%2Fw%23@h:5432/d",
        "postgresql://u@%2Frun%2Fpostgresql/footfall",
        "postgres:///footfall",
        "postgres://u:p:w@[::1]/d?sslmode=require",
        "postgres://u:p@ss@h/d",
    ],
)
def test_good_addresses_of_postgres_pass(url: str) -> None:
    assert problem("DATABASE_URL", url) is None
    assert server_urls.database(url)["NAME"] in ("d", "footfall")


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://u:p%23@h:6379/0?socket_timeout=2", "rediss://h/1", "unix:///run/v.sock?db=1"],
)
def test_good_addresses_of_redis_pass(url: str) -> None:
    assert problem("REDIS_URL", url) is None


def test_a_country_database_that_is_there_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "geo.mmdb"
    write_database(path, {"192.0.2.0/24": {"country": {"iso_code": "DE"}}})
    assert table.GEO.value({"FOOTFALL_GEO": str(path)}) == str(path)


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        table.check({"FOOTFALL_HTTPS": "maybe", "FOOTFALL_BUFFER": "many", "FOOTFALL_NAMES": "7"})
    assert [line.split()[0] for line in str(refused.value).splitlines()] == [
        "FOOTFALL_HTTPS",
        "FOOTFALL_BUFFER",
    ]


def test_documents_name_every_setting_and_its_default() -> None:
    cells = [line.split("|") for line in OPERATIONS.splitlines() if line.startswith("| `")]
    rows = {name.strip(): default.strip() for _, name, default, *_ in cells}
    for each in table.ALL:
        assert f"`{each.name}`" in rows, each.name
        if type(each.default) is int and each.default > 0:
            words = {str(each.default), f"{each.default >> 20} MiB", f"{each.default >> 30} GiB"}
            assert rows[f"`{each.name}`"] in words


def test_mistyped_names_are_told_once_with_the_one_that_was_meant() -> None:
    environment = {
        "FOOTFALL_SOCKET": "1",
        "footfall_url": "x",
        "FOOTFALL_ZEBRA": "",
        "FOOTFALL_NAMES": "7",
        "PATH": "/",
    }
    assert list(unknown_names.sentences(environment)) == [
        "FOOTFALL_SOCKET is no setting of Footfall, and changes nothing (did you mean FOOTFALL_SOCKETS?).",
        "FOOTFALL_ZEBRA is no setting of Footfall, and changes nothing.",
        "footfall_url is no setting of Footfall, and changes nothing (did you mean FOOTFALL_URL?).",
    ]
    assert list(unknown_names.sentences(environment)) == []


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def read(path: Path, **given: str) -> dict[str, str]:
    environment = dict(given)
    read_env_file(path, environment)
    return environment


def test_an_env_file_is_read_as_shells_read_it(env_file: Path) -> None:
    env_file.write_bytes(
        b"\xef\xbb\xbf# settings\r\n\r\nFOOTFALL_URL=https://a.example # ours\r\n"
        b"export FOOTFALL_LOG = 'json'\r\n"
        b'SECRET_KEY="a # b"\nDATABASE_URL=postgres://u:p#w@h/d\nEMPTY=\nFOOTFALL_NAMES=7'
    )
    assert read(env_file, FOOTFALL_NAMES="9") == {
        "FOOTFALL_URL": "https://a.example",
        "FOOTFALL_LOG": "json",
        "SECRET_KEY": "a # b",
        "DATABASE_URL": "postgres://u:p#w@h/d",
        "EMPTY": "",
        "FOOTFALL_NAMES": "9",
    }


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"A=1\n\nSECRET_KEY hunter2hunter2\n", "Line 3 of "),
        (b"A=1\nSECRET_KEY='hunter2hunter2\n", "Line 2 of "),
        (b"# c\nA=hunter2hunter2\0\n", "Line 2 of "),
        (b"=hunter2hunter2\n", "Line 1 of "),
        ("A=hunter2hunter2é".encode("latin-1"), "is no UTF-8 text"),
        ("A=hunter2hunter2".encode("utf-16"), "is no UTF-8 text"),
    ],
)
def test_a_line_that_is_not_understood_is_named_and_never_said(
    env_file: Path, content: bytes, what: str
) -> None:
    env_file.write_bytes(content)
    with pytest.raises(ImproperlyConfigured) as refused:
        read(env_file)
    assert what in str(refused.value)
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_env_file_that_is_none_is_said(env_file: Path) -> None:
    assert read(env_file) == {}
    env_file.mkdir()
    with pytest.raises(ImproperlyConfigured, match="cannot be read: Is a directory"):
        read(env_file)


@given(st.text(st.characters(blacklist_characters="\0\r", blacklist_categories=["Cs"])))
def test_what_is_quoted_comes_back(text: str) -> None:
    environment: dict[str, str] = {}
    path = Path(os.environ["FOOTFALL_DATA"]) / "quoted.env"
    path.write_text(f"A={quoted(text)}\nB=1\n")
    read_env_file(path, environment)
    path.unlink()
    assert environment == {"A": text, "B": "1"}
