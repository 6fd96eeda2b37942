"""What keeps a backup from being made or restored, in words for the person who asked for it."""


class BackupTrouble(Exception):
    """One clear sentence, printed as it is; the process then exits with 1."""
