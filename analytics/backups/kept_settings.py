"""Which settings a backup holds: all that say how Footfall behaves, and secrets only if they are asked for.

A restore sets none of them by itself: they stand in the environment, which is the operator's.
"""

import os
from collections.abc import Mapping

# Named one by one, so that a new setting is no secret by mistake only if somebody says so here.
OPEN = (
    "ALLOWED_HOSTS",
    "FOOTFALL_ADDRESS_BURST",
    "FOOTFALL_ADDRESS_RATE",
    "FOOTFALL_ADMIN_LOG_DAYS",
    "FOOTFALL_BUFFER",
    "FOOTFALL_DRAIN_SECONDS",
    "FOOTFALL_GEO",
    "FOOTFALL_HASHING_THREADS",
    "FOOTFALL_HTTPS",
    "FOOTFALL_KEEP_DAYS",
    "FOOTFALL_LOG",
    "FOOTFALL_LOGIN_LONGEST_WAIT",
    "FOOTFALL_LOGIN_ROOM",
    "FOOTFALL_LOGIN_TRIES",
    "FOOTFALL_LOGIN_TRIES_PER_ADDRESS",
    "FOOTFALL_LOGIN_TRIES_PER_NAME",
    "FOOTFALL_LOGIN_WAIT",
    "FOOTFALL_MESSAGE_BURST",
    "FOOTFALL_MESSAGE_RATE",
    "FOOTFALL_NAMES",
    "FOOTFALL_SOCKETS",
    "FOOTFALL_SOCKETS_PER_ADDRESS",
    "FOOTFALL_SPOOL",
    "FOOTFALL_SPOOL_BYTES",
    "FOOTFALL_TRUSTED_ORIGINS",
    "FOOTFALL_TRUSTED_PROXIES",
    "FOOTFALL_URL",
    "FOOTFALL_WATCHDOG",
)
# Addresses may hold passwords.
SECRET = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")
# Where this instance lies, and what each start makes anew.
OWN = ("FOOTFALL_DATA", "FOOTFALL_DEMO_SECRET")


def lines(secret_key: str | None, secrets: bool, given: Mapping[str, str] = os.environ) -> str:
    """`NAME=value` lines as in `.env`; `secret_key` is the data folder's own, if it has one."""
    names = (*OPEN, *SECRET) if secrets else OPEN
    kept = {name: given[name] for name in names if given.get(name)}
    if secrets and secret_key:
        kept.setdefault("SECRET_KEY", secret_key)
    return "".join(f"{name}={value}\n" for name, value in kept.items() if len(value.splitlines()) == 1)
