"""`scripts/venv`, which must heal whatever an interrupted, moved or doubled start left behind."""

import hashlib
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
    for name in ("venv", "importable.py"):
        shutil.copy(ROOT / "scripts" / name, folder / "scripts" / name)
    (folder / "requirements").mkdir()
    (folder / "requirements/run.txt").write_text("# nothing\n")
    return folder


def make(checkout: Path, **environment: str) -> subprocess.Popen[str]:
    # Nothing of a developer's shell: an ordinary Debian has no more than this.
    return subprocess.Popen(
        [checkout / "scripts/venv", "run"],
        env={"PATH": "/usr/bin:/bin", **environment},
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


def ask_for(checkout: Path, code: str) -> dict[str, str]:
    """Let a checkout need a library of this code; how its wheel is found."""
    wheels = checkout / "wheels"
    wheels.mkdir(exist_ok=True)
    wheel = wheels / "tinylib-1.0-py3-none-any.whl"
    info = "tinylib-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("tinylib/__init__.py", code)
        packed.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinylib\nVersion: 1.0\n")
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{info}/RECORD", f"tinylib/__init__.py,,\n{info}/RECORD,,\n")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (checkout / "requirements/run.in").write_text("# Why.\ntinylib>=1\n")
    (checkout / "requirements/run.txt").write_text(f"tinylib==1.0 --hash=sha256:{digest}\n")
    return {"PIP_FIND_LINKS": wheels.as_uri(), "PIP_NO_INDEX": "1"}


def test_no_environment_of_pip_or_python_leads_elsewhere(checkout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "constraint.txt").write_text("tinylib==2.0\n")
    found = ask_for(checkout, "")
    hostile = {
        **{f"PIP_{name}": str(elsewhere) for name in ("TARGET", "PREFIX", "ROOT", "PYTHON", "REPORT")},
        **{f"PIP_{name}": "1" for name in ("USER", "DRY_RUN", "IGNORE_INSTALLED", "REQUIRE_VIRTUALENV")},
        "PIP_CONSTRAINT": str(tmp_path / "constraint.txt"),
        "PYTHONUSERBASE": str(elsewhere),
        "PYTHONHOME": str(elsewhere),
        "PYTHONPATH": str(elsewhere),
    }
    assert said(make(checkout, **found, **hostile)) == SAID
    assert not elsewhere.exists()
    subprocess.run([checkout / ".venv/bin/python", "-I", "-c", "import tinylib"], check=True)
    assert said(make(checkout)) == ""


def test_what_cannot_be_imported_is_told_and_not_taken_for_installed(checkout: Path) -> None:
    found = ask_for(checkout, "raise OSError('no such libc')")
    process = make(checkout, **found)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "tinylib cannot be imported (OSError: no such libc): look at pip's own configuration" in output
    assert said(make(checkout, **ask_for(checkout, ""))) == SAID


def test_a_configuration_of_pip_that_leads_elsewhere_is_told(checkout: Path, tmp_path: Path) -> None:
    found = ask_for(checkout, "")
    config = tmp_path / "pip.conf"
    config.write_text(f"[install]\nuser = true\ntarget = {tmp_path / 'elsewhere'}\n")
    process = make(checkout, **found, PIP_CONFIG_FILE=str(config))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"tinylib was not installed into {checkout}/.venv: look at pip's own configuration" in output
