"""`scripts/venv`, which must heal whatever an interrupted, moved or doubled start left behind."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.stands.checkout import ROOT

SAID = "Installing libraries into .venv (once) …\n"


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pip unpacked, and compiled by who runs it first: from the wheel each run compiles it for 5 s."""
    folder = tmp_path_factory.mktemp("vendor")
    (wheel,) = (ROOT / "scripts/vendor").glob("pip-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / wheel.name)
    subprocess.run([sys.executable, folder / wheel.name / "pip", "--version"], check=True)
    return folder


@pytest.fixture
def checkout(tmp_path: Path, vendor: Path) -> Path:
    """A checkout that needs no library, so that installing takes no network."""
    folder = tmp_path / "check out"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/vendor").symlink_to(vendor)
    shutil.copy(ROOT / "scripts/venv", folder / "scripts/venv")
    (folder / "requirements").mkdir()
    (folder / "requirements/run.txt").write_text("# nothing\n")
    return folder


def make(checkout: Path) -> subprocess.Popen[str]:
    # Nothing of a developer's shell: an ordinary Debian has no more than this.
    return subprocess.Popen(
        [checkout / "scripts/venv", "run"],
        env={"PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    """What it printed, once it ended well."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


def test_only_the_first_start_and_other_requirements_install(checkout: Path) -> None:
    assert said(make(checkout)) == SAID
    assert subprocess.run([checkout / ".venv/bin/python", "-c", ""]).returncode == 0
    assert said(make(checkout)) == ""
    (checkout / "requirements/run.txt").write_text("# still nothing\n")
    assert said(make(checkout)) == SAID
    assert said(make(checkout)) == ""


def test_two_at_once_install_once(checkout: Path) -> None:
    both = [make(checkout), make(checkout)]
    assert sorted(said(process) for process in both) == ["", SAID]


def test_what_is_unfinished_or_moved_or_lost_its_python_is_made_anew(checkout: Path) -> None:
    said(make(checkout))
    (checkout / ".venv/unfinished").touch()
    half = checkout / ".venv/half-written"
    half.touch()
    assert said(make(checkout)) == SAID
    assert not half.exists()

    moved = checkout.with_name("moved")
    checkout.rename(moved)
    assert said(make(moved)) == SAID
    assert str(moved) in (moved / ".venv/bin/activate").read_text()

    (moved / ".venv/bin/python").unlink()
    (moved / ".venv/bin/python").symlink_to("/usr/bin/python3.gone")
    assert said(make(moved)) == SAID
    assert said(make(moved)) == ""


def test_what_is_not_as_its_hash_says_is_not_installed(checkout: Path) -> None:
    (checkout / "requirements/run.txt").write_text("idna==3.20\n")
    process = make(checkout)
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "Hashes are required" in output
