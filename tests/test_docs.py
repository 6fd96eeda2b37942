"""What is not documented fails: settings, drop reasons, close codes, commands, metrics."""

import re

import pytest
from django.core.management import get_commands

from analytics.history.dimensions import DIMENSIONS
from analytics.history.measures import MEASURES
from bench.faults.__main__ import FAULTS
from tests.documents import OPERATIONS, ROOT, environment_names
from tracker.contract import close_codes
from tracker.contract.drops import Drop

ACCURACY = (ROOT / "docs" / "accuracy.md").read_text()
DEFINITIONS = (ROOT / "docs" / "definitions.md").read_text()
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()


def own_commands() -> list[str]:
    return sorted(name for name, app in get_commands().items() if app in ("analytics", "tracker"))


@pytest.mark.parametrize("name", sorted(environment_names()))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in OPERATIONS


@pytest.mark.parametrize("reason", Drop)
def test_every_drop_reason_is_documented(reason: Drop) -> None:
    assert f"`{reason.value}`" in PROTOCOL


@pytest.mark.parametrize(
    "code", sorted({value for value in vars(close_codes).values() if isinstance(value, int)})
)
def test_every_close_code_is_documented(code: int) -> None:
    assert str(code) in PROTOCOL


@pytest.mark.parametrize("command", own_commands())
def test_every_command_is_documented(command: str) -> None:
    assert f"`manage.py {command}" in OPERATIONS + (ROOT / "README.md").read_text()


def test_every_metric_is_documented() -> None:
    places = ("tracker/edge/metrics.py", "analytics/health/metrics.py")
    names = {name for place in places for name in re.findall(r"footfall_[a-z_]+", (ROOT / place).read_text())}
    assert names
    assert {name for name in names if f"`{name}`" not in OPERATIONS} == set()


@pytest.mark.parametrize("name", [*MEASURES, *DIMENSIONS])
def test_every_measure_and_dimension_is_defined(name: str) -> None:
    base = name.removesuffix("_median").removesuffix("_p90")
    assert f"`{base}`" in DEFINITIONS


@pytest.mark.parametrize("run", FAULTS)
def test_every_fault_run_is_documented(run: str) -> None:
    assert f"| `{run}` |" in ACCURACY


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(test_\w+\.py)`", ACCURACY))))
def test_every_test_that_proves_accuracy_is_there(path: str) -> None:
    assert (ROOT / "tests" / path).exists()


def test_what_proves_the_published_bounds_is_there() -> None:
    promised = ACCURACY.partition("## How it is shown")[0]
    proofs = re.findall(r"`(test_\w+\.py)`: `(test_\w+)`", promised)
    assert len(proofs) >= 5
    for path, name in proofs:
        assert f"def {name}(" in (ROOT / "tests" / path).read_text()
