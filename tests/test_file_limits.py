"""How many pages a process has room for, when it refuses to start, and how full it says it is."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from scripts.stands.checkout import ROOT
from scripts.stands.page_messages import page
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.visitor_sockets import code_of, dial, opened
from tracker.contract.close_codes import OVERLOADED

SEVERAL = 5


def limited(soft: int, hard: int) -> list[str]:
    """Words before a command, which then may open so many files."""
    return ["prlimit", f"--nofile={soft}:{hard}"]


def edge(folder: Path, soft: int, hard: int, **environment: str) -> subprocess.CompletedProcess[str]:
    """An edge with these limits that ends by itself: where it may start, its port is no port."""
    return subprocess.run(
        [*limited(soft, hard), sys.executable, "manage.py", "edge", f"--uds={folder / 'no' / 'folder'}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("hard", [128, 256, 511])
def test_with_too_few_files_an_edge_says_so_and_does_not_start(tmp_path: Path, hard: int) -> None:
    refused = edge(tmp_path, 128, hard)
    assert refused.returncode == 1
    assert f"may open only {hard} files" in refused.stderr
    assert "LimitNOFILE" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("soft", "hard", "environment"),
    [(256, 512, {}), (64, 4096, {}), (300, 300, {"FOOTFALL_SOCKETS": "40"})],
    ids=["enough", "soft", "wanted"],
)
def test_with_enough_files_it_goes_on(
    tmp_path: Path, soft: int, hard: int, environment: dict[str, str]
) -> None:
    assert "Cannot listen on" in edge(tmp_path, soft, hard, **environment).stderr


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running(FOOTFALL_SOCKETS=str(SEVERAL)) as made:
        yield made


def readyz(product: Product) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{product.url}/readyz", timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_how_full_a_process_is_it_says_itself(product: Product) -> None:
    key = product.add_site("full.example", "example.com")
    with ExitStack() as pages:
        for _ in range(SEVERAL - 2):
            pages.enter_context(opened(product, key, page()))
        assert readyz(product) == (200, "ok\n")
        pages.enter_context(opened(product, key, page()))
        assert readyz(product) == (200, "ok\n4 of the 5 pages that a process holds.\n")
        last = pages.enter_context(dial(product, key))
        last.send(json.dumps(page()))
        assert json.loads(last.recv(timeout=10))["t"] == "ack"
        assert readyz(product) == (503, "Full: 5 pages, and no room for more.\n")
        metrics = urllib.request.urlopen(f"{product.url}/metrics").read().decode()
        assert "footfall_room 5\n" in metrics
        assert "footfall_conversations 5\n" in metrics
        with dial(product, key) as refused:
            assert code_of(refused) == OVERLOADED
    wait_for(lambda: readyz(product) == (200, "ok\n"))
