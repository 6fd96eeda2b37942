"""The process that answers questions, in the database that this process of tests has for itself."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from analytics.process import web
from scripts.stands.waiting import wait_for


@contextmanager
def asked_of_ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It starts anew when it is asked first, and ends.

    One that a page of an earlier test began has another database.
    """
    address, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    monkeypatch.setenv("DATABASE_URL", f"{address}/{connection.settings_dict['NAME']}")
    end()
    yield
    end()


def end() -> None:
    """End it, if there is one."""
    if running := web.questions.process_id:
        os.kill(running, signal.SIGKILL)
        wait_for(lambda: web.questions.process_id != running, 10, "the process of questions to end")
