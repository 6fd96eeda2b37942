"""That each threat has a defence which `scripts/faults mutation` can take away, and that each edit fits."""

import ast
from pathlib import Path

import pytest

from bench.faults.defences import REMOVALS, Removal

ROOT = Path(__file__).resolve().parent.parent


def test_every_threat_has_a_defence_that_can_be_taken_away() -> None:
    assert sorted({each.threat for each in REMOVALS}) == list(range(1, 54))


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: f"{removal.threat}-{removal.file}")
def test_an_edit_still_fits_and_names_tests_that_exist(removal: Removal) -> None:
    text = removal.applied(ROOT)
    if removal.file.endswith(".py"):
        ast.parse(text)
    for test in removal.tests:
        file, _, name = test.partition("::")
        assert not name or f"def {name}(" in (ROOT / file).read_text()
