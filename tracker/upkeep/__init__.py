"""Background work: the table of jobs, purges, and page views that nobody ended.

Imports `storing`, `rollups`, `postgres` and `contract`.
"""
