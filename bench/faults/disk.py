"""A disk that can be filled: a tmpfs of limited size in place of one folder of a stand.

Only the product sees it, in a namespace of mounts; the kernel removes it with the last process in it. So an
ordinary user may do it too. From outside it is reached through /proc.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.faults.stand import Stand

# Root needs a namespace of mounts only; anybody else is given the right to mount by a namespace of users.
AS_ROOT = ("unshare", "--mount")
AS_ANYBODY = ("unshare", "--user", "--map-current-user", "--keep-caps", "--mount")
BALLAST = "ballast"
PIECE = 1 << 20


class Disk:
    """The disk under one folder of a stand's data folder."""

    def __init__(self, folder: str, size: int) -> None:
        """`folder`: as `spool`; `size` in bytes."""
        self._folder, self._size = folder, size
        self._ballast = Path()

    def under(self, data: Path) -> Sequence[str]:
        """The words before the product's command."""
        place = data / self._folder
        place.mkdir(mode=0o700)
        entered = AS_ROOT if os.geteuid() == 0 else AS_ANYBODY
        return (*entered, sys.executable, "-m", __name__, str(self._size), str(place))

    def fill(self, stand: Stand, leave: int = 0) -> None:
        """Leave only so many bytes free."""
        (pid,) = stand.pids("web")
        self._ballast = Path(f"/proc/{pid}/root{stand.data}/{self._folder}/{BALLAST}")
        state = os.statvfs(self._ballast.parent)
        left = state.f_bavail * state.f_frsize - leave
        # Who else writes meanwhile may take the rest: full is full.
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while left > 0:
                left -= file.write(bytes(min(left, PIECE)))

    def free(self) -> None:
        """Give back what `fill` took."""
        self._ballast.unlink()


def main() -> None:
    """Mount, and become the command."""
    size, place, *command = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={size},mode=700".encode()
    if libc.mount(b"footfall", place.encode(), b"tmpfs", 0, options):
        sys.exit(f"Nothing can be mounted at {place}: {os.strerror(ctypes.get_errno())}.")
    os.execvp(command[0], command)  # noqa: S606 (a command of ours)


if __name__ == "__main__":
    main()
