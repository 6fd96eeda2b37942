"""Where one `up` serves: an address of this machine, and a port."""

import argparse
import errno
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from analytics.up.errors import CannotStart

HERE = {4: "127.0.0.1", 6: "::1"}
WARNING = """\
Warning: whoever reaches {host} may log in, over plain HTTP. Put a proxy with TLS before it, name that proxy
in FOOTFALL_TRUSTED_PROXIES, and set FOOTFALL_HTTPS=1 (docs/operations.md). The names under which staff come
belong into ALLOWED_HOSTS.
"""


@dataclass(frozen=True)
class Address:
    """A host and a port to listen on; `0.0.0.0` and `::` are all addresses of this machine."""

    host: IPv4Address | IPv6Address
    port: int

    @property
    def reached_at(self) -> str:
        """The host by which this machine itself reaches it."""
        return HERE[self.host.version] if self.host.is_unspecified else str(self.host)

    @property
    def place(self) -> str:
        """As nginx and URLs write it, `[::1]:8000`."""
        return f"{_bracketed(str(self.host))}:{self.port}"

    @property
    def own_url(self) -> str:
        """The URL by which this machine itself reaches it."""
        return f"http://{_bracketed(self.reached_at)}:{self.port}"

    @property
    def url(self) -> str:
        """The URL that people are told."""
        anybody = self.host.is_unspecified or self.host.is_loopback
        return f"http://localhost:{self.port}" if anybody else self.own_url

    def allowed(self, hosts: list[str]) -> list[str]:
        """The hosts that staff may come to: these, and the address that they are told."""
        own = _bracketed(self.reached_at)
        return hosts if own in hosts else [*hosts, own]

    def bound(self) -> socket.socket:
        """The port, held before anything is started for it: whoever serves it gets it, however often it dies.

        Raises CannotStart.
        """
        held = socket.socket(socket.AF_INET6 if self.host.version == 6 else socket.AF_INET)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.host.version == 6:
            # All addresses are all of them, whatever the system's default is.
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not self.host.is_unspecified))
        try:
            held.bind((str(self.host), self.port))
        except OSError as error:
            held.close()
            raise CannotStart(self._why_not(error)) from None
        return held

    def warning(self, behind_proxy: bool) -> str:
        """What its operator must know; "" where this machine alone reaches it, or a proxy is before it."""
        return "" if self.host.is_loopback or behind_proxy else WARNING.format(host=self.host)

    def _why_not(self, error: OSError) -> str:
        if isinstance(error, PermissionError):
            return f"Port {self.port} needs root's rights: choose one above 1023 with --port."
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return f"This machine has no address {self.host}: choose one that it has with --host."
        return f"Port {self.port} is taken: stop what listens there, or choose another with --port."


def host(text: str) -> IPv4Address | IPv6Address:
    """An address to listen on, for argparse."""
    try:
        return ip_address("127.0.0.1" if text == "localhost" else text.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a host is an address of this machine, such as 127.0.0.1, 0.0.0.0 (all) or ::1, not {text!r}"
        ) from None


def _bracketed(text: str) -> str:
    return f"[{text}]" if ":" in text else text
