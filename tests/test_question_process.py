"""The process that answers questions: killed, frozen, asked the same by many, and gone with who asks."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import connection

from analytics.history import questions as questions_module
from analytics.history.question import HistoryQuestion, Span, WrongQuestion
from analytics.history.questions import NoAnswer, Questions
from analytics.queries.time_limit import TooMuch
from scripts.stands.waiting import wait_for
from tests import stored
from tracker.models import Site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.waits]

DAY = date(2025, 3, 4)


@pytest.fixture
def site() -> Site:
    site = Site.objects.create(domain="a.example", hosts=["a.example"])
    stored.visit(site, datetime(2025, 3, 4, 12, tzinfo=UTC), "/", "/a")
    return site


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Questions]:
    address, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    monkeypatch.setenv("DATABASE_URL", f"{address}/{connection.settings_dict['NAME']}")
    asked = Questions(patience=30)
    yield asked
    asked.close()


def views_of(site: Site, *measures: str) -> HistoryQuestion:
    return HistoryQuestion(site_id=site.pk, zone="UTC", span=Span(DAY, DAY), measures=measures or ("views",))


def test_a_process_that_dies_or_hangs_is_replaced_and_nobody_else_notices(
    site: Site, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = views_of(site)
    assert questions.ask(question).totals == [2]
    with pytest.raises(WrongQuestion) as wrong:
        questions.ask(views_of(site, "nonsense"))
    assert "views" in wrong.value.allowed

    first = questions.process_id
    assert first
    os.kill(first, signal.SIGSTOP)
    with ThreadPoolExecutor(8) as together:
        asked = [together.submit(questions.ask, question) for _ in range(8)]
        wait_for(lambda: bool(questions._asked))
        # Equal questions share one answer.
        assert len(questions._asked) == 1
        os.kill(first, signal.SIGKILL)
        assert [each.result().totals for each in asked] == [[2]] * 8
    second = questions.process_id
    assert second not in (None, first)

    monkeypatch.setattr(questions, "_patience", 0.5)
    monkeypatch.setattr(questions_module, "GRACE_SECONDS", 0.3)
    os.kill(second or 0, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(TooMuch):
        questions.ask(question)
    assert time.monotonic() - began < 10
    monkeypatch.setattr(questions, "_patience", 30)
    assert questions.ask(question).totals == [2]


def test_a_process_that_gets_no_memory_is_got_rid_of(
    site: Site, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = views_of(site)
    assert questions.ask(question).totals == [2]
    starved = questions.process_id
    assert starved
    resource.prlimit(starved, resource.RLIMIT_AS, (2**20, 2**20))
    monkeypatch.setattr(questions, "_patience", 2)
    monkeypatch.setattr(questions_module, "GRACE_SECONDS", 0.3)
    # What it already has may do for one, or some.
    for measure in ("visits", "events", "bounces", "visitors"):
        with suppress(TooMuch, NoAnswer):
            assert questions.ask(views_of(site, measure)).totals
    monkeypatch.setattr(questions, "_patience", 30)
    if questions.process_id == starved:
        os.kill(starved, signal.SIGKILL)
    assert questions.ask(question).totals == [2]
    assert questions.process_id != starved


def test_too_many_questions_are_refused_at_once(site: Site, questions: Questions) -> None:
    questions._most = 0
    with pytest.raises(TooMuch):
        questions.ask(views_of(site))


WITH_A_PROCESS = """
import os, sys, django
django.setup()
from datetime import date
from analytics.history.question import HistoryQuestion, Span
from analytics.history.questions import Questions
asked = Questions()
day = Span(date(2025, 3, 4), date(2025, 3, 4))
asked.ask(HistoryQuestion(site_id=1, zone="UTC", span=day, measures=("views",)))
print(asked.process_id, flush=True)
os.kill(os.getpid(), 9)
"""


def test_it_ends_with_who_asks_however_that_ends(questions: Questions) -> None:
    ended = subprocess.run([sys.executable, "-c", WITH_A_PROCESS], capture_output=True, text=True)
    number = int(ended.stdout)
    wait_for(lambda: not Path(f"/proc/{number}").exists())


@pytest.mark.parametrize(
    "module", ["analytics.asgi, analytics.urls", "analytics.upkeep.jobs", "tracker.edge.edge"]
)
def test_no_process_that_counts_loads_the_library(module: str) -> None:
    text = f"import sys, django; django.setup(); import {module}; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", text]).returncode == 0


def test_it_can_be_started_before_anything_is_asked(site: Site, questions: Questions) -> None:
    questions.expect()
    wait_for(lambda: questions.process_id is not None)
    first = questions.process_id
    questions.expect()
    assert questions.ask(views_of(site)).totals == [2]
    assert questions.process_id == first


def test_it_starts_without_apps() -> None:
    text = (
        "import sys, analytics.management.commands.questions;"
        "sys.exit(any(name in sys.modules for name in ('tracker.models', 'ninja', 'django.contrib.admin')))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "analytics.settings"}
    assert subprocess.run([sys.executable, "-c", text], env=environment).returncode == 0
