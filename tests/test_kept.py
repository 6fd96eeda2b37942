"""All that is kept stands in a table of docs/operations.md, with its end: tables, keys, files, jobs."""

import re
from typing import NamedTuple

import pytest

from analytics.upkeep import jobs as read_side
from scripts.stands.product import Product
from tests.documents import OPERATIONS, ROOT, environment_names
from tracker.postgres.connect import connect
from tracker.upkeep import jobs as write_side

NAMED = re.compile(r"`([^`]+)`")
# Settings that say how much, or how long, something is kept.
KEEPING = re.compile(r"_(HOURS|DAYS|MONTHS|BYTES|WAIT|BUFFER)\Z")


class KeptRow(NamedTuple):
    """A row of the table."""

    kept: str
    time: str
    setting: str
    ended: str


def kept() -> list[KeptRow]:
    section = OPERATIONS.partition("## What is kept, and for how long\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [KeptRow(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines[1:]]


ROWS = kept()
KEPT = [name for row in ROWS for name in NAMED.findall(row.kept)]
JOBS = {job.name for job in (*write_side.JOBS, *read_side.JOBS)}


@pytest.mark.django_db
def test_every_table_of_the_database_stands_there_once() -> None:
    with connect() as connection:
        there = {
            name
            for (name,) in connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " AND relkind IN ('r', 'p') AND NOT relispartition"
            )
        }
    said = [name for name in KEPT if re.fullmatch(r"(tracker|analytics|history|auth|django|otp)_\w+", name)]
    assert sorted(said) == sorted(there)


def test_every_job_stands_there_and_no_other() -> None:
    said = {name for row in ROWS if re.search(r"\bjobs? `", row.ended) for name in NAMED.findall(row.ended)}
    assert said == JOBS


def test_every_setting_of_keeping_stands_there() -> None:
    said = {name for row in ROWS for name in NAMED.findall(row.setting)}
    asked = environment_names()
    assert {name for name in asked if KEEPING.search(name)} == said


def test_every_name_in_redis_stands_there() -> None:
    rooms = ("tracker/across", "analytics/live", "analytics/api")
    sources = [path for room in rooms for path in (ROOT / room).glob("*.py")]
    said = {
        _as_written(name)
        for path in sources
        for name in re.findall(r"""f?"(footfall:[^"]*)\"""", path.read_text())
    }
    assert len(said) >= 10
    assert said <= set(KEPT)
    assert said == {name for name in KEPT if name.startswith("footfall:")}


WRITTEN = (("{{{site_id}}}", "{SITE}"), ("{{edges}}", "{edges}"), ("{STREAM}", ":stream"))


def _as_written(name: str) -> str:
    """A name of the source as the table has it: `{SITE}` for a site, `…` for what else differs."""
    for source, written in WRITTEN:
        name = name.replace(source, written)
    return re.sub(r":\{(?!edges|SITE).*", ":…", name)


def test_every_file_of_a_running_product_stands_there(footfall: Product) -> None:
    there = {f"{path.name}/" if path.is_dir() else path.name for path in footfall.data.iterdir()}
    assert {"lock", "postgres/"} <= there
    assert there <= set(KEPT)


def test_everything_says_how_long_and_what_ends_it() -> None:
    assert len(ROWS) > 30
    assert [row for row in ROWS if not (row.kept and row.time and row.ended)] == []
