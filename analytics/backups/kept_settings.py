"""Which settings a backup holds: all that say how Footfall behaves, and secrets only if they are asked for.

A restore sets none of them by itself: they stand in the environment, which is the operator's.
"""

import os
from collections.abc import Mapping

from analytics.configuration.env_file import quoted
from analytics.configuration.setting import InBackups
from analytics.configuration.table import ALL


def lines(secret_key: str | None, secrets: bool, given: Mapping[str, str] = os.environ) -> str:
    """`NAME=value` lines as in `.env`; `secret_key` is the data folder's own, if it has one."""
    wanted = {InBackups.OPEN, InBackups.SECRET} if secrets else {InBackups.OPEN}
    names = [each.name for each in ALL if each.backups in wanted]
    kept = {name: given[name] for name in sorted(names) if given.get(name)}
    if secrets and secret_key:
        kept.setdefault("SECRET_KEY", secret_key)
    return "".join(
        f"{name}={quoted(value)}\n" for name, value in kept.items() if len(value.splitlines()) == 1
    )
