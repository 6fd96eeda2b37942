"""Where a broker is, as its URL says it; what is shown of it has no password."""

import re
import ssl
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

# Which library speaks with it, whether encrypted, and the usual port.
SCHEMES: Final = {
    "nats": ("nats", False, 4222),
    "tls": ("nats", True, 4222),
    "redis": ("redis", False, 6379),
    "rediss": ("redis", True, 6379),
    "mqtt": ("mqtt", False, 1883),
    "mqtts": ("mqtt", True, 8883),
}
FORMS: Final = "nats://HOST:PORT, redis://HOST:PORT/STREAM or mqtt://HOST:PORT (tls://, rediss://, mqtts://)"
DATABASE: Final = re.compile(r"[0-9]{1,4}")


class WrongPlace(ValueError):
    """No broker's address; the message tells people so, without what they said."""


class BrokerPlace(NamedTuple):
    """`kind`: nats, redis or mqtt. `path`: what follows the host, for Redis its database and stream."""

    scheme: str
    kind: str
    tls: bool
    host: str
    port: int
    user: str
    password: str
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"BrokerPlace({self})"

    def tls_context(self) -> ssl.SSLContext | None:
        """What its certificate is checked with: the system's authorities, or those of SSL_CERT_FILE."""
        return ssl.create_default_context() if self.tls else None


def read(url: str) -> BrokerPlace:
    """A broker's URL. Raises WrongPlace."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise WrongPlace(f"This is no broker's address; those are {FORMS}.") from None
    if parts.scheme not in SCHEMES:
        raise WrongPlace(f"A broker's address begins otherwise: {FORMS}.")
    if not host:
        raise WrongPlace(f"The broker's address has no host: {FORMS}.")
    if parts.query or parts.fragment:
        raise WrongPlace(f"A broker's address has no ? and no #: say the subject with --subject. {FORMS}.")
    kind, tls, usual = SCHEMES[parts.scheme]
    path = unquote(parts.path.strip("/"))
    if path and kind != "redis":
        raise WrongPlace("This broker's address has no path: say the subject with --subject.")
    return BrokerPlace(parts.scheme, kind, tls, host, port or usual, *_who(parts), path)


def _who(parts: SplitResult) -> tuple[str, str]:
    return unquote(parts.username or ""), unquote(parts.password or "")


def stream_of(place: BrokerPlace) -> tuple[int, str]:
    """Database and stream of a Redis; the stream is "" where the address does not say it."""
    first, slash, rest = place.path.partition("/")
    if DATABASE.fullmatch(first) and (slash or not rest):
        return int(first), rest
    return 0, place.path
