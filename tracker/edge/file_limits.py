"""How many files, and so how many sockets, the kernel lets this process hold."""

import resource
import sys


def allow_many_sockets() -> None:
    """Every open page is a file to the kernel; the usual soft limit of 1,024 is for other programs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def most_files() -> int:
    """How many files this process may have open."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if allowed == resource.RLIM_INFINITY else allowed
