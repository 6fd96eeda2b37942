"""How many files, and so how many sockets, the kernel lets this process hold."""

import resource
import sys

# Of the files a process may open: what is not for visitors' sockets.
OTHER_FILES = 256
# With less room than this a process is of no use: one office would fill it.
LEAST_ROOM = 256


class TooFewFiles(Exception):
    """One sentence for whoever starts the process."""


def allow_many_sockets() -> None:
    """Every open page is a file to the kernel; the usual soft limit of 1,024 is for other programs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def room(wanted: int) -> int:
    """How many sockets of visitors this process takes, `wanted` at most. Raises TooFewFiles."""
    files = most_files()
    # Beyond its files, a process could not even say that it is overloaded.
    found = min(wanted, files - OTHER_FILES)
    if found < min(wanted, LEAST_ROOM):
        raise TooFewFiles(
            f"This process may open only {files} files, and needs {OTHER_FILES + LEAST_ROOM} at least, one "
            "for each open page. Raise the limit: `ulimit -n 65536`, or LimitNOFILE=65536 in a systemd unit."
        )
    return found


def most_files() -> int:
    """How many files this process may have open."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if allowed == resource.RLIM_INFINITY else allowed
