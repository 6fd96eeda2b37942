"""The HTTP API that programs read.

Imports `live`, `history`, `access`, `queries` and `tracker`.
"""
