"""Which process is told what: all settings have a row, and nobody is told a secret without need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analytics.configuration.setting import InBackups
from analytics.configuration.table import ALL
from analytics.up.environments import CHILD, NEEDED_BY, ProcessKind, environment
from tests.documents import ROOT

GIVEN = {name: f"secret of {name}" for name in NEEDED_BY} | {
    "PATH": "/bin",
    "FOOTFALL_NAMES": "7",
    "LC_ALL": "C",
    "PGPASSWORD": "secret of libpq",
    "NOTIFY_SOCKET": "systemd's",
    "AWS_SECRET_ACCESS_KEY": "somebody's",
}


def test_every_secret_has_its_row() -> None:
    """A new one is told to nobody until somebody says who needs it."""
    assert set(NEEDED_BY) == {each.name for each in ALL if each.backups is not InBackups.OPEN} - {CHILD}


@pytest.mark.parametrize("kind", ProcessKind)
def test_nobody_is_told_a_secret_that_they_do_not_need(kind: ProcessKind) -> None:
    told = environment(kind, GIVEN)
    secrets = {each.name for each in ALL if each.backups is InBackups.SECRET}
    secrets |= {"PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "FOOTFALL_DEMO_SECRET"}
    pages = {"REDIS_URL", "SECRET_KEY", "FOOTFALL_DEMO_SECRET", "PGPASSWORD"}
    allowed = {
        ProcessKind.WEB: pages | {"EMAIL_URL", "SECRET_KEY_FALLBACKS"},
        ProcessKind.EDGE: pages,
        ProcessKind.JOBS: {"PGPASSWORD"},
        ProcessKind.DEMO: {"FOOTFALL_DEMO_SECRET"},
        ProcessKind.SIGNALS: {"PGPASSWORD"},
    }
    assert set(told) & secrets == allowed[kind]
    assert told["PATH"] == "/bin"
    assert told["FOOTFALL_NAMES"] == "7"
    assert told["LC_ALL"] == "C"
    assert told[CHILD] == kind
    assert "NOTIFY_SOCKET" not in told


def test_the_supervisor_knows_neither_models_nor_the_application(tmp_path: Path) -> None:
    """It lives beside all others, and so is light: 26 MB without Django and psycopg, 52 with them."""
    program = (
        "import sys, analytics.up.launch, analytics.up.supervisor, analytics.settings;"
        "print(*{name.partition('.')[0] for name in sys.modules}, *(sys.modules.keys() & {'django.conf'}))"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "FOOTFALL_DATA": str(tmp_path),
        "SECRET_KEY": "only for a test, and long enough to be taken for a key",
        "DATABASE_URL": "postgres://somebody:secret@localhost/footfall",
        "REDIS_URL": "unix:///run/footfall-12345678/valkey",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    heavy = {"psycopg", "channels", "daphne", "twisted", "redis", "django.conf"}
    assert set(done.stdout.split()) & heavy == set()
    assert "tracker" in done.stdout


def test_one_process_loads_neither_redis_nor_tls() -> None:
    """It counts alone, behind a proxy that speaks TLS: 12 of its 110 MB went for what it never called."""
    program = (
        "import sys, django; django.setup(); import analytics.web.web_server, analytics.asgi;"
        "print(*sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "analytics.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert {"analytics.board.ticker", "twisted.internet.tcp"} <= loaded
    assert {"redis", "OpenSSL.SSL", "service_identity"} & loaded == set()
