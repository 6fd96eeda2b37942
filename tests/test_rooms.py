"""The walls of the house: which room may know which, read from the imports and the SQL of every file."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SIDES = ("tracker", "analytics")

# What each room of the write side may know, floor by floor; the models are everybody's who has them below.
CONTRACT = {"tracker.contract"}
CONVERSATION = CONTRACT | {"tracker.live", "tracker.visitors", "tracker.pages"}
EDGE = (
    CONVERSATION
    | {"tracker.liveness", "tracker.conversation", "tracker.sites", "tracker.postgres", "tracker.rollups"}
    | {"tracker.storing", "tracker.across"}
)
# What the read side may know of it: never how pages reach us, nor how they are stored.
READ = (
    CONTRACT
    | {"tracker.liveness", "tracker.live", "tracker.visitors", "tracker.pages", "tracker.sites"}
    | {"tracker.models"}
)

ALLOWED: dict[str, set[str]] = {
    "tracker.models": CONTRACT | {"tracker.pages"},
    "tracker.apps": set(),
    "tracker.contract": set(),
    "tracker.liveness": set(),
    "tracker.postgres": set(),
    "tracker.logs": {"tracker.liveness"},
    "tracker.visitors": set(),
    "tracker.pages": set(),
    "tracker.live": CONTRACT,
    "tracker.sites": CONTRACT | {"tracker.liveness", "tracker.visitors", "tracker.pages", "tracker.models"},
    "tracker.conversation": CONVERSATION,
    "tracker.rollups": CONTRACT | {"tracker.live", "tracker.postgres"},
    "tracker.signals": {"tracker.liveness", "tracker.postgres"},
    "tracker.storing": CONTRACT | {"tracker.liveness", "tracker.postgres", "tracker.rollups"},
    "tracker.across": {"tracker.liveness", "tracker.live", "tracker.conversation"},
    "tracker.edge": EDGE,
    "tracker.web": EDGE | {"tracker.edge"},
    "tracker.server": EDGE | {"tracker.edge"},
    # Judged as what pages say, and counted by server as datapoints are.
    "tracker.ingest": CONTRACT
    | {"tracker.liveness", "tracker.sites", "tracker.models", "tracker.signals", "tracker.edge"},
    "tracker.upkeep": CONTRACT
    | {"tracker.liveness"}
    | {"tracker.storing", "tracker.rollups", "tracker.postgres", "tracker.signals"},
    "tracker.management": EDGE
    | {"tracker.edge", "tracker.server", "tracker.upkeep", "tracker.models", "tracker.signals"}
    | {"tracker.ingest"},
    "analytics.models": {"tracker.models"},
    "analytics.apps": set(),
    "analytics.assets": set(),
    "analytics.settings": {"analytics.up", "analytics.configuration"},
    # Who reads host names as sites do.
    "analytics.configuration": {"tracker.sites"},
    "analytics.queries": READ,
    # Postgres itself: an edge asks whether a header holds a token, and starts without models.
    "analytics.access": READ | {"analytics.models", "analytics.queries", "tracker.postgres"},
    "analytics.live": READ | {"analytics.queries", "tracker.across", "tracker.edge"},
    # Postgres itself: days are copied out of it, by processes that hold no request.
    "analytics.history": READ
    | {"analytics.models", "analytics.queries", "analytics.access", "tracker.postgres"},
    # Postgres itself: portions of rows are taken out of it, and minutes are rolled up again.
    "analytics.erasing": READ
    | {"analytics.queries"}
    | {"analytics.models", "analytics.history", "tracker.postgres", "tracker.rollups"},
    # What members save for reports: segments are checked as the questions under them are.
    "analytics.saved": READ
    | {"analytics.models", "analytics.history", "analytics.access", "analytics.queries"},
    # Postgres itself: rows stream out of it and are copied into it, in processes of their own.
    "analytics.exporting": READ
    | {"analytics.models", "analytics.history", "tracker.postgres", "tracker.rollups"},
    # Judges and names what logs say as an edge does with what pages say, and copies rows into the tables.
    "analytics.access_logs": READ
    | {"analytics.models", "analytics.history", "tracker.conversation", "tracker.postgres"}
    # Status codes and times are datapoints.
    | {"tracker.signals"},
    # Imported figures answer the questions of reports, too.
    "analytics.importing": READ | {"analytics.models", "analytics.queries", "analytics.history"},
    "analytics.sites": READ
    | {"analytics.models", "analytics.live", "analytics.access", "analytics.queries", "analytics.erasing"}
    | {"analytics.saved", "analytics.importing"},
    "analytics.board": READ
    | {
        "analytics.sites",
        "analytics.models",
        "analytics.live",
        "analytics.access",
        "analytics.queries",
        "tracker.across",
        "tracker.rollups",
    },
    "analytics.admin": READ
    | {"analytics.models", "analytics.queries", "analytics.access", "analytics.history"}
    | {"analytics.sites", "analytics.saved", "analytics.importing"},
    "analytics.api": READ
    | {"analytics.models", "analytics.live", "analytics.history", "analytics.access", "analytics.queries"}
    | {"analytics.saved", "analytics.sites", "analytics.exporting", "analytics.importing"}
    | {"analytics.servers", "analytics.streams", "analytics.board", "tracker.signals"}
    # What servers say of page views goes the way of what pages say; requests are counted in Redis.
    | {"tracker.edge", "tracker.ingest", "tracker.across"},
    # What datapoints are, and what is said to the process that gathers them.
    "analytics.servers": READ | {"analytics.access", "analytics.queries", "tracker.signals"},
    "analytics.streams": READ
    | {"analytics.models", "analytics.saved"}
    | {"analytics.servers", "analytics.board", "analytics.live", "analytics.access", "analytics.queries"}
    | {"tracker.signals"},
    "analytics.people": READ | {"analytics.models", "analytics.access", "analytics.queries"},
    "analytics.health": READ | {"analytics.access", "analytics.live", "tracker.edge"},
    # Postgres itself: a past is copied into it, where nobody could have visited.
    "analytics.demo": READ | {"tracker.postgres", "tracker.rollups"},
    # Looks at everything that is kept, on both sides.
    "analytics.doctor": READ
    | {
        "analytics.up",
        "analytics.configuration",
        "analytics.upkeep",
        "tracker.postgres",
        "tracker.storing",
        "tracker.upkeep",
    },
    "analytics.upkeep": READ | {"analytics.erasing", "analytics.history", "analytics.up", "tracker.upkeep"},
    "analytics.web": READ
    | {"analytics.board", "analytics.streams", "tracker.edge", "tracker.server", "tracker.web"},
    "analytics.up": READ | {"analytics.configuration", "tracker.edge", "tracker.server"},
    # What waits in a backup's spool is stored as an edge stores it, and its files are the spool's own.
    "analytics.backups": {
        "analytics.up",
        "analytics.configuration",
        "tracker.postgres",
        "tracker.liveness",
        "tracker.storing",
    },
    # Where the process is put together: these know all rooms that they join, and no rule of their own.
    "analytics.process": READ
    | {"analytics.live", "analytics.board", "analytics.access", "analytics.history", "analytics.queries"}
    | {"analytics.servers", "analytics.streams"}
    | {"analytics.api", "analytics.exporting", "tracker.edge"},
    "analytics.urls": READ
    | {"analytics.process", "analytics.access", "analytics.api", "analytics.board", "analytics.sites"}
    | {"analytics.admin"}
    | {"analytics.health", "analytics.people", "analytics.servers"}
    | {"tracker.web"},
    "analytics.asgi": {"analytics.process", "analytics.board", "tracker.web"},
    "analytics.management": READ
    | {"analytics.up", "analytics.upkeep", "analytics.doctor", "analytics.demo", "analytics.backups"}
    | {"analytics.access", "analytics.asgi", "analytics.history", "analytics.process", "analytics.web"}
    | {"analytics.configuration", "analytics.erasing", "analytics.exporting", "analytics.importing"}
    | {"analytics.models", "analytics.access_logs", "analytics.queries"}
    # Lines of logs that are followed are said to the process that gathers datapoints.
    | {"tracker.edge", "tracker.server", "tracker.postgres", "tracker.upkeep", "tracker.signals"},
}

# Free of Django and of I/O, the clock an argument: whole rooms, and what is so in others.
PURE_ROOMS = ("tracker.contract", "tracker.visitors", "tracker.pages", "tracker.live", "tracker.conversation")
PURE_MODULES = (
    "tracker.across.messages",
    "tracker.across.vitals",
    "tracker.postgres.sqlstates",
    "tracker.server.frames",
    "tracker.server.handshake",
    "tracker.server.http_head",
    "tracker.server.pieces",
    "tracker.sites.tracked_site",
    "tracker.signals.datapoint",
    "tracker.signals.exchange_messages",
    "tracker.signals.log_text",
    "tracker.signals.json_points",
    "tracker.signals.name_patterns",
    "tracker.signals.own_series",
    "tracker.signals.statsd",
    "tracker.signals.windows",
    "tracker.storing.entries",
)
PARSERS = {"idna", "msgspec", "ua_parser", "crawleruseragents", "iptocc", "maxminddb"}
INPUT_OUTPUT = {
    *("socket", "asyncio", "threading", "subprocess", "psycopg", "time", "os"),
    *("http.client", "http.server", "urllib.request"),
}

# By which Django finds commands and what models say of themselves.
DJANGOS_NAMES = ("Command", "Meta", "Migration")

# Tables that are named in SQL, by how their names begin, and the side whose they are.
TABLE = re.compile(r"\b(tracker|analytics|history|auth|django)_[a-z_]+\b")
FOREIGN_TABLES = {
    # Whether the tables are there at all: an edge asks without Django's own loader, which imports the models.
    ("tracker.edge.readiness", "django_migrations"),
}


def modules(root: Path) -> dict[str, Path]:
    """Every module of both sides by its dotted name; migrations aside, which are history."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for side in SIDES
        for path in sorted((root / side).rglob("*.py"))
        if "migrations" not in path.parts
    }


def imports(path: Path, known: Mapping[str, Path]) -> set[str]:
    """What a file imports, wherever in it and however hidden: for types only, or within a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports say the whole name"
            assert node.module
            names |= {
                full if (full := f"{node.module}.{alias.name}") in known else node.module
                for alias in node.names
            }
    return names


def room(module: str) -> str:
    """The room of a module: what stands at the top of a side is a room of its own."""
    return ".".join(module.split(".")[:2])


def crossings(root: Path, allowed: Mapping[str, set[str]]) -> Iterator[str]:
    """Every import that goes through a wall, and every room that has no rule."""
    known = modules(root)
    for module, path in known.items():
        own = room(module)
        if own in SIDES:
            continue
        if own not in allowed:
            yield f"{own} has no rule"
            continue
        for name in sorted(imports(path, known)):
            other = room(name)
            if name.split(".")[0] in SIDES and other != own and other not in allowed[own]:
                yield f"{module} imports {name}"


def circles(root: Path) -> Iterator[str]:
    """Every module that reaches itself through imports, with the way."""
    known = modules(root)
    arrows = {module: imports(path, known) & known.keys() for module, path in known.items()}
    for start in arrows:
        ways = [[start]]
        seen: set[str] = set()
        while ways:
            way = ways.pop()
            for name in arrows[way[-1]]:
                if name == start:
                    yield " → ".join([*way, name])
                    ways.clear()
                    break
                if name not in seen:
                    seen.add(name)
                    ways.append([*way, name])


def texts(path: Path) -> Iterator[str]:
    """The strings of a file that are no docstrings."""
    tree = ast.parse(path.read_text())
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def foreign_tables(root: Path) -> set[tuple[str, str]]:
    """The tables of the read side, of Django and its users that the write side names."""
    return {
        (module, table[0])
        for module, path in modules(root).items()
        if module.startswith("tracker.")
        for text in texts(path)
        for table in TABLE.finditer(text)
        if table[1] != "tracker"
    }


def test_no_import_goes_through_a_wall() -> None:
    assert list(crossings(ROOT, ALLOWED)) == []


def test_no_module_reaches_itself() -> None:
    assert list(circles(ROOT)) == []


def test_no_class_name_stands_in_two_modules() -> None:
    homes: dict[str, set[Path]] = {}
    folders = (*SIDES, "scripts", "bench", "tests")
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name not in DJANGOS_NAMES:
                homes.setdefault(node.name, set()).add(path)
    assert {name: homes for name, homes in homes.items() if len(homes) > 1} == {}


def test_no_module_rebinds_a_global() -> None:
    """State belongs to who puts the process together: analytics/process.py, tracker/server/process.py."""
    for module, path in modules(ROOT).items():
        assert not [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Global)], module


def test_the_write_side_names_no_table_of_another() -> None:
    assert foreign_tables(ROOT) == FOREIGN_TABLES


def test_every_rule_is_of_rooms_that_are_there() -> None:
    known = modules(ROOT)
    assert ALLOWED.keys() == {room(module) for module in known} - set(SIDES)
    assert set().union(*ALLOWED.values()) <= ALLOWED.keys()


@pytest.mark.parametrize("name", sorted(name for name in ALLOWED if name.startswith("tracker.")))
def test_the_write_side_never_knows_the_read_side(name: str) -> None:
    assert not {other for other in ALLOWED[name] if other.startswith("analytics.")}


@pytest.mark.parametrize(
    "module",
    sorted(
        module
        for module in modules(ROOT)
        if module in PURE_MODULES or (room(module) in PURE_ROOMS and room(module) != module)
    ),
)
def test_what_is_pure_knows_neither_django_nor_io(module: str) -> None:
    known = modules(ROOT)
    names = imports(known[module], known)
    foreign = {
        name
        for name in names
        if (first := name.split(".")[0]) not in sys.stdlib_module_names and first not in PARSERS | set(SIDES)
    }
    assert not foreign
    assert not names & INPUT_OUTPUT
    within = {name for name in names if name.split(".")[0] in SIDES}
    assert not {name for name in within if room(name) not in PURE_ROOMS and name not in PURE_MODULES}


@pytest.mark.parametrize(
    "path", sorted(path for side in SIDES for path in (ROOT / side).rglob("__init__.py"))
)
def test_every_package_says_what_it_is_for_and_what_it_may_import(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert 1 <= len([line for line in text.splitlines() if line]) <= 3
    if path.parent.name not in ("commands", "migrations", *SIDES):
        assert re.search(r"[Ii]mport", text)


MADE_UP = {
    "analytics/__init__.py": "",
    "tracker/__init__.py": "",
    "tracker/upper/__init__.py": "",
    "tracker/lower/__init__.py": "",
    "tracker/upper/one.py": "from tracker.lower import two\n",
    "tracker/lower/two.py": "X = 1\n",
}


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        (
            "tracker/lower/two.py",
            "from tracker.upper.one import X\n",
            "tracker.lower.two imports tracker.upper.one",
        ),
        (
            "tracker/lower/two.py",
            "from tracker.upper import one\n",
            "tracker.lower.two imports tracker.upper.one",
        ),
        ("tracker/lower/two.py", "import tracker.upper.one\n", "tracker.lower.two imports tracker.upper.one"),
        (
            "tracker/lower/two.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tracker.upper.one import X\n",
            "tracker.lower.two imports tracker.upper.one",
        ),
        (
            "tracker/lower/two.py",
            "def f() -> None:\n    from tracker.upper.one import X\n",
            "tracker.lower.two imports tracker.upper.one",
        ),
        ("tracker/new/three.py", "", "tracker.new has no rule"),
        ("tracker/loose.py", "", "tracker.loose has no rule"),
    ],
)
def test_a_wall_that_is_gone_through_is_told(tmp_path: Path, path: str, text: str, complaint: str) -> None:
    for name, content in {**MADE_UP, path: text}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    told = list(crossings(tmp_path, {"tracker.upper": {"tracker.lower"}, "tracker.lower": set()}))
    assert told == [complaint]


def test_circles_and_foreign_tables_are_told(tmp_path: Path) -> None:
    files = {
        **MADE_UP,
        "tracker/lower/two.py": '"""Not analytics_token, which is prose."""\nfrom tracker.upper import one\n',
        "tracker/lower/sql.py": 'QUERY = "SELECT digest FROM analytics_token"\n',
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert set(circles(tmp_path)) == {
        "tracker.lower.two → tracker.upper.one → tracker.lower.two",
        "tracker.upper.one → tracker.lower.two → tracker.upper.one",
    }
    assert foreign_tables(tmp_path) == {("tracker.lower.sql", "analytics_token")}
