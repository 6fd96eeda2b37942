"""The sockets that an edge process listens on: a port of the loopback, or a file in a private folder."""

import os
import socket
import stat
from pathlib import Path

# A site's worth of pages that come back at once must find room to wait in.
BACKLOG = 2048
# For the owner, and the group of a proxy that runs under an account of its own.
MODE = 0o660


def on_port(port: int, count: int = 1) -> list[socket.socket]:
    """Listen on 127.0.0.1 so many times; the kernel spreads connections. Raises OSError when it is taken."""
    if count == 1:
        return [socket.create_server(("127.0.0.1", port), backlog=BACKLOG)]
    # First alone: with `reuse_port` from the start, the listeners of somebody else's would let ours join.
    socket.create_server(("127.0.0.1", port)).close()
    return [socket.create_server(("127.0.0.1", port), backlog=BACKLOG, reuse_port=True) for _ in range(count)]


def on_file(path: Path) -> socket.socket:
    """Listen on a unix socket, in the place of one that a killed process left.

    Whoever the folder lets in may say any client's address in X-Forwarded-For. Raises OSError.
    """
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode) and not _answers(path):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    os.chmod(path, MODE)
    listener.listen(BACKLOG)
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
