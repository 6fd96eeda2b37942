"""Background work of the read side: what sessions, the admin and logins leave behind has an end.

Imports `tracker.upkeep`, whose process does it; imported by who puts that together, and by `doctor`.
"""
