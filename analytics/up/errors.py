"""What keeps Footfall from starting, in words for the person who started it."""


class CannotStart(Exception):
    """One clear sentence, printed as it is; the process then exits with 1."""
