"""The board and all it asks for: its pages, sockets and ticker; the day, paths and replay of a site.

Imports `live`, `access`, `queries` and `tracker`.
"""
