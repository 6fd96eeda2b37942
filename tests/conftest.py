"""One embedded Postgres per test session, from the same launcher as `scripts/run`'s, in its own folder.

It must run before Django reads its settings; so the settings module is named here, not in pyproject.toml,
where pytest-django would load it before this file.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from pytest_django import DjangoDbBlocker

from analytics.up.data_folder import DataFolder
from analytics.up.postgres import Postgres
from scripts.stands import clusters
from scripts.stands.folders import new_folder
from scripts.stands.ports import free_port
from scripts.stands.product import QUICK_SETTINGS, Product, running
from tests.guest import (
    awake_browsers,
    browser,
    browsers,
    complaints,
    context,
    host,
    page,
    peer,
    whole_browser,
    whole_page,
)
from tests.marked import perhaps_wanted

# Fixtures for every module.
__all__ = [
    "awake_browsers",
    "browser",
    "browsers",
    "complaints",
    "context",
    "host",
    "page",
    "peer",
    "whole_browser",
    "whole_page",
]

postgres: Postgres | None = None
# A worker of pytest-xdist inherits all this from its session, and has a database of its own in it.
WORKER = "PYTEST_XDIST_WORKER" in os.environ
if not WORKER:
    os.environ["FOOTFALL_DATA"] = str(new_folder("footfall-test-"))
    os.environ["SECRET_KEY"] = "only for tests, and long enough to be taken for a key"
    os.environ["DJANGO_SETTINGS_MODULE"] = QUICK_SETTINGS
    os.environ.pop("REDIS_URL", None)
    # One port for datapoints, and many products at once.
    os.environ["FOOTFALL_SIGNALS"] = "off"
folder = Path(os.environ["FOOTFALL_DATA"])


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    global postgres
    if not WORKER:
        clusters.copy_to(folder)
        postgres = Postgres(DataFolder(folder), say=lambda line: None)
        postgres.start()
        os.environ["DATABASE_URL"] = postgres.url
    # Loads the settings; pytest-django takes over from here.
    django.setup()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The tests' database, whose tables are emptied in a way of our own."""
    from tests import emptying  # not before Django has its settings

    with django_db_blocker.unblock():
        emptying.replace_flush()


@pytest.fixture(scope="session")
def footfall() -> Iterator[Product]:
    """The whole product, for tests that need nothing special of it: each adds sites of its own.

    It takes this machine for a proxy, so that visitors can come from many addresses.
    """
    place = f"127.0.0.1:{free_port()}"
    with running(FOOTFALL_TRUSTED_PROXIES="127.0.0.1", FOOTFALL_SIGNALS=place) as started:
        yield started


@pytest.fixture(scope="session")
def cast_keys(footfall: Product) -> tuple[str, str]:
    """The keys of the cast's two sites on the product that all share; made once, since names are unique."""
    from tests.cast import MAKE_CAST  # not before Django has its settings

    seen, strange = footfall.manage("shell", "--no-imports", "-c", MAKE_CAST).split()
    return seen, strange


# The modules that take longest, half a minute and more each: first, so that none is left alone in the end.
LONGEST = (
    "test_faults_crashes",
    *("test_questions", "test_backups", "test_refusals", "test_socket_bounds", "test_admin"),
    *("test_edge", "test_fleet", "test_board_socket", "test_leaving_root", "test_workers"),
    *("test_doctor", "test_health", "test_bench", "test_login_door"),
)
# They wait for browsers and other processes more than they work: run once those that only wait have ended,
# and so many that both lanes end at about the same time.
SPARE = (
    *("test_run", "test_board_budgets", "test_snippet_post", "test_board_faults"),
    *("test_accessibility", "test_board_page", "test_sharing", "test_wall", "test_time_machine"),
    *("test_board_lists", "test_snippet_guest", "test_board_fleet", "test_snippet_page_views"),
    *(
        "test_sites_page",
        "test_snippet_apps",
        "test_reports_page",
        "test_stream_board",
        "test_snippet_delivery",
    ),
    *("test_board_day", "test_admin_browser", "test_board_filters"),
    *("test_snippet_attention", "test_snippet_events"),
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whether `-m` wants no test of this file: reading all files takes each process of a lane 6 s of CPU."""
    expression = config.option.markexpr
    if not expression or not collection_path.match("test_*.py"):
        return None
    spare = collection_path.stem in SPARE
    return None if perhaps_wanted(collection_path.read_text(), expression, spare) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate((*LONGEST, *SPARE))}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))
    for item in items:
        if item.path.stem in SPARE:
            item.add_marker(pytest.mark.spare)


def pytest_unconfigure() -> None:
    if postgres is not None:
        postgres.stop()
        shutil.rmtree(folder)
