"""The HTTP API that programs read.

Imports `live`, `history`, `servers`, `streams`, `access`, `queries` and `tracker`.
"""
