"""Takes the defence against each threat away, in a copy, and looks whether the tests notice."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.faults.defences import REMOVALS, Removal
from bench.figures import Figure
from bench.targets import Ground
from scripts.stands.checkout import ROOT
from scripts.stands.folders import temporary_folder

RUN = "mutation"
THREAT: Final = "FOOTFALL_MUTATION_THREAT"
SETTINGS: Final = {"--threat": (THREAT, "mutation: of this threat alone (default: of all)")}
# What pytest says when tests ran, and when one of them failed: anything else is no answer.
PASSED, FAILED = 0, 1
HUNG = -1
PATIENCE = 600.0
# What builds the files that browsers load, by where their sources are.
BUILT = {"static/snippet/": "build-snippet", "static/": "build-pages"}
LINKED = (".venv", "node_modules")
TRIES = 3


def mutation(on: Ground, quick: bool) -> Iterator[Figure]:
    """Each defence of docs/security.md is taken away in a copy (--threat): its tests pass, then fail."""
    chosen = [each for each in REMOVALS if str(each.threat) == os.environ.get(THREAT, str(each.threat))]
    with temporary_folder("footfall-mutation-") as copy:
        _copy_to(copy)
        for removal in chosen[:TRIES] if quick else chosen:
            before = _tests(copy, removal)
            after = _without(copy, removal)
            name = f"threat {removal.threat}: {Path(removal.file).name}"
            note = removal.defence.strip().splitlines()[0][:60]
            seen = before == PASSED and after == FAILED
            yield Figure(RUN, name, int(seen), "", 1, note=f"{before} with, {after} without: {note}")


def _copy_to(folder: Path) -> None:
    """What is under version control, as it lies here, and what was installed."""
    # Processes that leave root read it, too.
    folder.chmod(0o755)
    git = shutil.which("git") or "git"
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for name in LINKED:
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)


def _without(copy: Path, removal: Removal) -> int:
    """What the tests say of the copy without this defence; it is whole again afterwards."""
    path = copy / removal.file
    whole = path.read_text()
    path.write_text(removal.applied(copy))
    try:
        _build(copy, removal.file)
        return _tests(copy, removal)
    finally:
        path.write_text(whole)
        _build(copy, removal.file)


def _build(copy: Path, file: str) -> None:
    if build := next((name for place, name in BUILT.items() if file.startswith(place)), None):
        # A snippet without a defence may be larger than is allowed, and is built all the same. What cannot be
        # built leaves the file as it was, so that the tests pass, and that is told.
        subprocess.run([copy / "scripts" / build], cwd=copy, check=False, capture_output=True)


def _tests(copy: Path, removal: Removal) -> int:
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *removal.tests]
    try:
        return subprocess.run(words, cwd=copy, capture_output=True, check=False, timeout=PATIENCE).returncode
    except subprocess.TimeoutExpired:
        return HUNG
