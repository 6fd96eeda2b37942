"""`.env` in the checkout: settings for whoever sets none in the environment."""

import io
import os
from collections.abc import MutableMapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from dotenv.parser import Binding, parse_stream

HOW = 'write NAME=value, with quotes around a value that holds # or "'


def read_env_file(path: Path, environment: MutableMapping[str, str] = os.environ) -> None:
    """Take the `NAME=value` lines of a file into the environment; what is set already stays.

    Comments, `export` and quotes are read as shells read them. Raises ImproperlyConfigured with the line that
    cannot be understood, and never with what stands there: it may be a password.
    """
    for binding in parse_stream(io.StringIO(_text(path))):
        if binding.error or (binding.key and not binding.value and "=" not in binding.original.string):
            raise ImproperlyConfigured(f"Line {_line(binding)} of {path} is not understood: {HOW}.")
        if binding.key is None:
            continue
        value = binding.value or ""
        if "\0" in value + binding.key or not binding.key.isascii():
            raise ImproperlyConfigured(
                f"Line {_line(binding)} of {path} holds a character that is in no setting."
            )
        environment.setdefault(binding.key, value)


def quoted(value: str) -> str:
    """A value as `.env` takes it, whatever stands in it; plain where plain will do."""
    if value and all(letter.isalnum() or letter in "_-./:,@%+=*[]&?~^" for letter in value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _text(path: Path) -> str:
    try:
        # With the mark that some editors put before a text.
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path} is no UTF-8 text: save it as UTF-8.") from None
    except OSError as error:
        raise ImproperlyConfigured(f"{path} cannot be read: {error.strerror}.") from None


def _line(binding: Binding) -> int:
    # What is before a line (blank ones, for instance) belongs to it.
    text = binding.original.string
    return binding.original.line + len(text[: len(text) - len(text.lstrip())].splitlines())
