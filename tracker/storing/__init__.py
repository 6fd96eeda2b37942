"""The write path: entries fold in a buffer, and a writer stores them, or spools them while Postgres is away.

Imports `contract`, `postgres` and `rollups`.
"""
