"""Addresses of Postgres and Redis: what is wrong with one is said, and never what stands in it."""

import re
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import dj_database_url

ENCODED = (
    "write special characters of a name or password percent-encoded (@ is %40, : is %3A, / is %2F, # is %23, "
    "? is %3F, % is %25)"
)
POSTGRES = "postgres://USER:PASSWORD@HOST:5432/DATABASE"
REDIS = "redis://:PASSWORD@HOST:6379/0"
SMTP = "smtp://USER:PASSWORD@HOST:587"
# Without a port: of mail that is handed in, encrypted once asked, and from the first byte.
SMTP_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
SPACES = re.compile(r"[\s\x00-\x1f\x7f]")


def postgres_url(text: str) -> str:
    """The address of a Postgres database."""
    parts = _parts(text, ("postgres", "postgresql"), POSTGRES)
    name = parts.path.removeprefix("/")
    if not name:
        raise ValueError(f"names no database after the host: {POSTGRES}.")
    if "/" in name:
        raise ValueError(f"must have the form {POSTGRES}; {ENCODED}.")
    try:
        _refuse_options(database(text)["OPTIONS"])
    except (ValueError, KeyError, TypeError, dj_database_url.ParseError):
        raise ValueError(f"must have the form {POSTGRES}; {ENCODED}.") from None
    return text


def database(url: str) -> dict[str, Any]:
    """Django's settings of the database at this address. Raises what dj_database_url raises."""
    return {"OPTIONS": {}, **dj_database_url.parse(url)}


def redis_url(text: str) -> str:
    """The address of a Redis or Valkey server."""
    parts = _parts(text, ("redis", "rediss", "unix"), REDIS)
    if parts.scheme == "unix":
        if not parts.path.startswith("/") or parts.path == "/":
            raise ValueError("names no socket: unix:///run/valkey/valkey.sock.")
    elif not parts.hostname:
        raise ValueError(f"names no host: {REDIS}.")
    elif parts.path not in ("", "/") and not re.fullmatch(r"/[0-9]{1,4}", parts.path):
        raise ValueError(f"must end with the number of a database, or after the host: {REDIS}.")
    if not parts.query:
        return text
    # Here, since redis costs a start that has no use for it.
    from redis.asyncio import ConnectionPool
    from redis.exceptions import RedisError

    try:
        # What it does not know is told when a connection is made; none is opened by that.
        ConnectionPool.from_url(text).make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, RedisError):
        raise ValueError(f"has an option that is not known after ?: {REDIS}.") from None
    return text


def email_url(text: str) -> str:
    """The address of a mail server: `smtp://` asks for TLS, `smtps://` begins so, `smtp+plain://` never."""
    parts = _parts(text, tuple(SMTP_PORTS), SMTP)
    if not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError(f"must have the form {SMTP}; {ENCODED}.")
    if (parts.username is None) != (parts.password is None):
        raise ValueError(f"must have a user and a password, or none of both: {SMTP}.")
    return text


def mail_server(url: str | None) -> dict[str, Any]:
    """Django's settings of the mail server at this address; with no host where there is none."""
    parts = urlsplit(url or "")
    return {
        "EMAIL_HOST": parts.hostname or "",
        "EMAIL_PORT": parts.port or SMTP_PORTS.get(parts.scheme, 0),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


def _parts(text: str, schemes: tuple[str, ...], form: str) -> SplitResult:
    """The parts of an address. Raises ValueError with how it is written."""
    if text[0] in "'\"" or text[-1] in "'\"":
        raise ValueError("stands in quotes, which nothing here removes: write it without them.")
    if text.partition("://")[0].lower() not in schemes or "://" not in text:
        raise ValueError(f"must begin with {schemes[0]}://, as {form} does.")
    if SPACES.search(text):
        raise ValueError(f"holds a space, which is written %20: {form}.")
    if "#" in text:
        raise ValueError(f"holds a #, which is written %23: {form}; {ENCODED}.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        port, parts = 0, urlsplit("")
    # A / or ? in a password ends the host before it has begun: what is a user then looks like a host.
    broken = "@" not in parts.netloc and "@" in parts.path + parts.query
    if port == 0 or broken:
        raise ValueError(f"must have the form {form}, with a number for a port; {ENCODED}.")
    try:
        decoded = unquote(parts.netloc + parts.path, errors="strict")
    except UnicodeDecodeError:
        decoded = "\0"
    if SPACES.sub("", decoded.replace(" ", "")) != decoded.replace(" ", ""):
        raise ValueError(f"holds a character that no address has; {ENCODED}.")
    return parts


def _refuse_options(options: dict[str, Any]) -> None:
    if not options:
        return
    # Here: it would double the memory of a supervisor that has no other use for it.
    import psycopg
    from psycopg.conninfo import make_conninfo

    try:
        make_conninfo("", **options)
    except psycopg.Error:
        raise ValueError from None
