"""`manage.py doctor`: sizes, what goes when, and all that is wrong, each as a sentence with what to do."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.test import override_settings

from analytics.doctor import database, disk, servers
from analytics.doctor.findings import Findings, in_bytes
from analytics.up.data_folder import DataFolder
from scripts.stands.checkout import ROOT
from scripts.stands.ports import free_port
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tracker.postgres import partitions
from tracker.postgres.connect import connect
from tracker.storing import unreadable
from tracker.upkeep.jobs import DONE, JOBS, NOTE, Job

DAY = timedelta(days=1)


def doctor(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Its exit status and what it said."""
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.stderr
    return done.returncode, done.stdout


def bare(data: Path, **settings: str) -> dict[str, str]:
    """An environment in which Footfall was never started."""
    ours = ("FOOTFALL", "DATABASE_URL", "SECRET_KEY", "REDIS_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "FOOTFALL_DATA": str(data), **settings}


def without_disks(problems: list[str]) -> list[str]:
    """What is wrong beside the machine that the tests run on."""
    return [problem for problem in problems if not problem.startswith(("The disk of", "/etc/nginx"))]


def test_nothing_is_wrong_with_what_runs_well(footfall: Product) -> None:
    def said() -> dict[str, Any]:
        code, text = doctor(footfall.environment, "--json")
        told: dict[str, Any] = json.loads(text)
        assert code == bool(told["problems"])
        return told

    # The last of the jobs may just be under way for the first time.
    wait_for(lambda: not without_disks(said()["problems"]), 20, "jobs that were done")
    told = said()
    sizes = {size["name"]: size for size in told["sizes"]}
    assert sizes["tracker_pageview"]["index_bytes"] > 0
    assert f"data folder {footfall.data}" in sizes
    assert not [name for name in sizes if "_2026w" in name], "partitions are added up"
    assert [ending["setting"] for ending in told["endings"]] == ["FOOTFALL_RAW_DAYS"]
    _, text = doctor(footfall.environment)
    assert "tracker_pageview" in text
    assert "What will be removed" in text


def test_where_nothing_runs_it_says_so(tmp_path: Path) -> None:
    code, text = doctor(bare(tmp_path / "missing"))
    assert code == 1
    assert "Footfall does not run on this data folder: start scripts/run." in text
    assert f"There is no data folder {tmp_path / 'missing'}." in text


def test_what_is_on_the_disk_is_told_while_postgres_is_away(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    waits = tmp_path / "spool" / f"{7:016x}-0.spool"
    waits.write_bytes(b"a record")
    os.utime(waits, (0, 0))
    environment = bare(tmp_path, DATABASE_URL=f"postgres://nobody@{str(tmp_path).replace('/', '%2F')}/none")
    code, text = doctor(environment, "--json")
    problems = json.loads(text)["problems"]
    assert code == 1
    assert "Postgres does not answer (OperationalError)" in problems[0]
    assert "have waited in" in problems[1]
    assert "since 1970-01-01 00:00 UTC" in problems[1]


@pytest.fixture
def connection(transactional_db: None) -> Iterator[psycopg.Connection]:
    with connect() as connection:
        connection.autocommit = True
        yield connection


def of_database(*jobs: Job) -> Findings:
    findings = Findings()
    database.look(findings, jobs)
    return findings


def test_jobs_that_were_not_done_are_named(connection: psycopg.Connection) -> None:
    now = datetime.now(UTC)
    for job in JOBS:
        connection.execute(NOTE, [DONE + job.name, now])
    assert of_database(*JOBS).problems == []
    connection.execute(NOTE, [f"{DONE}salts", now - timedelta(minutes=29)])
    connection.execute(NOTE, [f"{DONE}recent ids", now - timedelta(minutes=131)])
    connection.execute("DELETE FROM tracker_watermark WHERE job = %s", [f"{DONE}dead edges"])
    (problem,) = of_database(*JOBS).problems
    assert problem.startswith("Jobs were not done in time (dead edges, recent ids): see that")


def test_weeks_that_are_missing_ahead_are_told(connection: psycopg.Connection) -> None:
    now = datetime.now(UTC)
    name = partitions.name_of("tracker_event", partitions.week_of(now + 3 * timedelta(weeks=1)))
    connection.execute(psycopg.sql.SQL("DROP TABLE {}").format(psycopg.sql.Identifier(name)))
    try:
        (problem,) = of_database().problems
        assert problem.startswith("tracker_event has no partition for 1 of the next 4 weeks")
    finally:
        ensured(connection, now)
    assert of_database().problems == []


def ensured(connection: psycopg.Connection, now: datetime) -> list[str]:
    with connection.transaction(), connection.cursor() as cursor:
        return partitions.ensure(cursor, now)


def test_the_week_that_goes_first_is_told_with_its_day(connection: psycopg.Connection) -> None:
    past = datetime.now(UTC) - timedelta(weeks=20)
    made = ensured(connection, past)
    try:
        with override_settings(FOOTFALL_RAW_DAYS=100):
            endings = of_database().endings
    finally:
        for name in made:
            connection.execute(psycopg.sql.SQL("DROP TABLE {}").format(psycopg.sql.Identifier(name)))
    week = partitions.week_of(past)
    at = partitions.midnight(week) + timedelta(weeks=1) + 100 * DAY
    assert [(ending.what.split(",")[0], ending.at) for ending in endings] == [
        (partitions.name_of(growing.table, week), at) for growing in partitions.GROWING
    ]


def test_migrations_that_are_missing_are_named(connection: psycopg.Connection) -> None:
    gone = connection.execute("DELETE FROM django_migrations WHERE app = 'sessions' RETURNING *").fetchall()
    try:
        (problem,) = of_database().problems
        assert problem == "Migrations are missing (sessions.0001_initial): call manage.py migrate."
    finally:
        connection.cursor().executemany("INSERT INTO django_migrations VALUES (%s, %s, %s, %s)", gone)


def test_an_index_that_was_broken_off_is_told(connection: psycopg.Connection) -> None:
    connection.execute("INSERT INTO analytics_login_tries VALUES ('a', 1, now()), ('b', 1, now())")
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("CREATE UNIQUE INDEX CONCURRENTLY left_over ON analytics_login_tries (tries)")
    try:
        (problem,) = of_database().problems
        assert problem.startswith("The index left_over is not valid")
    finally:
        connection.execute("DROP INDEX left_over")


def test_a_table_that_is_locked_holds_it_up_for_no_more_than_its_patience(
    connection: psycopg.Connection,
) -> None:
    with connect() as other:
        other.execute("LOCK TABLE tracker_site IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        (problem,) = of_database().problems
        assert "A table is locked" in problem
        assert time.monotonic() - began < 10


def test_clocks_are_apart_by_what_no_way_explains() -> None:
    noon = datetime(2026, 11, 27, 12, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert database.apart(noon, noon + second, noon + 2 * second) == 0
    assert database.apart(noon, noon - 5 * second, noon + 2 * second) == 5
    assert database.apart(noon, noon + 9 * second, noon + 2 * second) == 7


@contextmanager
def folders(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "spool").mkdir()
    with override_settings(FOOTFALL_DATA=DataFolder(tmp_path), FOOTFALL_SPOOL=tmp_path / "spool"):
        yield tmp_path / "spool"


def test_damaged_files_and_logs_are_told_with_their_end(tmp_path: Path) -> None:
    findings = Findings()
    with folders(tmp_path) as spool:
        (tmp_path / "postgres.log").write_text("x" * 10_000)
        (tmp_path / "nginx.log.1").write_text("x" * 10_000)
        for number in (1, 2):
            (spool / f"{number:016x}-0.spool.1.5-bytes.unreadable").write_bytes(b"x" * 5000)
        kept = unreadable.seen(spool / f"{2:016x}-0.spool.1.5-bytes.unreadable")
        (spool / f"{3:016x}-0.spool").write_bytes(b"on its way")
        disk.look(findings)
        gone = datetime.fromtimestamp(kept.stat().st_mtime, UTC) + 30 * DAY
    assert without_disks(findings.problems) == [
        "Spool: 5 bytes of 1 file cannot be read; manage.py spool says what to do."
    ]
    sizes = {size.name.split(" /")[0]: size.bytes for size in findings.sizes}
    assert sizes["logs in the data folder"] >= 20_000
    assert sizes["damaged files of the spool"] >= 10_000
    assert sizes["data folder"] >= 30_000
    assert sizes["spool"] == len(b"on its way")
    assert [(ending.what.split(",")[0], ending.at) for ending in findings.endings] == [(kept.name, gone)]


def test_one_that_was_killed_does_not_answer(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.write("url", f"http://localhost:{free_port()}")
    data.write("database_url", "postgres://was@there/footfall")
    findings = Findings()
    with folders(tmp_path):
        servers.look(findings, tmp_path / "nginx")
    (problem,) = findings.problems
    assert problem.startswith("Footfall does not answer at http://localhost:")


@pytest.mark.parametrize(
    ("limits", "connections", "told"),
    [
        ("limit_req zone=sockets burst=4000 nodelay;", "worker_connections 30000;", []),
        ("# limit_req zone=sockets;", "worker_connections 30000;", ["has no limit_req"]),
        ("limit_req zone=sockets;", "\n\tworker_connections 768;\n", ["few worker_connections (768)"]),
        ("", "worker_connections 768;", ["has no limit_req", "few worker_connections (768)"]),
    ],
)
def test_nginx_without_its_limits_is_told(
    tmp_path: Path, limits: str, connections: str, told: list[str]
) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "footfall.conf").write_text(f"server {{\n    {limits}\n}}\n")
    (tmp_path / "nginx.conf").write_text(f"events {{ {connections} }}\n")
    findings = Findings()
    with override_settings(FOOTFALL_DATA=DataFolder(tmp_path)):
        servers.look(findings, tmp_path)
    assert len(findings.problems) == len(told)
    for problem, part in zip(findings.problems, told, strict=True):
        assert part in problem


def test_our_own_nginx_files_have_their_limits(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    text = (ROOT / "deploy" / "nginx" / "footfall.conf").read_text()
    (tmp_path / "conf.d" / "footfall.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text("events { worker_connections 30000; }\n")
    findings = Findings()
    with override_settings(FOOTFALL_DATA=DataFolder(tmp_path)):
        servers.look(findings, tmp_path)
    assert findings.problems == []


def test_bytes_are_said_for_people() -> None:
    said = [in_bytes(number) for number in (0, 1023, 1536, 5 * 2**20, 3 * 2**30, 2**41)]
    assert said == ["0 bytes", "1,023 bytes", "1.5 KiB", "5.0 MiB", "3.0 GiB", "2.0 TiB"]
