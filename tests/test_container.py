"""What `Containerfile` says, as far as that can be held without a build: files, options, sign of life."""

import ast
import json
import re

from analytics.up import options
from scripts.stands.checkout import ROOT

TEXT = re.sub(r"\\\n\s*", "", (ROOT / "Containerfile").read_text())


def said(instruction: str) -> list[str]:
    return re.findall(rf"^{instruction} (.*)$", TEXT, re.MULTILINE)


def test_it_copies_what_is_there() -> None:
    sources = [word for line in said("COPY") for word in line.split()[1:-1]]
    assert sources[-1] == "."
    assert [name for name in sources if not (ROOT / name).exists()] == []


def test_libraries_are_installed_from_what_was_copied_before() -> None:
    """Whatever else the script needs would be missing there."""
    needed = set(re.findall(r"\$root/(scripts/[\w.]+|requirements)", (ROOT / "scripts" / "venv").read_text()))
    assert needed
    assert needed <= {word for line in said("COPY") for word in line.split()[1:-1]}


def test_it_starts_one_process_that_others_reach() -> None:
    command, *words = json.loads(said("ENTRYPOINT")[0])
    assert (ROOT / command).stat().st_mode & 0o111
    chosen = options.read(words)
    assert chosen.address.host.is_unspecified
    assert f"{chosen.data}" in said("VOLUME")
    assert chosen.edges == 0
    assert f"{chosen.address.port}" in said("EXPOSE")


def test_its_sign_of_life_is_a_program_that_asks_whether_it_is_ready() -> None:
    words = json.loads(said("HEALTHCHECK")[0].partition("CMD ")[2])
    assert words[:2] == [".venv/bin/python", "-c"]
    ast.parse(words[2])
    assert "http://127.0.0.1:8000/readyz" in words[2]
