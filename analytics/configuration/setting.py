"""One setting: its name, what it may say, what it is without being set, and what it is for."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")


class InBackups(Enum):
    """Whether a backup holds a setting."""

    OPEN = "it says how Footfall behaves"
    SECRET = "only where it is asked for: it is, or may hold, a password"  # noqa: S105
    OWN = "never: it is of this machine, or of this start"


@dataclass(frozen=True)
class Setting(Generic[T]):
    """A setting; `default` where it is not set, or says nothing."""

    name: str
    kind: Callable[[str], T]
    default: T
    meaning: str
    backups: InBackups = InBackups.OPEN

    def value(self, environment: Mapping[str, str] = os.environ) -> T:
        """What it says there. Raises ImproperlyConfigured with one sentence that names it and no secret."""
        text = environment.get(self.name, "").strip()
        return self.read(text, self.name) if text else self.default

    def read(self, text: str, name: str) -> T:
        """What a text says that stands where `name` says; as `value`."""
        try:
            if not text.encode(errors="replace").decode() == text:
                raise ValueError("holds bytes that are no UTF-8 text.")
            # As files for containers pass them on. Addresses of servers say it themselves; a key is any text.
            if self.backups is not InBackups.SECRET and len(text) > 1 and text[0] == text[-1] in ("'", '"'):
                raise ValueError("stands in quotes, which nothing here removes: write it without them.")
            return self.kind(text)
        except ValueError as problem:
            raise ImproperlyConfigured(f"{name} {problem} It is: {self.meaning}.") from None
