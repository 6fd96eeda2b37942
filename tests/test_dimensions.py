"""A new dimension is one row of the table: a copy of the code gets one, and everything finds it there."""

import json
import re
import shutil
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from websockets.sync.client import connect

from scripts.stands.agents import CHROME
from scripts.stands.checkout import ROOT
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.staff import at_board

ROW = '    Dimension("languages", "language", "language", b"l", "Languages", "software"),\n'
CODE = ("manage.py", "analytics", "tracker", "templates", "static", "deploy")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product as it is with one row more in one file."""
    code = tmp_path_factory.mktemp("code")
    code.chmod(0o755)  # whoever leaves root must be able to read it
    for name in CODE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, code / name)
    table = code / "tracker" / "live" / "dimensions.py"
    text, rows = re.subn(r"(?<=^TABLE = \(\n)", ROW, table.read_text(), flags=re.MULTILINE)
    assert rows == 1
    table.write_text(text)
    with running(under=["env", f"--chdir={code}"], DJANGO_SETTINGS_MODULE="analytics.settings") as made:
        yield made


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    return product.add_site("seen.example")


@pytest.fixture(scope="module")
def ask(product: Product, key: str) -> Callable[[str], Any]:
    """The live object as the API says it."""
    token = product.add_token()

    def ask(query: str) -> Any:
        url = f"{product.url}/api/v1/sites/{key}/live{query}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    return ask


@pytest.fixture(autouse=True)
def readers(product: Product, key: str) -> Iterator[None]:
    """Two pages that are read in German, one in French."""
    with ExitStack() as open_pages:
        for language in ("de", "de", "fr"):
            socket = open_pages.enter_context(
                connect(
                    f"{product.socket_url}/live/{key}",
                    additional_headers={"Origin": "https://seen.example"},
                    user_agent_header=CHROME,
                    compression=None,
                )
            )
            page = {"t": "page", "id": str(uuid.uuid4()), "u": "https://seen.example/", "l": language}
            socket.send(json.dumps(page))
            assert json.loads(socket.recv(timeout=10))["t"] == "ack"
        yield


def test_it_is_counted_live_filtered_and_told_by_the_api(ask: Callable[[str], Any]) -> None:
    shown = wait_for(lambda: (live := ask(""))["tabs"] == 3 and live)
    assert shown["languages"] == [{"name": "de", "tabs": 2}, {"name": "fr", "tabs": 1}]
    assert shown["totals"]["languages"] == 2
    kept = ask("?language=fr")
    assert (kept["tabs"], kept["languages"]) == (1, [{"name": "fr", "tabs": 1}])
    assert shown["pages"] == [{"name": "/", "tabs": 3}]


def test_the_apis_schema_knows_it(product: Product) -> None:
    with urllib.request.urlopen(f"{product.url}/api/v1/openapi.json", timeout=10) as answer:
        schema = json.load(answer)
    assert "languages" in schema["components"]["schemas"]["Live"]["required"]
    (parameters,) = (
        {each["name"] for each in path["get"]["parameters"]}
        for name, path in schema["paths"].items()
        if name.endswith("/live")
    )
    assert {"language", "page", "campaign"} <= parameters


def test_the_board_lists_filters_and_remembers_it(product: Product, key: str, browser: Browser) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page:
        page.get_by_role("tab", name="Languages").click()
        rows = page.locator("[data-list=languages] .rows > li:not(.more):not(.none)")
        expect(rows).to_have_count(2)
        rows.filter(has_text="fr").click()
        page.wait_for_url(re.compile(r"\?language=fr"))
        expect(rows).to_have_count(1)
        told = page.evaluate(
            "fetch(`list.json?of=languages&t=${Date.now() / 1000 - 0.1}`).then((it) => it.json())"
        )
        assert sorted(row["name"] for row in told["rows"]) == ["de", "fr"]
        at = page.evaluate(
            "fetch(`at.json?language=de&t=${Date.now() / 1000 - 0.1}`).then((it) => it.json())"
        )
        assert [row["name"] for row in at["languages"]] == ["de"]
