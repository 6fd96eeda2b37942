"""Made-up visitors of the demo site, through real sockets, and their past: a newcomer sees a living board.

Imports `tracker`: `contract`, `visitors`, `pages`, `postgres` and `rollups`.
"""
