"""A secret key that can be guessed is refused with a sentence, and so is every setting that cannot be."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from analytics.configuration.secret_key import weakness
from scripts.stands.checkout import ROOT

GOOD = "only-for-tests-and-long-enough-to-be-taken-for-a-key"


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("", "has 0 characters"),
        ("changeme", "has 8 characters"),
        ("0a1b2c3d4e5f60718293a4b5c6d7e8", "has 30 characters"),
        ("x" * 64, "has 1 different characters"),
        ("0123456789" * 6, "repeats the same 10 characters"),
        ("footfall secret " * 3, "repeats the same 16 characters"),
        ("01" * 40, "has 2 different characters"),
    ],
)
def test_a_key_that_can_be_guessed_is_refused_and_never_said(key: str, what: str) -> None:
    said = weakness(key)
    assert said is not None
    assert what in said
    assert len(key) < 8 or key not in said


def test_random_keys_pass() -> None:
    for _ in range(1000):
        assert weakness(secrets.token_hex(16)) is None
        assert weakness(secrets.token_urlsafe(48)) is None
    assert weakness(GOOD) is None


def manage(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`manage.py` in an environment that has nothing but these settings."""
    place = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(
        command, cwd=ROOT, env={**place, **settings}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "words", [["migrate"], ["help", "migrate"], ["help", "addsite"], ["up"], ["edge", "--port=1"]]
)
def test_a_weak_key_ends_every_command_with_a_sentence(words: list[str], tmp_path: Path) -> None:
    done = manage(
        *words, SECRET_KEY="changeme", FOOTFALL_DATA=str(tmp_path), DATABASE_URL="postgres://a@localhost/a"
    )
    assert done.returncode == 1
    assert done.stderr.startswith("SECRET_KEY has 8 characters, and needs 32 at least.")
    assert done.stderr.count("\n") == 1, done.stderr


def test_no_key_at_all_does_so_too(tmp_path: Path) -> None:
    done = manage("help", "migrate", FOOTFALL_DATA=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("SECRET_KEY is not set")
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["help"], "Available subcommands"),
        (["help", "up"], "--demo"),
        (["up", "--help"], "--demo"),
        (["help", "edge"], "--workers"),
        (["edge", "--help"], "--workers"),
    ],
)
def test_help_needs_no_key(words: list[str], what: str, tmp_path: Path) -> None:
    done = manage(*words, FOOTFALL_DATA=str(tmp_path))
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert what in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["manage.py", "up"],
        ["manage.py", "edge", "--port=1"],
        ["manage.py", "jobs"],
        ["manage.py", "addsite", "a.example"],
        ["manage.py", "backup", "x"],
        ["manage.py", "doctor"],
        ["-m", "daphne", "-p", "1", "analytics.asgi:application"],
    ],
)
def test_a_wrong_setting_ends_every_start_with_its_sentence_and_makes_nothing(
    words: list[str], tmp_path: Path
) -> None:
    place = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    needed = {"SECRET_KEY": GOOD, "DATABASE_URL": "postgres://a@localhost/a", "FOOTFALL_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**place, **needed, "FOOTFALL_HTTPS": "maybe", "FOOTFALL_SOCKET": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    mistyped, wrong = done.stderr.splitlines()
    assert mistyped.startswith("FOOTFALL_SOCKET is no setting")
    assert wrong.startswith("FOOTFALL_HTTPS must be 1 (or true, yes, on)")
    assert list(tmp_path.iterdir()) == []
