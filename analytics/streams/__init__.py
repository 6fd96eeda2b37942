"""Server-sent events: what changes, sent as it does, to programs and to pages.

Imports `servers`, `board`, whose snapshots it sends, `live`, `queries`, `access` and `tracker`.
"""
