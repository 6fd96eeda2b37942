"""How Postgres is reached: connections, libpq for what must be fast, the binary format, partitions by week.

Imports only itself.
"""
