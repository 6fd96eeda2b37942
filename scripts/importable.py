"""Whether what requirements/NAME.in asks for was installed here and can be imported; `scripts/venv` asks.

Prints one sentence and exits with 1 where it is not: no start may take a half-made .venv for a whole one.
"""

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def pinned(file: Path) -> Iterator[str]:
    """All that was to be installed, but for what only some systems need."""
    for line in file.read_text().splitlines() if file.exists() else ():
        name, equals, rest = line.partition("==")
        if equals and NAME.fullmatch(name) and ";" not in rest:
            yield name


def names(file: Path) -> Iterator[str]:
    """The libraries that a file asks for itself, and those of the files that it names."""
    for line in file.read_text().splitlines() if file.exists() else ():
        if line.startswith("-r "):
            yield from names(file.with_name(line[3:].strip()))
        elif found := NAME.match(line):
            yield found[0]


def modules(library: Distribution) -> set[str]:
    """The modules that a library brings, by their topmost names."""
    tops = {path.parts[0] for path in library.files or () if path.suffix in (".py", ".so")}
    return {name for top in tops if (name := top.partition(".")[0]).isidentifier()}


def problem(file: Path) -> str | None:
    """What is wrong, or None."""
    _configure_django()
    for name in pinned(file.with_suffix(".txt")):
        try:
            distribution(name)
        except PackageNotFoundError:
            return f"{name} was not installed into {sys.prefix}"
    for name in names(file):
        try:
            library = distribution(name)
            if not Path(str(library.locate_file(""))).resolve().is_relative_to(Path(sys.prefix).resolve()):
                return f"{name} was installed elsewhere than in {sys.prefix}"
            for module in sorted(modules(library)):
                # Nothing of ours is missing: this one is for who has more (adbc_driver_duckdb).
                with suppress(ModuleNotFoundError):
                    importlib.import_module(module)
        except Exception as error:
            return f"{name} cannot be imported ({type(error).__name__}: {error})"
    return None


def _configure_django() -> None:
    """Some libraries read Django's settings while they are imported."""
    try:
        from django.conf import settings
    except ImportError:
        return
    settings.configure()


if __name__ == "__main__":
    if wrong := problem(REQUIREMENTS / f"{sys.argv[1]}.in"):
        print(f"{wrong}: look at pip's own configuration (pip config list), then start again.")
        sys.exit(1)
