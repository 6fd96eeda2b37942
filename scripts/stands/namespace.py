"""A network of a run's own: a namespace with nothing but a loopback, where firewall rules swallow packets.

No veth pair: everything here listens on 127.0.0.1 only, so packets from elsewhere would need a forwarder,
and the fault would hit that. On the loopback every visitor has an address of its own anyway, and what is
dropped on its way in is lost without a word to either end. The kernel removes it with its last process.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

# Root needs no more than that; to anybody else a namespace of users gives the rights over it.
AS_ROOT = ("unshare", "--net")
AS_ANYBODY = ("unshare", "--user", "--map-current-user", "--keep-caps", "--net")
# Where Debian keeps iptables, and ordinary accounts do not look.
PLACES = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"


class NoNamespace(Exception):
    """This machine gives us no network of our own; says why."""


def entering() -> list[str]:
    """The words before a command that run it in a network namespace of its own. Raises NoNamespace."""
    words = [*(AS_ROOT if os.geteuid() == 0 else AS_ANYBODY)]
    words[0] = _program(words[0])
    command = [*words, _program("iptables"), "--list-rules"]
    tried = subprocess.run(command, capture_output=True, text=True)
    if tried.returncode:
        raise NoNamespace(
            "Network faults need a network namespace, and so root, or a kernel that lets anybody make user "
            f"namespaces (user.max_user_namespaces, AppArmor): {tried.stderr.strip()}"
        )
    return words


def open_loopback() -> None:
    """Give a new namespace the network that it needs."""
    subprocess.run([_program("ip"), "link", "set", "lo", "up"], check=True)


def cut(network: str) -> None:
    """From now on every packet to or from this network vanishes: no reset, no error, no answer."""
    for rule in _swallowing(network):
        _iptables("--insert", *rule)


def heal(network: str) -> None:
    """Undo `cut`."""
    for rule in _swallowing(network):
        _iptables("--delete", *rule)


@contextmanager
def rules(*each: tuple[str, ...]) -> Iterator[None]:
    """More rules for what comes in, in this order, while the `with` lasts."""
    for rule in each:
        _iptables("--append", *rule)
    try:
        yield
    finally:
        for rule in each:
            _iptables("--delete", *rule)


def both_ways(network: str) -> Iterator[tuple[str, str]]:
    """How iptables names packets from a network, and packets to it."""
    yield "--source", network
    yield "--destination", network


def _swallowing(network: str) -> list[tuple[str, ...]]:
    # Where they come in: dropped on their way out, the sender would be told.
    return [(*way, "--jump", "DROP") for way in both_ways(network)]


def _iptables(action: str, *rule: str) -> None:
    subprocess.run([_program("iptables"), "--wait", action, "INPUT", *rule], check=True)


def _program(name: str) -> str:
    found = shutil.which(name, path=PLACES)
    if found is None:
        raise NoNamespace(f"Network faults need `{name}` (Debian: util-linux, iproute2, iptables).")
    return found
