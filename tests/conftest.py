"""One embedded Postgres per test session, from the same launcher as `scripts/run`'s, in its own folder.

It must run before Django reads its settings; so the settings module is named here, not in pyproject.toml,
where pytest-django would load it before this file.
"""

import os
import shutil
import tempfile
from pathlib import Path

import django
import pytest

from analytics.data import DataFolder
from analytics.postgres import Postgres
from tests.guest import browser, context, host, page, peer

__all__ = ["browser", "context", "host", "page", "peer"]  # fixtures for every module

postgres: Postgres | None = None
folder = Path(tempfile.mkdtemp(prefix="footfall-test-"))
os.environ["FOOTFALL_DATA"] = str(folder)
os.environ["SECRET_KEY"] = "only for tests"
os.environ["DJANGO_SETTINGS_MODULE"] = "analytics.settings"
os.environ.pop("REDIS_URL", None)


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    global postgres
    postgres = Postgres(DataFolder(folder), say=lambda line: None)
    postgres.start()
    os.environ["DATABASE_URL"] = postgres.url
    # Loads the settings; pytest-django takes over from here.
    django.setup()


def pytest_unconfigure() -> None:
    if postgres is not None:
        postgres.stop()
    shutil.rmtree(folder)
