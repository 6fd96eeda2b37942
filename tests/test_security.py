"""What docs/security.md says: that all threats stand there, and the tests that it names exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = (ROOT / "docs" / "security.md").read_text()
ROW = re.compile(r"^\| (\d+) \|.*\| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`(test_\w+\.py)(?:::(\w+))?`")
# What opens a connection to a server of somebody else's choice.
CLIENTS = {
    *("urllib.request", "http.client", "requests", "httpx", "aiohttp"),
    *("ftplib", "smtplib", "django.core.mail"),
    *("nats.aio.client", "paho.mqtt.client"),
}
# Asks this machine's own listeners, as an operator would with curl.
OWN_LISTENERS = {"analytics/doctor/servers.py", "analytics/up/fleet.py"}
# Hands letters to the one server that the operator names.
MAIL = {"analytics/people/letters.py"}
# Ask the broker that the operator names, as Redis is asked.
BROKERS = {f"tracker/ingest/{kind}_source.py" for kind in ("nats", "mqtt")}


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_threat_stands_there_with_a_test_that_exists() -> None:
    rows = ROW.findall(TABLE)
    assert [int(number) for number, _ in rows] == list(range(1, 54))
    for number, shown in rows:
        named = NAMED.findall(shown)
        assert named, f"threat {number}"
        for file, name in named:
            path = ROOT / "tests" / file
            assert path.exists(), f"threat {number}: {file}"
            assert not name or name in functions(path), f"threat {number}: {name}"


def test_the_product_asks_nobody() -> None:
    """Threat 21: where there is no client, nobody can point it at something."""
    found = []
    for side in ("tracker", "analytics"):
        for path in (ROOT / side).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module:
                    names.append(node.module)
                found += [str(path.relative_to(ROOT)) for name in names if name in CLIENTS]
    assert set(found) == OWN_LISTENERS | MAIL | BROKERS
