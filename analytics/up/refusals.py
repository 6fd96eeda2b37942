"""Errors that say what somebody should do, and need no traceback: wrong settings, a database that is away."""

from analytics.up.errors import CannotStart


def sentence(error: Exception) -> str | None:
    """What to print instead of a traceback; None for an error that nobody foresaw."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import OperationalError, ProgrammingError

    if isinstance(error, ImproperlyConfigured | CannotStart):
        return str(error)
    state = getattr(error.__cause__, "sqlstate", None)
    if isinstance(error, OperationalError):
        # Without a state the server itself has said nothing.
        return f"Postgres {'refuses' if state else 'does not answer'}: {_first_line(error)}"
    return _of_state(error, state) if isinstance(error, ProgrammingError) else None


def _of_state(error: Exception, state: str | None) -> str | None:
    if state == "42P01":  # there is no such table
        return f"The database lacks tables of this version ({_first_line(error)}): run manage.py migrate."
    if state == "42501":  # a right is missing
        return f"Postgres refuses: {_first_line(error)}. Start scripts/run, which says what to grant."
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["it says nothing"])[0]
