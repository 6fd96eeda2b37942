"""What is printed for the operator: commands that work as printed, and causes rather than their last echo."""

import os
import subprocess
from pathlib import Path

import pytest

from analytics.up import command_lines, log_file
from analytics.up.options import ROOT
from analytics.up.postgres_cluster import cause
from scripts.stands.product import Product

INITDB = """initdb: error: could not create directory "/srv/x/cluster.new": Permission denied
initdb: removing data directory "/srv/x/cluster.new"
"""
CONFIGURATION = """08:00:00.000 UTC [7] LOG:  syntax error in file "/srv/x/postgresql.conf" line 5, near "="
08:00:00.000 UTC [7] FATAL:  configuration file "/srv/x/postgresql.conf" contains errors
"""
MEMORY = """08:00:00.000 UTC [7] FATAL:  could not map anonymous shared memory: Cannot allocate memory
08:00:00.000 UTC [7] LOG:  database system is shut down
"""


def test_a_command_for_another_data_folder_names_it(tmp_path: Path) -> None:
    line = command_lines.manage(tmp_path / "a b", "addsite", "DOMAIN")
    assert line.startswith(f"FOOTFALL_DATA='{tmp_path}/a b' /")
    assert line.endswith(f"{ROOT}/manage.py addsite DOMAIN")
    assert "FOOTFALL_DATA" not in command_lines.manage(ROOT / "var", "addsite")


def test_what_a_start_prints_works_as_printed_wherever_the_shell_stands(
    footfall: Product, tmp_path: Path
) -> None:
    (line,) = [line.strip() for line in footfall.lines if "addsite DOMAIN" in line]
    done = subprocess.run(
        line.replace("DOMAIN", "printed.example"),
        shell=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert footfall.rows("SELECT 1 FROM tracker_site WHERE domain = 'printed.example'")
    assert any("changepassword NAME" in line for line in footfall.lines) or footfall.password


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (INITDB, ["Permission denied"]),
        (CONFIGURATION, ["line 5", "contains errors"]),
        (MEMORY, ["Cannot allocate memory"]),
        ("", ["it said nothing"]),
        ("one\ntwo\n", ["two"]),
    ],
)
def test_why_postgres_gave_up_is_named(said: str, words: list[str]) -> None:
    assert all(word in cause(said) for word in words)
    assert "removing" not in cause(said)
    assert "is shut down" not in cause(said)


def test_the_last_words_of_a_log_are_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert log_file.last_words(path) == ""
    path.write_text("first\n[emerg] unknown directive\n\n")
    assert log_file.last_words(path) == " It said: [emerg] unknown directive"
