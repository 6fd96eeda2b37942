"""`manage.py doctor`: what Footfall weighs, what ends when, and what is wrong."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from analytics.doctor import database, disk, servers
from analytics.doctor.findings import Findings, Size, in_bytes
from analytics.upkeep import jobs as read_side
from tracker.upkeep import jobs as write_side


class Command(BaseCommand):
    """Prints findings; its exit status is 1 when something is wrong."""

    help = "Say how large everything is, what will be removed when, and what is wrong (exit status 1)."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one line of JSON, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = Findings()
        database.look(findings, (*write_side.JOBS, *read_side.JOBS))
        disk.look(findings)
        servers.look(findings)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(findings), default=lambda at: at.isoformat()))
        else:
            self.stdout.write("\n".join(_lines(findings)))
        if findings.problems:
            sys.exit(1)


def _lines(findings: Findings) -> Iterator[str]:
    yield "How large it is (table, indexes, rows as Postgres estimates them)"
    yield from (f"  {_size(size)}" for size in findings.sizes)
    yield "\nWhat will be removed"
    for ending in findings.endings:
        when = f" on {ending.at:%Y-%m-%d %H:%M} UTC" if ending.at else ""
        yield f"  {ending.what}{when}{f' ({ending.setting})' if ending.setting else ''}"
    yield "  everything else: as docs/operations.md says under “What is kept, and for how long”"
    yield from (f"\nNote: {note}" for note in findings.notes)
    yield "\nWhat is wrong" if findings.problems else "\nNothing is wrong."
    yield from (f"  {problem}" for problem in findings.problems)


def _size(size: Size) -> str:
    if size.rows is None:
        return f"{size.name}: {in_bytes(size.bytes)}"
    return f"{size.name:28} {in_bytes(size.bytes):>12} {in_bytes(size.index_bytes):>12} {size.rows:>14,}"
