"""Whether a secret key is one: it signs sessions, so whoever guesses it logs in as anybody."""

LEAST, DISTINCT = 32, 10
ADVICE = (
    "Make one with python3 -c 'import secrets; print(secrets.token_urlsafe(48))', or start with scripts/run "
    "and without SECRET_KEY, which makes one and keeps it."
)


def secret_key(key: str) -> str:
    """A key that cannot be guessed. Raises ValueError with what is wrong with it, and never what it is."""
    if weak := weakness(key):
        raise ValueError(f"{weak} {ADVICE}")
    return key


def weakness(key: str) -> str | None:
    """What is wrong with a key; None for one that will do.

    Random text passes: of 32 hexadecimal digits, fewer than 10 are different once in 100,000 times.
    """
    if len(key) < LEAST:
        return f"has {len(key)} characters, and needs {LEAST} at least."
    if len(set(key)) < DISTINCT:
        return f"has {len(set(key))} different characters, and needs {DISTINCT} at least."
    # Where it is a short text over and over, it is itself again after one of them.
    again = (key + key).find(key, 1)
    if again < len(key) and again < LEAST:
        return f"repeats the same {again} characters, and needs {LEAST} of its own."
    return None
