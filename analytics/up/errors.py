"""What keeps Footfall from starting, in words for the person who started it."""


class CannotStart(Exception):
    """One clear sentence, printed as it is; the process then exits with 1."""


def port_taken(port: int) -> str:
    """The sentence for a port that somebody else listens on."""
    return f"Port {port} is taken: stop what listens there, or choose another with --port."
