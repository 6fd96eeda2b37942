"""The lanes of `scripts/test`: their exit status, and what becomes of a test that fails once or twice."""

from itertools import combinations
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from scripts import lanes
from scripts.lanes import Lane
from tests.marked import perhaps_wanted

PASSING = "def test_passes(): pass\n"
# It fails at its first run.
FLAKY = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("name", ["a b[c]"])
def test_wobbles(name):
    place = Path(__file__).with_name("was-here")
    known = place.exists()
    place.touch()
    assert known
"""
FAILING = """
import pytest

@pytest.fixture
def broken():
    raise ValueError("on purpose")

def test_breaks(broken): pass
def test_fails(): assert False
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with no tests yet, in which pytest knows nothing of Django."""
    # Without the plugins that this needs none of: they take a second to start, each time.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def lane(root: Path, name: str, *options: str) -> Lane:
    return Lane(name, options, root / "lanes", root)


def again(root: Path, *of: Lane) -> int:
    return lanes.again(of, root / "lanes", root)


def test_all_that_pass_are_counted(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "test_one.py").write_text(PASSING)
    (root / "test_two.py").write_text(PASSING)
    first, second = (lane(root, name, f"test_{name}.py") for name in ("one", "two"))
    assert lanes.run([[first]], [second]) == 0
    assert lanes.run([[first], [second]], []) == 0
    assert lanes.run([[first, second]], []) == 0
    said = capfd.readouterr().out
    assert said.count("one: 1 passed in") == said.count("all: 2 passed in") == 3


def test_what_passes_at_the_second_time_is_named_as_flaky(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "test_one.py").write_text(PASSING)
    (root / "test_two.py").write_text(FLAKY + PASSING)
    both = [lane(root, "one", "test_one.py"), lane(root, "two", "-p", "xdist", "-n", "1", "test_two.py")]
    assert lanes.run([[each] for each in both], []) == 1
    assert "two: 1 failed, 1 passed in" in capfd.readouterr().out
    assert again(root, *both) == 0
    said = capfd.readouterr().out.splitlines()
    assert "flaky: test_two.py::test_wobbles[a b[c]]" in said
    assert "Once more, alone: 1 that failed." in said


def test_what_fails_twice_fails(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "test_one.py").write_text(FLAKY)
    (root / "test_two.py").write_text(FAILING)
    both = [lane(root, "one", "test_one.py"), lane(root, "two", "test_two.py")]
    assert lanes.run([[each] for each in both], []) == 1
    assert again(root, *both) == 1
    said = capfd.readouterr().out.splitlines()
    assert "flaky: test_one.py::test_wobbles[a b[c]]" in said
    assert {"failed twice: test_two.py::test_breaks", "failed twice: test_two.py::test_fails"} <= set(said)


def test_a_lane_that_broke_off_is_not_made_good_by_another(root: Path) -> None:
    """What it did not come to was never run, whatever becomes of the test that failed elsewhere."""
    (root / "test_one.py").write_text(FLAKY)
    (root / "test_two.py").write_text("import os\ndef test_dies(): os._exit(3)\n")
    both = [lane(root, "one", "test_one.py"), lane(root, "two", "test_two.py")]
    assert lanes.run([[each] for each in both], []) == 1
    assert again(root, *both) == 1


@pytest.mark.parametrize("text", ["import nothing_of_this_name\n", "", "import os\nos._exit(0)\n"])
def test_a_lane_that_ran_nothing_has_failed(root: Path, text: str) -> None:
    (root / "test_one.py").write_text(PASSING)
    (root / "test_two.py").write_text(text)
    both = [lane(root, "one", "test_one.py"), lane(root, "two", "test_two.py")]
    assert lanes.run([[each] for each in both], []) == 1
    assert again(root, *both) == 1


def test_the_lanes_hold_every_test_once() -> None:
    marks = ("alone", "waits", "spare")
    texts = [lane.options[lane.options.index("-m") + 1] for lane in lanes.LANES.values()]
    for has in (set(found) for size in range(4) for found in combinations(marks, size)):

        def is_marked(name: str, /, **values: object) -> bool:
            return name in has  # noqa: B023 (called at once)

        holding = [text for text in texts if Expression.compile(text).evaluate(is_marked)]
        assert len(holding) == 1, (has, holding)


@pytest.mark.parametrize(
    ("marks", "spare", "lanes_of_it"),
    [
        ("", False, {"side by side"}),
        ("waits", False, {"side by side", "waits"}),
        ("alone", False, {"side by side", "alone"}),
        ("alone waits", False, {"side by side", "waits", "alone"}),
        ("", True, {"spare"}),
        ("waits alone", True, {"spare", "waits", "alone"}),
    ],
)
def test_a_lane_reads_the_files_that_may_hold_its_tests(
    marks: str, spare: bool, lanes_of_it: set[str]
) -> None:
    text = "".join(f"@pytest.mark.{mark}\ndef test_{mark}(): pass\n" for mark in marks.split())
    reading = {
        name
        for name, lane in lanes.LANES.items()
        if perhaps_wanted(text, lane.options[lane.options.index("-m") + 1], spare)
    }
    assert reading == lanes_of_it
