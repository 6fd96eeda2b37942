"""What `scripts/run` and `manage.py up` take; read before Django starts, and once more by the command."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from analytics.up.address import Address, host
from tracker.server.arguments import count_to, port

ROOT = Path(__file__).resolve().parents[2]
MOST_EDGES = 64


@dataclass(frozen=True)
class Options:
    """The options of one start."""

    address: Address
    data: Path
    demo: bool
    edges: int  # 0: this one process holds the sockets itself


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `up`."""
    parser.add_argument("--port", type=port, default=8000, help="serve at this port (default: %(default)s)")
    parser.add_argument(
        "--host",
        type=host,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="serve on this address of the machine, IPv4 or IPv6; 0.0.0.0 and :: are all of them (default: "
        "%(default)s, which a proxy on this machine reaches, and nobody else)",
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
        type=count_to(MOST_EDGES, "processes"),
        default=0,
        metavar="N",
        help="hold visitors' sockets in N processes of their own, with an embedded Valkey (or REDIS_URL) "
        "between them and your nginx in front; without it, one process does everything",
    )


def read(arguments: list[str]) -> Options:
    """Understand the command line; prints help or a usage error and exits where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="scripts/run",
        description="Start Footfall: its own Postgres, the board, and the address for visitors' sockets. "
        "The first start makes a staff user, whose password it prints once, and a first site. "
        "Ctrl-C or SIGTERM stores what waits and stops everything.",
        epilog="Every setting of the environment stands in docs/operations.md.",
    )
    add_arguments(parser)
    words = parser.parse_args(arguments)
    return Options(
        address=Address(words.host, words.port),
        data=words.data.expanduser().absolute(),
        demo=words.demo,
        edges=words.edges,
    )


if __name__ == "__main__":
    # `scripts/run --help`, which must not install anything first.
    read(["--help"])
