"""Whether the web process is alive and ready, and its figures, for those who may inspect it.

Imports `access`, `live` and `tracker`.
"""
