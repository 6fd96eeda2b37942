"""Whether a secret key is one: it signs sessions, so whoever guesses it logs in as anybody."""

LEAST, DISTINCT = 32, 10
ADVICE = (
    "Make one with python3 -c 'import secrets; print(secrets.token_urlsafe(48))', or start with scripts/run "
    "and without SECRET_KEY, which makes one and keeps it."
)


def weakness(key: str) -> str | None:
    """A sentence that says what is wrong with a key, and never what it is; None for one that will do.

    Random text passes: of 32 hexadecimal digits, fewer than 10 are different once in 100,000 times.
    """
    if len(key) < LEAST:
        return f"SECRET_KEY has {len(key)} characters, and needs {LEAST} at least. {ADVICE}"
    if len(set(key)) < DISTINCT:
        return f"SECRET_KEY has {len(set(key))} different characters, and needs {DISTINCT} at least. {ADVICE}"
    # Where it is a short text over and over, it is itself again after one of them.
    again = (key + key).find(key, 1)
    if again < len(key) and again < LEAST:
        return f"SECRET_KEY repeats the same {again} characters, and needs {LEAST} of its own. {ADVICE}"
    return None
