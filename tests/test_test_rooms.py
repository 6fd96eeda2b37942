"""The rooms around the product: what tests and benches both need has one home, which knows neither."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Tests that know the bench, and why.
OF_THE_BENCH = {
    "test_bench": "it is of the bench",
    "test_conformance": "the bench's cases of RFC 6455",
    "test_steady_clock": "the clock that a fault run steps",
    "test_defences": "the table of what `scripts/faults mutation` takes away",
    "test_faults_chaos": "the fault runs, short",
    "test_docs": "every fault run stands in the documents",
    "test_faults_crashes": "the fault runs, short",
    "test_faults_disk": "the fault runs, short",
    "test_faults_load": "the fault runs, short",
    "test_faults_network": "the fault runs, short",
}


def imports(path: Path) -> Iterator[str]:
    """The full names of the modules that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of_room(path: Path, *rooms: str) -> list[str]:
    """What a module imports from these packages."""
    return [name for name in imports(path) if name.split(".")[0] in rooms]


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return [path for path in found if "node_modules" not in path.parts]


@pytest.mark.parametrize("path", modules("bench"), ids=lambda path: path.stem)
def test_the_bench_never_imports_tests(path: Path) -> None:
    assert of_room(path, "tests") == []


@pytest.mark.parametrize("path", modules("scripts/stands"), ids=lambda path: path.stem)
def test_stands_import_neither_tests_nor_bench(path: Path) -> None:
    assert of_room(path, "tests", "bench") == []


@pytest.mark.parametrize("path", modules("tests"), ids=lambda path: path.stem)
def test_only_tests_of_the_bench_import_it(path: Path) -> None:
    assert bool(of_room(path, "bench")) is (path.stem in OF_THE_BENCH)


@pytest.mark.parametrize("path", modules("tests"), ids=lambda path: path.stem)
def test_nothing_imports_from_a_test_module(path: Path) -> None:
    assert [name for name in imports(path) if name.startswith("tests.test_")] == []


@pytest.mark.parametrize("folder", ["analytics", "tracker"])
def test_the_product_knows_none_of_them(folder: str) -> None:
    found = {path: of_room(path, "tests", "bench", "scripts") for path in modules(folder)}
    assert {path: names for path, names in found.items() if names} == {}
