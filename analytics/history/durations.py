"""Durations as people say them."""


def spoken(milliseconds: float | None) -> str:
    """`1 h 2 min`, `3 min 4 s`, `5.6 s`; nothing known: a dash."""
    if milliseconds is None:
        return "–"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.1f} s" if seconds else "0 s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
