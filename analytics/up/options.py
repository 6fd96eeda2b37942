"""What `scripts/run` and `manage.py up` take; read before Django starts, and once more by the command."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_EDGES = 64


@dataclass(frozen=True)
class Options:
    """The words of one start, understood."""

    port: int
    data: Path
    demo: bool
    edges: int  # 0: this one process holds the sockets itself


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `up`."""
    parser.add_argument(
        "--port", type=_port, default=8000, help="serve on 127.0.0.1 at this port (default: %(default)s)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FOOTFALL_DATA") or ROOT / "var"),
        metavar="FOLDER",
        help="where the database, the secret key and the logs live (default: FOOTFALL_DATA, else var)",
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="add a site with made-up visitors who keep coming over real sockets",
    )
    parser.add_argument(
        "--edges",
        type=_edges,
        default=0,
        metavar="N",
        help="hold visitors' sockets in N processes of their own, with an embedded Valkey (or REDIS_URL) "
        "between them and your nginx in front; without it, one process does everything",
    )


def read(arguments: list[str]) -> Options:
    """Understand the command line; prints help or a usage error and exits where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="scripts/run",
        description="Start Footfall: its own Postgres, the board, and the door for visitors' sockets. "
        "The first start makes a staff user, whose password it prints once, and a first site. "
        "Ctrl-C or SIGTERM stores what waits and stops everything.",
        epilog="Every setting of the environment stands in docs/operations.md.",
    )
    add_arguments(parser)
    found = parser.parse_args(arguments)
    return Options(
        port=found.port, data=found.data.expanduser().absolute(), demo=found.demo, edges=found.edges
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


def _edges(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_EDGES:
        raise argparse.ArgumentTypeError(f"a number of processes from 1 to {MOST_EDGES}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    # `scripts/run --help`, which must not install anything first.
    read(["--help"])
