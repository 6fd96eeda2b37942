"""What keeps Footfall from starting, in words for the person who started it."""


class CannotStart(Exception):  # noqa: N818 (it is no bug, it is a refusal)
    """One clear sentence, printed as it is; the process then exits with 1."""
