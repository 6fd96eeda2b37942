"""Postgres away for a while, and Footfall killed meanwhile: what was acknowledged is stored, once."""

import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from analytics.up.data_folder import DataFolder
from analytics.up.postgres import Postgres
from scripts.stands.page_messages import page
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.visitor_sockets import opened


@pytest.fixture
def folder() -> Iterator[Path]:
    # Right under /tmp, and open to pass: to the account that root drops Postgres to pytest's own are closed.
    path = Path(tempfile.mkdtemp(prefix="footfall-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


def postgres_in(folder: Path) -> Postgres:
    """A Postgres that Footfall does not watch over."""
    server = Postgres(DataFolder(folder), say=lambda line: None)
    server.start()
    return server


@pytest.mark.waits
def test_what_was_acknowledged_during_an_outage_is_stored_once_after_a_kill(folder: Path) -> None:
    data = folder / "footfall"
    (folder / "postgres").mkdir()
    server = postgres_in(folder / "postgres")
    product = Product(data, DATABASE_URL=server.url)
    try:
        key = product.add_site("example.com")
        pages = [page("/", uuid.uuid4()) for _ in range(6)]
        with ExitStack() as stack:
            for said in pages[:3]:
                stack.enter_context(opened(product, key, said))
            server.stop()
            for said in pages[3:5]:
                stack.enter_context(opened(product, key, said))
            assert [path.suffix for path in (data / "spool").iterdir()] == [".spool"]
            product.stop(signal.SIGKILL)
        server = postgres_in(folder / "postgres")
        product = Product(data, DATABASE_URL=server.url)
        with opened(product, key, {**pages[3], "e": 1000, "d": 10}), opened(product, key, pages[5]):
            wait_for(lambda: not list((data / "spool").iterdir()), 30, "the spool to be stored")
        stored = product.rows("SELECT id::text AS id FROM tracker_pageview")
        assert sorted(row["id"] for row in stored) == sorted(str(said["id"]) for said in pages)
    finally:
        if product.process.poll() is None:
            product.stop()
        server.stop()
