"""`scripts/conformance`: Footfall's WebSocket against RFC 6455, case by case."""

import argparse
import sys
from collections.abc import Callable
from functools import partial

from bench.conformance.case import Case
from bench.conformance.cases import SECTIONS, all_cases
from bench.conformance.run import failure, failure_over
from scripts.stands.edges import running_edge
from scripts.stands.product import running
from scripts.stands.sockets import open_socket

HOST = "conformance.example"


def main() -> int:
    """Print a line for each section and each case that failed; 1 when there was one."""
    parser = argparse.ArgumentParser(prog="scripts/conformance", description=__doc__)
    parser.add_argument("--framing", action="store_true", help="only what needs no running Footfall: 0.2 s")
    cases, failed = all_cases(), 0
    failed += _judge("framing of an edge, echoing", cases, failure)
    if not parser.parse_args().framing:
        silent = [case for case in cases if not case.echoes]
        with running(FOOTFALL_TRUSTED_PROXIES="127.0.0.1") as product:
            key = product.add_site(HOST)
            with running_edge(product) as edge:
                for name, server in (("edge", edge.of(product)), ("one process", product)):
                    dial = partial(open_socket, server.socket_url, f"/live/{key}", f"https://{HOST}")
                    over = partial(failure_over, dial=dial)
                    failed += _judge(f"{name}, without echo", silent, over)
    return 1 if failed else 0


def _judge(end: str, cases: list[Case], fails: Callable[[Case], str]) -> int:
    """How many of these cases an end fails."""
    failed = 0
    for section, (name, _) in SECTIONS.items():
        of_section = [case for case in cases if case.section == section]
        found = {case: wrong for case in of_section if (wrong := fails(case))}
        if of_section:
            print(
                f"{end:<28} {section:>2} {name:<20} {len(of_section):>4} cases, {len(found)} failed",
                flush=True,
            )
        for case, wrong in found.items():
            print(f"    {case.number} {case.title}: {wrong}", flush=True)
        failed += len(found)
    return failed


if __name__ == "__main__":
    sys.exit(main())
