"""The walls between the scripts of pages: which folder may import which, types in comments included."""

import graphlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parent.parent / "static"

# What the scripts of each folder may import beside each other: what lies below, never what they are part of.
ALLOWED: dict[str, set[str]] = {
    "shared": set(),
    "sites": {"shared"},
    "settings": {"shared"},
    "people": {"shared"},
    "setup": {"shared"},
    "reports": {"shared"},
    # What charts of servers' datapoints are made of, wherever they stand.
    "signals": set(),
    "board/signals": {"board/day", "shared", "signals"},
    # Whose socket tells how many people there are.
    "servers": {"board", "shared", "signals"},
    "board/day": {"shared"},
    "board/lists": {"shared"},
    "board": {"board/day", "board/lists", "board/signals", "setup", "shared"},
    # It runs in the pages of others, which load nothing else of ours.
    "snippet": set(),
}
# Not of our writing, and not by hand.
LEFT_OUT = {"vendor", "built", "t.js"}

# `import … from "x"`, `import "x"`, `export … from "x"`, and `@import {Type} from "x"` in a comment.
STATEMENT = re.compile(r"""(?<![\w$.])(?:import|export)\b(?:[^"'`;()=]*?\bfrom)?\s*["'`]([^"'`]*)["'`]""")
# `import("x")`: a module that is loaded later, or in a comment a type of it.
CALL = re.compile(r"""(?<![\w$.])import\s*\(\s*(?:["'`]([^"'`$]*)["'`]\s*\))?""")


def scripts(static: Path) -> dict[str, str]:
    """The text of every script, and of every declaration of types, by its path below `static`."""
    paths = (path.relative_to(static) for kind in ("js", "mjs", "ts") for path in static.rglob(f"*.{kind}"))
    return {
        path.as_posix(): (static / path).read_text()
        for path in sorted(paths)
        if path.parts[0] not in LEFT_OUT
    }


def imports(name: str, text: str) -> set[str]:
    """What a script imports: by its path below static/, or as it is named where that is no path."""
    named = {*STATEMENT.findall(text), *(call[1] or call[0] for call in CALL.finditer(text))}
    folder = posixpath.dirname(name)
    return {
        posixpath.normpath(posixpath.join(folder, other)) if other.startswith(("./", "../")) else other
        for other in named
    }


def crossings(static: Path, allowed: Mapping[str, set[str]]) -> Iterator[str]:
    """Every import that goes through a wall or nowhere, and every folder with scripts that has no rule."""
    known = scripts(static)
    folders = {name: posixpath.dirname(name) for name in known}
    yield from (
        f"{folder or 'static'} has no rule" for folder in sorted({*folders.values()} - allowed.keys())
    )
    for name, text in known.items():
        for other in sorted(imports(name, text)):
            if other not in known:
                yield f"{name} imports {other}, which is no script of ours"
            elif folders[other] not in {folders[name], *allowed.get(folders[name], ())}:
                yield f"{name} imports {other}"


def circle(static: Path) -> list[str]:
    """The scripts of a circle of imports, each imported by the next; nothing if there is none."""
    known = scripts(static)
    return first_circle({name: imports(name, text) & known.keys() for name, text in known.items()})


def first_circle(arrows: Mapping[str, set[str]]) -> list[str]:
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        nodes: list[str] = error.args[1]
        return nodes
    return []


def test_no_import_goes_through_a_wall() -> None:
    assert list(crossings(STATIC, ALLOWED)) == []


def test_no_script_reaches_itself() -> None:
    assert circle(STATIC) == []


def test_every_rule_is_of_a_folder_with_scripts_and_points_down() -> None:
    assert ALLOWED.keys() == {posixpath.dirname(name) for name in scripts(STATIC)}
    assert set().union(*ALLOWED.values()) <= ALLOWED.keys()
    assert first_circle(ALLOWED) == []


MADE_UP = {
    "lower/two.js": "export const two = 2;\n",
    "upper/one.js": 'import { two } from "../lower/two.js";\nexport const one = two - 1;\n',
    "vendor/lib/lib.js": 'import "nothing";\n',
    "t.js": 'import("nothing");\n',
}
RULES: dict[str, set[str]] = {"upper": {"lower"}, "lower": set()}


def write(static: Path, files: Mapping[str, str]) -> None:
    for name, text in {**MADE_UP, **files}.items():
        (static / name).parent.mkdir(parents=True, exist_ok=True)
        (static / name).write_text(text)


@pytest.mark.parametrize(
    "text",
    [
        'import { one } from "../upper/one.js";',
        "import '../upper/one.js';",
        'import * as all from "../upper/one.js";',
        'import {\n  one,\n} from "../upper/one.js";',
        'export { one } from "../upper/one.js";',
        'export * from "../upper/one.js";',
        'const { one } = await import("../upper/one.js");',
        'const one = await import(\n  "../upper/one.js"\n);',
        "const one = await import(`../upper/one.js`);",
        '/** @import {One} from "../upper/one.js" */',
        '/**\n * @import {\n *   One,\n * } from "../upper/one.js"\n */',
        '/** @typedef {import("../upper/one.js").One} One */',
        '/** @param {import("./../upper/one.js").One[]} ones */',
    ],
)
def test_an_import_through_a_wall_is_found(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"lower/three.js": f"{text}\n"})
    assert list(crossings(tmp_path, RULES)) == ["lower/three.js imports upper/one.js"]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("new/three.js", "", "new has no rule"),
        ("upper/inner/three.js", "", "upper/inner has no rule"),
        ("three.js", "", "static has no rule"),
        ("new/types.d.ts", "", "new has no rule"),
        (
            "lower/three.js",
            'import "./four.js";',
            "lower/three.js imports lower/four.js, which is no script of ours",
        ),
        ("lower/three.js", 'import "lib";', "lower/three.js imports lib, which is no script of ours"),
        (
            "lower/three.js",
            'import "../vendor/lib/lib.js";',
            "lower/three.js imports vendor/lib/lib.js, which is no script of ours",
        ),
        ("lower/three.js", "import(name);", "lower/three.js imports import(, which is no script of ours"),
    ],
)
def test_what_no_rule_knows_is_found(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    write(tmp_path, {name: text})
    assert list(crossings(tmp_path, RULES)) == [complaint]


@pytest.mark.parametrize(
    "text",
    [
        "// What others import is their business; none of it is from here.",
        'const imports = "../upper/one.js";\nexport const name = "../upper/one.js";',
        'export default function () { return "../upper/one.js"; }',
        'const here = import.meta.url;\nconst from = "../upper/one.js";',
        'store.import("../upper/one.js");',
        'import { two } from "./two.js";',
    ],
)
def test_what_is_no_import_or_goes_through_no_wall_is_allowed(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"lower/three.js": f"{text}\n"})
    assert list(crossings(tmp_path, RULES)) == []
    assert circle(tmp_path) == []


def test_a_circle_through_a_type_in_a_comment_is_found(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "lower/three.js": 'import { four } from "./four.js";\n/** @typedef {number} Three */\n',
            "lower/four.js": '/** @type {import("./three.js").Three} */\nexport const four = 4;\n',
        },
    )
    assert list(crossings(tmp_path, RULES)) == []
    assert set(circle(tmp_path)) == {"lower/three.js", "lower/four.js"}
