"""What people read: lines that fit, links and paths that lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LONGEST = 120  # characters of a line of prose
FENCE = re.compile(r"\s*(```|~~~)")
TABLE_ROW = re.compile(r"\s*\|")
# A line that cannot be broken: one link, image or address, with what marks it as an item of a list.
ONE_LINK = re.compile(r"\s*(?:[-*] |\d+\. )?!?(?:\[[^\]]*\]\(\S+\)|\[[^\]]+\]: \S+|<?https?://\S+>?)[.,;:]?")
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
# A path into the tree, and nothing else, as `tracker/pages/sources.py`, `scripts/run`, `static/vendor/`.
TREE_PATH = re.compile(
    r"(?:analytics|bench|deploy|docs|requirements|scripts|static|templates|tests|tracker)/[\w./-]*"
)
TEST_FILE = re.compile(r"test_\w+\.py")
MODULE = re.compile(r"(?:analytics|bench|tests|tracker)(?:\.[a-z_]\w*)+")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines outside of tables and fenced code."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and not TABLE_ROW.match(line):
            yield number, line


def long_lines(text: str) -> list[str]:
    return [
        f"{number}: {len(line)} characters"
        for number, line in prose(text)
        if len(line) > LONGEST and not ONE_LINK.fullmatch(line)
    ]


def without_fences(text: str) -> str:
    return re.sub(r"^\s*(```|~~~).*?^\s*\1", "", text, flags=re.MULTILINE | re.DOTALL)


def dead_links(text: str, folder: Path) -> list[str]:
    """Links relative to `folder` that lead to no file."""
    targets = [inline or reference for inline, reference in LINK.findall(without_fences(text))]
    files = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    return [name for name in files if not (folder / name).exists()]


def is_module(dotted: str) -> bool:
    """Whether a dotted name is a module of the tree, or a name that one of them has."""
    place = ROOT / dotted.replace(".", "/")
    if place.is_dir() or place.with_suffix(".py").is_file():
        return True
    within, name = place.parent, place.name
    source = within / "__init__.py" if within.is_dir() else within.with_suffix(".py")
    return source.is_file() and re.search(rf"\b{name}\b", source.read_text()) is not None


def words_of_code(text: str) -> list[str]:
    """What stands in backticks, word by word, without the test or the line that a path may end with."""
    spans = CODE.findall(without_fences(text))
    return [word.partition(":")[0] for span in spans for word in re.findall(r"[^\s,;()]+", span)]


def dead_paths(text: str) -> list[str]:
    """Paths and test files in backticks that are not in the tree."""
    paths = {word: ROOT / word for word in words_of_code(text) if TREE_PATH.fullmatch(word)}
    tests = {word: ROOT / "tests" / word for word in words_of_code(text) if TEST_FILE.fullmatch(word)}
    return [word for word, place in (paths | tests).items() if not place.exists()]


def dead_modules(text: str) -> list[str]:
    """Dotted names in backticks that no module of the tree has."""
    return [word for word in words_of_code(text) if MODULE.fullmatch(word) and not is_module(word)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_of_prose_fit(page: Path) -> None:
    assert long_lines(page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_to_files(page: Path) -> None:
    assert dead_links(page.read_text(), page.parent) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mentioned_paths_are_in_the_tree(page: Path) -> None:
    assert dead_paths(page.read_text()) == []


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name != "CHANGELOG.md"],  # which names what was moved away, too
    ids=lambda page: page.name,
)
def test_mentioned_modules_are_in_the_tree(page: Path) -> None:
    assert dead_modules(page.read_text()) == []


def test_long_prose_is_found_beside_what_may_be_long() -> None:
    long = "word " * 30
    link = f"[read](https://example.com/{'x' * 120})"
    text = f"short\n{long}\n| {long} |\n```\n{long}\n```\n- {link}\n{link} and more\n"
    assert long_lines(text) == ["2: 150 characters", f"8: {len(link) + 9} characters"]


def test_a_dead_link_is_found() -> None:
    text = (
        "[a](README.md#start) [b](gone.md) [c](https://example.com/x.md) [d](#here)\n```\n[e](code.md)\n```\n"
    )
    assert dead_links(text, ROOT) == ["gone.md"]


def test_a_dead_path_is_found() -> None:
    text = (
        "`tracker/gone.py`, `scripts/run --demo`, `scripts/gone --demo`, `test_gone.py`, `static/`, "
        "`tests/test_prose.py:1`, `example.com/static/gone.js`"
    )
    assert dead_paths(text) == ["tracker/gone.py", "scripts/gone", "test_gone.py"]


def test_a_dead_module_is_found() -> None:
    text = "`-m analytics.gone`, `analytics.up.options`, `tracker.contract.drops.Drop`, `tracker.live.gone`"
    assert dead_modules(text) == ["analytics.gone", "tracker.live.gone"]
