"""A site's live state: its snapshot, last hour and stream, from this process or from all edges together.

Imports `queries` and `tracker`; never `history` or `board`.
"""
